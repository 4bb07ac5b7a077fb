//! How a no looks on the wire: the one map from a rejection to status, code, body and headers; and the writing of our own answers.

mod no_budget;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession as Session;
use pingora::time::timeout;
use pingora::{Error, ErrorType};
use serde_json::{Value, json};

use crate::outcome::Decision;
use crate::phase::meter::Record;
use crate::rejection::{Fault, Invalid, Rejection, Sending, TokenFault};
use crate::repeat;
use crate::request_id;

/// The decision about a request.
pub(crate) const DECISION: HeaderName = HeaderName::from_static("x-jobgate-decision");
/// The price of an admitted job.
pub(crate) const ESTIMATE: HeaderName = HeaderName::from_static("x-jobgate-estimate");
/// The rules that an admitted job was warned of.
pub(crate) const WARNINGS: HeaderName = HeaderName::from_static("x-jobgate-warnings");

/// The budgets that are near their limit, the job's price included.
pub(crate) const NEAR: HeaderName = HeaderName::from_static("x-jobgate-budget-near");

/// How much of an unread body is read away, so that the client can hear the answer, and for how long.
const DRAINED_BYTES: usize = 64 * 1024;
const DRAINED_FOR: Duration = Duration::from_millis(500);

/// An answer of our own.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// `error.code`; none on success.
    pub(crate) code: Option<&'static str>,
    pub(crate) body: Bytes,
    allow: Option<&'static str>,
    retry_after: Option<u32>,
    /// Whether nothing more may be read from the connection.
    close: bool,
    /// Whether the client is not waited for before it is answered.
    at_once: bool,
}

impl Reply {
    /// A success.
    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            code: None,
            body: body.into(),
            allow: None,
            retry_after: None,
            close: false,
            at_once: false,
        }
    }

    pub(crate) fn error(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self::enveloped(status, code, &json!({"error": {"code": code, "message": message}}))
    }

    fn enveloped(status: StatusCode, code: &'static str, body: &Value) -> Self {
        Self { status, code: Some(code), ..Self::ok(body.to_string()) }
    }

    fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    fn bad_request(fault: Fault) -> Self {
        let error = |message: &str| Self::error(StatusCode::BAD_REQUEST, "BadRequest", message);
        match fault {
            Fault::Framing(why) => error(&format!("The request is not well-formed HTTP: {why}.")).closing(),
            Fault::Key => error("Idempotency-Key must be one field of 1 to 255 visible ASCII characters."),
            Fault::Query => error("This operation has no query; send the path alone."),
            Fault::Body => error("This operation has no body; send none.").closing(),
        }
    }

    fn in_progress(message: &str) -> Self {
        let reply = Self::error(StatusCode::CONFLICT, "RequestInProgress", message);
        Self { retry_after: Some(1), ..reply }
    }

    fn invalid(invalid: &Invalid) -> Self {
        let body = invalid.rejected.error(invalid.operation).to_json();
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, code: Some(INVALID), ..Self::ok(body) }
    }

    fn upstream(
        status: StatusCode,
        code: &'static str,
        message: &str,
        sending: Sending,
        hold: Option<&ledger::HoldId>,
    ) -> Self {
        let advice = match sending {
            Sending::NotSent => "The request was not sent; it can be sent again.",
            Sending::Unknown => {
                "Whether upstream acted on the request is unknown; look before sending it again."
            }
        };
        let mut detail = serde_json::Map::new();
        detail.insert("code".to_owned(), json!(code));
        detail.insert("message".to_owned(), json!(advice));
        detail.insert("outcome".to_owned(), json!(sending.as_str()));
        detail.extend(hold.map(|hold| ("hold".to_owned(), json!(hold.to_string()))));
        let body =
            json!({"error": {"code": code, "message": format!("{message} {advice}"), "details": [detail]}});
        let retry_after = (sending == Sending::NotSent).then_some(1);
        Self { retry_after, ..Self::enveloped(status, code, &body) }
    }
}

