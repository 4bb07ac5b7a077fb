//! A connection that is watched: bounds how long a request's header may take as a whole, has the framing of bodies followed, and
//! sends the header of an answer together with what follows it. The proxy underneath times single reads only, so that a client
//! could send one byte a minute for ever.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::TlsRef;
use pingora::protocols::tls::digest::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep, timeout};

use super::Door;
use super::held::Held;
use super::told::Told;
use super::unread::{Refusal, Unread};
use crate::access_log::AccessLog;
use crate::capacity::Share;
use crate::clock;
use crate::config::Limits;
use crate::framing::Framing;
use crate::metrics::Metrics;

/// What a connection of HTTP/2 begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The most of a request that is read before the proxy is asked to: most jobs, and so in one call. The proxy itself would read 4 KiB
/// at first.
const BEGINNING: usize = 16 << 10;

/// The most that is read at once. The proxy's library has a buffer of 64 KiB for it, of which only what was written to takes room, and
/// that until the request is over.
const PIECE: u16 = 8 << 10;

/// A connection whose headers are timed and whose bodies' framing is followed.
pub(super) struct Watched {
    inner: Stream,
    told: Arc<Told>,
    digest: Option<Arc<ProxyDigest>>,
    /// None where the connection is HTTP/2.
    framing: Option<Framing>,
    /// Bytes that are still to come before the library of HTTP/2 keeps time itself.
    preface: usize,
    /// The turn that the two below belong to. Requests that came in one piece pass without a read between them.
    turn: u32,
    deadline: Option<Pin<Box<Sleep>>>,
    /// A header has begun: its first byte is here.
    begun: bool,
    /// What was read before the proxy asked for it.
    beginning: Vec<u8>,
    held: Held,
    limits: Limits,
    /// What is written in place of the proxy's own answer.
    refusal: Option<Refusal>,
    metrics: Arc<Metrics>,
    log: Arc<AccessLog>,
    _share: Share,
}

impl Watched {
    pub(super) fn new(inner: Stream, is_http2: bool, door: &Door, share: Share) -> Self {
        let told = Told::new(is_http2, &door.limits);
        Self {
            inner,
            digest: told.digest(),
            told,
            framing: (!is_http2).then(Framing::default),
            preface: if is_http2 { PREFACE.len() } else { 0 },
            turn: 0,
            deadline: None,
            begun: false,
            beginning: Vec::new(),
            held: Held::default(),
            limits: door.limits,
            refusal: None,
            metrics: Arc::clone(&door.metrics),
            log: Arc::clone(&door.log),
            _share: share,
        }
    }

    /// What it and its sessions tell each other.
    pub(super) fn told(&self) -> Arc<Told> {
        Arc::clone(&self.told)
    }

    /// Whether it begins as a connection of HTTP/2 does; from then on nothing of it is timed or answered here.
    ///
    /// # Errors
    /// When less than that comes in time.
    pub(super) async fn begins_http2(&mut self) -> io::Result<bool> {
        let mut beginning = [0; PREFACE.len()];
        let peeking = timeout(self.limits.head_timeout, self.inner.try_peek(&mut beginning));
        let peeked = peeking.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let is_http2 = peeked && beginning == *PREFACE;
        if is_http2 {
            self.told.is_http2();
            self.framing = None;
        }
        Ok(is_http2)
    }

    /// Whether the next request has begun; false where none will. Nothing is kept for it until then.
    pub(super) fn poll_begun(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        if !self.beginning.is_empty() || self.has_read_ahead() {
            return Poll::Ready(true);
        }
        let mut room = [MaybeUninit::<u8>::uninit(); BEGINNING];
        let mut read = ReadBuf::uninit(&mut room);
        if ready!(Pin::new(&mut self.inner).poll_read(context, &mut read)).is_err() {
            return Poll::Ready(false);
        }
        self.beginning.extend_from_slice(read.filled());
        Poll::Ready(!self.beginning.is_empty())
    }

    /// Whether more than the requests so far was read: the rest is with the proxy.
    fn has_read_ahead(&self) -> bool {
        let turn = self.told.turn();
        self.framing.as_ref().is_some_and(|framing| !framing.is_between(turn))
    }

    /// Whether what is written now can only be the proxy's answer to a header that it could not parse.
    fn awaits_a_header(&self) -> bool {
        self.told.turn().is_multiple_of(2)
    }

    /// Reads, and has the framing followed.
    fn follow(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = if self.beginning.is_empty() {
            // Through this nothing is filled with zeros first.
            Pin::new(&mut (&mut self.inner).take(PIECE.into())).poll_read(context, buffer)
        } else {
            let fits = self.beginning.len().min(buffer.remaining()).min(PIECE.into());
            buffer.put_slice(self.beginning.get(..fits).unwrap_or_default());
            self.beginning.drain(..fits);
            if self.beginning.is_empty() {
                self.beginning = Vec::new();
            }
            Poll::Ready(Ok(()))
        };
        if let (Some(framing), Some(new)) = (&mut self.framing, buffer.filled().get(before..))
            && framing.follow(new).is_err()
        {
            self.told.misframe(framing.heads().saturating_mul(2).saturating_sub(1));
        }
        read
    }

