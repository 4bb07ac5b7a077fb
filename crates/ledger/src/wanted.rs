//! What may be asked of the book, and why it says no.

use std::fmt;
use std::sync::Arc;

use admission::{Claim, Event, HoldState, Shortfall};
use job_model::{Amount, Decimal, JobId, Workload, WorkspaceId};

use crate::HoldId;
use crate::ledger::{Failing, Unavailable};
use crate::repeat::{Earlier, Kept, Key};

/// What an amount follows from: the fingerprints of the rate card, empty where nothing was priced, and of the rule set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Of the rate card.
    pub card: String,
    /// Of the rule set.
    pub rules: Arc<str>,
}

/// A hold to be opened.
#[derive(Clone, Debug)]
pub struct NewHold {
    /// Its name.
    pub id: HoldId,
    /// The job, where it is known already.
    pub job: Option<JobId>,
    /// The job's workspace.
    pub workspace: WorkspaceId,
    /// Who asks; empty where that is unknown.
    pub principal: String,
    /// What is priced.
    pub workload: Workload,
    /// The price; none where it is unknown.
    pub amount: Option<Amount>,
    /// By what it was found.
    pub terms: Terms,
    /// What the amount is.
    pub currency: String,
    /// Where it counts.
    pub claims: Vec<Claim>,
}

/// A change to what a hold is for.
#[derive(Clone, Debug)]
pub struct Amend {
    /// What is priced now.
    pub workload: Workload,
    /// By what its price was found; none where it has none now, and an earlier one stays.
    pub terms: Option<Terms>,
}

/// What a change is about to make of a hold.
#[derive(Clone, Debug)]
pub struct Raise {
    /// What the changed job costs.
    pub to: Amount,
    /// By what that was found; none where it is the price that the hold has.
    pub terms: Option<Terms>,
    /// What that is an amount of.
    pub currency: String,
    /// Where it counts.
    pub claims: Vec<Claim>,
}

/// Where a change counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The budgets.
    pub budgets: Vec<String>,
    /// Those of them that are then where somebody is to know of it.
    pub near: Vec<String>,
}

/// What upstream said of a job beside what happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// The job's id.
    pub job: Option<JobId>,
    /// Upstream's own estimate.
    pub estimate: Option<Decimal>,
    /// The units that the run took.
    pub units: Option<Decimal>,
}

/// What was known of a hold when something was decided about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Where it stood.
    pub state: HoldState,
    /// Its amount.
    pub amount: Amount,
    /// What it was for.
    pub workload: Workload,
}

/// What is written about a hold in one step.
#[derive(Clone, Debug, Default)]
pub struct Note {
    /// As what the hold was seen when this was decided: where it is another by now, nothing happens to it.
    pub seen: Option<Seen>,
    /// What happened to it, in order.
    pub events: Vec<Event>,
    /// What upstream said.
    pub told: Told,
    /// What it is for from now on.
    pub amend: Option<Amend>,
    /// What is kept of the request that it happened by.
    pub kept: Option<(Key, Kept)>,
}

/// Why nothing was written.
#[derive(Debug)]
pub enum Refused {
    /// The request's key is taken: what became of the first one.
    Repeated(Box<Earlier>),
    /// It does not fit these budgets, one at least.
    Budget(Vec<Shortfall>),
    /// There is no such hold.
    Unknown,
    /// Another change of its job is under way, or came between.
    Changed,
    /// The ledger cannot decide now.
    Unavailable(Unavailable),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget(short) => {
                let sums =
                    short.iter().map(|sum| format!("budget {} has {} too little", sum.budget, sum.missing));
                f.write_str(&sums.collect::<Vec<_>>().join(", "))
            }
            Self::Repeated(_) => f.write_str("the key is taken by an earlier request"),
            Self::Unknown => f.write_str("there is no such hold in this ledger"),
            Self::Changed => f.write_str("another change of its job is under way, or came between"),
            Self::Unavailable(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Refused {}

impl Failing for Refused {
    fn fault(&self) -> Option<&Unavailable> {
        match self {
            Self::Unavailable(fault) => Some(fault),
            Self::Budget(_) | Self::Unknown | Self::Changed | Self::Repeated(_) => None,
        }
    }
}

impl From<Unavailable> for Refused {
    fn from(fault: Unavailable) -> Self {
        Self::Unavailable(fault)
    }
}
