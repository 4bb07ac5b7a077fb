//! Carries a request whose end must be known to its server, to the end: one try, one deadline, exact knowledge of how much
//! of it can have left. Neither the client's leaving nor a shutdown makes an exchange vanish unrecorded.
//!
//! What only asks has no such end: its answer is passed on as it comes, and ends with whoever waits for it.
//!
//! Neither uses the proxy's own forwarding, which replays bodies of at most 64 KiB, may give up with the client, cannot tell a
//! request that was never sent from one that was, and hides a length beside chunks. HTTP/1.1 only: header and body leave in one
//! write, which costs a fifth less time than two.

mod coming;
mod header;
mod pool;
mod reach;
mod receive;
mod to_the_end;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use http::{HeaderName, HeaderValue, StatusCode};
use log::error;
use pingora::connectors::{ConnectorOptions, TransportConnector};
use pingora::protocols::Stream;
use pingora::protocols::http::v1::client::HttpSession;
use pingora::time::timeout;
use pingora::upstreams::peer::{HttpPeer, Peer};
use pingora::{Error, ErrorType, OrErr};
use tokio::io::AsyncWriteExt;

use crate::capacity::Capacity;
use crate::clock;
use crate::metrics::Metrics;
use crate::phase::settle::{Settlement, settle};
use crate::stake::Stake;
use crate::upstream::{Upstream, address_of};

pub(crate) use coming::Coming;
use pool::Pool;
use receive::whole;
use to_the_end::ToTheEnd;

/// How long an answer is waited for that came before the request was written whole.
const EARLY_ANSWER: Duration = Duration::from_millis(200);

/// A file without certificates. The library reads those that the machine trusts, and panics at a damaged one, where it is given no file,
/// though a connection in the clear asks none of them.
const NOBODY: &str = "/dev/null";

/// Upstream's name leads to no address.
const UNRESOLVED: ErrorType = ErrorType::Custom("Unresolved");

/// A request as it will be written.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) head: Vec<u8>,
    pub(crate) body: Bytes,
}

/// How much of a request can have left this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// No byte: there was no connection.
    Nothing,
    /// Not all of it: no correct server can have acted on it.
    Part,
    /// All of it was handed to the kernel.
    All,
}

/// Upstream's answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

/// How an exchange ended.
#[derive(Debug)]
pub(crate) enum Fate {
    /// With an answer.
    Answered(Answer),
    /// With a final status, but its body was cut off, too long or too late.
    Torn(Torn),
    /// Without a status.
    Failed(Failure),
}

/// What is had of an answer that did not come whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Torn {
    pub(crate) status: StatusCode,
    pub(crate) too_long: bool,
}

impl Fate {
    /// The status, where one was read.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Answered(answer) => Some(answer.status),
            Self::Torn(torn) => Some(torn.status),
            Self::Failed(_) => None,
        }
    }
}

/// Why there is no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Upstream's name leads to no address.
    Unresolved,
    /// No connection.
    Connect,
    /// No TLS on it.
    Tls,
    /// The connection broke.
    Broken,
    /// The answer is not HTTP.
    Garbage,
    /// The deadline passed.
    Timeout,
    /// The gateway stopped, or the task panicked.
    Abandoned,
}

impl Failure {
    /// Every one.
    pub(crate) const ALL: [Self; 7] = [
        Self::Unresolved,
        Self::Connect,
        Self::Tls,
        Self::Broken,
        Self::Garbage,
        Self::Timeout,
        Self::Abandoned,
    ];

    /// Its name in labels.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Broken => "broken",
            Self::Garbage => "garbage",
            Self::Timeout => "timeout",
            Self::Abandoned => "abandoned",
        }
    }

    pub(crate) fn of(error: &Error) -> Self {
        match error.etype() {
            etype if *etype == UNRESOLVED => Self::Unresolved,
            ErrorType::ConnectTimedout
            | ErrorType::TLSHandshakeTimedout
            | ErrorType::ReadTimedout
            | ErrorType::WriteTimedout => Self::Timeout,
            ErrorType::TLSHandshakeFailure
            | ErrorType::TLSWantX509Lookup
            | ErrorType::InvalidCert
            | ErrorType::HandshakeError => Self::Tls,
            ErrorType::ConnectRefused
            | ErrorType::ConnectNoRoute
            | ErrorType::ConnectError
            | ErrorType::BindError
            | ErrorType::SocketError
            | ErrorType::ConnectProxyFailure => Self::Connect,
            ErrorType::InvalidHTTPHeader | ErrorType::H1Error | ErrorType::H2Error => Self::Garbage,
            _ => Self::Broken,
        }
    }
}

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) sent: Sent,
    pub(crate) fate: Fate,
    /// Whether its status says that nothing was done.
    pub(crate) refused: bool,
    pub(crate) took: Duration,
    /// What a successful answer says of a job.
    pub(crate) told: Settlement,
}

/// Carries requests; shared by all of them.
pub(crate) struct Courier {
    connector: TransportConnector,
    pool: Arc<Pool>,
    upstream: Arc<Upstream>,
    deadline: Duration,
    metrics: Option<Arc<Metrics>>,
    under_way: Arc<Capacity>,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

impl Courier {
    pub(crate) fn new(
        mut options: ConnectorOptions,
        upstream: Arc<Upstream>,
        deadline: Duration,
        metrics: Option<Arc<Metrics>>,
    ) -> Arc<Self> {
        if !upstream.is_tls() {
            options.ca_file = Some(NOBODY.to_owned());
        }
        let pool = Pool::new(options.keepalive_pool_size);
        let connector = TransportConnector::new(Some(options));
        Arc::new(Self { connector, pool, upstream, deadline, metrics, under_way: Capacity::new(usize::MAX) })
    }

