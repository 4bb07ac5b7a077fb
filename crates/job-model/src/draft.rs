//! A job, or a change to one, as a program puts it together before it is checked: plain fields, written exactly as the wire wants them.

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use crate::decimal::Exact;
use crate::engines::Engines;
use crate::format::OutputFormat;
use crate::kind::JobType;
use crate::patch::{JobPatch, SettingsPatch, StateChange};
use crate::policy::Policy;
use crate::quality::Quality;
use crate::request::JobRequest;
use crate::verdict::{Accepted, Rejected};

/// A job to create, unchecked. Fill the fields or chain the setters, then [`build`](Self::build) it, or ask
/// [`validator::Validate`] first. That trait has no room for a policy and judges by [`Policy::default`]: for a gate with other severities
/// or limits [`build`](Self::build) has the answer.
///
/// ```
/// use job_model::{JobDraft, OutputFormat, Policy, Quality};
/// use validator::Validate;
///
/// let draft = JobDraft::new("Full", "Bridge 7")
///     .workspace("6881117d-9fd2-4900-870b-9b721dc90f25")
///     .input("58e0c0ca-f730-4e5b-808d-1c8cacacb4d4")
///     .quality(Quality::Extra.as_str())
///     .output(OutputFormat::Obj);
/// assert!(draft.validate().is_ok());
/// let job = draft.build(&Policy::default()).unwrap();
/// assert_eq!(job.value().unwrap().settings().outputs(), [OutputFormat::Obj]);
///
/// let errors = JobDraft::new("Full", "Bridge 7").validate().unwrap_err();
/// assert!(errors.errors().contains_key("workspaceId"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobDraft {
    /// What the job does.
    #[serde(rename = "type")]
    pub job_type: String,
    /// What people call it.
    pub name: String,
    /// What its estimate is computed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_estimation_parameters: Option<CostDraft>,
    /// The workspace it belongs to.
    pub workspace_id: String,
    /// What it reads.
    pub inputs: Vec<InputDraft>,
    /// How it runs and what it makes.
    pub settings: SettingsDraft,
}

/// An input, unchecked.
///
/// ```
/// use validator::Validate;
/// let input = job_model::InputDraft { id: "7".to_owned(), description: None };
/// assert!(input.validate().is_err(), "the id is no GUID");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InputDraft {
    /// The reality data.
    pub id: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Settings, unchecked.
///
/// ```
/// use validator::Validate;
/// let outputs = vec!["OBJ".to_owned()];
/// let settings = job_model::SettingsDraft { quality: "Extra".to_owned(), outputs, ..Default::default() };
/// assert!(settings.validate().is_ok());
/// assert!(job_model::SettingsDraft::default().validate().is_err(), "no quality, no outputs");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsDraft {
    /// How finely the job computes.
    pub quality: String,
    /// The engines it may use at most; 0 stands for as many as the limit allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processing_engines: Option<i64>,
    /// What it makes.
    pub outputs: Vec<String>,
    /// How it uses caches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_settings: Option<CacheDraft>,
}

/// Cache settings, unchecked.
///
/// ```
/// use validator::Validate;
/// let cache = job_model::CacheDraft { create_cache: Some(true), use_cache: None };
/// assert!(cache.validate().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheDraft {
    /// Whether the job leaves a cache behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_cache: Option<bool>,
    /// The earlier job whose cache it uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_cache: Option<String>,
}

/// Cost parameters, unchecked.
///
/// ```
/// use validator::Validate;
/// let cost = job_model::CostDraft { giga_pixels: Some((-1).into()), ..Default::default() };
/// assert!(cost.validate().is_err(), "a size below zero");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CostDraft {
    /// Photographs to process, in gigapixels.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    pub giga_pixels: Option<Decimal>,
    /// Points to process, in megapoints.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exact")]
    pub mega_points: Option<Decimal>,
    /// The quality the estimate is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh_quality: Option<String>,
}

impl JobDraft {
    /// A draft that still lacks its workspace, inputs, quality and outputs.
    pub fn new(job_type: impl Into<String>, name: impl Into<String>) -> Self {
        Self { job_type: job_type.into(), name: name.into(), ..Self::default() }
    }

    /// Sets the workspace.
    #[must_use]
    pub fn workspace(mut self, id: impl Into<String>) -> Self {
        self.workspace_id = id.into();
        self
    }

    /// Adds an input.
    #[must_use]
    pub fn input(mut self, id: impl Into<String>) -> Self {
        self.inputs.push(InputDraft { id: id.into(), description: None });
        self
    }

    /// Adds an input with words about it.
    #[must_use]
    pub fn described_input(mut self, id: impl Into<String>, description: impl Into<String>) -> Self {
        self.inputs.push(InputDraft { id: id.into(), description: Some(description.into()) });
        self
    }

