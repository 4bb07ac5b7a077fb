//! Throws bytes at what `testkit::fuzz::told` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::told(bytes));
