//! A job request and its parts. A [`JobRequest`] exists only as the result of a check: reading one, or building one.

use serde::Serialize;

use crate::engines::Engines;
use crate::format::OutputFormat;
use crate::ids::{JobId, RealityDataId, WorkspaceId};
use crate::kind::JobType;
use crate::name::JobName;
use crate::policy::Policy;
use crate::quality::Quality;
use crate::quantity::{Gigapixels, Megapoints};
use crate::verdict::{Accepted, Rejected};
use crate::workload::Workload;

/// A job to create: the body of `POST /jobs`.
///
/// ```
/// use job_model::{JobRequest, Policy};
/// let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
///   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"]}}"#;
/// let accepted = JobRequest::from_json(body, &Policy::default()).unwrap();
/// assert_eq!(accepted.value().unwrap().name().as_str(), "Bridge 7");
///
/// let refused = JobRequest::from_json(b"{}", &Policy::default()).unwrap_err();
/// assert_eq!(refused.violations().count(), 5, "every missing member at once");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRequest {
    #[serde(rename = "type")]
    pub(crate) job_type: JobType,
    pub(crate) name: JobName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost_estimation_parameters: Option<CostEstimationParameters>,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) inputs: Vec<JobInput>,
    pub(crate) settings: JobSettings,
}

impl JobRequest {
    /// Reads and judges a body in one pass.
    ///
    /// # Errors
    /// [`Rejected`], with every violation, where a rule denies.
    pub fn from_json(body: &[u8], policy: &Policy) -> Result<Accepted<Self>, Rejected> {
        crate::wire::read_job(body, policy)
    }

    /// Judges a body as [`JobRequest::from_json`] does, for whoever forwards its bytes and has no use for the job itself: of that only
    /// the workspace is kept, whatever else a lowered rule lets pass.
    ///
    /// # Errors
    /// The same.
    ///
    /// ```
    /// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
    /// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
    /// #   "settings":{"quality":"Extra","outputs":["OBJ"]},"costEstimationParameters":{"gigaPixels":2.1}}"#;
    /// use job_model::{JobRequest, Policy};
    /// let (checked, read) = (JobRequest::check(body, &Policy::default()), JobRequest::from_json(body, &Policy::default()));
    /// assert_eq!(checked.unwrap().into_value(), read.unwrap().value().map(JobRequest::workspace_id));
    /// ```
    pub fn check(body: &[u8], policy: &Policy) -> Result<Accepted<WorkspaceId>, Rejected> {
        crate::wire::check_job(body, policy)
    }

    /// Writes the exact wire form: no white space, members in contract order, optional members left out.
    pub fn to_json(&self) -> String {
        // INVARIANT: none of the parts can fail to be written; an empty body would be refused by any reader.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the job does.
    pub const fn job_type(&self) -> JobType {
        self.job_type
    }

    /// What people call it.
    pub const fn name(&self) -> &JobName {
        &self.name
    }

    /// The workspace it belongs to.
    pub const fn workspace_id(&self) -> WorkspaceId {
        self.workspace_id
    }

    /// What it reads; never empty.
    pub fn inputs(&self) -> &[JobInput] {
        &self.inputs
    }

    /// How it runs and what it makes.
    pub const fn settings(&self) -> &JobSettings {
        &self.settings
    }

    /// What its estimate is computed from, where given.
    pub const fn cost_estimation_parameters(&self) -> Option<&CostEstimationParameters> {
        self.cost_estimation_parameters.as_ref()
    }

    /// What of it has a price.
    pub fn workload(&self) -> Workload {
        let cost = self.cost_estimation_parameters.unwrap_or_default();
        Workload {
            job_type: self.job_type,
            quality: self.settings.quality,
            outputs: self.settings.outputs.iter().copied().collect(),
            gigapixels: cost.giga_pixels,
            megapoints: cost.mega_points,
        }
    }
}

/// One thing a job reads.
///
/// ```
/// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
/// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
/// #   "settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{"createCache":true}},
/// #   "costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;
/// # use job_model::{JobRequest, Policy};
/// # let job = JobRequest::from_json(body, &Policy::default()).unwrap().into_value().unwrap();
/// assert_eq!(job.inputs()[0].description(), Some("photographs"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobInput {
    pub(crate) id: RealityDataId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

impl JobInput {
    /// An input, with or without words about it.
    pub const fn new(id: RealityDataId, description: Option<String>) -> Self {
        Self { id, description }
    }

    /// The reality data.
    pub const fn id(&self) -> RealityDataId {
        self.id
    }

    /// Free text.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }
}

/// How a job runs and what it makes.
///
/// ```
/// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
/// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
/// #   "settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{"createCache":true}},
/// #   "costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;
/// # use job_model::{JobRequest, Policy};
/// # let job = JobRequest::from_json(body, &Policy::default()).unwrap().into_value().unwrap();
/// assert_eq!(job.settings().quality(), job_model::Quality::Extra);
/// assert_eq!(job.settings().outputs(), [job_model::OutputFormat::Obj]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobSettings {
    pub(crate) quality: Quality,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) processing_engines: Option<Engines>,
    pub(crate) outputs: Vec<OutputFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache_settings: Option<CacheSettings>,
}

impl JobSettings {
    /// How finely it computes.
    pub const fn quality(&self) -> Quality {
        self.quality
    }

    /// The engines it may use, where given.
    pub const fn engines(&self) -> Option<Engines> {
        self.processing_engines
    }

    /// What it makes, as asked for; never empty.
    pub fn outputs(&self) -> &[OutputFormat] {
        &self.outputs
    }

    /// How it uses caches, where given.
    pub const fn cache(&self) -> Option<&CacheSettings> {
        self.cache_settings.as_ref()
    }
}

/// How a job uses and makes caches.
///
/// ```
/// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
/// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
/// #   "settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{"createCache":true}},
/// #   "costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;
/// # use job_model::{JobRequest, Policy};
/// # let job = JobRequest::from_json(body, &Policy::default()).unwrap().into_value().unwrap();
/// assert_eq!(job.settings().cache().unwrap().create_cache, Some(true));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheSettings {
    /// Whether it leaves a cache behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_cache: Option<bool>,
    /// The earlier job whose cache it uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_cache: Option<JobId>,
}

/// What the estimate of a job is computed from.
///
/// ```
/// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
/// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
/// #   "settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{"createCache":true}},
/// #   "costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;
/// # use job_model::{JobRequest, Policy};
/// # let job = JobRequest::from_json(body, &Policy::default()).unwrap().into_value().unwrap();
/// let cost = job.cost_estimation_parameters().unwrap();
/// assert_eq!(cost.giga_pixels.unwrap().to_string(), "2.1");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CostEstimationParameters {
    /// Photographs to process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub giga_pixels: Option<Gigapixels>,
    /// Points to process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mega_points: Option<Megapoints>,
    /// The quality the estimate is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh_quality: Option<Quality>,
}
