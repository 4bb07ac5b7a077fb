//! A date and time of an answer, kept as upstream spells it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A date and time as upstream spells it; the page shows two spellings, and an answer is written back in its own.
///
/// ```
/// use job_model::response::DateTime;
/// let short: DateTime = serde_json::from_str(r#""2020-09-14T14:29:55Z""#).unwrap();
/// let long: DateTime = serde_json::from_str(r#""2020-09-14T14:29:55.0000000+00:00""#).unwrap();
/// assert_eq!(short.instant().unwrap(), long.instant().unwrap());
/// assert_eq!(long.as_str(), "2020-09-14T14:29:55.0000000+00:00");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DateTime(String);

impl DateTime {
    /// The moment, where the text names one.
    pub fn instant(&self) -> Option<jiff::Timestamp> {
        self.0.parse().ok()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<jiff::Timestamp> for DateTime {
    fn from(instant: jiff::Timestamp) -> Self {
        Self(instant.to_string())
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
