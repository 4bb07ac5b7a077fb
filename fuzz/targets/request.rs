//! Throws bytes at a gate that runs, and at what the gateway's own `exchange` holds of whatever passes it.
#![no_main]

#[path = "../../crates/gateway/tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| support::exchange::exchange(bytes));
