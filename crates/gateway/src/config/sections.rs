//! Reads one section after another into the configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use toml::Value;

use super::pem::{self, Unfit};
use super::reader::{Reader, show};
use super::types::{Config, Holds, Ledger, Level, Listen, Log, SettleBy, Shutdown, Tls, Upstream};
use super::url::{self, Origin};
use super::value::show_duration;
use super::{budgets, cards, identity, limits, rates, roots, sinks, validation};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// The same code answers here and there, so that a file that cannot be read whole still tells all its problems.
pub(super) fn read(reader: &mut Reader<'_>) -> Config {
    let listen = listen(reader);
    let admin = admin(reader, listen.address);
    let upstream = upstream(reader);
    let limits = limits::read(reader);
    let threads = limits::threads(reader);
    let (profile, policy) = validation::read(reader);
    let (card_sources, cards) = cards::read(reader);
    let ledger = ledger(reader);
    let identity = identity::read(reader);
    let log = log(reader);
    let shutdown = shutdown(reader, upstream.response_timeout);
    let holds = holds(reader);
    let verified = identity::is_verified(reader);
    let budgets = budgets::read(reader, &cards, verified);
    let event_sinks = sinks::read(reader, &ledger);
    if reader.text("ledger.url").is_none() && !(budgets.is_empty() && event_sinks.is_empty()) {
        // A default that forgets at each start what was spent would make budgets of a month budgets of a day.
        reader.refuse("ledger.url", CHOOSE);
    }
    roots::check(reader, &upstream, &identity, &event_sinks);
    let rate_limits = rates::read(reader.table, verified, &mut reader.problems);
    Config {
        listen,
        admin,
        upstream,
        limits,
        profile,
        policy,
        card_sources,
        cards,
        ledger,
        holds,
        budgets,
        event_sinks,
        identity,
        log,
        rate_limits,
        shutdown,
        threads,
    }
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn listen(reader: &mut Reader<'_>) -> Listen {
    let address = reader.address("listen.address", loopback(8080));
    let h2c = reader.flag("listen.h2c", false);
    if h2c && reader.is_set("listen.tls") {
        reader.refuse(
            "listen.h2c",
            "is only for a plain listener; with [listen.tls] HTTP/2 is agreed on in the handshake",
        );
    }
    Listen { address, tls: tls(reader), h2c }
}

fn tls(reader: &mut Reader<'_>) -> Option<Tls> {
    if !reader.get("listen.tls").is_some_and(Value::is_table) {
        return None;
    }
    for key in ["listen.tls.certificate", "listen.tls.key"] {
        if !reader.is_set(key) {
            reader.refuse(key, "missing; [listen.tls] needs both a certificate and its key");
        }
    }
    let mut file = |key| {
        let name = reader.text(key)?;
        reader.open(key, name).map(|(file, _)| file)
    };
    let (certificate, key) = (file("listen.tls.certificate"), file("listen.tls.key"));
    let (certificate, key) = (certificate?, key?);
    match pem::pair(&certificate, &key) {
        Ok(valid) => Some(Tls { certificate, key, valid }),
        Err(Unfit { certificate, key }) => {
            for (path, fault) in [("listen.tls.certificate", certificate), ("listen.tls.key", key)] {
                if let Some(fault) = fault {
                    reader.refuse(path, fault);
                }
            }
            None
        }
    }
}

fn admin(reader: &mut Reader<'_>, listen: SocketAddr) -> SocketAddr {
    let admin = reader.address("admin.address", loopback(9090));
    if clash(listen, admin) {
        reader.refuse(
            "admin.address",
            format!("{admin} clashes with listen.address {listen}; give it another port"),
        );
    }
    admin
}

/// Whether one socket would stand in the other's way. Port 0 is any free port and clashes with none; `[::]` takes IPv4, too.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |wide: IpAddr, narrow: IpAddr| {
        wide == narrow || (wide.is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4()))
    };
    one.port() != 0
        && one.port() == other.port()
        && (covers(one.ip(), other.ip()) || covers(other.ip(), one.ip()))
}

fn upstream(reader: &mut Reader<'_>) -> Upstream {
    let origin = origin(reader);
    let authority = origin.authority();
    Upstream {
        tls: origin.tls,
        host: origin.host,
        port: origin.port,
        authority,
        connect_timeout: reader.duration("upstream.connect_timeout", 3 * SECOND, &(MILLISECOND..=5 * MINUTE)),
        response_timeout: reader.duration("upstream.response_timeout", 30 * SECOND, &(MILLISECOND..=HOUR)),
        ca_file: ca_file(reader),
        pool_size: reader.whole("upstream.pool_size", 128, &(1..=65_536)),
        pool_idle: reader.duration("upstream.pool_idle", 30 * SECOND, &(MILLISECOND..=HOUR)),
        public_only: reader.flag("upstream.public_only", false),
        back_off: reader.duration("upstream.back_off", MINUTE, &(Duration::ZERO..=HOUR)),
        nothing_done: nothing_done(reader),
    }
}

fn ca_file(reader: &mut Reader<'_>) -> Option<PathBuf> {
    const KEY: &str = "upstream.ca_file";
    let name = reader.text(KEY)?;
    let (file, _) = reader.open(KEY, name)?;
    if let Err(fault) = pem::authorities(&file) {
        reader.refuse(KEY, format!("{} {fault}", file.display()));
    }
    Some(file)
}

