//! Proptest strategies for jobs and patches as JSON text: valid, broken in known ways, and hostile.
//!
//! Generated jobs stay within [`INPUTS`], [`ENGINES`] and [`NAME_CHARS`]; a test that judges broken ones sets the
//! reader's limits to these, so that every rule with a limit can be broken.

mod broken;
mod faults;
mod hostile;
mod job;
mod patch;
mod tree;

pub use broken::{Broken, broken, broken_job, broken_patch, five_faults};
pub use faults::rules_of_faults;
pub use hostile::{ambiguous, hostile};
pub use job::{strictly_valid_job, two_spellings, valid_job};
pub use patch::{strictly_valid_patch, valid_patch};

/// The most inputs of a generated job.
pub const INPUTS: usize = 6;
/// The most engines of a generated job.
pub const ENGINES: u32 = 1_000_000;
/// The most characters of a generated name.
pub const NAME_CHARS: usize = 24;
