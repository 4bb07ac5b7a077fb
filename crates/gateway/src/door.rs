//! Where connections come in: counts them, and serves one request after the other on each. Between two requests a connection is all
//! that is kept of it: what a request takes, some 13 KiB, is taken when the next one begins.

mod held;
pub(crate) mod secured;
mod streams;
mod told;
mod unread;
mod watched;

use std::fmt;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpPersistentSettings, HttpServerApp as _, ServerApp};
use pingora::listeners::tls::Acceptor;
use pingora::protocols::http::ServerSession;
use pingora::protocols::{ALPN, IO, Stream};
use pingora::server::ShutdownWatch;
use pingora::time::timeout;
use tokio::sync::watch;

use crate::access_log::AccessLog;
use crate::config::Limits;
use crate::life::Life;
use crate::metrics::Metrics;
use crate::proxy::Proxy;
use crate::rates::network;

pub(crate) use self::told::{begin, end, is_misframed};
use self::watched::Watched;

/// How long a connection may be open before its first request begins, if no longer than between two of them.
const FIRST: Duration = Duration::from_secs(60);

/// Takes connections and gives them to the proxy.
pub(crate) struct Door {
    pub(crate) proxy: Arc<Proxy>,
    /// Where the listener has a certificate.
    pub(crate) tls: Option<Acceptor>,
    pub(crate) life: Arc<Life>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) log: Arc<AccessLog>,
    pub(crate) limits: Limits,
}

#[async_trait]
impl ServerApp for Door {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let address =
            stream.get_socket_digest().and_then(|digest| digest.peer_addr()?.as_inet().map(SocketAddr::ip));
        let whose = address.map_or(0, network);
        let share = self.life.connections.take(1).zip(self.life.addresses.take(whose));
        let Some((share, _one)) = share else {
            // An answer would cost more than the connection is worth: whoever opens this many does not listen.
            self.metrics.connection_refused();
            return None;
        };
        let stream = match &self.tls {
            None => stream,
            Some(acceptor) => {
                let mut stopping = shutdown.clone();
                // On the heap: what a handshake takes would be kept for as long as there is a connection.
                let secured = Box::pin(secured::secured(acceptor, stream, self.limits.head_timeout));
                let secured = tokio::select! {
                    secured = secured => secured,
                    _ = stopping.wait_for(|stopping| *stopping) => return None,
                };
                let Some(secured) = secured else {
                    self.metrics.handshake_failed();
                    return None;
                };
                secured
            }
        };
        // Streams of HTTP/2 are timed and framed by its own library; only its connection is counted.
        let mut is_http2 = matches!(stream.selected_alpn_proto(), Some(ALPN::H2));
        let mut watched = Box::new(Watched::new(stream, is_http2, self, share));
        if self.tls.is_none() && self.proxy.options.h2c {
            let mut stopping = shutdown.clone();
            is_http2 = tokio::select! {
                begins = watched.begins_http2() => begins.ok()?,
                _ = stopping.wait_for(|stopping| *stopping) => return None,
            };
        }
        if !is_http2 {
            self.serve(watched, shutdown).await;
            return None;
        }
        let told = watched.told();
        let (end, ending) = watch::channel(*shutdown.borrow());
        tokio::select! {
            biased;
            // First, so that an answer is written before the goodbye behind it. On the heap, as it is not for HTTP/1.
            () = Box::pin(self.serve_streams(watched, &ending)) => {}
            () = told.requests.over(end, shutdown.clone(), self.limits.keep_alive) => {}
        }
        None
    }

    async fn cleanup(&self) {
        self.life.close();
    }
}

impl Door {
    /// Serves requests of HTTP/1 until one of them, the client or the gateway ends it.
    async fn serve(&self, mut connection: Box<Watched>, shutdown: &ShutdownWatch) {
        let mut stopping = shutdown.clone();
        let mut stopping = pin!(async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        });
        let mut patience = FIRST.min(self.limits.keep_alive);
        let mut kept = None;
        loop {
            let begun = poll_fn(|context| match connection.poll_begun(context) {
                // Nothing was asked, so nothing is lost.
                Poll::Pending => stopping.as_mut().poll(context).map(|()| false),
                begun @ Poll::Ready(_) => begun,
            });
            if !timeout(patience, begun).await.unwrap_or(false) {
                return;
            }
            let mut session = ServerSession::new_http1(connection);
            if let Some(kept) = kept.take() {
                HttpPersistentSettings::apply_to_session(kept, &mut session);
            } else {
                let options = self.proxy.server_options();
                session.set_keepalive_reuses_remaining(
                    options.and_then(|options| options.keepalive_request_limit),
                );
            }
            // A request has begun, and its time is kept below: the library would end it without a word.
            session.set_keepalive(Some(self.limits.head_timeout.saturating_add(FIRST).as_secs()));
            let Some(reused) = self.proxy.process_new_http(session, shutdown).await else { return };
            let (stream, settings) = reused.consume();
            // INVARIANT: it is the connection that was given to the session.
            let Ok(same) = IO::into_any(stream).downcast() else { return };
            connection = same;
            kept = settings;
            patience = self.limits.keep_alive;
        }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("limits", &self.limits).finish_non_exhaustive()
    }
}
