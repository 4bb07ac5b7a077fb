//! A job as upstream answers with it.

use serde::{Deserialize, Serialize};

use super::{DateTime, ExecutionInformation, Member, Word};
use crate::decimal::Exact;
use crate::format::OutputFormat;
use crate::kind::JobType;
use crate::quality::Quality;
use crate::quantity::{Gigapixels, Megapoints};
use crate::workload::Workload;

crate::word::words! {
    /// Where a job stands.
    ///
    /// ```
    /// assert_eq!(job_model::response::JobState::from_wire("success"), Some(job_model::response::JobState::Success));
    /// ```
    JobState, 5 {
        /// Created, and nothing more: no work, no cost.
        Unsubmitted = "unsubmitted",
        /// Submitted: waiting or running.
        Active = "active",
        /// Over, and it made what was asked for.
        Success = "success",
        /// Over without a result.
        Failed = "failed",
        /// Stopped by the caller.
        Cancelled = "cancelled",
    }
}

crate::word::words! {
    /// Where a job is processed.
    ///
    /// ```
    /// assert_eq!(job_model::response::Location::ALL[0].as_str(), "East US");
    /// ```
    Location, 9 {
        /// Virginia.
        EastUs = "East US",
        /// Ireland.
        NorthEurope = "North Europe",
        /// Singapore.
        SoutheastAsia = "Southeast Asia",
        /// New South Wales.
        AustraliaEast = "Australia East",
        /// London.
        UkSouth = "UK South",
        /// Tokyo.
        JapanEast = "Japan East",
        /// Dubai.
        UaeNorth = "UAE North",
        /// Toronto.
        CanadaCentral = "Canada Central",
        /// The Netherlands.
        WestEurope = "West Europe",
    }
}

/// The answer to an operation on one job.
///
/// ```
/// use job_model::response::JobResponse;
/// assert!(serde_json::from_str::<JobResponse>(r#"{"job":{"id":"a"}}"#).is_err(), "a job has more than an id");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobResponse {
    /// The job.
    pub job: Job,
}

/// A job. Its ids are texts as upstream writes them; [`JobId::parse`](crate::JobId::parse) and its like read them.
///
/// ```
/// use job_model::response::{JobResponse, JobState};
/// let answer = r#"{"job":{"id":"cc3d35cc-416a-4262-9714-b359da70b419","name":"Bridge 7","type":"Full",
///   "state":"unsubmitted","createdDateTime":"2020-09-14T14:29:55Z","lastModifiedDateTime":"2020-09-14T14:29:55Z",
///   "location":"East US","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","email":"john.smith@example.com",
///   "inputs":[],"jobSettings":{},"estimatedCost":3.5}}"#;
/// let job = serde_json::from_str::<JobResponse>(answer).unwrap().job;
/// assert_eq!(job.state.known(), Some(JobState::Unsubmitted));
/// assert_eq!(job.estimated_cost.get().unwrap().to_string(), "3.5");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it does.
    #[serde(rename = "type")]
    pub job_type: Word<JobType>,
    /// Where it stands.
    pub state: Word<JobState>,
    /// When it was created.
    pub created_date_time: DateTime,
    /// When it was last changed.
    pub last_modified_date_time: DateTime,
    /// The datacentre.
    pub location: Word<Location>,
    /// The project it belongs to.
    #[serde(rename = "iTwinId", default, skip_serializing_if = "Member::is_absent")]
    pub itwin_id: Member<String>,
    /// The workspace it belongs to.
    pub workspace_id: String,
    /// Whose it is.
    pub email: String,
    /// How it ran; from when it was submitted.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub execution_information: Member<ExecutionInformation>,
    /// What it reads.
    pub inputs: Vec<JobInput>,
    /// How it runs and what it makes: the request's `settings` under another name.
    pub job_settings: JobSettings,
    /// What the estimate was computed from.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub cost_estimation_parameters: Member<CostEstimationParameters>,
    /// Upstream's estimate.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub estimated_cost: Member<Exact>,
}

