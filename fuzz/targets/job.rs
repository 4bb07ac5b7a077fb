//! Throws bytes at what `testkit::fuzz::job` checks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::job(bytes));
