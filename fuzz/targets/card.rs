//! Throws bytes at what `testkit::fuzz::card` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::card(bytes));
