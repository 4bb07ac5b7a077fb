//! Checks a Reality Modeling job request and prices it.
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod decimal;
mod engines;
mod format;
mod ids;
mod kind;
mod name;
mod quality;
mod quantity;
mod word;

pub use decimal::Exact;
pub use engines::Engines;
pub use format::{OutputFormat, OutputSet};
pub use ids::{JobId, RealityDataId, WorkspaceId};
pub use kind::JobType;
pub use name::JobName;
pub use quality::Quality;
pub use quantity::{Gigapixels, Megapoints};
/// The exact decimal of every size and price.
pub use rust_decimal::Decimal;
