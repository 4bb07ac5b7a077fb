//! Throws bytes at the files of a ledger, and at what `book::book` holds of whatever is read of them.
#![no_main]

#[path = "../../crates/gateway/tests/support/book.rs"]
mod book;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| book::book(bytes));
