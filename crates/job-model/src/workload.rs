//! What of a job has a price.

use crate::format::OutputSet;
use crate::kind::JobType;
use crate::quality::Quality;
use crate::quantity::{Gigapixels, Megapoints};

/// What of a job has a price: nothing else of it changes the estimate.
///
/// ```
/// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
/// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
/// #   "settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{"createCache":true}},
/// #   "costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;
/// # use job_model::{JobRequest, Policy};
/// # let job = JobRequest::from_json(body, &Policy::default()).unwrap().into_value().unwrap();
/// let workload = job.workload();
/// assert_eq!((workload.quality, workload.megapoints.unwrap().to_string()), (job_model::Quality::Extra, "1.5".to_owned()));
/// ```
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
