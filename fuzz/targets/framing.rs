//! Throws bytes at what the gateway's own `framing::framing` holds.
#![no_main]

#[path = "../../crates/gateway/tests/support/framing.rs"]
mod framing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| framing::framing(bytes));
