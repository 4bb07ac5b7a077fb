//! How a job ran, and what it said about it.

use serde::{Deserialize, Serialize};

use super::{DateTime, Member};
use crate::decimal::Exact;

/// How a job ran.
///
/// ```
/// use job_model::response::{ExecutionInformation, Member};
/// let run: ExecutionInformation =
///     serde_json::from_str(r#"{"submittedDateTime":"2020-09-14T14:34:20Z","endedDateTime":null,"estimatedUnits":0.05}"#).unwrap();
/// assert_eq!(run.estimated_units.get().unwrap().to_string(), "0.05");
/// assert_eq!((run.ended_date_time, run.started_date_time), (Member::Null, Member::Absent));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionInformation {
    /// When it was submitted.
    pub submitted_date_time: DateTime,
    /// When it was started.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub started_date_time: Member<DateTime>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub ended_date_time: Member<DateTime>,
    /// The processing units that the run took, as upstream estimates them.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub estimated_units: Member<Exact>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub errors: Member<Vec<JobMessage>>,
    /// What may have gone wrong.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub warnings: Member<Vec<JobMessage>>,
}

/// An error or a warning of a run.
///
/// ```
/// let text = r#"{"code":"E1","title":"No photos","message":"The input {0} is empty.","params":["a"]}"#;
/// let read: job_model::response::JobMessage = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobMessage {
    /// Which one it is.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub code: Member<String>,
    /// In a few words.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub title: Member<String>,
    /// In full.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub message: Member<String>,
    /// What belongs into its gaps. The page says nothing of their type, so any is read.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub params: Member<Vec<serde_json::Value>>,
}
