//! What metering needs of upstream's answers, read without the rest of them.

use std::borrow::Cow;

use serde::Deserialize;

use crate::decimal::Exact;

/// The few members of a job that are metered.
///
/// ```
/// use job_model::response::JobHead;
/// let answer = br#"{"job":{"id":"cc3d35cc-416a-4262-9714-b359da70b419","state":"unsubmitted","estimatedCost":3.5,"inputs":[]}}"#;
/// let head = JobHead::from_json(answer).unwrap();
/// assert_eq!(head.id, "cc3d35cc-416a-4262-9714-b359da70b419");
/// assert_eq!(head.estimated_cost.unwrap().to_string(), "3.5");
/// assert!(JobHead::from_json(b"{}").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobHead<'a> {
    /// Its id, as upstream writes it.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// Its state, as upstream writes it.
    #[serde(borrow, default)]
    pub state: Option<Cow<'a, str>>,
    /// Upstream's own estimate.
    #[serde(default)]
    pub estimated_cost: Option<Exact>,
    /// How it ran.
    #[serde(default)]
    pub execution_information: Option<ExecutionHead>,
}

/// The member of a job's execution that is metered.
///
/// ```
/// use job_model::response::JobHead;
/// let answer = br#"{"job":{"id":"a","executionInformation":{"estimatedUnits":0.05}}}"#;
/// let run = JobHead::from_json(answer).unwrap().execution_information.unwrap();
/// assert_eq!(run.estimated_units.unwrap().to_string(), "0.05");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionHead {
    /// The units that the run took.
    #[serde(default)]
    pub estimated_units: Option<Exact>,
}

#[derive(Deserialize)]
struct Enveloped<'a> {
    #[serde(borrow)]
    job: JobHead<'a>,
}

impl<'a> JobHead<'a> {
    /// Reads the answer to an operation on one job; none if that is not what it is.
    pub fn from_json(answer: &'a [u8]) -> Option<Self> {
        serde_json::from_slice::<Enveloped<'a>>(answer).ok().map(|envelope| envelope.job)
    }
}

/// The same of a list of jobs.
///
/// ```
/// use job_model::response::JobHeads;
/// assert_eq!(JobHeads::from_json(br#"{"jobs":[{"id":"a"},{"id":"b"}]}"#).unwrap().jobs.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct JobHeads<'a> {
    /// The jobs, in the order of the answer.
    #[serde(borrow)]
    pub jobs: Vec<JobHead<'a>>,
}

impl<'a> JobHeads<'a> {
    /// Reads the answer to the operation that lists jobs; none if that is not what it is.
    ///
    /// ```
    /// use job_model::response::JobHeads;
    /// let heads = JobHeads::from_json(br#"{"jobs":[{"id":"a","state":"success"}],"_links":{}}"#).unwrap();
    /// assert_eq!(heads.jobs[0].state.as_deref(), Some("success"));
    /// ```
    pub fn from_json(answer: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(answer).ok()
    }
}
