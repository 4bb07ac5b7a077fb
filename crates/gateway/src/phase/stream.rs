//! Passes an answer on as it comes, in one time for all of it, and keeps a copy of what it tells of jobs.

use std::future::Future;
use std::sync::Once;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderValue, StatusCode, Version};
use log::warn;
use pingora::protocols::http::ServerSession as Session;
use pingora::time::timeout;
use pingora::{Error, ErrorType};

use crate::clock;
use crate::courier::{Coming, Courier, Parcel};
use crate::phase::forward;
use crate::phase::meter::Record;
use crate::phase::route::Route;
use crate::reply;

/// The most of an answer that is read for what it tells of jobs.
const TOLD_BYTES: usize = 4 << 20;

/// Why an answer was not passed on, or not whole.
#[derive(Debug)]
pub(crate) enum Cut {
    /// By upstream.
    Upstream(Box<Error>),
    /// By the client.
    Client(Box<Error>),
}

/// An answer that has begun to come.
#[derive(Debug)]
pub(crate) struct Begun<'a> {
    courier: &'a Courier,
    coming: Coming,
    time: Time,
}

/// What is left of the time for an answer.
#[derive(Clone, Copy, Debug)]
struct Time {
    began: Instant,
    limit: Duration,
}

/// Asks upstream.
///
/// # Errors
/// Where no answer begins.
pub(crate) async fn ask<'a>(
    courier: &'a Courier,
    session: &mut Session,
    parcel: Parcel,
    limit: Duration,
) -> Result<Begun<'a>, Cut> {
    let time = Time { began: clock::now(), limit };
    let coming = while_there(session, time.bound(courier.open(parcel, true))).await?;
    Ok(Begun { courier, coming, time })
}

impl Begun<'_> {
    /// What upstream says.
    pub(crate) fn status(&self) -> StatusCode {
        self.coming.status
    }

    /// Passes it on; gives back what it tells of jobs.
    ///
    /// # Errors
    /// Where it does not come to its end.
    pub(crate) async fn pass_on(
        mut self,
        session: &mut Session,
        record: &mut Record,
    ) -> Result<Option<Vec<u8>>, Cut> {
        let bare = self.begin(session, record).await.map_err(Cut::Client)?;
        let tells = matches!(record.route, Some(Route::ReadJob | Route::ListJobs));
        let mut told = (tells && self.status() == StatusCode::OK).then(Vec::new);
        while let Some(piece) = while_there(session, self.time.bound(self.coming.next())).await? {
            // Not read rather than half read; the client gets it all the same.
            if told.as_ref().is_some_and(|told| told.len().saturating_add(piece.len()) > TOLD_BYTES) {
                unread(&record.request_id);
                told = None;
            }
            if let Some(told) = &mut told {
                told.extend_from_slice(&piece);
            }
            reply::taken(session.write_response_body(piece, false)).await.map_err(Cut::Client)?;
        }
        self.courier.close(self.coming).await;
        if !bare {
            reply::taken(session.write_response_body(Bytes::new(), true)).await.map_err(Cut::Client)?;
        }
        Ok(told)
    }

    /// Writes the header; tells whether no body follows it.
    async fn begin(&mut self, session: &mut Session, record: &mut Record) -> pingora::Result<bool> {
        let Coming { status, headers, length, .. } = &mut self.coming;
        let bare = matches!(*status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let mut header = forward::header(*status, std::mem::take(headers))?;
        match (length, session.req_header().version) {
            _ if bare => {}
            (Some(length), _) => header.insert_header(CONTENT_LENGTH, length.clone())?,
            (None, Version::HTTP_11) => {
                header.insert_header(TRANSFER_ENCODING, HeaderValue::from_static("chunked"))?;
            }
            // A stream of HTTP/2 has an end of its own; before HTTP/1.1 a close is the end.
            (None, Version::HTTP_2) => {}
            (None, _) => session.set_keepalive(None),
        }
        record.status = status.as_u16();
        record.upstream_status = Some(record.status);
        reply::sign(&mut header, record)?;
        reply::taken(session.write_response_header(Box::new(header))).await?;
        Ok(bare)
    }
}

/// Says that nothing was read of an answer, the first time: whoever asks for such lists does so again and again.
fn unread(request_id: &str) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        warn!(
            "the answer to request {request_id} is longer than {} MiB: what it tells of jobs is not read, and nothing is settled by it; see that clients ask for fewer jobs at once ($top). This is not said again",
            TOLD_BYTES >> 20
        );
    });
}

/// Work that ends with the client: a stream of HTTP/2 tells when it is reset, a connection of HTTP/1 only when it is written to.
async fn while_there<T>(session: &mut Session, work: impl Future<Output = Result<T, Cut>>) -> Result<T, Cut> {
    let Some(gone) = session.watch_h2_stream_close() else { return work.await };
    tokio::select! {
        biased;
        done = work => done,
        _ = gone => Err(Cut::Client(Error::explain(ErrorType::ConnectionClosed, "the client has reset its stream"))),
    }
}

impl Time {
    async fn bound<T>(self, work: impl Future<Output = pingora::Result<T>>) -> Result<T, Cut> {
        let left = self.limit.saturating_sub(clock::now().saturating_duration_since(self.began));
        let late = |_| Error::explain(ErrorType::ReadTimedout, "the whole answer took too long");
        timeout(left, work).await.map_err(late).flatten().map_err(Cut::Upstream)
    }
}
