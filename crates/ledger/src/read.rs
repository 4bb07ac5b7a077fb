//! What can be asked of the book: a hold, lists of holds, balances, usage, entries.

use admission::{Balance, HoldState};
use job_model::{Amount, Decimal, JobId, Workload, WorkspaceId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};

use crate::HoldId;
use crate::book::{Told, balance};
use crate::seal;
use crate::writer::{Ledger, Unavailable};

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
    /// How much more was charged than was held.
    pub overdraft: Amount,
    /// When it was opened, in milliseconds of Unix time.
    pub opened: i64,
    /// When it changed last, in milliseconds of Unix time.
    pub changed: i64,
    /// The budgets it counts in.
    pub budgets: Vec<String>,
    pub(crate) accounts: String,
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

/// An entry of the book.
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

/// Usage of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// The group.
    pub group: String,
    /// How many holds.
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

/// A hold, its seal last.
pub(crate) const HOLD: &str =
    "SELECT id, job, state, amount, priced, workspace, principal, workload, currency, upstream_estimate,
    upstream_units, opened, changed, accounts, card, overdraft, sum FROM hold";
/// Those under the seal.
pub(crate) const HOLD_COLUMNS: usize = 16;
pub(crate) const HOLD_BY_ID: &str =
    "SELECT id, job, state, amount, priced, workspace, principal, workload, currency, upstream_estimate,
    upstream_units, opened, changed, accounts, card, overdraft, sum FROM hold WHERE id = ?1";
/// An account: what is under the seal, the seal, and the balance.
pub(crate) const ACCOUNT: &str = "SELECT id, budget, key, period, sum, settled, held FROM account";
pub(crate) const ACCOUNT_COLUMNS: usize = 4;
pub(crate) const ACCOUNT_BY_ID: &str =
    "SELECT id, budget, key, period, sum, settled, held FROM account WHERE id = ?1";
pub(crate) const ACCOUNT_OF: &str = "SELECT id, budget, key, period, sum, settled, held FROM account WHERE budget = ?1 AND key = ?2 AND period = ?3";

