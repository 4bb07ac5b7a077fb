//! May this be admitted now? Pure: no clock, no I/O, no float; time is an argument.
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod rate_limit;
mod span;

pub use rate_limit::{RateLimit, RateLimiter, Wait};
