//! The published error bodies.

use serde::{Deserialize, Serialize};

/// The body of a refusal with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailedErrorResponse {
    error: DetailedError,
}

/// A refusal with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailedError {
    code: String,
    message: String,
    details: Vec<ErrorDetail>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl DetailedErrorResponse {
    /// A refusal.
    pub fn new(code: impl Into<String>, message: impl Into<String>, details: Vec<ErrorDetail>) -> Self {
        Self { error: DetailedError { code: code.into(), message: message.into(), details } }
    }
}

impl ErrorDetail {
    /// A reason without a place.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), target: None, rule: None, help: None }
    }

    /// The same, of a rule and with a place.
    #[must_use]
    pub fn of_rule(mut self, rule: &str, target: Option<String>) -> Self {
        self.help = Some(format!("/jobgate/v1/rules/{rule}"));
        self.rule = Some(rule.to_owned());
        self.target = target;
        self
    }
}
