//! The ledger: what every store does, what one in a file does beyond that, and what becomes of a file that is damaged.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test fails by panicking, may look at the environment, and tells what it counted"
)]
#![allow(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

mod agreement;
mod conformance;
mod damaged;
mod file;
mod flushes;
mod full;
mod laws;
mod sums;
mod support;
