//! The two ends of a check: accepted, with what was noticed; or rejected, with every reason.

use std::fmt;

use crate::report::{LISTED, Report};
use crate::response::{DetailedErrorResponse, ErrorDetail};
use crate::severity::Severity;
use crate::violation::Violation;
use crate::workload::Workload;

/// A body that goes on.
///
/// ```
/// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
/// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
/// #   "settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{"createCache":true}},
/// #   "costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;
/// use job_model::{JobRequest, Policy};
/// let accepted = JobRequest::from_json(body, &Policy::default()).unwrap();
/// assert_eq!(accepted.value().unwrap().name().as_str(), "Bridge 7");
/// assert_eq!(accepted.workload().unwrap().gigapixels.unwrap().to_string(), "2.1");
/// assert!(accepted.report().violations().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted<T> {
    pub(crate) value: Option<T>,
    pub(crate) workload: Option<Workload>,
    pub(crate) may_submit: bool,
    pub(crate) report: Report,
}

impl<T> Accepted<T> {
    /// What was read; none only where a rule that protects the type was lowered, or the mode is shadow.
    pub const fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The same, owned.
    pub fn into_value(self) -> Option<T> {
        self.value
    }

    /// What of a job has a price; known as soon as type, quality, outputs and quantities are, whatever else is wrong.
    pub const fn workload(&self) -> Option<&Workload> {
        self.workload.as_ref()
    }

    /// Whether a change may submit its job: it says so, or its state cannot be read; whatever else of it cannot be.
    ///
    /// ```
    /// use job_model::{JobPatch, Mode, Policy};
    /// let body = br#"{"state":"Active","costEstimationParameters":{"gigaPixels":"6e1"}}"#;
    /// let accepted = JobPatch::check(body, &Policy::default().with_mode(Mode::Shadow)).unwrap();
    /// assert!(accepted.value().is_none() && accepted.may_submit());
    /// ```
    pub const fn may_submit(&self) -> bool {
        self.may_submit
    }

    /// What was noticed.
    pub const fn report(&self) -> &Report {
        &self.report
    }
}

/// A body that is refused, for at least one reason.
///
/// ```
/// use job_model::{JobRequest, Operation, Policy};
/// let refused = JobRequest::from_json(b"{}", &Policy::default()).unwrap_err();
/// assert_eq!(refused.violations().count(), 5);
/// assert_eq!(refused.violations().next().unwrap().rule().id(), "type-missing");
/// assert!(refused.error(Operation::Create).error().message().starts_with("Cannot create job. 5 problems"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub(crate) workload: Option<Workload>,
    pub(crate) report: Report,
}

impl Rejected {
    /// Everything that was found, notices included.
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// What of the job has a price, where that much could be read.
    pub const fn workload(&self) -> Option<&Workload> {
        self.workload.as_ref()
    }

    /// The reasons, in contract order; never none.
    pub fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.report.violations().iter().filter(|violation| violation.severity() == Severity::Deny)
    }

    /// The refusal in upstream's own error language.
    pub fn error(&self, operation: Operation) -> DetailedErrorResponse {
        let mut details: Vec<ErrorDetail> = self.violations().take(LISTED).map(Violation::detail).collect();
        let total = self.report.denied();
        let listed = u32::try_from(details.len()).unwrap_or(u32::MAX);
        if total > listed {
            let more = total.saturating_sub(listed);
            details
                .push(ErrorDetail::new("InvalidParameter", format!("{more} more problems are not listed.")));
        }
        let first = details.first().map(ErrorDetail::message).unwrap_or_default();
        // The summary names the place; the rest of the sentence is in the details.
        let first = first.split_inclusive(". ").next().unwrap_or_default().trim_end();
        let problems = if total == 1 { "problem" } else { "problems" };
        let message = format!("{} {total} {problems}, first: {first}", operation.refusal());
        DetailedErrorResponse::new("InvalidContextCaptureRequest", message, details)
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.violations().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{violation}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Rejected {}

/// What a body was meant to do.
///
/// ```
/// assert_eq!(job_model::Operation::Create.refusal(), "Cannot create job.");
/// assert_eq!(job_model::Operation::Modify.refusal(), "Cannot modify job.");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Create a job.
    Create,
    /// Change a job.
    Modify,
}

impl Operation {
    /// The documented sentence that begins its refusal.
    pub const fn refusal(self) -> &'static str {
        match self {
            Self::Create => "Cannot create job.",
            Self::Modify => "Cannot modify job.",
        }
    }
}
