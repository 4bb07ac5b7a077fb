//! The configuration as the rest of the gateway sees it: checked, complete, in its own types.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use admission::{Budget, RateLimit};
use http::HeaderName;
use jiff::Timestamp;
use job_model::{Policy, Profile, RateCards};

use crate::identity::KeySet;

/// Everything that an operator decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where clients connect.
    pub listen: Listen,
    /// Where metrics, health and usage are served.
    pub admin: SocketAddr,
    /// Where requests go.
    pub upstream: Upstream,
    /// What one request, and all of them together, may take.
    pub limits: Limits,
    /// The profile whose severities `policy` began with.
    pub profile: Profile,
    /// How jobs are judged.
    pub policy: Policy,
    /// Where `cards` came from, in the order of the file; empty where jobs are not priced.
    pub card_sources: Vec<CardSource>,
    /// What prices jobs.
    pub cards: RateCards,
    /// Where holds and what became of them are kept.
    pub ledger: Ledger,
    /// What becomes of holds.
    pub holds: Holds,
    /// Whose spending is limited to how much.
    pub budgets: Vec<Budget>,
    /// Where usage events go.
    pub event_sinks: Vec<EventSink>,
    /// Who a request is from.
    pub identity: Identity,
    /// What is logged.
    pub log: Log,
    /// Who may send how many requests.
    pub rate_limits: Vec<RateRule>,
    /// How the gateway stops.
    pub shutdown: Shutdown,
    /// How many threads serve requests.
    pub threads: usize,
}

/// The clients' listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Address and port; port 0 takes any free one.
    pub address: SocketAddr,
    /// The listener's certificate; without it the listener is plain.
    pub tls: Option<Tls>,
    /// Whether a plain listener also takes HTTP/2 with prior knowledge.
    ///
    /// Off unless asked for: to tell the two protocols apart the server waits for the first 24 bytes of a connection. A
    /// client that opens one ahead of its first request must send it within the time of a header.
    pub h2c: bool,
}

/// Files of a listener's identity, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate and those that lead to its root.
    pub certificate: PathBuf,
    /// The private key, not encrypted.
    pub key: PathBuf,
    /// When the certificate is valid, where that can be read.
    pub valid: Option<Valid>,
}

/// A span of time in which something is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valid {
    /// Its first instant.
    pub from: Timestamp,
    /// Its last one.
    pub until: Timestamp,
}

/// The API behind the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Whether the connection is TLS.
    pub tls: bool,
    /// The name or address to connect to and to verify; never empty, an IPv6 address without brackets.
    pub host: String,
    /// The port to connect to.
    pub port: u16,
    /// The Host header sent.
    pub authority: String,
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long upstream may take in all, from the first byte sent to the last one read.
    pub response_timeout: Duration,
    /// Certificates to trust in place of the public ones.
    pub ca_file: Option<PathBuf>,
    /// The most idle connections kept.
    pub pool_size: usize,
    /// How long an idle connection is kept.
    pub pool_idle: Duration,
    /// Whether only public addresses of its name are used.
    pub public_only: bool,
    /// The longest that a new job is kept from it for its sender's 429; zero where none is.
    pub back_off: Duration,
    /// Statuses from 500 on by which it says for sure that it has done nothing.
    pub nothing_done: Vec<u16>,
}

/// What is refused for its size, its slowness or its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest body.
    pub body_bytes: usize,
    /// The longest request line and headers together.
    pub head_bytes: usize,
    /// The most header fields.
    pub head_fields: usize,
    /// The longest path and query.
    pub target_bytes: usize,
    /// How long the head may take to arrive.
    pub head_timeout: Duration,
    /// How long the body may take to arrive.
    pub body_timeout: Duration,
    /// The most bytes of bodies held at one time, over all requests.
    pub buffered_bytes: usize,
    /// The most requests at one time.
    pub in_flight: usize,
    /// The most connections of clients at one time.
    pub connections: usize,
    /// The most of them from one address.
    pub connections_per_address: usize,
    /// How long a client's idle connection is kept.
    pub keep_alive: Duration,
    /// How many requests a connection of HTTP/1 carries before it is closed.
    pub requests_per_connection: usize,
    /// How many one of HTTP/2 carries before its client is asked to leave.
    pub requests_per_http2_connection: usize,
}