impl Ledger {
    /// The hold of a job: the last one that was opened for it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn hold_of(&self, job: JobId) -> Result<Option<HoldRow>, Unavailable> {
        self.run(move |db| Ok(hold_of(db, job)?)).await
    }

    /// Holds in order of their names, those behind `after`, of one state or all.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn holds(
        &self,
        state: Option<HoldState>,
        after: String,
        limit: u32,
    ) -> Result<Vec<HoldRow>, Unavailable> {
        self.run(move |db| {
            let state = state.map(HoldState::as_str);
            let rows: Vec<HoldRow> = db
                .prepare_cached(&format!(
                    "{HOLD} WHERE id > ?1 AND (?2 IS NULL OR state = ?2) ORDER BY id LIMIT ?3"
                ))?
                .query_map(params![after, state, limit], row)?
                .collect::<Result<_, _>>()?;
            rows.into_iter().map(|row| with_budgets(db, row)).collect()
        })
        .await
    }

    /// One hold.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn hold(&self, id: HoldId) -> Result<Option<HoldRow>, Unavailable> {
        self.run(move |db| Ok(hold(db, id)?)).await
    }

    /// Every balance.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn balances(&self) -> Result<Vec<BudgetRow>, Unavailable> {
        self.run(balances).await
    }

    /// How many holds are in each state, and when the oldest of them was opened.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn states(&self) -> Result<Vec<(HoldState, i64, i64)>, Unavailable> {
        self.run(|db| {
            let mut all = db.prepare_cached(
                "SELECT state, count(*), min(opened) FROM hold WHERE state IN ('open', 'bound', 'submitted', 'in-doubt') GROUP BY state",
            )?;
            let rows: Vec<(String, i64, i64)> =
                all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<Result<_, _>>()?;
            Ok(rows
                .into_iter()
                .filter_map(|(word, count, oldest)| Some((HoldState::from_word(&word)?, count, oldest)))
                .collect())
        }).await
    }

    /// Usage, added up.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn usage(&self, by: UsageBy) -> Result<Vec<UsageRow>, Unavailable> {
        let group = match by {
            UsageBy::Workspace => "workspace",
            UsageBy::Principal => "principal",
            UsageBy::Type => "json_extract(workload, '$.type')",
            UsageBy::Quality => "json_extract(workload, '$.quality')",
            UsageBy::Day => "date(opened / 1000, 'unixepoch')",
        };
        self.run(move |db| {
            let mut all = db.prepare_cached(&format!(
                "SELECT {group}, count(*), sum(1 - priced),
                 sum(CASE WHEN state IN ('open', 'bound', 'submitted', 'in-doubt') THEN amount ELSE 0 END),
                 sum(CASE WHEN state = 'settled' THEN amount ELSE 0 END), max(currency) FROM hold GROUP BY 1 ORDER BY 1"
            ))?;
            let rows = all.query_map([], |row| {
                Ok(UsageRow {
                    group: row.get(0)?,
                    jobs: row.get(1)?,
                    unpriced: row.get(2)?,
                    held: Amount::from_micros(row.get(3)?),
                    settled: Amount::from_micros(row.get(4)?),
                    currency: row.get(5)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        }).await
    }

    /// Every entry behind a number, at most so many.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn entries(&self, after: i64, limit: u32) -> Result<Vec<EntryRow>, Unavailable> {
        self.run(move |db| {
            let mut all = db.prepare_cached(
                "SELECT seq, id, hold, kind, state, held, settled, amount, time FROM entry WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let rows = all.query_map(params![after, limit], |row| {
                Ok(EntryRow {
                    seq: row.get(0)?,
                    id: row.get(1)?,
                    hold: row.get(2)?,
                    kind: row.get(3)?,
                    state: row.get(4)?,
                    held: Amount::from_micros(row.get(5)?),
                    settled: Amount::from_micros(row.get(6)?),
                    amount: Amount::from_micros(row.get(7)?),
                    time: row.get(8)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        }).await
    }
}

fn balances(db: &Connection) -> Result<Vec<BudgetRow>, Unavailable> {
    let mut all = db.prepare_cached(&format!("{ACCOUNT} ORDER BY budget, period, key"))?;
    let rows = all.query_map([], budget_row)?.collect::<Result<_, _>>()?;
    Ok(rows)
}

pub(crate) fn hold_of(db: &Connection, job: JobId) -> rusqlite::Result<Option<HoldRow>> {
    db.prepare_cached(&format!("{HOLD} WHERE job = ?1 ORDER BY opened DESC LIMIT 1"))?
        .query_row([job.to_string()], row)
        .optional()
}

pub(crate) fn hold(db: &Connection, id: HoldId) -> rusqlite::Result<Option<HoldRow>> {
    db.prepare_cached(HOLD_BY_ID)?.query_row([id.to_string()], row).optional()
}

/// The numbers of a hold's accounts, as its rows keep them.
pub(crate) fn numbers(accounts: &str) -> impl Iterator<Item = i64> {
    accounts.split(',').filter_map(|number| number.parse().ok())
}

pub(crate) fn accounts(db: &Connection, accounts: &str) -> rusqlite::Result<Vec<BudgetRow>> {
    let mut one = db.prepare_cached(ACCOUNT_BY_ID)?;
    numbers(accounts).map(|id| one.query_row([id], budget_row)).collect()
}

fn with_budgets(db: &Connection, row: HoldRow) -> Result<HoldRow, Unavailable> {
    let budgets = accounts(db, &row.accounts)?.into_iter().map(|account| account.budget).collect();
    Ok(HoldRow { budgets, ..row })
}

pub(crate) fn budget_row(row: &Row<'_>) -> rusqlite::Result<BudgetRow> {
    seal::check(row, ACCOUNT_COLUMNS)?;
    Ok(BudgetRow {
        budget: row.get(1)?,
        key: row.get(2)?,
        period: row.get(3)?,
        balance: balance(row.get(5)?, row.get(6)?),
    })
}

fn row(row: &Row<'_>) -> rusqlite::Result<HoldRow> {
    seal::check(row, HOLD_COLUMNS)?;
    let text = |index: usize| row.get::<_, Option<String>>(index);
    let number = |index: usize| Ok::<_, rusqlite::Error>(text(index)?.and_then(|text| text.parse().ok()));
    let (state, workspace, workload): (String, String, String) = (row.get(2)?, row.get(5)?, row.get(7)?);
    // What cannot be read is not passed over: nothing is decided about a hold that is damaged.
    let damaged = || rusqlite::Error::InvalidQuery;
    let workload = serde_json::from_str(&workload).ok();
    Ok(HoldRow {
        id: row.get(0)?,
        job: text(1)?.map(|job| JobId::parse(&job).ok_or_else(damaged)).transpose()?,
        state: HoldState::from_word(&state).ok_or_else(damaged)?,
        amount: Amount::from_micros(row.get(3)?),
        priced: row.get(4)?,
        workspace: WorkspaceId::parse(&workspace).ok_or_else(damaged)?,
        principal: row.get(6)?,
        workload: workload.and_then(|value| Workload::from_json(&value)).ok_or_else(damaged)?,
        currency: row.get(8)?,
        upstream_estimate: number(9)?,
        upstream_units: number(10)?,
        opened: row.get(11)?,
        changed: row.get(12)?,
        budgets: Vec::new(),
        accounts: row.get(13)?,
        overdraft: Amount::from_micros(row.get(15)?),
    })
}
