//! Where upstream is: its addresses, looked up again and again, how to connect to them, and which of them gave no connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use http::StatusCode;
use parking_lot::Mutex;
use pingora::protocols::ALPN;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy, Peer};

use crate::config;

/// Upstream, as both ways to it see it.
#[derive(Debug)]
pub(crate) struct Upstream {
    settings: config::Upstream,
    /// In the order in which they are tried: as the name tells them, and behind them those that gave no connection.
    peers: ArcSwap<Vec<Arc<HttpPeer>>>,
    /// The addresses that gave none, of which the last one to do so comes last. A look-up changes nothing of that.
    failed: Mutex<Vec<SocketAddr>>,
}

impl Upstream {
    /// Not looked up yet.
    pub(crate) fn new(settings: config::Upstream) -> Self {
        Self { settings, peers: ArcSwap::default(), failed: Mutex::default() }
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
        self.lead_to(found)
    }

    /// What its name leads to from now on.
    ///
    /// # Errors
    /// When none of it is used.
    pub(crate) fn lead_to(&self, found: impl Iterator<Item = SocketAddr>) -> Result<(), String> {
        let (used, others): (Vec<_>, Vec<_>) =
            found.partition(|address| !self.settings.public_only || is_public(address.ip()));
        if used.is_empty() {
            return Err(match others.first() {
                Some(other) => format!("the name leads to {}, and upstream.public_only is set", other.ip()),
                None => "the name has no address".to_owned(),
            });
        }
        let mut addresses = Vec::with_capacity(used.len());
        for address in used {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let patience = self.patience(addresses.len());
        let mut failed = self.failed.lock();
        failed.retain(|address| addresses.contains(address));
        addresses.sort_by_key(|address| failed.iter().position(|other| other == address));
        let peers = addresses.into_iter().map(|address| Arc::new(self.peer_at(address, patience)));
        self.peers.store(Arc::new(peers.collect()));
        Ok(())
    }

    /// How long a connection may take. With another address to turn to it leaves time for that one, and for the answer.
    fn patience(&self, addresses: usize) -> Duration {
        let settings = &self.settings;
        let share = if addresses > 1 { settings.response_timeout / 3 } else { Duration::MAX };
        settings.connect_timeout.min(share)
    }

    /// Whether an address is known.
    pub(crate) fn is_known(&self) -> bool {
        !self.peers.load().is_empty()
    }

    /// How to connect, to one address after another.
    pub(crate) fn peers(&self) -> Guard<Arc<Vec<Arc<HttpPeer>>>> {
        self.peers.load()
    }

    /// An address gave no connection: the others are tried before it. Told by several requests at once, it is what it is told by one.
    pub(crate) fn failed(&self, address: SocketAddr) {
        let mut failed = self.failed.lock();
        let (mut peers, last): (Vec<_>, Vec<_>) =
            self.peers.load().iter().cloned().partition(|peer| address_of(peer) != Some(address));
        if last.is_empty() {
            return;
        }
        peers.extend(last);
        self.peers.store(Arc::new(peers));
        failed.retain(|other| *other != address);
        failed.push(address);
    }

    fn peer_at(&self, address: SocketAddr, patience: Duration) -> HttpPeer {
        let settings = &self.settings;
        // INVARIANT: the configuration has no empty host; with an empty name, certificates would not be verified.
        let mut peer = HttpPeer::new(address, settings.tls, settings.host.clone());
        let options = &mut peer.options;
        options.connection_timeout = Some(patience);
        options.total_connection_timeout = Some(patience);
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

/// Where it leads.
pub(crate) fn address_of(peer: &HttpPeer) -> Option<SocketAddr> {
    // INVARIANT: upstream is looked up in the network; its addresses are never those of a file.
    peer.address().as_inet().copied()
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
    use crate::config::Config;

    fn addresses(text: &str) -> Vec<SocketAddr> {
        text.chars().map(|letter| format!("127.0.0.1:{}", u32::from(letter)).parse().unwrap()).collect()
    }

    /// Addresses are letters here; what is expected is their order.
    #[track_caller]
    fn is_tried(upstream: &Upstream, expected: &str) {
        let order: Vec<_> = upstream.peers().iter().filter_map(|peer| address_of(peer)).collect();
        assert_eq!(order, addresses(expected), "{expected}");
    }

    fn leading_to(text: &str) -> Upstream {
        let config = Config::parse("", std::path::Path::new("."), []).unwrap();
        let upstream = Upstream::new(config.upstream);
        upstream.lead_to(addresses(text).into_iter()).unwrap();
        upstream
    }

    #[test]
    fn an_address_that_gave_no_connection_comes_last_however_many_say_so() {
        let upstream = leading_to("abc");
        let fails = |letter| upstream.failed(*addresses(letter).first().unwrap());
        for (letter, then) in
            [("a", "bca"), ("a", "bca"), ("b", "cab"), ("a", "cba"), ("d", "cba"), ("c", "bac")]
        {
            fails(letter);
            is_tried(&upstream, then);
        }
    }

    #[test]
    fn a_look_up_changes_nothing_of_which_addresses_gave_no_connection() {
        let upstream = leading_to("abc");
        for letter in ["b", "a"] {
            upstream.failed(*addresses(letter).first().unwrap());
        }
        for (found, then) in [("abc", "cba"), ("bac", "cba"), ("abdc", "dcba"), ("ad", "da"), ("abb", "ba")] {
            upstream.lead_to(addresses(found).into_iter()).unwrap();
            is_tried(&upstream, then);
        }
    }

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
