//! Throws bytes at what `testkit::fuzz::patch` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::patch(bytes));
