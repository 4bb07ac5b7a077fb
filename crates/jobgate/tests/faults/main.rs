//! The gateway killed at each point at which it can die, with calls on its ledger that fail, and on a disk that is full: nothing
//! is forwarded without a hold on the disk, nothing acknowledged is lost, nothing is doubled, all re-derives.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test fails by panicking, may look at the environment, and tells what it counted"
)]
#![allow(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

mod answered;
mod changes;
mod errors;
mod full;
mod points;
mod reconciled;
mod rig;
mod subsets;
