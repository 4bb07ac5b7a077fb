//! Where upstream is: its addresses, looked up again and again, and how to connect to it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::StatusCode;
use pingora::protocols::ALPN;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};

use crate::config;

/// Upstream, as both ways to it see it.
#[derive(Debug)]
pub(crate) struct Upstream {
    settings: config::Upstream,
    peers: ArcSwap<Vec<Arc<HttpPeer>>>,
    current: AtomicUsize,
}

impl Upstream {
    /// Not looked up yet.
    pub(crate) fn new(settings: config::Upstream) -> Self {
        Self { settings, peers: ArcSwap::default(), current: AtomicUsize::new(0) }
    }

    /// The value of Host.
    pub(crate) fn authority(&self) -> &str {
        &self.settings.authority
    }

    /// How long an exchange may take in all.
    pub(crate) fn response_timeout(&self) -> Duration {
        self.settings.response_timeout
    }

    /// Whether an answer says that nothing was done.
    pub(crate) fn refuses(&self, status: StatusCode) -> bool {
        status.is_client_error() || self.settings.nothing_done.contains(&status.as_u16())
    }

    /// Looks the name up. Blocks.
    ///
    /// # Errors
    /// When it leads nowhere; the addresses known before stay in use.
    pub(crate) fn look_up(&self) -> Result<(), String> {
        let found = (self.settings.host.as_str(), self.settings.port)
            .to_socket_addrs()
            .map_err(|error| error.to_string())?;
        let peers: Vec<_> = found.map(|address| Arc::new(self.peer_at(address))).collect();
        if peers.is_empty() {
            return Err("the name has no address".to_owned());
        }
        self.peers.store(Arc::new(peers));
        Ok(())
    }

    /// Whether an address is known.
    pub(crate) fn is_known(&self) -> bool {
        !self.peers.load().is_empty()
    }

    /// How to connect now.
    pub(crate) fn peer(&self) -> Option<Arc<HttpPeer>> {
        let peers = self.peers.load();
        let index = self.current.load(Ordering::Relaxed).checked_rem(peers.len())?;
        peers.get(index).cloned()
    }

    /// No connection was to be had: the next request tries the next address.
    pub(crate) fn failed(&self) {
        self.current.fetch_add(1, Ordering::Relaxed);
    }

    fn peer_at(&self, address: SocketAddr) -> HttpPeer {
        let settings = &self.settings;
        // INVARIANT: the configuration has no empty host; with an empty name, certificates would not be verified.
        let mut peer = HttpPeer::new(address, settings.tls, settings.host.clone());
        let options = &mut peer.options;
        options.connection_timeout = Some(settings.connect_timeout);
        options.total_connection_timeout = Some(settings.connect_timeout);
        options.read_timeout = Some(settings.response_timeout);
        options.write_timeout = Some(settings.response_timeout);
        options.idle_timeout = Some(settings.pool_idle);
        options.alpn = ALPN::H1;
        options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
        options.verify_cert = true;
        options.verify_hostname = true;
        peer
    }
}