    /// How many exchanges are under way, those included whose client has left.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.taken()
    }

    /// Hands a request over, with what it has in the ledger. Dropping the future does not stop the exchange, and what
    /// became of it is in the ledger before anybody hears of it.
    pub(crate) async fn deliver(self: &Arc<Self>, parcel: Parcel, stake: Option<Stake>) -> Outcome {
        let started = clock::now();
        let courier = Arc::clone(self);
        let exchange = ToTheEnd::new(async move {
            // INVARIANT: there is no limit, so a share is always to be had.
            let _share = courier.under_way.take(1);
            let mut stake = stake;
            stake.iter_mut().for_each(Stake::begin);
            let outcome = courier.run(parcel).await;
            if let Some(stake) = stake {
                stake.end(&outcome).await;
            }
            outcome
        });
        exchange.await.unwrap_or_else(|| Outcome {
            sent: Sent::All,
            fate: Fate::Failed(Failure::Abandoned),
            refused: false,
            took: clock::now().saturating_duration_since(started),
            told: Settlement::default(),
        })
    }

    async fn run(&self, parcel: Parcel) -> Outcome {
        let mut trip = Trip::begin(self.metrics.as_deref());
        let fate = if self.upstream.is_known() {
            match timeout(self.deadline, self.exchange(parcel, &mut trip)).await {
                Ok(Ok(answer)) => Fate::Answered(answer),
                Ok(Err(error)) => {
                    let failure = Failure::of(&error);
                    log::warn!("{}: {}: {error}", self.upstream.authority(), failure.as_str());
                    trip.too_long = receive::is_too_long(&error);
                    trip.fate(failure)
                }
                Err(_) => trip.fate(Failure::Timeout),
            }
        } else {
            Fate::Failed(Failure::Unresolved)
        };
        let refused = fate.status().is_some_and(|status| self.upstream.refuses(status));
        Outcome { refused, ..trip.end(fate) }
    }

    async fn exchange(&self, parcel: Parcel, trip: &mut Trip<'_>) -> pingora::Result<Answer> {
        let (mut stream, peer) = match self.rested() {
            Some(rested) => rested,
            // On the heap: seldom wanted, and larger than all that is kept of an exchange.
            None => Box::pin(self.reach()).await?,
        };
        // From here on a failed write may have been a partial one.
        trip.sent = Sent::Part;
        if let Err(error) = write(&mut stream, parcel).await {
            return Box::pin(early(stream, &peer, trip)).await.ok_or(error);
        }
        trip.sent = Sent::All;
        let mut session = HttpSession::new_with_options(stream, &*peer);
        let answer = whole(&mut session, &mut trip.status).await?;
        self.keep(session, &peer).await;
        Ok(answer)
    }

    /// Keeps a connection for the next request, where upstream lets it be.
    async fn keep(&self, mut session: HttpSession, peer: &HttpPeer) {
        session.respect_keepalive();
        if let (Some(stream), Some(address), Some(idle)) =
            (session.reuse().await, address_of(peer), peer.idle_timeout())
        {
            self.pool.put(stream, address, idle);
        }
    }
}

async fn write(stream: &mut Stream, parcel: Parcel) -> pingora::Result<()> {
    let mut both = Bytes::from(parcel.head).chain(parcel.body);
    let written = async {
        stream.write_all_buf(&mut both).await?;
        stream.flush().await
    };
    written.await.or_err(ErrorType::WriteError, "while the request was written")
}

/// A no that came before the request was written whole: an upstream that refuses early closes its side while we still write, and its
/// answer may be there already.
async fn early(stream: Stream, peer: &HttpPeer, trip: &mut Trip<'_>) -> Option<Answer> {
    let mut session = HttpSession::new_with_options(stream, peer);
    match timeout(EARLY_ANSWER, whole(&mut session, &mut trip.status)).await {
        Ok(Ok(answer)) if answer.status.as_u16() >= 400 => Some(answer),
        _ => {
            trip.status = None;
            None
        }
    }
}

/// One exchange. Records it on every way out: a task that is dropped at shutdown still runs its destructors.
struct Trip<'a> {
    metrics: Option<&'a Metrics>,
    started: Instant,
    sent: Sent,
    status: Option<StatusCode>,
    too_long: bool,
    ended: bool,
}

impl<'a> Trip<'a> {
    fn begin(metrics: Option<&'a Metrics>) -> Self {
        let (sent, status) = (Sent::Nothing, None);
        Self { metrics, started: clock::now(), sent, status, too_long: false, ended: false }
    }

    fn fate(&self, failure: Failure) -> Fate {
        let torn = |status| Fate::Torn(Torn { status, too_long: self.too_long });
        self.status.map_or(Fate::Failed(failure), torn)
    }

    fn end(mut self, fate: Fate) -> Outcome {
        self.ended = true;
        let took = clock::now().saturating_duration_since(self.started);
        let (kind, told) = match &fate {
            Fate::Answered(answer) => (None, settle(answer)),
            Fate::Torn(_) => (Some("torn"), Settlement::default()),
            Fate::Failed(failure) => (Some(failure.as_str()), Settlement::default()),
        };
        if let Some(metrics) = self.metrics {
            metrics.upstream(took, kind);
        }
        Outcome { sent: self.sent, fate, refused: false, took, told }
    }
}

impl Drop for Trip<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let took = clock::now().saturating_duration_since(self.started);
            if let Some(metrics) = self.metrics {
                metrics.upstream(took, Some(Failure::Abandoned.as_str()));
            }
            error!("an exchange with upstream was cut off, sent: {:?}, status: {:?}", self.sent, self.status);
        }
    }
}
