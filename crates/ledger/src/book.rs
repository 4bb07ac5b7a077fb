//! What can be written into the book: a new hold, or something that happened to one. Each is one conditional step within one
//! transaction: nothing is checked at one time and added at another.

use std::fmt;

use admission::{Balance, Change, Claim, Event, HoldState, Shortfall, after};
use jiff::Timestamp;
use job_model::{Amount, Decimal, JobId, Workload, WorkspaceId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::HoldId;
use crate::chain;
use crate::entry::{beyond, enter};
use crate::open::millis;
use crate::read;
use crate::repeat::{self, Earlier, Kept, Key};
use crate::seal;
use crate::writer::{Failing, Ledger, Unavailable};

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
    /// The fingerprint of the rate card; empty where nothing was priced.
    pub card: String,
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
    /// The fingerprint of the card that priced it; none where it has no price now, and an earlier one stays.
    pub card: Option<String>,
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

/// What is written about a hold in one step.
#[derive(Clone, Debug, Default)]
pub struct Note {
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
    /// It does not fit a budget.
    Budget(Box<Shortfall>),
    /// There is no such hold.
    Unknown,
    /// The ledger cannot decide now.
    Unavailable(Unavailable),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget(sum) => write!(f, "budget {} has {} too little", sum.budget, sum.missing),
            Self::Repeated(_) => f.write_str("the key is taken by an earlier request"),
            Self::Unknown => f.write_str("there is no such hold in this ledger"),
            Self::Unavailable(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Refused {}

impl Failing for Refused {
    fn fault(&self) -> Option<&Unavailable> {
        match self {
            Self::Unavailable(fault) => Some(fault),
            Self::Budget(_) | Self::Unknown | Self::Repeated(_) => None,
        }
    }
}

impl From<Unavailable> for Refused {
    fn from(fault: Unavailable) -> Self {
        Self::Unavailable(fault)
    }
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Ledger {
    /// Opens a hold in all its budgets, or in none, unless its job has one already; and takes the key of the request that asks
    /// for it. Tells which budgets are then where somebody is to know of it.
    ///
    /// # Errors
    /// The first budget that it does not fit, or what became of an earlier request with the key.
    pub async fn reserve(
        &self,
        hold: NewHold,
        key: Option<Key>,
        now: Timestamp,
    ) -> Result<Vec<String>, Refused> {
        self.run(move |db| {
            repeat::check(db, key.as_ref(), now)?;
            let near = reserve(db, &hold, now)?;
            repeat::take(db, key.as_ref(), Some(hold.id), now)?;
            Ok(near)
        })
        .await
    }

    /// Raises a hold to what a changed job costs, if that fits; it is never lowered here, before upstream has agreed. A hold
    /// that had lapsed is reserved anew, in the windows of `claims`.
    ///
    /// # Errors
    /// As [`Ledger::reserve`].
    pub async fn raise(
        &self,
        hold: HoldId,
        to: Amount,
        claims: Vec<Claim>,
        key: Option<Key>,
        now: Timestamp,
    ) -> Result<Vec<String>, Refused> {
        self.run(move |db| {
            repeat::check(db, key.as_ref(), now)?;
            let near = raise(db, hold, to, &claims, now)?;
            repeat::take(db, key.as_ref(), Some(hold), now)?;
            Ok(near)
        })
        .await
    }

    /// Writes down what happened to a hold. What changes nothing is not written.
    ///
    /// # Errors
    /// When there is no such hold.
    pub async fn note(&self, hold: HoldId, note: Note, now: Timestamp) -> Result<HoldState, Refused> {
        self.run(move |db| write(db, hold, &note, now)).await
    }
}

fn reserve(db: &Connection, hold: &NewHold, now: Timestamp) -> Result<Vec<String>, Refused> {
    if let Some(job) = hold.job
        && read::hold_of(db, job)?.is_some()
    {
        // Two have found out at once that nothing was known of it.
        return Ok(Vec::new());
    }
    let amount = hold.amount.unwrap_or(Amount::ZERO);
    let (accounts, near) = claim(db, &hold.claims, amount)?;
    let state = if hold.job.is_some() { HoldState::Bound } else { HoldState::Open };
    let (id, job) = (hold.id.to_string(), hold.job.map(|job| job.to_string()));
    db.prepare_cached(
        "INSERT INTO hold (id, job, state, amount, priced, workspace, principal, workload, card, currency, accounts, opened, changed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)",
    )?
    .execute(params![
        id,
        job,
        state.as_str(),
        amount.micros(),
        hold.amount.is_some(),
        hold.workspace.to_string(),
        hold.principal,
        hold.workload.to_json().to_string(),
        hold.card,
        hold.currency,
        accounts,
        millis(now)
    ])?;
    seal::hold(db, &id)?;
    let about = chain::opening(&hold.card, job.as_deref());
    enter(db, hold.id, "reserve", opened(state, amount), &accounts, &about, now)?;
    Ok(near)
}

fn raise(
    db: &Connection,
    hold: HoldId,
    to: Amount,
    claims: &[Claim],
    now: Timestamp,
) -> Result<Vec<String>, Refused> {
    let row = read::hold(db, hold)?.ok_or(Refused::Unknown)?;
    let id = hold.to_string();
    if row.state == HoldState::Lapsed {
        let (accounts, near) = claim(db, claims, to)?;
        db.prepare_cached(
            "UPDATE hold SET state = 'bound', amount = ?2, accounts = ?3, opened = ?4, changed = ?4 WHERE id = ?1",
        )?
        .execute(params![id, to.micros(), accounts, millis(now)])?;
        seal::hold(db, &id)?;
        enter(db, hold, "reserve", opened(HoldState::Bound, to), &accounts, "", now)?;
        return Ok(near);
    }
    let more = to.checked_sub(row.amount).ok_or_else(beyond)?.max(Amount::ZERO);
    let mut near = Vec::new();
    for account in read::accounts(db, &row.accounts)? {
        // A budget that was taken out of the configuration limits nothing any more. Its window is the one of the opening.
        let Some(claim) = claims.iter().find(|claim| claim.budget == account.budget) else { continue };
        take(claim, account.balance, more, &mut near)?;
    }
    if more > Amount::ZERO {
        write(db, hold, &Note { events: vec![Event::Adjust(to)], ..Note::default() }, now)?;
    }
    Ok(near)
}

/// Whether an amount fits on top of a balance; and notes a budget that is then near its limit.
fn take(claim: &Claim, balance: Balance, more: Amount, near: &mut Vec<String>) -> Result<(), Refused> {
    claim.check(balance, more).map_err(|no| Refused::Budget(Box::new(no)))?;
    let held = balance.held.checked_add(more).unwrap_or(balance.held);
    if claim.is_near(Balance { held, ..balance }) {
        near.push(claim.budget.clone());
    }
    Ok(())
}

/// Takes an amount in every place; gives their numbers, and the budgets that are then near their limit. Every place is looked at
/// before one is written: what is refused leaves nothing to be undone.
fn claim(db: &Connection, claims: &[Claim], amount: Amount) -> Result<(String, Vec<String>), Refused> {
    let mut near = Vec::new();
    let mut found: Vec<Option<i64>> = Vec::with_capacity(claims.len());
    for claim in claims {
        let place = db
            .prepare_cached(read::ACCOUNT_OF)?
            .query_row(params![claim.budget, claim.key, claim.period.label], |row| {
                Ok((row.get(0)?, read::budget_row(row)?.balance))
            })
            .optional()?;
        let balance = place.map(|(_, balance)| balance).unwrap_or_default();
        take(claim, balance, amount, &mut near)?;
        found.push(place.map(|(number, _)| number));
    }
    let mut numbers = Vec::with_capacity(claims.len());
    for (claim, place) in claims.iter().zip(found) {
        let number = match place {
            Some(number) => number,
            None => open_account(db, claim)?,
        };
        numbers.push(number.to_string());
    }
    Ok((numbers.join(","), near))
}

fn open_account(db: &Connection, claim: &Claim) -> rusqlite::Result<i64> {
    db.prepare_cached("INSERT INTO account (budget, key, period, settled, held) VALUES (?1, ?2, ?3, 0, 0)")?
        .execute(params![claim.budget, claim.key, claim.period.label])?;
    let number = db.last_insert_rowid();
    seal::account(db, number)?;
    Ok(number)
}

pub(crate) fn write(
    db: &Connection,
    hold: HoldId,
    note: &Note,
    now: Timestamp,
) -> Result<HoldState, Refused> {
    let Note { events, told, amend, kept } = note;
    let told = *told;
    let row = read::hold(db, hold)?.ok_or(Refused::Unknown)?;
    if let Some((key, kept)) = kept {
        repeat::keep(db, key, kept)?;
    }
    let (mut state, mut amount) = (row.state, row.amount);
    let mut changes = Vec::new();
    let mut overdraft = Amount::ZERO;
    for event in events {
        let Some(change) = after(state, amount, *event) else { continue };
        // What upstream has spent beyond what was held is charged all the same, and shown as such.
        overdraft =
            change.settled.checked_sub(amount).filter(|more| *more > Amount::ZERO).unwrap_or(overdraft);
        (state, amount) = (change.state, change.amount);
        changes.push((event.as_str(), change));
    }
    if !changes.is_empty() || row.is_news(told) {
        let text = |number: Option<Decimal>| number.map(|number| number.normalize().to_string());
        db.prepare_cached(
            "UPDATE hold SET state = ?2, amount = ?3, job = coalesce(?4, job), changed = ?5,
             upstream_estimate = coalesce(?6, upstream_estimate), upstream_units = coalesce(?7, upstream_units), overdraft = overdraft + ?8 WHERE id = ?1",
        )?
        .execute(params![
            hold.to_string(),
            state.as_str(),
            amount.micros(),
            told.job.map(|job| job.to_string()),
            millis(now),
            text(told.estimate),
            text(told.units),
            overdraft.micros()
        ])?;
    }
    if let Some(Amend { workload, card }) = amend {
        db.prepare_cached(
            "UPDATE hold SET workload = ?2, card = coalesce(?3, card), priced = priced OR ?3 IS NOT NULL WHERE id = ?1",
        )?
        .execute(params![hold.to_string(), workload.to_json().to_string(), card])?;
    }
    if !changes.is_empty() || row.is_news(told) || amend.is_some() {
        seal::hold(db, &hold.to_string())?;
    }
    // Behind what they change: an event tells of its hold as it is after it.
    for (kind, change) in changes {
        enter(db, hold, kind, change, &row.accounts, &chain::telling(told), now)?;
    }
    Ok(state)
}

/// What an opening does to the balances.
fn opened(state: HoldState, amount: Amount) -> Change {
    Change { state, amount, held: amount, settled: Amount::ZERO }
}

pub(crate) fn balance(settled: i64, held: i64) -> Balance {
    Balance { settled: Amount::from_micros(settled), held: Amount::from_micros(held) }
}
