//! Where connections come in: counts them, bounds how long a request's header may take as a whole, has the framing of bodies
//! followed, and answers where a header is none. The proxy underneath times single reads only, so that a client could send one
//! byte a minute for ever; and to what it cannot parse it gives an empty answer that nobody counts.

use std::any::Any;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpServerApp, ServerApp};
use pingora::http::ResponseHeader;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::TlsRef;
use pingora::protocols::tls::digest::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType,
};
use pingora::proxy::{HttpProxy, Session};
use pingora::server::ShutdownWatch;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep, timeout};

use crate::access_log::AccessLog;
use crate::capacity::Share;
use crate::config::Limits;
use crate::connections::Requests;
use crate::framing::Framing;
use crate::gate::Gate;
use crate::life::Life;
use crate::metrics::Metrics;
use crate::unread::Unread;

/// Bytes with which a connection of HTTP/2 begins.
const PREFACE: usize = 24;

/// Takes connections and gives them to the proxy.
pub(crate) struct Door {
    pub(crate) proxy: Arc<HttpProxy<Gate>>,
    pub(crate) life: Arc<Life>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) log: Arc<AccessLog>,
    pub(crate) limits: Limits,
}

#[async_trait]
impl ServerApp for Door {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let Some(share) = self.life.connections.take(1) else {
            // An answer would cost more than the connection is worth: whoever opens this many does not listen.
            self.metrics.connection_refused();
            return None;
        };
        // Streams of HTTP/2 are timed and framed by its own library; only its connection is counted.
        let is_http2 = matches!(stream.selected_alpn_proto(), Some(ALPN::H2));
        let told = Arc::new(Told {
            turns: AtomicU32::new(u32::from(is_http2)),
            misframed: AtomicU32::new(0),
            requests: Requests::new(&self.limits),
        });
        let watched = Watched {
            inner: stream,
            told: Arc::clone(&told),
            framing: (!is_http2).then(Framing::default),
            preface: if is_http2 { PREFACE } else { 0 },
            turn: 0,
            deadline: None,
            begun: false,
            head_timeout: self.limits.head_timeout,
            refusal: None,
            metrics: Arc::clone(&self.metrics),
            log: Arc::clone(&self.log),
            _share: share,
        };
        if !is_http2 && !self.proxy.server_options.as_ref().is_some_and(|options| options.h2c) {
            return self.proxy.process_new(Box::new(watched), shutdown).await;
        }
        let (end, ending) = watch::channel(*shutdown.borrow());
        tokio::select! {
            biased;
            // First, so that an answer is written before the goodbye behind it.
            stream = self.proxy.process_new(Box::new(watched), &ending) => stream,
            () = told.requests.over(end, shutdown.clone(), self.limits.keep_alive) => None,
        }
    }

    async fn cleanup(&self) {
        self.life.close();
        self.proxy.http_cleanup().await;
    }
}

/// Tells the connection of a session that a request's header is complete. Requests of HTTP/2 overlap: they are only counted.
pub(crate) fn begin(session: &Session) {
    let Some(told) = told(session) else { return };
    if session.is_http2() {
        told.requests.begin();
    } else {
        told.turns.fetch_add(1, Ordering::Relaxed);
    }
}