    /// Sets the quality.
    #[must_use]
    pub fn quality(mut self, quality: impl Into<String>) -> Self {
        self.settings.quality = quality.into();
        self
    }

    /// Adds an output format.
    #[must_use]
    pub fn output(mut self, format: OutputFormat) -> Self {
        self.settings.outputs.push(format.as_str().to_owned());
        self
    }

    /// Sets the engines it may use at most.
    #[must_use]
    pub fn engines(mut self, count: u32) -> Self {
        self.settings.processing_engines = Some(i64::from(count));
        self
    }

    /// Sets the photographs to process, in gigapixels.
    #[must_use]
    pub fn gigapixels(mut self, quantity: Decimal) -> Self {
        self.cost_estimation_parameters.get_or_insert_default().giga_pixels = Some(quantity);
        self
    }

    /// Sets the points to process, in megapoints.
    #[must_use]
    pub fn megapoints(mut self, quantity: Decimal) -> Self {
        self.cost_estimation_parameters.get_or_insert_default().mega_points = Some(quantity);
        self
    }

    /// Writes the wire form, checked or not.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Checks the draft exactly as its wire form is checked.
    ///
    /// # Errors
    /// [`Rejected`], with every violation, where a rule denies.
    pub fn build(&self, policy: &Policy) -> Result<Accepted<JobRequest>, Rejected> {
        JobRequest::from_json(self.to_json().as_bytes(), policy)
    }
}

/// A change to a job, unchecked. It is put together, checked and built as a [`JobDraft`] is.
///
/// ```
/// use job_model::{PatchDraft, Policy, Quality, StateChange};
/// use validator::Validate;
///
/// let draft = PatchDraft::new().quality(Quality::Draft).gigapixels("2.1".parse().unwrap());
/// assert!(draft.validate().is_ok());
/// let patch = draft.build(&Policy::default()).unwrap().into_value().unwrap();
/// assert_eq!(patch.to_json(), r#"{"costEstimationParameters":{"gigaPixels":2.1},"settings":{"quality":"Draft"}}"#);
///
/// let submit = PatchDraft::new().state(StateChange::Active);
/// assert_eq!(submit.to_json(), r#"{"state":"Active"}"#);
/// assert!(PatchDraft::new().validate().is_err(), "it changes nothing");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PatchDraft {
    /// What becomes of its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateChange>,
    /// What it does now.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub job_type: Option<JobType>,
    /// What its estimate is computed from now, in place of all that it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_estimation_parameters: Option<CostDraft>,
    /// Those settings that change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<SettingsPatch>,
}

impl PatchDraft {
    /// A draft that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Submits or stops the job.
    #[must_use]
    pub const fn state(mut self, state: StateChange) -> Self {
        self.state = Some(state);
        self
    }

    /// Sets what the job does.
    #[must_use]
    pub const fn job_type(mut self, job_type: JobType) -> Self {
        self.job_type = Some(job_type);
        self
    }

    /// Sets the quality.
    #[must_use]
    pub fn quality(mut self, quality: Quality) -> Self {
        self.settings.get_or_insert_default().quality = Some(quality);
        self
    }

    /// Adds an output format; those that are named are all that the job makes then.
    #[must_use]
    pub fn output(mut self, format: OutputFormat) -> Self {
        self.settings.get_or_insert_default().outputs.get_or_insert_default().push(format);
        self
    }

    /// Sets the engines it may use at most.
    #[must_use]
    pub fn engines(mut self, count: u32) -> Self {
        self.settings.get_or_insert_default().processing_engines = Some(Engines::from_count(count));
        self
    }

    /// Sets the photographs to process, in gigapixels.
    #[must_use]
    pub fn gigapixels(mut self, quantity: Decimal) -> Self {
        self.cost_estimation_parameters.get_or_insert_default().giga_pixels = Some(quantity);
        self
    }

    /// Sets the points to process, in megapoints.
    #[must_use]
    pub fn megapoints(mut self, quantity: Decimal) -> Self {
        self.cost_estimation_parameters.get_or_insert_default().mega_points = Some(quantity);
        self
    }

    /// Writes the wire form, checked or not.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Checks the draft exactly as its wire form is checked.
    ///
    /// # Errors
    /// [`Rejected`], with every violation, where a rule denies.
    pub fn build(&self, policy: &Policy) -> Result<Accepted<JobPatch>, Rejected> {
        JobPatch::from_json(self.to_json().as_bytes(), policy)
    }
}

#[expect(clippy::ref_option, reason = "serde asks for this signature")]
fn exact<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(Exact::from).serialize(serializer)
}
