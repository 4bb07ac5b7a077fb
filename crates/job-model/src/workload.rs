//! What of a job has a price.

use crate::format::OutputSet;
use crate::kind::JobType;
use crate::quality::Quality;
use crate::quantity::{Gigapixels, Megapoints};

/// What of a job has a price: nothing else of it changes the estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// What the job does.
    pub job_type: JobType,
    /// How finely it computes: `settings.quality`, the one that runs.
    pub quality: Quality,
    /// What it makes, each format once.
    pub outputs: OutputSet,
    /// Photographs to process, where given.
    pub gigapixels: Option<Gigapixels>,
    /// Points to process, where given.
    pub megapoints: Option<Megapoints>,
}