/// Tells it that the request is over, and that another header may come.
pub(crate) fn end(session: &Session) {
    let Some(told) = told(session) else { return };
    if session.is_http2() {
        told.requests.end();
    } else {
        told.turns.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether the framing of this request's body is not strictly what it must be, as far as it was read.
pub(crate) fn is_misframed(session: &Session) -> bool {
    let told = told(session).filter(|_| !session.is_http2());
    told.is_some_and(|told| told.is_misframed(told.turns.load(Ordering::Relaxed)))
}

fn told(session: &Session) -> Option<&Told> {
    let digest = session.as_downstream().digest()?.proxy_digest.as_ref()?;
    digest.user_data.as_ref()?.downcast_ref::<Arc<Told>>().map(Arc::as_ref)
}

/// What a connection and the sessions on it tell each other.
#[derive(Debug)]
struct Told {
    /// Counts headers' and requests' ends. Even: a header is awaited; odd: a request is under way.
    turns: AtomicU32,
    /// The turn of the request that is framed as none must be; 0 while there is none. Several may come in one piece: those
    /// before it are good, and behind it nothing is.
    misframed: AtomicU32,
    requests: Requests,
}

impl Told {
    fn is_misframed(&self, turn: u32) -> bool {
        let from = self.misframed.load(Ordering::Relaxed);
        from != 0 && from <= turn
    }
}

/// A connection whose headers are timed and whose bodies' framing is followed.
struct Watched {
    inner: Stream,
    told: Arc<Told>,
    /// None where the connection is HTTP/2.
    framing: Option<Framing>,
    /// Bytes that are still to come before the library of HTTP/2 keeps time itself.
    preface: usize,
    /// The turn that the two below belong to. Requests that came in one piece pass without a read between them.
    turn: u32,
    deadline: Option<Pin<Box<Sleep>>>,
    /// A header has begun: its first byte is here.
    begun: bool,
    head_timeout: Duration,
    /// What is written in place of the proxy's own answer, and how much of it is.
    refusal: Option<(Vec<u8>, usize)>,
    metrics: Arc<Metrics>,
    log: Arc<AccessLog>,
    _share: Share,
}

impl Watched {
    /// Whether what is written now can only be the proxy's answer to a header that it could not parse.
    fn awaits_a_header(&self) -> bool {
        self.told.turns.load(Ordering::Relaxed).is_multiple_of(2)
    }

    /// Reads, and has the framing followed.
    fn read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if let (Some(framing), Some(new)) = (&mut self.framing, buffer.filled().get(before..))
            && framing.follow(new).is_err()
        {
            let turn = framing.heads().saturating_mul(2).saturating_sub(1);
            self.told.misframed.store(turn, Ordering::Relaxed);
        }
        read
    }

    /// Writes our answer, as far as the client takes it.
    fn write_refusal(&mut self, context: &mut Context<'_>, no: Unread) -> Poll<io::Result<()>> {
        let (metrics, log) = (&self.metrics, &self.log);
        let (bytes, written) = self.refusal.get_or_insert_with(|| (no.answered(metrics, log), 0));
        while let Some(rest) = bytes.get(*written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.inner).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => *written = written.saturating_add(more),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The time of a header is over: says so, as far as the client listens, and in a protocol that is its.
    fn too_slow(&mut self, context: &mut Context<'_>) -> io::Error {
        if self.framing.is_some() {
            let _ = self.write_refusal(context, Unread::TooSlow);
            let _ = Pin::new(&mut self.inner).poll_flush(context);
        }
        io::Error::new(io::ErrorKind::TimedOut, "the request header did not arrive in time")
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let turn = self.told.turns.load(Ordering::Relaxed);
        if self.turn != turn {
            self.turn = turn;
            self.begun = false;
            self.deadline = None;
        }
        if self.told.is_misframed(turn) {
            let why = "the framing of the body is malformed";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
        if !turn.is_multiple_of(2) && self.preface == 0 {
            return self.read(context, buffer);
        }
        let filled = buffer.filled().len();
        if let Poll::Ready(result) = self.read(context, buffer) {
            self.begun |= buffer.filled().len() > filled;
            self.preface = self.preface.saturating_sub(buffer.filled().len().saturating_sub(filled));
            if !self.begun || result.is_err() {
                return Poll::Ready(result);
            }
            // A header that comes in one piece never arms the timer; one that comes in pieces must not outrun it.
            let Some(deadline) = &mut self.deadline else { return Poll::Ready(result) };
            if deadline.as_mut().poll(context).is_pending() {
                return Poll::Ready(result);
            }
            return Poll::Ready(Err(self.too_slow(context)));
        }
        // Between two requests the proxy keeps the time; before the first of HTTP/2 nobody else does.
        if !self.begun && self.preface == 0 {
            return Poll::Pending;
        }
        let limit = self.head_timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Err(self.too_slow(context)))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.awaits_a_header() {
            return Pin::new(&mut self.inner).poll_write(context, bytes);
        }
        let no = if bytes.starts_with(b"HTTP/1.1 405") { Unread::Connect } else { Unread::Malformed };
        ready!(self.write_refusal(context, no))?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.awaits_a_header() {
            let first = pieces.iter().find(|piece| !piece.is_empty()).map_or(&[][..], |piece| piece);
            return self.poll_write(context, first);
        }
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[async_trait]
impl Shutdown for Watched {
    async fn shutdown(&mut self) {
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

/// The one field of a connection's record that takes data of ours: it carries the count to the session.
impl GetProxyDigest for Watched {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        let told: Box<dyn Any + Send + Sync> = Box::new(Arc::clone(&self.told));
        let header = ResponseHeader::build(200_u16, None).ok()?;
        Some(Arc::new(ProxyDigest::new(Box::new(header), Some(told))))
    }
}

impl GetSocketDigest for Watched {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_socket_digest()
    }
}

#[async_trait]
impl Peek for Watched {
    async fn try_peek(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        // The proxy waits for as many bytes as a preface has, without an end.
        let peeking = timeout(self.head_timeout, self.inner.try_peek(buffer));
        let peeked = peeking.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if peeked && buffer.starts_with(b"PRI * HTTP/2.0") {
            // As for every connection of HTTP/2: nothing of it is timed or answered here.
            self.told.turns.store(1, Ordering::Relaxed);
            self.framing = None;
        }
        Ok(peeked)
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("limits", &self.limits).finish_non_exhaustive()
    }
}
