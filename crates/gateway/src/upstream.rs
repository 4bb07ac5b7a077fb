//! Where upstream is: its addresses, looked up again and again, and how to connect to it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
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

    /// Whether it is reached over TLS.
    pub(crate) const fn is_tls(&self) -> bool {
        self.settings.tls
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
        let (used, others): (Vec<_>, Vec<_>) =
            found.partition(|address| !self.settings.public_only || is_public(address.ip()));
        if used.is_empty() {
            return Err(match others.first() {
                Some(other) => format!("the name leads to {}, and upstream.public_only is set", other.ip()),
                None => "the name has no address".to_owned(),
            });
        }
        let peers = used.into_iter().map(|address| Arc::new(self.peer_at(address))).collect();
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

/// Whether anybody may be reached by it: not this machine, a private network, a link, or a group; nor where it stands for an address
/// of that kind.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => {
            let [first, second, third, .., seventh, eighth] = address.segments();
            let embedded = match (first, second) {
                // By a translator (NAT64), a relay (6to4), or as it was once written.
                (0x64, 0xff9b) | (0, 0) => Some([seventh, eighth]),
                (0x2002, _) => Some([second, third]),
                _ => None,
            };
            if let Some([high, low]) = embedded {
                return is_public_v4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)));
            }
            // The last was for sites, before the others were.
            !(address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_multicast()
                || first & 0xffc0 == 0xfec0)
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_special = match first {
        0 | 240.. => true,
        100 => (64..128).contains(&second),
        192 => second == 0 && third == 0,
        198 => matches!(second, 18 | 19),
        _ => false,
    };
    !(is_special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_not_public() {
        let is_public = |text: &str| is_public(text.parse().unwrap());
        for near in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::a00:1",
            "2002:a00:1::1",
            "::10.0.0.1",
            "fec0::1",
            "192.0.0.8",
            "198.19.0.1",
            "240.0.0.1",
        ] {
            assert!(!is_public(near), "{near}");
        }
        for far in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "2600:9000::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(far), "{far}");
        }
    }
}
