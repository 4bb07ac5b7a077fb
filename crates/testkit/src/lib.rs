//! For tests only: generators of jobs and patches, the reference that the fast reader is held to, and readers that are not held to anything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::missing_panics_doc,
    reason = "a fault here fails a test, and that is what it is for"
)]

pub mod fuzz;
pub mod naive;
pub mod paths;
pub mod readers;
pub mod strategies;
