//! The published error bodies, and the members that the gateway adds to a reason.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Member;
use crate::wire::plain_run;

/// Bytes of a reason with its place and its rule; few have more.
const USUAL: usize = 320;

/// The body of a refusal without reasons.
///
/// ```
/// let text = r#"{"error":{"code":"JobNotFound","message":"Requested job is not available."}}"#;
/// let read: job_model::response::ErrorResponse = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// assert_eq!(read.error().code(), "JobNotFound");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorResponse {
    error: ErrorObject,
}

/// A refusal without reasons.
///
/// ```
/// let response = job_model::response::ErrorResponse::new("JobNotFound", "Requested job is not available.");
/// assert_eq!((response.error().code(), response.error().target()), ("JobNotFound", None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorObject {
    code: String,
    message: String,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    target: Member<String>,
}

/// The body of a refusal with its reasons.
///
/// ```
/// use job_model::{JobRequest, Operation, Policy};
/// let refused = JobRequest::from_json(b"{}", &Policy::default()).unwrap_err();
/// let answer = refused.error(Operation::Create);
/// assert_eq!(answer.error().code(), "InvalidContextCaptureRequest");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailedErrorResponse {
    error: DetailedError,
}

/// A refusal with its reasons.
///
/// ```
/// use job_model::{JobRequest, Operation, Policy};
/// let refused = JobRequest::from_json(b"{}", &Policy::default()).unwrap_err();
/// let answer = refused.error(Operation::Modify);
/// assert!(answer.error().message().starts_with("Cannot modify job."));
/// assert_eq!(answer.error().details().len(), 5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailedError {
    code: Cow<'static, str>,
    message: String,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    target: Member<String>,
    // The definition requires them, the page calls them optional.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    details: Member<Vec<ErrorDetail>>,
}

/// One reason.
///
/// ```
/// use job_model::{JobRequest, Operation, Policy};
/// let refused = JobRequest::from_json(b"{}", &Policy::default()).unwrap_err();
/// let answer = refused.error(Operation::Create);
/// let detail = &answer.error().details()[0];
/// assert_eq!((detail.code(), detail.target(), detail.rule()), ("InvalidParameter", Some("type"), Some("type-missing")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    code: Cow<'static, str>,
    message: String,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    target: Member<String>,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    rule: Member<Cow<'static, str>>,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    help: Member<String>,
}

/// What every error says: a code, a message, and what it is about.
macro_rules! says {
    ($name:ident) => {
        impl $name {
            /// One of a closed set of codes.
            pub fn code(&self) -> &str {
                &self.code
            }

            /// What is wrong, for people.
            pub fn message(&self) -> &str {
                &self.message
            }

            /// What it is about, where that is said.
            pub fn target(&self) -> Option<&str> {
                self.target.get().map(String::as_str)
            }
        }
    };
}

says!(ErrorObject);
says!(DetailedError);
says!(ErrorDetail);

impl ErrorResponse {
    /// A refusal.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error: ErrorObject { code: code.into(), message: message.into(), target: Member::Absent } }
    }

    /// What was refused, and why.
    pub const fn error(&self) -> &ErrorObject {
        &self.error
    }
}

impl DetailedErrorResponse {
    /// A refusal.
    ///
    /// ```
    /// use job_model::response::{DetailedErrorResponse, ErrorDetail};
    /// let reason = ErrorDetail::new("InvalidParameter", "Invalid 'type' parameter.");
    /// let refusal = DetailedErrorResponse::new("InvalidContextCaptureRequest", "Cannot create job.", vec![reason]);
    /// assert_eq!(refusal.error().details().len(), 1);
    /// ```
    pub fn new(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        details: Vec<ErrorDetail>,
    ) -> Self {
        Self {
            error: DetailedError {
                code: code.into(),
                message: message.into(),
                target: Member::Absent,
                details: Member::Given(details),
            },
        }
    }