    /// Writes our answer, as far as the client takes it.
    fn write_refusal(&mut self, context: &mut Context<'_>, no: Unread) -> Poll<io::Result<()>> {
        let Self { told, limits, metrics, log, .. } = self;
        let refusal = self.refusal.get_or_insert_with(|| {
            let began = told.waited().unwrap_or_else(clock::now);
            no.answered(began, limits, metrics, log)
        });
        refusal.poll_write(&mut self.inner, context)
    }

    /// The time of a header is over, or its room: says so, as far as the client listens, and in a protocol that is its.
    fn end(&mut self, context: &mut Context<'_>, no: Unread) -> io::Error {
        if self.framing.is_some() {
            let _ = self.write_refusal(context, no);
            let _ = Pin::new(&mut self.inner).poll_flush(context);
        }
        io::Error::new(io::ErrorKind::TimedOut, "the request header did not arrive in time, or in its room")
    }

    /// What a header is that has more bytes than it may have, and no end: the proxy would take a megabyte of it.
    fn is_too_large(&self) -> Option<Unread> {
        let framing = self.framing.as_ref()?;
        if framing.unended(self.turn) <= self.limits.head_bytes {
            return None;
        }
        Some(if framing.is_in_request_line() { Unread::LineTooLong } else { Unread::TooLarge })
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let turn = self.told.turn();
        if self.turn != turn {
            self.turn = turn;
            // What came with the request before is read already.
            self.begun = self.has_read_ahead();
            self.deadline = None;
        }
        if self.told.is_misframed(turn) {
            let why = "the framing of the body is malformed";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
        if !turn.is_multiple_of(2) && self.preface == 0 {
            return self.follow(context, buffer);
        }
        let filled = buffer.filled().len();
        if let Poll::Ready(result) = self.follow(context, buffer) {
            let new = buffer.filled().len().saturating_sub(filled);
            self.begun |= new > 0;
            self.preface = self.preface.saturating_sub(new);
            if !self.begun || result.is_err() {
                return Poll::Ready(result);
            }
            if let Some(no) = self.is_too_large() {
                return Poll::Ready(Err(self.end(context, no)));
            }
            // A header that comes in one piece never arms the timer; one that comes in pieces must not outrun it.
            let Some(deadline) = &mut self.deadline else { return Poll::Ready(result) };
            if deadline.as_mut().poll(context).is_pending() {
                return Poll::Ready(result);
            }
            return Poll::Ready(Err(self.end(context, Unread::TooSlow)));
        }
        // Between two requests the proxy keeps the time; before the first of HTTP/2 nobody else does.
        if !self.begun && self.preface == 0 {
            return Poll::Pending;
        }
        let (limit, told) = (self.limits.head_timeout, Arc::clone(&self.told));
        let deadline = self.deadline.get_or_insert_with(|| {
            told.waits(clock::now());
            Box::pin(sleep(limit))
        });
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Err(self.end(context, Unread::TooSlow)))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.awaits_a_header() {
            let no = if bytes.starts_with(b"HTTP/1.1 405") { Unread::Connect } else { Unread::Malformed };
            ready!(this.write_refusal(context, no))?;
            return Poll::Ready(Ok(bytes.len()));
        }
        if this.framing.is_none() {
            return Pin::new(&mut this.inner).poll_write(context, bytes);
        }
        this.held.poll_write(this.told.turn(), &mut this.inner, context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.held.poll_out(&mut this.inner, context))?;
        Pin::new(&mut this.inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.held.poll_out(&mut this.inner, context))?;
        ready!(Pin::new(&mut this.inner).poll_shutdown(context))?;
        let Some(refusal) = &mut this.refusal else { return Poll::Ready(Ok(())) };
        refusal.poll_read_away(&mut this.inner, context).map(Ok)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.awaits_a_header() {
            let first = pieces.iter().find(|piece| !piece.is_empty()).map_or(&[][..], |piece| piece);
            return self.poll_write(context, first);
        }
        let this = self.get_mut();
        ready!(this.held.poll_out(&mut this.inner, context))?;
        Pin::new(&mut this.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[async_trait]
impl Shutdown for Watched {
    async fn shutdown(&mut self) {
        let _ = poll_fn(|context| self.held.poll_out(&mut self.inner, context)).await;
        self.inner.shutdown().await;
    }
}

impl UniqueID for Watched {
    fn id(&self) -> UniqueIDType {
        self.inner.id()
    }
}

impl Ssl for Watched {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.inner.get_ssl()
    }

    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.inner.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.inner.selected_alpn_proto()
    }
}

impl GetTimingDigest for Watched {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_timing_digest()
    }

    fn get_read_pending_time(&self) -> Duration {
        self.inner.get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> Duration {
        self.inner.get_write_pending_time()
    }
}

impl GetProxyDigest for Watched {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.digest.clone()
    }
}

impl GetSocketDigest for Watched {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_socket_digest()
    }
}

impl Peek for Watched {}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("inner", &self.inner).finish_non_exhaustive()
    }
}
