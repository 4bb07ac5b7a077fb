//! testkit.

pub mod strategies;
