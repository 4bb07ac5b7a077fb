//! The certificates that this machine trusts: looked at where a server is reached over TLS and no others are named for it. The library
//! reads them by itself when it starts, panics at one that is damaged, and says nothing where there are none.

use std::sync::OnceLock;

use pingora::tls::{self, RootCertStore};

use super::pem;
use super::reader::Reader;
use super::types::{Config, EventSink, Identity, KeySource, SinkTo, Upstream};

/// Notes that one of them is damaged, where they are needed.
pub(super) fn check(reader: &mut Reader<'_>, upstream: &Upstream, identity: &Identity, sinks: &[EventSink]) {
    if let Some(key) = needed_by(upstream, identity, sinks)
        && let Err(fault) = found()
    {
        let what = "take out the one that is damaged (they are where SSL_CERT_FILE and SSL_CERT_DIR say, else where the system keeps them)";
        reader.refuse(
            key,
            format!("the certificates that this machine trusts cannot be used: {fault}; {what}"),
        );
    }
}

/// Whether there are none, where they are needed.
pub(super) fn warning(config: &Config) -> Option<String> {
    let key = needed_by(&config.upstream, &config.identity, &config.event_sinks)?;
    let advice = if key == UPSTREAM { ", or set upstream.ca_file" } else { "" };
    (*found() == Ok(0)).then(|| {
        format!("{key}: this machine trusts no certificate, so that no connection there will stand: install its ca-certificates{advice}")
    })
}

const UPSTREAM: &str = "upstream.url";

/// The key of the first server that is reached with them.
fn needed_by(upstream: &Upstream, identity: &Identity, sinks: &[EventSink]) -> Option<&'static str> {
    let needs = |server: &Upstream| server.tls && server.ca_file.is_none();
    let issuer = match identity {
        Identity::Jwt(jwt) => matches!(&jwt.keys, KeySource::Server { server, .. } if needs(server)),
        Identity::None | Identity::Header(_) => false,
    };
    let sink = |sink: &EventSink| matches!(&sink.to, SinkTo::Server { server, .. } if needs(server));
    let all =
        [(UPSTREAM, needs(upstream)), ("identity.jwks_url", issuer), ("event_sink", sinks.iter().any(sink))];
    all.into_iter().find_map(|(key, needed)| needed.then_some(key))
}

/// How many there are. They are read once.
fn found() -> &'static Result<usize, String> {
    static FOUND: OnceLock<Result<usize, String>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut store = RootCertStore::empty();
        let found = tls::load_platform_certs_incl_env_into_store(&mut store);
        found.map(|()| store.len()).map_err(|fault| pem::cause(&fault))
    })
}
