//! Answers where a header is none: to what it cannot parse the proxy underneath gives an empty answer that nobody counts.

use std::future::Future as _;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::access_log::AccessLog;
use crate::clock;
use crate::config::Limits;
use crate::metrics::Metrics;
use crate::outcome::Decision;
use crate::phase::meter::{Record, meter};
use crate::rejection::{Fault, Rejection};
use crate::reply::Reply;
use crate::request_id;

/// How much of what a client goes on to send is read away, so that it can hear the answer, and for how long.
const READ_AWAY: usize = 1 << 20;
const READ_AWAY_FOR: Duration = Duration::from_millis(500);
/// As much of it at once.
const PIECE: usize = 8 << 10;

/// Why a header never became a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unread {
    TooSlow,
    /// Its first line alone is more than all of it may be.
    LineTooLong,
    /// It is more than it may be, and not at its end.
    TooLarge,
    Malformed,
    /// CONNECT, which makes a tunnel.
    Connect,
}

impl Unread {
    fn reply(self, limits: &Limits) -> Reply {
        match self {
            Self::TooSlow => Reply::error(
                StatusCode::REQUEST_TIMEOUT,
                "RequestTimeout",
                "The request header did not arrive in time.",
            ),
            Self::LineTooLong => Reply::from(&Rejection::UriTooLong(limits.target_bytes)),
            Self::TooLarge => Reply::from(&Rejection::HeadersTooLarge(limits.head_bytes, limits.head_fields)),
            Self::Malformed => {
                Reply::from(&Rejection::BadRequest(Fault::Framing("its header cannot be parsed")))
            }
            Self::Connect => Reply::error(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "This gateway makes no tunnels.",
            ),
        }
    }

    /// Counts and logs a header that began to come then; says how it is answered, and under which id.
    pub(super) fn count(
        self,
        began: Instant,
        limits: &Limits,
        metrics: &Metrics,
        log: &AccessLog,
    ) -> (Reply, String) {
        let reply = self.reply(limits);
        let mut record = Record::new(began, clock::date());
        record.seconds.head = Some(clock::now().saturating_duration_since(began));
        record.request_id = request_id::fresh();
        record.method = None;
        record.decision = Some(Decision::Refused);
        record.status = reply.status.as_u16();
        record.code = reply.code;
        meter(&record, metrics, log);
        (reply, record.request_id)
    }

    /// The answer to a header that began to come then; counted and logged.
    pub(super) fn answered(
        self,
        began: Instant,
        limits: &Limits,
        metrics: &Metrics,
        log: &AccessLog,
    ) -> Refusal {
        let (Reply { status, body, .. }, request_id) = self.count(began, limits, metrics, log);
        let allow = if matches!(self, Self::Connect) { "allow: GET, POST, PATCH, DELETE\r\n" } else { "" };
        let mut bytes = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{allow}\
             x-jobgate-decision: refused\r\nx-request-id: {request_id}\r\nconnection: close\r\n\r\n",
            body.len(),
        )
        .into_bytes();
        bytes.extend_from_slice(&body);
        // Who was too slow has had his time.
        let left = if matches!(self, Self::TooSlow) { 0 } else { READ_AWAY };
        Refusal { bytes, written: 0, left, until: None }
    }
}

/// An answer on its way, and what is read away behind it.
#[derive(Debug)]
pub(super) struct Refusal {
    bytes: Vec<u8>,
    written: usize,
    left: usize,
    until: Option<Pin<Box<Sleep>>>,
}

impl Refusal {
    /// Writes it, as far as the client takes it.
    pub(super) fn poll_write(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self.bytes.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut *to).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => self.written = self.written.saturating_add(more),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads away what the client goes on to send: a socket that is closed with unread bytes is reset, and the reset may overtake
    /// the answer.
    pub(super) fn poll_read_away(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<()> {
        while self.left > 0 {
            let mut room = [MaybeUninit::<u8>::uninit(); PIECE];
            let mut read = ReadBuf::uninit(&mut room);
            match Pin::new(&mut *from).poll_read(context, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    self.left = self.left.saturating_sub(read.filled().len());
                }
                Poll::Ready(_) => self.left = 0,
                Poll::Pending => {
                    let until = self.until.get_or_insert_with(|| Box::pin(sleep(READ_AWAY_FOR)));
                    ready!(until.as_mut().poll(context));
                    self.left = 0;
                }
            }
        }
        Poll::Ready(())
    }
}
