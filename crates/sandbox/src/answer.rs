//! What the sandbox answers: JSON bodies, and the documented refusals with their exact words.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use job_model::{Operation, Rejected, Violation};
use serde::Serialize;

use crate::fault::StatusFault;

/// An error answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: ErrorObject,
}

#[derive(Debug, Serialize)]
struct ErrorObject {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail>,
}

#[derive(Debug, Serialize)]
struct Detail {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

#[derive(Serialize)]
struct Wrapped<'a> {
    error: &'a ErrorObject,
}

const INVALID_JOB: &str = "InvalidContextCaptureRequest";
const INVALID_LIST: &str = "InvalidRealityModelingRequest";
const LISTED: usize = 50;

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, error: ErrorObject { code, message: message.into(), details: Vec::new() } }
    }

    fn because(mut self, code: &'static str, message: impl Into<String>, target: Option<String>) -> Self {
        self.error.details.push(Detail { code, message: message.into(), target });
        self
    }

    pub(crate) fn unauthorized() -> Self {
        let message = "Header Authorization was not found in the request. Access denied.";
        Self::new(StatusCode::UNAUTHORIZED, "HeaderNotFound", message)
    }

    pub(crate) fn no_job() -> Self {
        Self::new(StatusCode::NOT_FOUND, "JobNotFound", "Requested job is not available.")
    }

    pub(crate) fn no_workspace() -> Self {
        Self::new(StatusCode::NOT_FOUND, "WorkspaceNotFound", "Requested workspace is not available.")
    }

    pub(crate) fn no_itwin() -> Self {
        Self::new(StatusCode::NOT_FOUND, "iTwinNotFound", "Requested iTwin is not available.")
    }

    pub(crate) fn no_operation() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "There is no such operation.")
    }

    pub(crate) fn no_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The operation does not know this method.",
        )
    }

    pub(crate) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLarge", "The body is too large.")
    }

    pub(crate) fn no_fault(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "UnknownFault", message)
    }

    /// A job that breaks rules, in upstream's short words: it names the parameter and not the rule.
    pub(crate) fn invalid_job(operation: Operation, rejected: &Rejected) -> Self {
        let mut refusal = Self::new(StatusCode::UNPROCESSABLE_ENTITY, INVALID_JOB, operation.refusal());
        let mut targets: Vec<Option<String>> = rejected.violations().map(Violation::target).collect();
        targets.dedup();
        targets.truncate(LISTED);
        for target in targets {
            let message = target.as_ref().map_or_else(
                || "Invalid request body.".to_owned(),
                |target| format!("Invalid '{target}' parameter."),
            );
            refusal = refusal.because("InvalidParameter", message, target);
        }
        refusal
    }

    /// A body that was accepted with reservations, and is still no job.
    pub(crate) fn unreadable_job(operation: Operation) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, INVALID_JOB, operation.refusal()).because(
            "InvalidParameter",
            "Invalid request body.",
            None,
        )
    }

    pub(crate) fn submitted_already() -> Self {
        Self::invalid_change("Cannot modify job.", "Cannot resubmit an already submitted job.")
    }

    pub(crate) fn not_active() -> Self {
        Self::invalid_change("Cannot modify job.", "Cannot cancel a job that is not active.")
    }

    pub(crate) fn not_deletable() -> Self {
        Self::invalid_change("Cannot delete job.", "Cannot delete an already submitted job.")
    }

    fn invalid_change(message: &str, reason: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, INVALID_JOB, message).because(
            "InvalidChange",
            reason,
            None,
        )
    }

    pub(crate) fn invalid_workspace(parameter: &str) -> Self {
        Self::workspace(format!("Invalid '{parameter}' parameter."), Some(parameter.to_owned()))
    }

    pub(crate) fn no_cluster() -> Self {
        Self::workspace("No processing cluster in project location.", None)
    }

    fn workspace(reason: impl Into<String>, target: Option<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, INVALID_JOB, "Cannot create workspace.").because(
            "InvalidParameter",
            reason,
            target,
        )
    }

    pub(crate) fn invalid_top() -> Self {
        let reason = "The $top query parameter value must be a positive integer that does not exceed 1000.";
        Self::invalid_list(reason, "$Top")
    }

    pub(crate) fn invalid_list(reason: &str, target: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, INVALID_LIST, "Cannot find jobs.").because(
            "InvalidParameter",
            reason,
            Some(target.to_owned()),
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json(self.status, &Wrapped { error: &self.error })
    }
}

/// A JSON answer. Numbers go out with the digits they have.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    // INVARIANT: none of the answers can fail to be written; an empty body would show at once if one did.
    let text = serde_json::to_string(body).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The answer of a status fault; a 429 is the documented one.
pub(crate) fn faulty(fault: &StatusFault, operation: &'static str) -> Response {
    let status = fault.status();
    let (code, message) = match status {
        StatusCode::TOO_MANY_REQUESTS => (
            "RateLimitExceeded",
            "The client sent more requests than allowed by this API for the current tier of the client.",
        ),
        StatusCode::SERVICE_UNAVAILABLE => ("ServiceUnavailable", "The service is not available."),
        StatusCode::GATEWAY_TIMEOUT => ("GatewayTimeout", "The service did not answer in time."),
        other if other.is_server_error() => ("InternalServerError", "Something went wrong."),
        _ => ("RequestFailed", "The request cannot be carried out."),
    };
    let mut response = Refusal::new(status, code, message).into_response();
    let headers = response.headers_mut();
    if let Some(seconds) = fault.seconds() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        for (name, value) in [
            ("itwinplatform-ratelimited-tier", "Community"),
            ("itwinplatform-ratelimited-api", "contextcapture"),
            ("itwinplatform-ratelimited-operation", operation),
            ("itwinplatform-ratelimited-application", "sandbox"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    for (name, value) in fault.headers() {
        headers.append(name.clone(), value.clone());
    }
    response
}
