//! The rows of the book, as they are read.

use admission::{Balance, HoldState};
use job_model::{Amount, Decimal, JobId, Workload, WorkspaceId};
use serde_json::{Value, json};

use crate::HoldId;
use crate::wanted::{Seen, Terms, Told};

/// A hold as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldRow {
    /// Its name.
    pub id: HoldId,
    /// The job, where it is known.
    pub job: Option<JobId>,
    /// Where it stands.
    pub state: HoldState,
    /// Its amount.
    pub amount: Amount,
    /// Whether the amount is a price; else there is none.
    pub priced: bool,
    /// The job's workspace.
    pub workspace: WorkspaceId,
    /// Who asked; empty where that is unknown.
    pub principal: String,
    /// What is priced.
    pub workload: Workload,
    /// What the amount is.
    pub currency: String,
    /// Upstream's own estimate.
    pub upstream_estimate: Option<Decimal>,
    /// The units that the run took.
    pub upstream_units: Option<Decimal>,
    /// How much of what is held or charged no budget was asked for: upstream had spent it.
    pub overdraft: Amount,
    /// Whether it was opened for a job that was there: made elsewhere, or found before its creation was answered.
    pub found: bool,
    /// When it was opened, in milliseconds of Unix time.
    pub opened: i64,
    /// When it changed last, in milliseconds of Unix time.
    pub changed: i64,
    /// The budgets it counts in; only lists of holds name them.
    pub budgets: Vec<String>,
    /// The numbers of the places it counts in.
    pub(crate) accounts: Vec<i64>,
    /// The number of the terms by which its amount was found.
    pub(crate) terms: i64,
}

/// What is settled and held in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetRow {
    /// The budget's name.
    pub budget: String,
    /// The workspace, or nothing for `global`.
    pub key: String,
    /// The period.
    pub period: String,
    /// The sums.
    pub balance: Balance,
}

/// A place in a budget, and the number that holds and entries know it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) number: i64,
    pub(crate) row: BudgetRow,
}

/// Where an entry counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The budget's name.
    pub budget: String,
    /// The workspace or principal, or nothing for `global`.
    pub key: String,
    /// The period.
    pub period: String,
}

/// Where amounts of another currency count than the one that was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Their currency.
    pub currency: String,
    /// Whether they are held; else they are settled.
    pub is_held: bool,
    /// The places that they all count in.
    pub places: Vec<Place>,
}

/// An entry of the book, with what is known of its hold by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Its number.
    pub seq: i64,
    /// Its name.
    pub id: String,
    /// The hold it is about.
    pub hold: String,
    /// What happened.
    pub kind: String,
    /// Where the hold stood after it.
    pub state: String,
    /// What it added to everything held.
    pub held: Amount,
    /// What it added to everything settled.
    pub settled: Amount,
    /// The hold's amount after it.
    pub amount: Amount,
    /// When, in milliseconds of Unix time.
    pub time: i64,
    /// By what the amount was found.
    pub terms: Terms,
    /// Where it counts.
    pub places: Vec<Place>,
    /// The job, where it is known.
    pub job: Option<String>,
    /// The job's workspace.
    pub workspace: String,
    /// Who asked; empty where that is unknown.
    pub principal: String,
    /// What the amounts are.
    pub currency: String,
}

/// What usage is added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBy {
    /// The workspace.
    Workspace,
    /// Who asked.
    Principal,
    /// The job's type.
    Type,
    /// The job's quality.
    Quality,
    /// The day of the opening, UTC.
    Day,
}

impl UsageBy {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Workspace, Self::Principal, Self::Type, Self::Quality, Self::Day];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Principal => "principal",
            Self::Type => "type",
            Self::Quality => "quality",
            Self::Day => "day",
        }
    }

    /// The one with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == word)
    }
}

/// Usage of one group in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// The group.
    pub group: String,
    /// How many holds, but for those of jobs that never were, since upstream refused them or heard nothing of them, and those that were
    /// given back of jobs made elsewhere.
    pub jobs: i64,
    /// How many of them have no price.
    pub unpriced: i64,
    /// What is reserved, in doubt included.
    pub held: Amount,
    /// What is charged.
    pub settled: Amount,
    /// What the amounts are.
    pub currency: String,
}

impl HoldRow {
    /// What is decided by.
    pub const fn seen(&self) -> Seen {
        Seen { state: self.state, amount: self.amount, workload: self.workload }
    }

    /// Whether it is told what the hold does not know yet.
    pub fn is_news(&self, told: Told) -> bool {
        told.job.is_some_and(|job| Some(job) != self.job)
            || told.estimate.is_some_and(|told| Some(told) != self.upstream_estimate)
            || told.units.is_some_and(|told| Some(told) != self.upstream_units)
    }
}

impl UsageRow {
    /// As it is told to operators.
    pub fn to_json(&self) -> Value {
        json!({
            "group": self.group, "jobs": self.jobs, "unpriced": self.unpriced, "held": self.held,
            "settled": self.settled, "currency": self.currency,
        })
    }
}