    /// As it is sent. What is written are sentences in which nothing has to be escaped, and the library would look at each of their bytes
    /// by itself: an eighth of what a refusal costs.
    ///
    /// ```
    /// use job_model::response::DetailedErrorResponse;
    /// let refusal = DetailedErrorResponse::new("InvalidContextCaptureRequest", "Cannot create job.", Vec::new());
    /// assert_eq!(refusal.to_json(), serde_json::to_vec(&refusal).unwrap());
    /// ```
    pub fn to_json(&self) -> Vec<u8> {
        let DetailedError { code, message, target, details } = &self.error;
        let reasons = self.error.details().len().saturating_add(1);
        let mut body = Vec::with_capacity(reasons.saturating_mul(USUAL));
        text(&mut body, "{\"error\":{\"code\":", code);
        text(&mut body, ",\"message\":", message);
        member(&mut body, ",\"target\":", target);
        if let Member::Given(details) = details {
            body.extend_from_slice(b",\"details\":[");
            for (index, detail) in details.iter().enumerate() {
                text(&mut body, if index == 0 { "{\"code\":" } else { ",{\"code\":" }, &detail.code);
                text(&mut body, ",\"message\":", &detail.message);
                member(&mut body, ",\"target\":", &detail.target);
                member(&mut body, ",\"rule\":", &detail.rule);
                member(&mut body, ",\"help\":", &detail.help);
                body.push(b'}');
            }
            body.push(b']');
        } else if !details.is_absent() {
            body.extend_from_slice(b",\"details\":null");
        }
        body.extend_from_slice(b"}}");
        body
    }

    /// What was refused, and why.
    pub const fn error(&self) -> &DetailedError {
        &self.error
    }
}

/// Writes what stands before a text, and the text.
fn text(body: &mut Vec<u8>, before: &str, text: &str) {
    body.extend_from_slice(before.as_bytes());
    if plain_run(text.as_bytes()).is_empty() {
        body.push(b'"');
        body.extend_from_slice(text.as_bytes());
        body.push(b'"');
    } else {
        // INVARIANT: no text fails to be written, and a `Vec` takes all.
        let _ = serde_json::to_writer(body, text);
    }
}

/// The same of a member that may be missing.
fn member(body: &mut Vec<u8>, before: &str, value: &Member<impl AsRef<str>>) {
    match value {
        Member::Given(value) => text(body, before, value.as_ref()),
        Member::Null => body.extend_from_slice(&[before.as_bytes(), b"null"].concat()),
        Member::Absent => {}
    }
}

impl DetailedError {
    /// The reasons.
    pub fn details(&self) -> &[ErrorDetail] {
        self.details.get().map_or(&[], Vec::as_slice)
    }
}

impl ErrorDetail {
    /// A reason without a place.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            target: Member::Absent,
            rule: Member::Absent,
            help: Member::Absent,
        }
    }

    /// The same, of a rule and with a place.
    #[must_use]
    pub fn of_rule(mut self, rule: &'static str, target: Option<String>) -> Self {
        self.help = Member::Given(["/jobgate/v1/rules/", rule].concat());
        self.rule = Member::Given(Cow::Borrowed(rule));
        self.target = target.into();
        self
    }

    /// The id of the gateway's rule that gave it; upstream's own reasons have none.
    pub fn rule(&self) -> Option<&str> {
        self.rule.get().map(AsRef::as_ref)
    }

    /// Where the rule is explained.
    pub fn help(&self) -> Option<&str> {
        self.help.get().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some_text() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z '\\./]{0,80}", "[\"\\\\\u{0}-\u{1f}é\u{2028}a]{0,40}", any::<String>()]
    }

    fn member() -> impl Strategy<Value = Member<String>> {
        prop_oneof![Just(Member::Absent), Just(Member::Null), some_text().prop_map(Member::Given)]
    }

    fn detail() -> impl Strategy<Value = ErrorDetail> {
        let parts = (some_text(), some_text(), member(), member(), member());
        parts.prop_map(|(code, message, target, rule, help)| {
            let rule = match rule {
                Member::Given(rule) => Member::Given(Cow::Owned(rule)),
                Member::Null => Member::Null,
                Member::Absent => Member::Absent,
            };
            ErrorDetail { code: Cow::Owned(code), message, target, rule, help }
        })
    }

    proptest! {
        #[test]
        fn it_is_written_as_the_library_writes_it(
            code in some_text(), message in some_text(), target in member(),
            details in prop_oneof![
                Just(Member::Absent), Just(Member::Null),
                proptest::collection::vec(detail(), 0..4).prop_map(Member::Given),
            ],
        ) {
            let error = DetailedError { code: Cow::Owned(code), message, target, details };
            let whole = DetailedErrorResponse { error };
            prop_assert_eq!(whole.to_json(), serde_json::to_vec(&whole).unwrap());
        }
    }
}
