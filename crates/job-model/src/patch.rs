//! A change to a job: the body of `PATCH /jobs/{id}`.

use serde::Serialize;

use crate::engines::Engines;
use crate::format::OutputFormat;
use crate::kind::JobType;
use crate::policy::Policy;
use crate::quality::Quality;
use crate::request::{CacheSettings, CostEstimationParameters, JobRequest};
use crate::verdict::{Accepted, Rejected};
use crate::workload::Workload;

crate::word::words! {
    /// What a patch makes of a job's state.
    ///
    /// ```
    /// assert_eq!(job_model::StateChange::from_wire("Active"), Some(job_model::StateChange::ALL[0]));
    /// ```
    StateChange, 2 {
        /// Submits it: work and cost begin.
        Active = "Active",
        /// Stops it.
        Cancelled = "Cancelled",
    }
}

/// A change to a job. Every member is optional; at least one was given.
///
/// ```
/// use job_model::{JobPatch, Policy, StateChange};
/// let submit = JobPatch::from_json(br#"{"state":"active"}"#, &Policy::default()).unwrap();
/// assert_eq!(submit.value().unwrap().state(), Some(StateChange::Active));
/// assert!(JobPatch::from_json(b"{}", &Policy::default()).is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobPatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<StateChange>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) job_type: Option<JobType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost_estimation_parameters: Option<CostEstimationParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<SettingsPatch>,
}

impl JobPatch {
    /// Reads and judges a body in one pass.
    ///
    /// # Errors
    /// [`Rejected`], with every violation, where a rule denies.
    pub fn from_json(body: &[u8], policy: &Policy) -> Result<Accepted<Self>, Rejected> {
        crate::wire::read_patch(body, policy)
    }

    /// Judges a body as [`JobPatch::from_json`] does, for whoever forwards its bytes and prices the change: a member that has no price,
    /// and that only a lowered rule lets pass, is left out.
    ///
    /// # Errors
    /// The same.
    ///
    /// ```
    /// use job_model::{JobPatch, Mode, Policy};
    /// let body = br#"{"state":"Active","settings":{"quality":"Draft","outputs":["OBJ"],"processingEngines":"many"}}"#;
    /// let shadow = Policy::default().with_mode(Mode::Shadow);
    /// assert!(JobPatch::from_json(body, &shadow).unwrap().value().is_none());
    /// assert!(JobPatch::check(body, &shadow).unwrap().value().unwrap().settings().is_some());
    /// ```
    pub fn check(body: &[u8], policy: &Policy) -> Result<Accepted<Self>, Rejected> {
        crate::wire::check_patch(body, policy)
    }

    /// Writes the wire form. A patch that held only members which change nothing is written `{}`.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The change of state.
    pub const fn state(&self) -> Option<StateChange> {
        self.state
    }

    /// The new type.
    pub const fn job_type(&self) -> Option<JobType> {
        self.job_type
    }

    /// The new settings.
    pub const fn settings(&self) -> Option<&SettingsPatch> {
        self.settings.as_ref()
    }

    /// The new cost parameters.
    pub const fn cost_estimation_parameters(&self) -> Option<&CostEstimationParameters> {
        self.cost_estimation_parameters.as_ref()
    }

    /// Whether it submits the job.
    pub fn submits(&self) -> bool {
        self.state == Some(StateChange::Active)
    }

    /// Whether it changes anything but the state, and so perhaps the price.
    pub const fn alters(&self) -> bool {
        self.job_type.is_some() || self.settings.is_some() || self.cost_estimation_parameters.is_some()
    }

    /// The job as it will be: what the patch names is replaced, the rest stays.
    #[must_use]
    pub fn merge(&self, job: &JobRequest) -> JobRequest {
        let mut merged = job.clone();
        merged.job_type = self.job_type.unwrap_or(job.job_type);
        merged.cost_estimation_parameters =
            self.cost_estimation_parameters.or(job.cost_estimation_parameters);
        if let Some(change) = &self.settings {
            let settings = &mut merged.settings;
            settings.quality = change.quality.unwrap_or(settings.quality);
            settings.processing_engines = change.processing_engines.or(settings.processing_engines);
            settings.cache_settings = change.cache_settings.or(settings.cache_settings);
            if let Some(outputs) = &change.outputs {
                settings.outputs.clone_from(outputs);
            }
        }
        merged
    }

    /// The priced part of the job as it will be.
    #[must_use]
    pub fn merge_workload(&self, workload: &Workload) -> Workload {
        let cost = self.cost_estimation_parameters;
        let settings = self.settings.as_ref();
        let outputs = settings.and_then(|settings| settings.outputs.as_ref());
        Workload {
            job_type: self.job_type.unwrap_or(workload.job_type),
            quality: settings.and_then(|settings| settings.quality).unwrap_or(workload.quality),
            outputs: outputs.map_or(workload.outputs, |outputs| outputs.iter().copied().collect()),
            gigapixels: cost.map_or(workload.gigapixels, |cost| cost.giga_pixels),
            megapoints: cost.map_or(workload.megapoints, |cost| cost.mega_points),
        }
    }
}

/// New settings for a job.
///
/// ```
/// use job_model::{JobPatch, Policy, Quality};
/// let patch = JobPatch::from_json(br#"{"settings":{"quality":"Draft"}}"#, &Policy::default()).unwrap();
/// assert_eq!(patch.value().unwrap().settings().unwrap().quality, Some(Quality::Draft));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsPatch {
    /// How finely it computes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// The engines it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processing_engines: Option<Engines>,
    /// What it makes; not empty where given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Vec<OutputFormat>>,
    /// How it uses caches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_settings: Option<CacheSettings>,
}
