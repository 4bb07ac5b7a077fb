//! What is allowed and yet worth a line at start.

use std::net::SocketAddr;

use job_model::Mode;

use super::types::{CardSource, Config, Identity, Ledger, Scope, SinkTo};
use super::url::is_loopback;
use super::{roots, slips};
use crate::clock;

impl Config {
    /// One line for each thing that an operator may not have meant.
    pub fn warnings(&self) -> Vec<String> {
        let lines = [
            self.listener(),
            self.certificate(),
            self.admin_open(),
            self.plain_upstream(),
            self.unused_roots(),
            roots::warning(self),
            self.late_connections(),
            self.shadow(),
            self.proxy(),
            self.proxied_addresses(),
            self.prices(),
            self.books(),
        ];
        let slips = slips::warnings(&self.cards, !self.budgets.is_empty(), clock::date());
        lines.into_iter().flatten().chain(self.plain_sinks()).chain(self.folders()).chain(slips).collect()
    }

    fn listener(&self) -> Option<String> {
        let address = open(self.listen.address).filter(|_| self.listen.tls.is_none())?;
        Some(format!(
            "listen.address {address} takes plain connections from other machines: put something in front that ends TLS, or set [listen.tls]"
        ))
    }

    fn certificate(&self) -> Option<String> {
        let tls = self.listen.tls.as_ref()?;
        let (valid, now) = (tls.valid?, clock::date());
        let when = if now > valid.until {
            format!("since {}", valid.until)
        } else {
            Some(format!("before {}", valid.from)).filter(|_| now < valid.from)?
        };
        let file = tls.certificate.display();
        Some(format!("listen.tls.certificate {file} is not valid {when}: clients refuse the connection"))
    }

    fn admin_open(&self) -> Option<String> {
        let address = open(self.admin)?;
        Some(format!(
            "admin.address {address} is not loopback: whoever reaches it reads metrics, usage and this configuration"
        ))
    }

    fn plain_upstream(&self) -> Option<String> {
        let host = &self.upstream.host;
        (!self.upstream.tls && !is_loopback(host))
            .then(|| format!("upstream.url has no TLS: the clients' tokens go to {host} in the clear"))
    }

    fn plain_sinks(&self) -> impl Iterator<Item = String> {
        self.event_sinks.iter().filter_map(|sink| {
            let SinkTo::Server { server, token: Some(_), .. } = &sink.to else { return None };
            (!server.tls && !is_loopback(&server.host)).then(|| {
                let (name, host) = (&sink.name, &server.host);
                format!("event_sink {name:?} has no TLS: its token and the events go to {host} in the clear")
            })
        })
    }

    /// Where files are to be, which are made at the start: here that may be another machine's.
    fn folders(&self) -> impl Iterator<Item = String> {
        let ledger = match &self.ledger {
            Ledger::Sqlite(file) => Some(("ledger.url".to_owned(), file)),
            Ledger::Memory => None,
        };
        let sinks = self.event_sinks.iter().filter_map(|sink| match &sink.to {
            SinkTo::File(file) => Some((format!("event_sink {:?}", sink.name), file)),
            SinkTo::Server { .. } => None,
        });
        ledger.into_iter().chain(sinks).filter_map(|(what, file)| {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty())?;
            if file.is_dir() {
                return Some(format!(
                    "{what}: {} is a folder: jobgate does not start; name a file in it",
                    file.display()
                ));
            }
            (!folder.is_dir()).then(|| {
                format!(
                    "{what}: there is no folder {} on this machine: jobgate does not start until it is made",
                    folder.display()
                )
            })
        })
    }

    fn unused_roots(&self) -> Option<String> {
        (!self.upstream.tls && self.upstream.ca_file.is_some())
            .then(|| "upstream.ca_file has no effect: upstream.url is not https".to_owned())
    }

    fn late_connections(&self) -> Option<String> {
        (self.upstream.connect_timeout >= self.upstream.response_timeout).then(|| {
            "upstream.connect_timeout is not below upstream.response_timeout, which ends first: no time for an answer is left behind it"
                .to_owned()
        })
    }

    fn shadow(&self) -> Option<String> {
        (self.policy.mode() == Mode::Shadow).then(|| {
            "validation.mode is \"shadow\": jobs that break rules are forwarded, only the fixed rules refuse".to_owned()
        })
    }

    fn proxy(&self) -> Option<String> {
        let address = open(self.listen.address).filter(|_| matches!(self.identity, Identity::Header(_)))?;
        Some(format!(
            "identity.mode is \"header\" and listen.address {address} is not loopback: whoever reaches it past the proxy can be anybody"
        ))
    }

    fn proxied_addresses(&self) -> Option<String> {
        let by_address = self.rate_limits.iter().any(|rule| rule.scope == Scope::Address);
        (by_address && matches!(self.identity, Identity::Header(_))).then(|| {
            "rate_limit: scope \"address\" and identity.mode \"header\": the proxy in front is one sender, and all its clients wait together; use \"principal\"".to_owned()
        })
    }

    fn books(&self) -> Option<String> {
        let counts = !self.budgets.is_empty() || !self.event_sinks.is_empty();
        let more = if counts {
            "; budgets begin anew at each start, each gateway counts for itself, and events that were not sent are lost"
        } else {
            ""
        };
        (self.ledger == Ledger::Memory).then(|| format!("{KEYS}{more}"))
    }

    fn prices(&self) -> Option<String> {
        let line = if self.card_sources.is_empty() {
            Some("pricing.rate_card is not set: jobs are forwarded without a price")
        } else if self.card_sources.contains(&CardSource::Illustrative) {
            Some("pricing.rate_card is the illustrative card: its prices are made up")
        } else {
            None
        };
        line.map(str::to_owned)
    }
}

/// What a ledger in memory means wherever a client sends a key.
const KEYS: &str = "ledger.url is \"memory:\": an Idempotency-Key is remembered by this process alone and until it ends, so that \
     another gateway, or this one after a restart, carries the same request out again";

/// The address where other machines may reach it.
fn open(address: SocketAddr) -> Option<SocketAddr> {
    (!address.ip().is_loopback()).then_some(address)
}