fn nothing_done(reader: &mut Reader<'_>) -> Vec<u16> {
    const KEY: &str = "upstream.nothing_done";
    let Some(value) = reader.get(KEY) else { return Vec::new() };
    let one = |value: &Value| {
        // The environment has texts.
        let number = value.as_integer().or_else(|| value.as_str()?.parse().ok())?;
        u16::try_from(number).ok().filter(|status| (500..600).contains(status))
    };
    let all = if let Value::Array(list) = value { list.as_slice() } else { std::slice::from_ref(value) };
    if let Some(wrong) = all.iter().find(|value| one(value).is_none()) {
        reader
            .refuse(KEY, format!("must be a status from 500 to 599 or a list of them, not {}", show(wrong)));
        return Vec::new();
    }
    let mut found: Vec<u16> = all.iter().filter_map(one).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn origin(reader: &mut Reader<'_>) -> Origin {
    let default = || Origin { tls: true, host: "api.bentley.com".to_owned(), port: 443 };
    let Some(text) = reader.text("upstream.url") else { return default() };
    url::origin(text).unwrap_or_else(|fault| {
        reader.refuse("upstream.url", fault);
        default()
    })
}

const CHOOSE: &str = "must be set where there are budgets or event sinks: \"sqlite:\" and the path of a file, or \"memory:\", which begins anew at each start";

/// The URL of the ledger that keeps nothing beyond the process.
pub(super) const MEMORY: &str = "memory:";

fn ledger(reader: &mut Reader<'_>) -> Ledger {
    match reader.text("ledger.url") {
        None | Some(MEMORY) => Ledger::Memory,
        Some(url) if ["postgres:", "postgresql:"].iter().any(|store| url.starts_with(store)) => {
            // The rest of the URL may hold a password.
            reader.refuse(
                "ledger.url",
                "that store is not in this version; use \"memory:\" or \"sqlite:FILE\"",
            );
            Ledger::Memory
        }
        Some(url) => {
            if let Some(file) = url.strip_prefix(SQLITE).filter(|file| !file.is_empty()) {
                return ledger_file(reader, file);
            }
            reader.refuse("ledger.url", "must be \"memory:\" or \"sqlite:\" and the path of a file");
            Ledger::Memory
        }
    }
}

/// What other programs take for a URL of such a file is not the file that it looks like here.
fn ledger_file(reader: &mut Reader<'_>, file: &str) -> Ledger {
    if file == MEMORY || file == ":memory:" {
        let what =
            format!("\"{SQLITE}{file}\" would be a file called {file:?}; use {MEMORY:?}, or another name");
        reader.refuse("ledger.url", what);
        return Ledger::Memory;
    }
    let host = file.starts_with("//") && !file.starts_with("///");
    if host || file.contains('?') || file.ends_with(['/', '.']) {
        let what = "must have the path of a file behind \"sqlite:\", such as \"sqlite:jobgate.db\" or \"sqlite:/var/lib/jobgate.db\"";
        reader.refuse("ledger.url", what);
        return Ledger::Memory;
    }
    let file = reader.base.join(file);
    Ledger::Sqlite(std::path::absolute(&file).unwrap_or(file))
}

/// The URL of a ledger in a file begins with this.
pub(super) const SQLITE: &str = "sqlite:";

fn holds(reader: &mut Reader<'_>) -> Holds {
    let unsubmitted = reader.duration("holds.unsubmitted", 7 * 24 * HOUR, &(MINUTE..=366 * 24 * HOUR));
    let unknown = reader.word("holds.unknown_job", &["refuse", "admit"], |word| match word {
        "refuse" => Some(false),
        "admit" => Some(true),
        _ => None,
    });
    let words = SettleBy::ALL.map(SettleBy::as_str);
    let settle = reader.word("pricing.settle", &words, |text| {
        SettleBy::ALL.into_iter().find(|settle| settle.as_str() == text)
    });
    Holds { unsubmitted, admit_unknown: unknown.unwrap_or(false), settle: settle.unwrap_or(SettleBy::Held) }
}

fn log(reader: &mut Reader<'_>) -> Log {
    reader.word("log.format", &["json"], |text| (text == "json").then_some(()));
    let words = Level::ALL.map(Level::as_str);
    let level =
        reader.word("log.level", &words, |text| Level::ALL.into_iter().find(|level| level.as_str() == text));
    Log { level: level.unwrap_or(Level::Info) }
}

fn shutdown(reader: &mut Reader<'_>, response_timeout: Duration) -> Shutdown {
    let least = response_timeout + SECOND;
    let lead = reader.duration("shutdown.lead", Duration::ZERO, &(Duration::ZERO..=HOUR));
    let grace = reader.duration("shutdown.grace", least, &(Duration::ZERO..=24 * HOUR));
    if grace < least {
        reader.refuse(
            "shutdown.grace",
            format!(
                "must be at least {}, one second more than upstream.response_timeout: a job under way would be cut",
                show_duration(least),
            ),
        );
    }
    Shutdown { lead, grace }
}
