//! A connection of HTTP/2, whose requests run at one time. The library underneath has this loop, too, but tells nobody of the requests
//! that it refuses in it, and writes an error for every client that leaves before it has begun.

use std::sync::Arc;
use std::time::Duration;

use log::debug;
use pingora::apps::HttpServerApp as _;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Accept, HttpSession, handshake};
use pingora::protocols::{Digest, GetProxyDigest as _, GetSocketDigest as _, GetTimingDigest as _, Ssl as _};
use pingora::server::ShutdownWatch;
use tokio::sync::watch;
use tokio::time::sleep;

use super::Door;
use super::unread::Unread;
use super::watched::Watched;
use crate::clock;

/// Requests that a connection may have refused before anybody here sees them. As many, and it ends.
const FAULTY: u8 = 32;

impl Door {
    /// Serves requests until the client leaves, stands still or is too often wrong. When it is told to stop, it says so and serves what
    /// was on its way.
    pub(super) async fn serve_streams(&self, connection: Box<Watched>, stop: &ShutdownWatch) {
        let digest = Arc::new(Digest {
            ssl_digest: connection.get_ssl_digest(),
            timing_digest: connection.get_timing_digest(),
            proxy_digest: connection.get_proxy_digest(),
            socket_digest: connection.get_socket_digest(),
        });
        let mut connection = match handshake(connection, self.proxy.h2_options()).await {
            Ok(connection) => connection,
            Err(error) => return debug!("a client's HTTP/2: {error}"),
        };
        let (mut stopping, mut stopped, mut faulty) = (stop.clone(), false, 0);
        let open = Arc::new(watch::Sender::new(0));
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stopping.changed(), if !stopped => {
                    connection.graceful_shutdown();
                    stopped = true;
                    continue;
                }
                accepted = HttpSession::from_h2_conn(&mut connection, Arc::clone(&digest)) => accepted,
                () = stands_still(&open, self.limits.keep_alive), if !stopped => return,
            };
            match accepted {
                Ok(Some(H2Accept::Session(session))) => {
                    let (proxy, stop, one) = (Arc::clone(&self.proxy), stop.clone(), Open::new(&open));
                    tokio::spawn(async move {
                        let _one = one;
                        proxy.process_new_http(ServerSession::new_http2(session), &stop).await;
                    });
                }
                Ok(Some(H2Accept::Rejected)) => {
                    Unread::Malformed.count(clock::now(), &self.limits, &self.metrics, &self.log);
                    faulty += 1;
                    if faulty == FAULTY {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => return debug!("a connection of HTTP/2 ends: {error}"),
            }
        }
    }
}

/// Returns when no request has been under way for so long.
async fn stands_still(open: &watch::Sender<usize>, patience: Duration) {
    let _ = open.subscribe().wait_for(|open| *open == 0).await;
    sleep(patience).await;
}

/// A request that is under way.
struct Open(Arc<watch::Sender<usize>>);

impl Open {
    fn new(of: &Arc<watch::Sender<usize>>) -> Self {
        of.send_modify(|open| *open = open.saturating_add(1));
        Self(Arc::clone(of))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open = open.saturating_sub(1));
    }
}
