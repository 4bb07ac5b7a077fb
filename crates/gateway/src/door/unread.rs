//! Answers where a header is none: to what it cannot parse the proxy underneath gives an empty answer that nobody counts.

use std::time::Instant;

use crate::access_log::AccessLog;
use crate::clock;
use crate::metrics::Metrics;
use crate::outcome::Decision;
use crate::phase::meter::{Record, meter};
use crate::request_id;

/// Why a header never became a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unread {
    TooSlow,
    Malformed,
    /// CONNECT, which makes a tunnel.
    Connect,
}

impl Unread {
    /// The answer on the wire to a header that began to come then; counted and logged.
    pub(super) fn answered(self, began: Instant, metrics: &Metrics, log: &AccessLog) -> Vec<u8> {
        let (status, reason, code, message) = match self {
            Self::TooSlow => {
                (408, "Request Timeout", "RequestTimeout", "The request header did not arrive in time.")
            }
            Self::Malformed => (
                400,
                "Bad Request",
                "BadRequest",
                "The request is not well-formed HTTP: its header cannot be parsed.",
            ),
            Self::Connect => {
                (405, "Method Not Allowed", "MethodNotAllowed", "This gateway makes no tunnels.")
            }
        };
        let mut record = Record::new(began, clock::date());
        record.seconds.head = Some(clock::now().saturating_duration_since(began));
        record.request_id = request_id::fresh();
        record.method = None;
        record.decision = Some(Decision::Refused);
        record.status = status;
        record.code = Some(code);
        meter(&record, metrics, log);
        let allow = if status == 405 { "allow: GET, POST, PATCH, DELETE\r\n" } else { "" };
        let body = serde_json::json!({"error": {"code": code, "message": message}}).to_string();
        format!(
            "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{allow}\
             x-jobgate-decision: refused\r\nx-request-id: {}\r\nconnection: close\r\n\r\n{body}",
            body.len(),
            record.request_id
        )
        .into_bytes()
    }
}
