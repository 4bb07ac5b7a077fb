//! Appends an entry: the one way to the balances, which follow from the entries alone.

use admission::{Balance, Change};
use jiff::Timestamp;
use job_model::Amount;

use crate::HoldId;
use crate::ledger::Unavailable;
use crate::outbox;
use crate::rows::{Account, HoldRow};
use crate::store::{Answer, Read, Write};
use crate::wanted::{Refused, Told};

/// An entry to be appended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// Its name.
    pub(crate) id: HoldId,
    /// The hold it is about.
    pub(crate) hold: HoldId,
    /// What happened.
    pub(crate) kind: &'static str,
    /// What it does to the hold and its balances.
    pub(crate) change: Change,
    /// The places that it moves.
    pub(crate) accounts: &'a [i64],
    /// The number of the terms by which its amount was found.
    pub(crate) terms: i64,
    /// What upstream said.
    pub(crate) told: Told,
    /// When, in milliseconds of Unix time.
    pub(crate) time: i64,
}

/// What is to be entered about a hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Enter {
    /// What happened.
    pub(crate) kind: &'static str,
    /// What it does to the hold and its balances.
    pub(crate) change: Change,
    /// The number of the terms by which its amount was found.
    pub(crate) terms: i64,
    /// What upstream said.
    pub(crate) told: Told,
    /// Whether it is another job from now on.
    pub(crate) amended: bool,
}

/// Appends what happened to a hold, which is as `row` says after it, and tells who wants to hear of it.
pub(crate) fn enter(store: &mut dyn Write, row: &HoldRow, what: Enter, now: Timestamp) -> Answer<()> {
    let Enter { kind, change, terms, told, amended } = what;
    let (id, time) = (HoldId::new(), millis(now));
    let entry = Entry { id, hold: row.id, kind, change, accounts: &row.accounts, terms, told, time };
    let seq = store.append(&entry)?;
    if let Some(what) = outbox::happened(kind, change.state, amended)
        && store.has_sinks()?
    {
        store.put_event(seq, time, &outbox::event(what, &entry, row).to_string())?;
    }
    Ok(())
}

/// The balances of the places of a hold once changes have moved them. Nothing is written yet: what cannot be added up is refused
/// before anything is.
pub(crate) fn moved(
    store: &dyn Read,
    accounts: &[i64],
    changes: impl Iterator<Item = Change>,
) -> Result<Vec<Account>, Refused> {
    let add = |sum: Amount, more: Amount| sum.checked_add(more).ok_or_else(beyond);
    let sum = changes.map(|change| (change.settled, change.held));
    let (settled, held) = sum.into_iter().try_fold((Amount::ZERO, Amount::ZERO), |sum, more| {
        Ok::<_, Refused>((add(sum.0, more.0)?, add(sum.1, more.1)?))
    })?;
    if (settled, held) == (Amount::ZERO, Amount::ZERO) {
        return Ok(Vec::new());
    }
    let after = |number: &i64| {
        let mut account = store.account(*number)?;
        let Balance { settled: before, held: reserved } = account.row.balance;
        account.row.balance = Balance { settled: add(before, settled)?, held: add(reserved, held)? };
        Ok(account)
    };
    accounts.iter().map(after).collect()
}

pub(crate) fn beyond() -> Refused {
    Refused::Unavailable(Unavailable::new("a number is beyond what it can hold"))
}

/// Milliseconds of an instant.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}
