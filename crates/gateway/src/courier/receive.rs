//! Reads answers of upstream: their final header, and those bodies that are wanted whole.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, StatusCode};
use pingora::protocols::http::v1::client::HttpSession;
use pingora::{Error, ErrorType};

use super::{Answer, header};

/// The largest answer that is read whole. A job's answer is a few kilobytes.
const ANSWER_LIMIT: usize = 1 << 20;
const TOO_LONG: ErrorType = ErrorType::Custom("AnswerTooLong");
/// Interim answers before the final one.
const INTERIM_LIMIT: u8 = 8;

/// The header of an answer.
pub(super) struct Head {
    pub(super) status: StatusCode,
    /// What of it is passed on.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) length: Option<HeaderValue>,
}

/// Reads the final header, interim ones skipped; `known` is its status, also where something else is wrong with it.
pub(super) async fn head(session: &mut HttpSession, known: &mut Option<StatusCode>) -> pingora::Result<Head> {
    let garbage = |why| Error::e_explain(ErrorType::InvalidHTTPHeader, why);
    for _ in 0..=INTERIM_LIMIT {
        session.read_response().await?;
        let Some(header) = session.resp_header() else { return garbage("no header") };
        if header::is_too_large(header) {
            return garbage("a header of more than 64 KiB");
        }
        if header.status == StatusCode::SWITCHING_PROTOCOLS {
            return garbage("an upgrade that nobody asked for");
        }
        if header.status.as_u16() < 200 {
            continue;
        }
        *known = Some(header.status);
        if header.headers.contains_key(TRANSFER_ENCODING)
            && header::has_a_length(&session.get_headers_raw_bytes())
        {
            return garbage("Content-Length and Transfer-Encoding");
        }
        if !header::is_coded_as_can_be_read(&header.headers) {
            return garbage("a Transfer-Encoding that is not chunked");
        }
        // A list of equal lengths, which the parser takes, is not passed on.
        let length = header.headers.get(CONTENT_LENGTH);
        if length.is_some_and(|length| !length.as_bytes().iter().all(u8::is_ascii_digit)) {
            return garbage("a Content-Length that is no number");
        }
        let (headers, length) =
            (header::passed_on(&header.headers), header.headers.get(CONTENT_LENGTH).cloned());
        return Ok(Head { status: header.status, headers, length });
    }
    garbage("too many interim answers")
}

/// Whether an answer was given up for its length.
pub(super) fn is_too_long(error: &Error) -> bool {
    *error.etype() == TOO_LONG
}

/// Reads an answer and its whole body.
pub(super) async fn whole(
    session: &mut HttpSession,
    known: &mut Option<StatusCode>,
) -> pingora::Result<Answer> {
    let Head { status, headers, .. } = head(session, known).await?;
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    let mut total = 0_usize;
    while let Some(piece) = session.read_body_bytes().await? {
        total = total.saturating_add(piece.len());
        if total > ANSWER_LIMIT {
            return Error::e_explain(TOO_LONG, "the answer is too long");
        }
        match &mut rest {
            Some(rest) => rest.extend_from_slice(&piece),
            None if first.is_empty() => first = piece,
            None => {
                let mut both = BytesMut::with_capacity(total.saturating_mul(2));
                both.extend_from_slice(&first);
                both.extend_from_slice(&piece);
                rest = Some(both);
            }
        }
    }
    Ok(Answer { status, headers, body: rest.map_or(first, BytesMut::freeze) })
}
