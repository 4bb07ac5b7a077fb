//! Throws bytes at what the gateway's own `tokens::tokens` holds.
#![no_main]

#[path = "../../crates/gateway/tests/support/tokens.rs"]
mod tokens;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tokens::tokens(bytes));
