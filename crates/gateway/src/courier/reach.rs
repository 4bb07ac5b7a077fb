//! A connection to upstream: one that rests, or a new one to the first of its addresses that gives one. Nothing of a request is
//! written here, so that trying one address after another sends nothing twice.

use std::sync::Arc;

use log::warn;
use pingora::Error;
use pingora::protocols::Stream;
use pingora::upstreams::peer::HttpPeer;

use super::{Courier, UNRESOLVED};
use crate::clock;
use crate::upstream::address_of;

impl Courier {
    /// One that rests, to the address that is tried first.
    pub(super) fn rested(&self) -> Option<(Stream, Arc<HttpPeer>)> {
        let peer = self.upstream.peers().first().cloned()?;
        Some((self.pool.take(address_of(&peer)?)?, peer))
    }

    /// A new one. Each address is tried once, and none any more when half of the time for the answer is over: each leaves a third of it
    /// to the others, so that the deadline does not come before it is known which of them gave none.
    ///
    /// # Errors
    /// Where none gives a connection: what the last one said.
    pub(super) async fn reach(&self) -> pingora::Result<(Stream, Arc<HttpPeer>)> {
        let (began, enough) = (clock::now(), self.deadline / 2);
        let peers = self.upstream.peers().to_vec();
        let mut fault = None;
        for peer in peers {
            if let Some(fault) = &fault {
                if clock::now().saturating_duration_since(began) >= enough {
                    break;
                }
                warn!("{}: {fault}; the next address is tried", self.upstream.authority());
            }
            match self.connector.new_stream(&*peer).await {
                Ok(stream) => return Ok((stream, peer)),
                Err(error) => fault = Some(error),
            }
            if let Some(address) = address_of(&peer) {
                self.upstream.failed(address);
            }
        }
        let nowhere = || Error::explain(UNRESOLVED, "upstream's name leads to no address");
        Err(fault.unwrap_or_else(nowhere))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use pingora::connectors::ConnectorOptions;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use crate::config::Config;
    use crate::courier::{Courier, Failure, Fate, Outcome, Parcel, Sent};
    use crate::upstream::Upstream;

    const QUICK: &str = "connect_timeout = '200ms'\nresponse_timeout = '10s'";

    /// An upstream of several addresses, of which one serves.
    struct Stage {
        authority: PathBuf,
        good: SocketAddr,
        heard: Arc<AtomicUsize>,
        /// Takes connections and says nothing on them.
        silent: TcpListener,
    }

    impl Stage {
        /// The one that serves answers each request with these bytes, and closes where there are none.
        async fn new(name: &str, answer: &'static [u8]) -> Self {
            let mut authority = CertificateParams::default();
            authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
            let key = KeyPair::generate().unwrap();
            let leaf = CertificateParams::new(vec!["up.test".to_owned()]).unwrap();
            let leaf = leaf.signed_by(&key, &authority).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ServerConfig::builder_with_provider(provider);
            let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let config = config.with_single_cert(vec![leaf.der().clone()], key).unwrap();
            let file = std::env::temp_dir().join(format!("jobgate-reach-{name}-{}.pem", std::process::id()));
            std::fs::write(&file, authority.pem()).unwrap();
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let (good, heard) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
            tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), answer, Arc::clone(&heard)));
            let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            Self { authority: file, good, heard, silent }
        }

        fn silent(&self) -> SocketAddr {
            self.silent.local_addr().unwrap()
        }

        /// Whoever carries requests to these addresses.
        fn courier(&self, settings: &str, addresses: &[SocketAddr]) -> Arc<Courier> {
            let file = self.authority.display();
            let text = format!("[upstream]\nurl = 'https://up.test'\nca_file = '{file}'\n{settings}");
            let settings = Config::parse(&text, Path::new("."), []).unwrap().upstream;
            let mut options = ConnectorOptions::new(8);
            options.ca_file = Some(file.to_string());
            let deadline = settings.response_timeout;
            let upstream = Arc::new(Upstream::new(settings));
            upstream.lead_to(addresses.iter().copied()).unwrap();
            Courier::new(options, upstream, deadline, None)
        }

        fn heard(&self) -> usize {
            self.heard.load(Ordering::SeqCst)
        }
    }

    impl Drop for Stage {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.authority);
        }
    }

    async fn serve(listener: TcpListener, tls: TlsAcceptor, answer: &'static [u8], heard: Arc<AtomicUsize>) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (tls, heard) = (tls.clone(), Arc::clone(&heard));
            tokio::spawn(async move {
                let mut stream = BufReader::new(tls.accept(stream).await?);
                let mut line = String::new();
                while stream.read_line(&mut line).await? > 0 {
                    if line == "\r\n" {
                        heard.fetch_add(1, Ordering::SeqCst);
                        if answer.is_empty() {
                            break;
                        }
                        stream.get_mut().write_all(answer).await?;
                    }
                    line.clear();
                }
                std::io::Result::Ok(())
            });
        }
    }

    const DONE: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";

    fn parcel() -> Parcel {
        Parcel { head: b"POST /x HTTP/1.1\r\nHost: up.test\r\n\r\n".to_vec(), body: Bytes::new() }
    }

    /// An address where nobody listens.
    async fn closed() -> SocketAddr {
        TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap()
    }

    async fn delivered(courier: &Arc<Courier>, times: usize) -> Vec<Outcome> {
        let one = || {
            let courier = Arc::clone(courier);
            tokio::spawn(async move { courier.deliver(parcel(), None).await })
        };
        let tasks: Vec<_> = (0..times).map(|_| one()).collect();
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(task.await.unwrap());
        }
        outcomes
    }

    fn is_served(outcome: &Outcome) -> bool {
        matches!(outcome.fate, Fate::Answered(_)) && outcome.sent == Sent::All
    }

    #[tokio::test]
    async fn a_request_that_one_address_cannot_have_sent_is_served_by_another_one() {
        let stage = Stage::new("next", DONE).await;
        let (closed, silent) = (closed().await, stage.silent());
        for (bad, at_once) in [(closed, 1), (closed, 2), (silent, 1), (silent, 2), (silent, 4)] {
            let before = stage.heard();
            let courier = stage.courier(QUICK, &[bad, stage.good]);
            for _ in 0..3 {
                let outcomes = delivered(&courier, at_once).await;
                assert!(outcomes.iter().all(is_served), "{bad} {at_once}: {outcomes:?}");
            }
            assert_eq!(stage.heard() - before, 3 * at_once, "each of them was sent once");
            let courier = stage.courier(QUICK, &[bad, stage.good]);
            assert_eq!(courier.open(parcel(), false).await.unwrap().status, 201, "{bad}");
        }
    }

    /// However long a connection may take, there is time for the next address.
    #[tokio::test]
    async fn an_address_that_gives_no_connection_does_not_use_the_time_of_the_answer_up() {
        let stage = Stage::new("patience", DONE).await;
        let settings = "connect_timeout = '5m'\nresponse_timeout = '3s'";
        let courier = stage.courier(settings, &[stage.silent(), stage.good]);
        let outcome = courier.deliver(parcel(), None).await;
        assert!(is_served(&outcome), "{outcome:?}");
    }

    #[tokio::test]
    async fn what_may_have_left_is_not_sent_to_another_address() {
        let stage = Stage::new("once", b"").await;
        let other = Stage::new("twice", DONE).await;
        let courier = stage.courier(QUICK, &[stage.good, other.good]);
        let outcome = courier.deliver(parcel(), None).await;
        assert_eq!(outcome.sent, Sent::All);
        assert!(matches!(outcome.fate, Fate::Failed(Failure::Broken)), "{outcome:?}");
        assert!(courier.open(parcel(), true).await.is_err());
        assert_eq!((stage.heard(), other.heard()), (2, 0));
    }

    #[tokio::test]
    async fn where_no_address_gives_a_connection_each_is_tried_once() {
        let stage = Stage::new("none", DONE).await;
        let courier = stage.courier(QUICK, &[closed().await, closed().await, stage.silent()]);
        let outcome = courier.deliver(parcel(), None).await;
        assert_eq!(outcome.sent, Sent::Nothing);
        assert!(matches!(outcome.fate, Fate::Failed(Failure::Timeout)), "{outcome:?}");
    }
}