/// A limit on requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateRule {
    /// Whose requests are counted together.
    pub scope: Scope,
    /// Which of them.
    pub counts: Counts,
    /// How many in which time.
    pub limit: RateLimit,
    /// Whether it refuses; else it only counts.
    pub enforce: bool,
}

/// Which requests a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// All.
    Requests,
    /// Those whose token was answered with 401 or 403, by us or by upstream: whoever has used them up is not let in any more.
    Unauthorized,
}

impl Counts {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Unauthorized => "unauthorized",
        }
    }
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    Global,
    /// Those with the same token; it is not verified.
    Token,
    /// Those of the same principal.
    Principal,
    /// Those for the same workspace: new jobs only.
    Workspace,
    /// Those from the same address; of IPv6 the first 64 bits.
    Address,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [Self::Global, Self::Token, Self::Principal, Self::Workspace, Self::Address];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Token => "token",
            Self::Principal => "principal",
            Self::Workspace => "workspace",
            Self::Address => "address",
        }
    }
}

/// Where holds and what became of them are kept.
pub use ledger::Url as Ledger;

/// What becomes of holds, and of jobs that have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holds {
    /// How long a hold is kept whose job is not submitted.
    pub unsubmitted: Duration,
    /// Whether a job that the ledger does not know may be changed or submitted while there are budgets.
    pub admit_unknown: bool,
    /// What a job is charged when it is over.
    pub settle: SettleBy,
}

/// Which of the three amounts of a job is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettleBy {
    /// What was held.
    Held,
    /// Upstream's own estimate, where there is one.
    UpstreamEstimate,
    /// The units that the run took, where they are told.
    UpstreamUnits,
}

impl SettleBy {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Held, Self::UpstreamEstimate, Self::UpstreamUnits];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::UpstreamEstimate => "upstream-estimate",
            Self::UpstreamUnits => "upstream-units",
        }
    }
}

/// Where usage events go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSink {
    /// What the ledger, metrics and the log call it.
    pub name: String,
    /// What it is.
    pub to: SinkTo,
}

/// What a sink is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkTo {
    /// A file that gets one JSON object a line.
    File(PathBuf),
    /// A server that is sent batches.
    Server {
        /// How to reach it.
        server: Box<Upstream>,
        /// The path on it.
        target: String,
        /// All of it, as it was written.
        url: String,
        /// Where its token came from, and the token.
        token: Option<(String, Secret)>,
    },
}

/// What is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// How the gateway learns who a request is from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// It does not: tokens are passed on, not verified.
    None,
    /// From the token, once that is verified.
    Jwt(Box<Jwt>),
    /// From a header that a trusted proxy in front sets.
    Header(HeaderName),
}

/// What a token must be to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwt {
    /// Who must have made it: its `iss`.
    pub issuer: String,
    /// Whom it must be for: one of its `aud`.
    pub audience: String,
    /// The issuer's public keys.
    pub keys: KeySource,
    /// What it must allow, all of them.
    pub scopes: Vec<String>,
    /// The claim that says who sent it.
    pub principal_claim: String,
}

/// Where an issuer's public keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file, and these.
    File(PathBuf, KeySet),
    /// At a server, which is asked for them.
    Server {
        /// How to reach it.
        server: Box<Upstream>,
        /// The path on it.
        target: String,
        /// All of it, as it was written.
        url: String,
    },
}

/// What is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least important lines that are still written.
    pub level: Level,
}

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is wrong and was coped with.
    Warn,
    /// What an operator wants to see, one line per request included.
    Info,
    /// What helps to find a fault.
    Debug,
}

impl Level {
    /// Every level, most important first.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warn, Self::Info, Self::Debug];

    /// The level as configured.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// How the gateway stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// How long `/readyz` is 503 before the listeners close.
    pub lead: Duration,
    /// How long requests under way may still take after that.
    pub grace: Duration,
}

/// Where a rate card came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardSource {
    /// The one that is built in: made-up prices, for demonstration.
    Illustrative,
    /// A file, TOML or JSON.
    File(PathBuf),
}
