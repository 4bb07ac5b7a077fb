//! Throws bytes at a gate that runs as what its upstream answers, and at what its own `answers` holds of what is passed on.
#![no_main]

#[path = "../../crates/gateway/tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| support::answers::answers(bytes));
