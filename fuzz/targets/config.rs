//! Throws bytes at what the gateway's own `checks::config` holds.
#![no_main]

#[path = "../../crates/gateway/tests/support/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::config(bytes));
