//! Checks a Reality Modeling job request, every problem at once, and prices it exactly from a rate card; pure.
//!
#![doc = include_str!("../README.md")]
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod amount;
mod changed;
mod decimal;
mod draft;
mod engines;
mod fingerprint;
mod format;
mod ids;
mod kind;
mod name;
mod patch;
mod policy;
mod quality;
mod quantity;
mod quote;
mod rate_card;
mod report;
mod request;
pub mod response;
mod rules;
mod schema;
mod severity;
mod target;
mod validate;
mod verdict;
mod violation;
mod wire;
mod word;
mod workload;

pub use amount::{Amount, NoAmount};
pub use decimal::Exact;
pub use draft::{CacheDraft, CostDraft, InputDraft, JobDraft, PatchDraft, SettingsDraft};
pub use engines::Engines;
pub use format::{OutputFormat, OutputSet};
pub use ids::{JobId, RealityDataId, WorkspaceId};
/// An instant of time, as one from which a card holds.
pub use jiff::Timestamp;
pub use kind::JobType;
pub use name::JobName;
pub use patch::{JobPatch, SettingsPatch, StateChange};
pub use policy::{FixedRule, Limits, Policy};
pub use quality::Quality;
pub use quantity::{Gigapixels, Megapoints};
pub use quote::{CardRef, Estimate, Item, Line, Quote, UnpricedReason};
pub use rate_card::{CardProblem, CardProblems, RateCard, RateCards};
pub use report::Report;
pub use request::{CacheSettings, CostEstimationParameters, JobInput, JobRequest, JobSettings};
pub use rules::{Explanation, Rule};
/// The exact decimal of every size and price.
pub use rust_decimal::Decimal;
pub use schema::schema;
pub use severity::{Mode, Profile, Severity};
/// The trait that jobs, drafts and their parts implement, and what it fails with.
pub use validator::{Validate, ValidationErrors};
pub use verdict::{Accepted, Operation, Rejected};
pub use violation::{Position, Violation};
pub use workload::Workload;
