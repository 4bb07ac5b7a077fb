//! A job's name: any text that a person can see.

use std::fmt;

/// A job name: not empty, not only white space, no control characters.
///
/// ```
/// use job_model::JobName;
/// assert_eq!(JobName::new("Bridge 7").unwrap().as_str(), "Bridge 7");
/// assert!(JobName::new(" \t").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobName(String);

impl JobName {
    /// The name, if it is one.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        Self::allows(&text).then_some(Self(text))
    }

    /// A text that has been seen to be allowed.
    pub(crate) const fn of(text: String) -> Self {
        Self(text)
    }

    /// Whether a text may be a name.
    pub(crate) fn allows(text: &str) -> bool {
        // Without a way out, so that the bytes are looked at many at a time.
        if text.bytes().fold(true, |plain, byte| plain & matches!(byte, 0x20..0x7f)) {
            return text.bytes().any(|byte| byte != b' ');
        }
        !text.chars().any(char::is_control) && !text.chars().all(char::is_whitespace)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for JobName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