impl From<&Rejection> for Reply {
    fn from(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::BadRequest(fault) => Self::bad_request(*fault),
            Rejection::HeaderNotFound => {
                Self::error(StatusCode::UNAUTHORIZED, "HeaderNotFound", HEADER_NOT_FOUND)
            }
            Rejection::InvalidToken(fault) => {
                Self::error(StatusCode::UNAUTHORIZED, "InvalidToken", token_message(*fault))
            }
            Rejection::KeysUnavailable(wait) => {
                let reply = Self::error(StatusCode::SERVICE_UNAVAILABLE, "KeysUnavailable", NO_KEYS);
                Self { retry_after: Some(whole_seconds(*wait)), ..reply }
            }
            Rejection::NotFound => Self::error(StatusCode::NOT_FOUND, "NotFound", NOT_FOUND),
            Rejection::JobNotFound => Self::error(StatusCode::NOT_FOUND, "JobNotFound", NO_JOB),
            Rejection::MethodNotAllowed(allow) => {
                let message = format!("This path has no such method. Allowed: {allow}.");
                let reply = Self::error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", &message);
                Self { allow: Some(allow), ..reply }
            }
            Rejection::RequestTimeout => {
                Self::error(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", TOO_SLOW).closing()
            }
            Rejection::RequestTooLarge(limit) => {
                let message = format!("The request body is larger than {limit} bytes.");
                Self::error(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLarge", &message).closing()
            }
            Rejection::UriTooLong(limit) => {
                let message = format!("The request target is longer than {limit} bytes.");
                Self::error(StatusCode::URI_TOO_LONG, "UriTooLong", &message).closing()
            }
            Rejection::HeadersTooLarge(bytes, fields) => {
                let message = format!(
                    "The request header is larger than {bytes} bytes or has more than {fields} fields."
                );
                Self::error(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "HeadersTooLarge", &message)
                    .closing()
            }
            Rejection::UnsupportedMediaType => {
                Self::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", MEDIA_TYPE)
            }
            Rejection::ExpectationFailed => {
                Self::error(StatusCode::EXPECTATION_FAILED, "ExpectationFailed", EXPECTATION)
            }
            Rejection::Invalid(invalid) => Self::invalid(invalid),
            Rejection::TooManyRequests(wait) => {
                let reply = Self::error(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", TOO_MANY);
                Self { retry_after: Some(whole_seconds(*wait)), ..reply }
            }
            Rejection::Overloaded => {
                let reply = Self::error(StatusCode::SERVICE_UNAVAILABLE, "Overloaded", OVERLOADED);
                Self { retry_after: Some(1), at_once: true, ..reply }
            }
            Rejection::BudgetExceeded(no) => Self::no_budget(no),
            Rejection::RequestInProgress => Self::in_progress(IN_PROGRESS),
            Rejection::ChangeInProgress => Self::in_progress(CHANGING),
            Rejection::KeyReused => {
                Self::error(StatusCode::UNPROCESSABLE_ENTITY, "IdempotencyKeyReused", KEY_REUSED)
            }
            Rejection::LedgerUnavailable => {
                let reply = Self::error(StatusCode::SERVICE_UNAVAILABLE, "LedgerUnavailable", NO_LEDGER);
                Self { retry_after: Some(5), ..reply }
            }
            Rejection::UpstreamUnavailable(sending, hold) => {
                let code = "UpstreamUnavailable";
                Self::upstream(StatusCode::BAD_GATEWAY, code, NO_ANSWER, *sending, hold.as_ref())
            }
            Rejection::UpstreamTimeout(sending, hold) => {
                let code = "UpstreamTimeout";
                Self::upstream(StatusCode::GATEWAY_TIMEOUT, code, LATE_ANSWER, *sending, hold.as_ref())
            }
            Rejection::AnswerCutOff(status) => {
                const CODE: &str = "AnswerCutOff";
                let message = format!(
                    "Upstream refused the request with status {} and did nothing; its reasons were cut off.",
                    status.as_u16()
                );
                let detail = json!({"code": CODE, "message": message});
                let body = json!({"error": {"code": CODE, "message": message, "details": [detail]}});
                Self::enveloped(*status, CODE, &body)
            }
        }
    }
}

const HEADER_NOT_FOUND: &str = "Header Authorization was not found in the request. Access denied.";
const NOT_FOUND: &str =
    "There is no such operation. Paths are compared byte by byte; check spelling, case and slashes.";
const NO_JOB: &str = "Requested job is not available.";
const TOO_SLOW: &str = "The request body did not arrive in time; nothing was forwarded.";
const MEDIA_TYPE: &str =
    "Send the body as 'Content-Type: application/json' in UTF-8, without a content encoding.";
const EXPECTATION: &str =
    "The only expectation that is met is '100-continue', over HTTP/1.1. Send the request without it.";
const TOO_MANY: &str = "More requests were received than the subscription rate-limit allows.";
const OVERLOADED: &str =
    "The gateway has no room for the request; nothing was forwarded. Send it again after the given time.";
const NO_LEDGER: &str =
    "The job cannot be written down now; nothing was forwarded. Send it again after the given time.";
const CHANGING: &str = "Another change of this job is under way. Send this one again after the given time.";
const IN_PROGRESS: &str = "The first request with this Idempotency-Key is under way. Send it again after the given time to hear its answer.";
const KEY_REUSED: &str = "This Idempotency-Key belongs to another request. Take a new key for a new request; nothing was forwarded.";
const NO_KEYS: &str =
    "The token cannot be verified now; nothing was forwarded. Send it again after the given time.";
const NO_ANSWER: &str = "Upstream could not be reached or gave no usable answer.";
const LATE_ANSWER: &str = "Upstream did not answer in time.";
const INVALID: &str = "InvalidContextCaptureRequest";

/// Says what is wrong with a token; nothing of the token itself.
const fn token_message(fault: TokenFault) -> &'static str {
    match fault {
        TokenFault::Bearer => "Header Authorization is not exactly one bearer token. Access denied.",
        TokenFault::Form => "The token is not a signed JWT of a known form. Access denied.",
        TokenFault::Key => "The token is not signed with a known key and its algorithm. Access denied.",
        TokenFault::Signature => "The token's signature is not valid. Access denied.",
        TokenFault::Issuer => "The token is from another issuer. Access denied.",
        TokenFault::Audience => "The token is for another audience. Access denied.",
        TokenFault::Expired => "The token has expired or has no expiry. Access denied.",
        TokenFault::NotYet => "The token is not valid yet. Access denied.",
        TokenFault::Scope => "The token lacks a required scope. Access denied.",
        TokenFault::Upstream => "Upstream does not accept the token. Access denied.",
        TokenFault::Principal => "The request does not say who sent it in the required way. Access denied.",
    }
}

/// Rounded up: waiting that long is enough.
fn whole_seconds(wait: Duration) -> u32 {
    let begun = u64::from(wait.subsec_nanos() > 0);
    u32::try_from(wait.as_secs().saturating_add(begun)).unwrap_or(u32::MAX).max(1)
}

/// Writes an answer of our own, and what the client needs so as to hear it.
///
/// # Errors
/// When the client is gone.
pub(crate) async fn send(session: &mut Session, reply: &Reply, record: &mut Record) -> pingora::Result<()> {
    record.status = reply.status.as_u16();
    record.code = reply.code;
    let unread = !session.is_body_done();
    if reply.close {
        session.set_keepalive(None);
    } else if unread && !session.req_header().headers.contains_key(EXPECT) {
        // What is left of a small body is read away; the connection can then be used again.
        drain(session, if reply.at_once { Duration::ZERO } else { DRAINED_FOR }).await;
        if reply.at_once && !session.is_body_done() {
            session.set_keepalive(None);
        }
    }
    let mut header = ResponseHeader::build_no_case(reply.status, Some(8))?;
    header.insert_header(CONTENT_TYPE, "application/json")?;
    header.insert_header(CONTENT_LENGTH, reply.body.len())?;
    if let Some(allow) = reply.allow {
        header.insert_header(ALLOW, allow)?;
    }
    if let Some(seconds) = reply.retry_after {
        header.insert_header(RETRY_AFTER, seconds)?;
    }
    if reply.status == StatusCode::UNAUTHORIZED {
        header.insert_header(WWW_AUTHENTICATE, "Bearer")?;
    }
    sign(&mut header, record)?;
    // Over HTTP/2 the library would write a body to whoever asked for a header only.
    let bare = session.req_header().method == Method::HEAD;
    taken(session.write_response_header(Box::new(header))).await?;
    if !bare {
        taken(session.write_response_body(reply.body.clone(), true)).await?;
    }
    if unread && !session.is_body_done() {
        // A socket that is closed with unread bytes is reset, and the reset may overtake the answer. Who was too slow has had his time.
        let is_late = reply.status == StatusCode::REQUEST_TIMEOUT;
        drain(session, if is_late { Duration::ZERO } else { DRAINED_FOR }).await;
    }
    Ok(())
}

/// Adds what every answer carries.
///
/// # Errors
/// When a header cannot be added, which no value of ours causes.
pub(crate) fn sign(header: &mut ResponseHeader, record: &Record) -> pingora::Result<()> {
    if let Some(decision) = record.decision.filter(|decision| *decision != Decision::Answered) {
        header.insert_header(DECISION, decision.shown())?;
    }
    if record.replayed {
        header.insert_header(repeat::REPLAYED, "true")?;
    }
    header.insert_header(request_id::HEADER, record.request_id.as_str())
}

/// How long a client may take for one piece of an answer before its connection is closed. A short answer is one piece.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bounds a write by that: the library does so for bodies only, and neither for a header that it writes at once nor for the end of
/// chunks.
pub(crate) async fn taken(write: impl Future<Output = pingora::Result<()>>) -> pingora::Result<()> {
    let late = |_| Error::explain(ErrorType::WriteTimedout, "the client does not take its answer");
    timeout(WRITE_TIMEOUT, write).await.map_err(late).flatten()
}

async fn drain(session: &mut Session, patience: Duration) {
    let mut left = DRAINED_BYTES;
    let reading = async {
        while let Ok(Some(piece)) = session.read_request_body().await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                break;
            }
        }
    };
    let _ = timeout(patience, reading).await;
}

/// The fields that the Connection field of an answer names.
pub(crate) fn nominated_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

/// The fields that concern one connection and are not passed on.
pub(crate) fn is_of_the_connection(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}
