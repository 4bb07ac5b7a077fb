//! What a caller may use.

use serde::{Deserialize, Serialize};

use super::Member;

/// The answer to "how many engines may I use?".
///
/// ```
/// let text = r#"{"enginesLimit":{"maxEngines":25}}"#;
/// let read: job_model::response::EnginesLimitResponse = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnginesLimitResponse {
    /// The limit.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub engines_limit: Member<EnginesLimit>,
}

/// How many engines a caller may use.
///
/// ```
/// let text = r#"{"maxEngines":25}"#;
/// let read: job_model::response::EnginesLimit = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnginesLimit {
    /// At most this many.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub max_engines: Member<u32>,
}
