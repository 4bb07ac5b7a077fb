//! May this be admitted now? Pure: no clock, no I/O, no float; time is an argument.
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod budget;
mod job_life;
mod rate_limit;
mod span;
mod window;

pub use budget::{Balance, Budget, BudgetScope, Claim, Shortfall, Unpriced};
pub use job_life::{Change, Event, HoldState, after};
pub use rate_limit::{RateLimit, RateLimiter, Wait};
pub use window::{Period, Window, WindowKind};