impl Job {
    /// What of it has a price; none where upstream uses words that are not published.
    ///
    /// ```
    /// use job_model::response::JobResponse;
    /// let answer = r#"{"job":{"id":"cc3d35cc-416a-4262-9714-b359da70b419","name":"Bridge 7","type":"Full",
    ///   "state":"unsubmitted","createdDateTime":"2020-09-14T14:29:55Z","lastModifiedDateTime":"2020-09-14T14:29:55Z",
    ///   "location":"East US","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","email":"john.smith@example.com",
    ///   "inputs":[],"jobSettings":{"quality":"Extra","outputs":[{"format":"OBJ"}]},
    ///   "costEstimationParameters":{"gigaPixels":2.1}}}"#;
    /// let job = serde_json::from_str::<JobResponse>(answer).unwrap().job;
    /// assert_eq!(job.workload().unwrap().gigapixels.unwrap().to_string(), "2.1");
    /// let vague = answer.replace("Extra", "Best");
    /// assert!(serde_json::from_str::<JobResponse>(&vague).unwrap().job.workload().is_none());
    /// ```
    pub fn workload(&self) -> Option<Workload> {
        let settings = &self.job_settings;
        let outputs = settings.outputs.get().map(Vec::as_slice).unwrap_or_default();
        let cost = self.cost_estimation_parameters.get();
        let size = |member: Option<&Member<Exact>>| member.and_then(Member::get).map(|size| size.get());
        let gigapixels = size(cost.map(|cost| &cost.giga_pixels));
        let megapoints = size(cost.map(|cost| &cost.mega_points));
        Some(Workload {
            job_type: self.job_type.known()?,
            quality: settings.quality.get()?.known()?,
            outputs: outputs.iter().map(|output| output.format.known()).collect::<Option<_>>()?,
            gigapixels: gigapixels.map_or(Some(None), |size| Gigapixels::new(size).map(Some))?,
            megapoints: megapoints.map_or(Some(None), |size| Megapoints::new(size).map(Some))?,
        })
    }
}

/// One thing a job reads.
///
/// ```
/// let text = r#"{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}"#;
/// let read: job_model::response::JobInput = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobInput {
    /// The reality data.
    pub id: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub description: Member<String>,
}

/// How a job runs and what it makes, as it is answered: every member is optional, and an output has an id.
///
/// ```
/// let text = r#"{"quality":"Extra","outputs":[{"format":"OBJ","id":null}]}"#;
/// let read: job_model::response::JobSettings = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobSettings {
    /// How finely it computes.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub quality: Member<Word<Quality>>,
    /// The engines it may use at most.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub processing_engines: Member<u32>,
    /// What it makes.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub outputs: Member<Vec<JobOutput>>,
    /// How it uses and makes caches.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub cache_settings: Member<CacheSettings>,
}

/// One thing a job makes.
///
/// ```
/// let text = r#"{"format":"OBJ","id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}"#;
/// let read: job_model::response::JobOutput = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobOutput {
    /// Its format.
    pub format: Word<OutputFormat>,
    /// The reality data that it becomes; null until that is known.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub id: Member<String>,
}

/// How a job uses and makes caches, as it is answered.
///
/// ```
/// let text = r#"{"createCache":true}"#;
/// let read: job_model::response::CacheSettings = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheSettings {
    /// Whether it leaves a cache behind.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub create_cache: Member<bool>,
    /// The earlier job whose cache it uses.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub use_cache: Member<String>,
}

/// What an estimate was computed from, as it is answered.
///
/// ```
/// let text = r#"{"gigaPixels":2.1,"megaPoints":1.5,"meshQuality":"Extra"}"#;
/// let read: job_model::response::CostEstimationParameters = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CostEstimationParameters {
    /// Photographs to process, in gigapixels.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub giga_pixels: Member<Exact>,
    /// Points to process, in megapoints.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub mega_points: Member<Exact>,
    /// The quality that the estimate is for.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub mesh_quality: Member<Word<Quality>>,
}
