//! How far a job is.

use serde::{Deserialize, Serialize};

use super::{Member, Word};
use crate::decimal::Exact;

crate::word::words! {
    /// Where a job stands, in the words of its progress: others than those of [`JobState`](super::JobState).
    ///
    /// ```
    /// assert_eq!(job_model::response::ProgressState::WORDS, ["Unsubmitted", "Active", "Over"]);
    /// ```
    ProgressState, 3 {
        /// Not begun.
        Unsubmitted = "Unsubmitted",
        /// Waiting or running.
        Active = "Active",
        /// Over, with or without a result.
        Over = "Over",
    }
}

/// The answer to "how far is it?".
///
/// ```
/// let text = r#"{"jobProgress":{"percentage":50,"state":"Active","step":"Reconstruction"}}"#;
/// let read: job_model::response::JobProgressResponse = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobProgressResponse {
    /// How far it is.
    pub job_progress: JobProgress,
}

/// How far a job is.
///
/// ```
/// let text = r#"{"percentage":50,"state":"Active","step":"Reconstruction"}"#;
/// let read: job_model::response::JobProgress = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProgress {
    /// Of a hundred.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub percentage: Member<Exact>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub state: Member<Word<ProgressState>>,
    /// What it does now; there is no list of these words.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub step: Member<String>,
}
