//! Every way to say no. What each looks like on the wire is in `reply.rs`, what it counts as in `outcome.rs`.

use std::time::Duration;

use admission::{HoldState, Shortfall};
use job_model::{Amount, Operation, Quote, Rejected, UnpricedReason, Workload};
use ledger::{HoldId, HoldRow};

/// Why a request is not forwarded, or why its answer cannot be given.
#[derive(Debug)]
pub enum Rejection {
    /// The client speaks HTTP wrongly, or puts something where nothing belongs; the client's author must act.
    BadRequest(Fault),
    /// No Authorization header; the client must add one.
    HeaderNotFound,
    /// Not exactly one bearer token, or none that proves who sent it; the client must send another.
    InvalidToken(TokenFault),
    /// The token cannot be verified: no key of the issuer is known, or not the one that it names, and the issuer did not answer or was
    /// asked just now. The client must wait this long; where that does not help, the operator must look at the issuer.
    KeysUnavailable(Duration),
    /// No such operation; the client must correct its path.
    NotFound,
    /// Upstream has no such job, or none for this caller: so it said when it was asked for it; the client must correct its path.
    JobNotFound,
    /// The path has other methods; the client must use one of these.
    MethodNotAllowed(&'static str),
    /// The body did not arrive in time; the client or its network must be quicker.
    RequestTimeout,
    /// The body is larger than this many bytes; the client must send less, or the operator allow more.
    RequestTooLarge(usize),
    /// The target is longer than this many bytes.
    UriTooLong(usize),
    /// The header is larger than this many bytes or has more than this many fields.
    HeadersTooLarge(usize, usize),
    /// Not `application/json`, or encoded; the client must send it plain.
    UnsupportedMediaType,
    /// An Expect other than 100-continue.
    ExpectationFailed,
    /// The body breaks a rule; the client must correct the job.
    Invalid(Box<Invalid>),
    /// A rate limit is reached; the client must wait this long.
    TooManyRequests(Duration),
    /// There is no money for it; the client must ask for less or wait, the operator may raise the budget.
    BudgetExceeded(Box<NoBudget>),
    /// The first request with this key is under way; the client must wait for its end.
    RequestInProgress,
    /// Another change of the job is with upstream, or came between; the client must wait for its end.
    ChangeInProgress,
    /// An earlier request with this key asked for something else; the client must take another key.
    KeyReused,
    /// The ledger cannot write the job down; the operator must look at it.
    LedgerUnavailable,
    /// The gateway has no room; the client must wait, the operator look why.
    Overloaded,
    /// Upstream could not be reached or did not answer properly; the operator must look at upstream.
    UpstreamUnavailable(Sending, Option<HoldId>),
    /// Upstream did not answer in time; the operator must look at upstream.
    UpstreamTimeout(Sending, Option<HoldId>),
    /// Upstream refused it with this status and did nothing, but its reasons were cut off; the client may ask again to hear them.
    AnswerCutOff(http::StatusCode),
}

/// What is wrong with a request as HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its framing could be read in two ways, or in none. Closes the connection: what follows cannot be trusted.
    Framing(&'static str),
    /// An Idempotency-Key that is none, or more than one.
    Key,
    /// A query on an operation that has none.
    Query,
    /// A body on an operation that has none. Closes the connection: the body is not read.
    Body,
}

/// What a token lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// It is not exactly one bearer token.
    Bearer,
    /// It is not a signed JWT, or one that asks for what is not known here.
    Form,
    /// None of the issuer's keys is the one that it names, or that key is not for its algorithm.
    Key,
    /// The signature is not that key's.
    Signature,
    /// Another issuer made it.
    Issuer,
    /// It is for somebody else.
    Audience,
    /// It is over, or has no end.
    Expired,
    /// It has not begun.
    NotYet,
    /// It does not allow what is needed.
    Scope,
    /// It, or the proxy in front, does not say who sent it.
    Principal,
    /// Upstream does not accept it: so it said when it was asked for the job.
    Upstream,
}

/// A body that breaks at least one rule.
#[derive(Debug)]
pub struct Invalid {
    /// What it was meant to do.
    pub operation: Operation,
    /// Every rule it breaks.
    pub rejected: Rejected,
}

/// Why there is no money for a job.
#[derive(Debug)]
pub enum NoBudget {
    /// It does not fit.
    Exceeded(Excess),
    /// This budget admits only what has a price; and why there is none.
    Unpriced(String, UnpricedReason),
    /// This budget lets nobody submit a job together with a change that cannot be read.
    Unread(String),
    /// The job was not created through this gateway, so that nothing is known of its price.
    UnknownJob,
}

/// What does not fit, and by how much.
#[derive(Debug)]
pub struct Excess {
    /// The sum of each budget that said no.
    pub short: Vec<Shortfall>,
    /// What they are amounts of.
    pub currency: String,
    /// What they were asked for.
    pub asked: Asked,
}

/// What budgets were asked for.
#[derive(Debug)]
pub enum Asked {
    /// The price of a job.
    Job,
    /// What a change makes a job dearer.
    Change,
    /// What a job that nobody changes costs now, beyond what is held for it.
    Unchanged {
        /// By which card, name and version.
        card: [String; 2],
        /// All that it costs.
        price: Amount,
    },
}

impl Asked {
    /// What a change asks for behind which a job costs this.
    pub(crate) fn by(row: &HoldRow, merged: &Workload, quote: &Quote) -> Self {
        match quote {
            _ if row.state == HoldState::Lapsed => Self::Job,
            Quote::Priced(estimate) if *merged == row.workload => Self::Unchanged {
                card: [estimate.card().name(), estimate.card().version()].map(str::to_owned),
                price: estimate.amount(),
            },
            _ => Self::Change,
        }
    }
}

impl NoBudget {
    /// The budgets that said no.
    pub fn budgets(&self) -> Vec<String> {
        match self {
            Self::Exceeded(excess) => excess.short.iter().map(|sum| sum.budget.clone()).collect(),
            Self::Unpriced(budget, _) | Self::Unread(budget) => vec![budget.clone()],
            Self::UnknownJob => Vec::new(),
        }
    }
}

/// Whether upstream can have acted on a request that has no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// It cannot: no byte of it left.
    NotSent,
    /// It may have.
    Unknown,
}

impl Sending {
    /// The word for it in an answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not-sent",
            Self::Unknown => "unknown",
        }
    }
}
