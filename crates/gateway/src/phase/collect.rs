//! Reads a whole body, within a size, a time and the room there is; nothing is judged before it is complete.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{HeaderValue, Version};
use pingora::protocols::http::ServerSession as Session;
use pingora::time::timeout;
use pingora::{Error, ErrorType};

use std::sync::Arc;
use std::time::Duration;

use crate::capacity::{Capacity, Share};
use crate::clock;
use crate::config::Limits;
use crate::door;
use crate::rejection::{Fault, Rejection};

/// How long a body may take however small it is, and how many bytes a second it must have brought from then on.
const PATIENCE: Duration = Duration::from_secs(5);
const BYTES_A_SECOND: u64 = 1024;

/// How long over HTTP/2, where the library writes no interim answer, the body of a client is waited for that may be waiting for one.
const UNINVITED: Duration = Duration::from_secs(1);

/// A body and the room it takes.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) bytes: Bytes,
    pub(crate) room: Share,
}

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum Uncollected {
    /// It is refused.
    Refused(Rejection),
    /// The client has left; there is nobody to answer.
    Gone(Box<Error>),
}

impl From<Rejection> for Uncollected {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

/// Reads the body.
///
/// # Errors
/// `RequestTooLarge`, `RequestTimeout`, `Overloaded`, `BadRequest`; or the client is gone.
pub(crate) async fn collect(
    session: &mut Session,
    limits: &Limits,
    buffered: &Arc<Capacity>,
) -> Result<Collected, Uncollected> {
    let declared = session.req_header().headers.get(CONTENT_LENGTH).and_then(number);
    let mut room = buffered.take(declared.unwrap_or(0)).ok_or(Rejection::Overloaded)?;
    invite(session).await?;
    // Below the deadline for the whole body a single read may take as long as it likes.
    session.set_read_timeout(Some(limits.body_timeout));
    let bytes = read(session, limits, declared, &mut room).await?;
    Ok(Collected { bytes, room })
}

async fn read(
    session: &mut Session,
    limits: &Limits,
    declared: Option<usize>,
    room: &mut Share,
) -> Result<Bytes, Uncollected> {
    let limit = limits.body_bytes;
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    let mut total = 0_usize;
    let began = clock::now();
    let header = session.req_header();
    let uninvited = header.version == Version::HTTP_2 && header.headers.contains_key(EXPECT);
    loop {
        let (due, late) = match total {
            0 if uninvited => (UNINVITED, Rejection::ExpectationFailed),
            _ => (due(total).min(limits.body_timeout), Rejection::RequestTimeout),
        };
        let left = due.saturating_sub(clock::now().saturating_duration_since(began));
        let next = timeout(left, session.read_request_body()).await.map_err(|_| late)?;
        let next =
            next.map_err(|error| if door::is_misframed(session) { misframed() } else { unreadable(error) });
        let Some(piece) = next? else { break };
        total = total.saturating_add(piece.len());
        if total > limit {
            return Err(Rejection::RequestTooLarge(limit).into());
        }
        let more = total.saturating_sub(room.amount());
        if more > 0 && !room.grow(more) {
            return Err(Rejection::Overloaded.into());
        }
        match &mut rest {
            Some(rest) => rest.extend_from_slice(&piece),
            // The usual body comes in one piece and is not copied.
            None if first.is_empty() && declared.is_none_or(|whole| whole <= total) => first = piece,
            None => {
                // As much as was declared is made room for once, and at once: a piece that waited for the next one would take 64 KiB
                // beside it. Memory that nothing is written to is not taken.
                let whole = declared.unwrap_or(total.saturating_mul(2)).max(total).min(limit);
                let mut both = BytesMut::with_capacity(whole);
                both.extend_from_slice(&std::mem::take(&mut first));
                both.extend_from_slice(&piece);
                rest = Some(both);
            }
        }
    }
    if door::is_misframed(session) {
        return Err(misframed());
    }
    Ok(rest.map_or(first, BytesMut::freeze))
}

/// Waits for the end of a request that has no body: over HTTP/1 its header is the end, a stream of HTTP/2 may go on without a length.
///
/// # Errors
/// `BadRequest` where a body comes, `RequestTimeout` where nothing does; or the client is gone.
pub(crate) async fn nothing(session: &mut Session, limits: &Limits) -> Result<(), Uncollected> {
    let end = async {
        while session.is_http2() && !session.is_body_done() {
            match session.read_request_body().await.map_err(unreadable)? {
                Some(piece) if piece.is_empty() => {}
                Some(_) => return Err(Rejection::BadRequest(Fault::Body).into()),
                None => break,
            }
        }
        Ok(())
    };
    timeout(due(0).min(limits.body_timeout), end).await.map_err(|_| Rejection::RequestTimeout)?
}

/// When the next piece of a body must be here, if so many bytes are, counted from the first look.
fn due(bytes: usize) -> Duration {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    let whole = Duration::from_secs(bytes / BYTES_A_SECOND);
    PATIENCE.max(whole)
}

/// Answers `Expect: 100-continue`, now that the header has passed.
async fn invite(session: &mut Session) -> Result<(), Uncollected> {
    let header = session.req_header();
    if header.version != Version::HTTP_11 || !header.headers.contains_key(EXPECT) || session.is_body_done() {
        return Ok(());
    }
    // Any header that is written before the body is read turns keep-alive off; this one need not.
    session.set_close_on_response_before_downstream_finish(false);
    let invited = session.write_continue_response().await;
    session.set_close_on_response_before_downstream_finish(true);
    invited.map_err(|error| Uncollected::Gone(error.into_down()))
}

fn misframed() -> Uncollected {
    Rejection::BadRequest(Fault::Framing("the chunks of the body are malformed")).into()
}

fn unreadable(error: Box<Error>) -> Uncollected {
    match error.etype() {
        ErrorType::ReadTimedout => Rejection::RequestTimeout.into(),
        ErrorType::InvalidHTTPHeader | ErrorType::Custom("InvalidChunk" | "InvalidTrailerEnd") => misframed(),
        _ => Uncollected::Gone(error.into_down()),
    }
}

fn number(value: &HeaderValue) -> Option<usize> {
    value.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b3_a_body_has_five_seconds_and_then_one_for_each_kibibyte() {
        assert_eq!([0, 5119, 6143].map(due), [PATIENCE; 3]);
        assert_eq!([6144, 256 * 1024].map(due), [6, 256].map(Duration::from_secs));
    }
}
