//! What can be written into the book: a new hold, or something that happened to one. Each is one conditional step within one
//! transaction: nothing is checked at one time and added at another.

use admission::{Balance, Change, Claim, Event, HoldState, Period, Shortfall, after};
use jiff::Timestamp;
use job_model::{Amount, Workload};

use crate::HoldId;
use crate::entry::{Enter, beyond, enter, millis, moved};
use crate::ledger::Ledger;
use crate::repeat::{self, Key};
use crate::rows::{Account, BudgetRow, HoldRow};
use crate::store::{Answer, Write};
use crate::wanted::{Amend, Counted, NewHold, Note, Raise, Refused, Seen, Terms, Told};

impl Ledger {
    /// Opens a hold in all its budgets, or in none, unless its job has one already; and takes the key of the request that asks
    /// for it. Tells which budgets are then where somebody is to know of it. A job that is known may be the one of a request whose
    /// answer was lost: then the hold of that is its own.
    ///
    /// # Errors
    /// The budgets that it does not fit, or what became of an earlier request with the key.
    pub async fn reserve(
        &self,
        hold: NewHold,
        key: Option<Key>,
        now: Timestamp,
    ) -> Result<Vec<String>, Refused> {
        self.decide(move |store| {
            repeat::check(store, key.as_ref(), now)?;
            let near = reserve(store, &hold, now)?;
            repeat::take(store, key, Some(hold.id), now)?;
            Ok(near)
        })
        .await
    }

    /// Begins a change: raises a hold to what the changed job costs, if that fits, and keeps every other change out until a note
    /// ends this one. The hold is never lowered here, before upstream has agreed. One that had lapsed is reserved anew, in the
    /// windows of its claims. The price was found by what the hold was `seen` as.
    ///
    /// # Errors
    /// As [`Ledger::reserve`]; [`Refused::Changed`] where the hold is not as it was seen, or a change of it is under way.
    pub async fn change(
        &self,
        hold: HoldId,
        seen: Seen,
        raise: Raise,
        key: Option<Key>,
        now: Timestamp,
    ) -> Result<Counted, Refused> {
        self.decide(move |store| {
            repeat::check(store, key.as_ref(), now)?;
            let counted = change(store, hold, seen, &raise, now)?;
            repeat::take(store, key, Some(hold), now)?;
            Ok(counted)
        })
        .await
    }

    /// Writes down what happened to a hold. What changes nothing is not written; one whose job was found meanwhile, and has a hold by
    /// that, is given back.
    ///
    /// # Errors
    /// When there is no such hold.
    pub async fn note(&self, hold: HoldId, note: Note, now: Timestamp) -> Result<HoldState, Refused> {
        self.record(move |store| write(store, hold, &note, None, now)).await
    }
}

fn reserve(store: &mut dyn Write, new: &NewHold, now: Timestamp) -> Result<Vec<String>, Refused> {
    if let Some(job) = new.job {
        if store.hold_of(job)?.is_some_and(|row| row.state != HoldState::Released) {
            // Two have found out at once that nothing was known of it.
            return Ok(Vec::new());
        }
        if let Some(doubt) = created(store, new)? {
            let told = Told { job: Some(job), ..Told::default() };
            write(store, doubt, &Note { events: vec![Event::Bind], told, ..Note::default() }, None, now)?;
            return Ok(Vec::new());
        }
    }
    let amount = new.amount.unwrap_or(Amount::ZERO);
    let (accounts, near) = claim(store, &new.claims, amount)?;
    let row = HoldRow {
        id: new.id,
        job: new.job,
        state: if new.job.is_some() { HoldState::Bound } else { HoldState::Open },
        amount,
        priced: new.amount.is_some(),
        workspace: new.workspace,
        principal: new.principal.clone(),
        workload: new.workload,
        terms: store.number_of(&new.terms)?,
        currency: new.currency.clone(),
        upstream_estimate: None,
        upstream_units: None,
        overdraft: Amount::ZERO,
        found: new.job.is_some(),
        opened: millis(now),
        changed: millis(now),
        budgets: Vec::new(),
        accounts,
    };
    store.add_hold(&row)?;
    let told = Told { job: new.job, ..Told::default() };
    enter(
        store,
        &row,
        Enter { kind: "reserve", change: opened(row.state, amount), terms: row.terms, told, amended: false },
        now,
    )?;
    Ok(near)
}

/// The hold of a request that may have created this job, of which nobody knows what became.
fn created(store: &mut dyn Write, new: &NewHold) -> Answer<Option<HoldId>> {
    for id in store.opened_before(HoldState::InDoubt, i64::MAX, u32::MAX)? {
        let is_it = |row: &HoldRow| {
            (row.job, row.workspace, sized(row.workload)) == (None, new.workspace, sized(new.workload))
                && row.principal == new.principal
        };
        if store.hold(id)?.as_ref().is_some_and(is_it) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The sizes that a workload has: upstream may tell one that was not given as 0.
fn sized(workload: Workload) -> Workload {
    let gigapixels = workload.gigapixels.filter(|size| !size.get().is_zero());
    let megapoints = workload.megapoints.filter(|size| !size.get().is_zero());
    Workload { gigapixels, megapoints, ..workload }
}

fn change(
    store: &mut dyn Write,
    hold: HoldId,
    seen: Seen,
    raise: &Raise,
    now: Timestamp,
) -> Result<Counted, Refused> {
    let Raise { to, terms, currency, claims } = raise;
    let to = *to;
    let mut row = store.hold(hold)?.ok_or(Refused::Unknown)?;
    if row.state == HoldState::Changing || row.seen() != seen {
        return Err(Refused::Changed);
    }
    if row.state == HoldState::Lapsed {
        let (accounts, near) = claim(store, claims, to)?;
        let (state, opening) = (HoldState::Changing, millis(now));
        let priced = row.priced || to != Amount::ZERO;
        let currency = currency.clone();
        let row = HoldRow {
            state,
            amount: to,
            priced,
            currency,
            accounts,
            opened: opening,
            changed: opening,
            ..row
        };
        store.put_hold(&row)?;
        let terms = number_of(store, &row, terms.as_ref())?;
        let told = Told::default();
        let change = opened(state, to);
        enter(store, &row, Enter { kind: "reserve", change, terms, told, amended: false }, now)?;
        return Ok(Counted { budgets: claims.iter().map(|claim| claim.budget.clone()).collect(), near });
    }
    let more = to.checked_sub(row.amount).ok_or_else(beyond)?.max(Amount::ZERO);
    let mut room = Room::default();
    let mut budgets = Vec::with_capacity(row.accounts.len());
    for number in &row.accounts {
        let BudgetRow { budget, period, balance, .. } = store.account(*number)?.row;
        // A budget that was taken out of the configuration limits nothing any more.
        if let Some(claim) = claims.iter().find(|claim| claim.budget == budget) {
            // Its window is the one of the opening; what is short there does not come back with another one.
            let next = claim.period.next.clone().filter(|_| claim.period.label == period);
            room.take(&Claim { period: Period { label: period, next }, ..claim.clone() }, balance, more)?;
        }
        budgets.push(budget);
    }
    let near = room.near()?;
    if row.amount == Amount::ZERO && to != Amount::ZERO && row.currency != *currency {
        // It was opened without a price, under another card.
        row.currency.clone_from(currency);
        store.put_hold(&row)?;
    }
    let raised = (more > Amount::ZERO).then_some(Event::Adjust(to));
    let events = raised.into_iter().chain([Event::Change]).collect();
    // What is not raised is what it was, by what it was, until upstream has agreed.
    let terms = terms.as_ref().filter(|_| more > Amount::ZERO);
    let asked = Asked { claimed: more, terms: number_of(store, &row, terms)? };
    write(store, hold, &Note { events, ..Note::default() }, Some(asked), now)?;
    Ok(Counted { budgets, near })
}

/// What there is in the budgets that something is to count in.
#[derive(Debug, Default)]
struct Room {
    near: Vec<String>,
    short: Vec<Shortfall>,
}

impl Room {
    /// What is held once an amount is taken on top of a balance; notes a budget that it does not fit, or that is then near its limit.
    fn take(&mut self, claim: &Claim, balance: Balance, more: Amount) -> Result<Balance, Refused> {
        self.short.extend(claim.check(balance, more).err());
        let after = Balance { held: balance.held.checked_add(more).ok_or_else(beyond)?, ..balance };
        if claim.is_near(after) {
            self.near.push(claim.budget.clone());
        }
        Ok(after)
    }

    /// The budgets that are near their limit, where it fits all.
    fn near(self) -> Result<Vec<String>, Refused> {
        if self.short.is_empty() { Ok(self.near) } else { Err(Refused::Budget(self.short)) }
    }
}

/// Takes an amount in every place; gives their numbers, and the budgets that are then near their limit. Every place is looked at
/// before one is written: what is refused leaves nothing to be undone.
fn claim(
    store: &mut dyn Write,
    claims: &[Claim],
    amount: Amount,
) -> Result<(Vec<i64>, Vec<String>), Refused> {
    let mut room = Room::default();
    let mut found = Vec::with_capacity(claims.len());
    for claim in claims {
        let place = store.account_of(claim)?;
        let balance = place.as_ref().map(|account| account.row.balance).unwrap_or_default();
        found.push((place, room.take(claim, balance, amount)?));
    }
    let near = room.near()?;
    let mut numbers = Vec::with_capacity(claims.len());
    for (claim, (place, balance)) in claims.iter().zip(found) {
        let number = match place {
            Some(account) => account.number,
            None => store.add_account(claim)?,
        };
        numbers.push(number);
        if amount != Amount::ZERO {
            let (budget, key) = (claim.budget.clone(), claim.key.clone());
            let row = BudgetRow { budget, key, period: claim.period.label.clone(), balance };
            store.put_account(&Account { number, row })?;
        }
    }
    Ok((numbers, near))
}

/// What budgets were asked for, and by what that was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    claimed: Amount,
    terms: i64,
}

/// Writes a note. What it takes beyond what its budgets were asked for is upstream's doing: it is taken all the same, and shown as
/// such.
pub(crate) fn write(
    store: &mut dyn Write,
    hold: HoldId,
    note: &Note,
    asked: Option<Asked>,
    now: Timestamp,
) -> Result<HoldState, Refused> {
    let mut row = store.hold(hold)?.ok_or(Refused::Unknown)?;
    let (events, amend, told) = applies(store, &row, note)?;
    let mut claimed = asked.map_or(Amount::ZERO, |asked| asked.claimed);
    let mut changes = Vec::with_capacity(events.len());
    for event in events {
        let Some(change) = after(row.state, row.amount, *event) else { continue };
        let taken = change.held.checked_add(change.settled).ok_or_else(beyond)?;
        // What is given back is first what nobody was asked for.
        let given = taken.min(Amount::ZERO);
        row.overdraft = row.overdraft.checked_add(given).ok_or_else(beyond)?.max(Amount::ZERO);
        let taken = taken.max(Amount::ZERO);
        let over = taken.checked_sub(claimed).ok_or_else(beyond)?.max(Amount::ZERO);
        claimed = claimed.checked_sub(taken).ok_or_else(beyond)?.max(Amount::ZERO);
        row.overdraft = row.overdraft.checked_add(over).ok_or_else(beyond)?;
        (row.state, row.amount) = (change.state, change.amount);
        changes.push((event.as_str(), change));
    }
    let balances = moved(store, &row.accounts, changes.iter().map(|(_, change)| *change))?;
    if let Some((key, kept)) = &note.kept {
        repeat::keep(store, key, kept)?;
    }
    let happened = !changes.is_empty() || row.is_news(told);
    if happened {
        row.changed = millis(now);
        row.job = told.job.or(row.job);
        row.upstream_estimate = told.estimate.map(|number| number.normalize()).or(row.upstream_estimate);
        row.upstream_units = told.units.map(|number| number.normalize()).or(row.upstream_units);
    }
    if row.amount != Amount::ZERO {
        row.priced = true;
    } else if changes.iter().any(|(kind, _)| *kind == Event::Adjust(Amount::ZERO).as_str()) {
        // It had none but that of a change, which was not made.
        row.priced = false;
    }
    let amended = amend.is_some_and(|amend| amend.workload != row.workload);
    if let Some(Amend { workload, terms }) = amend {
        if amended && told.estimate.is_none() {
            // It was of another job.
            row.upstream_estimate = None;
        }
        row.workload = *workload;
        row.priced |= terms.is_some();
        row.terms = number_of(store, &row, terms.as_ref())?;
    }
    if happened || amend.is_some() {
        store.put_hold(&row)?;
    }
    for account in &balances {
        store.put_account(account)?;
    }
    let terms = asked.map_or(row.terms, |asked| asked.terms);
    for (kind, change) in changes {
        enter(store, &row, Enter { kind, change, terms, told, amended }, now)?;
    }
    Ok(row.state)
}

/// What of a note applies to a hold. Nothing happens to one that is another by now than it was seen as; and one is given back whose job
/// somebody has found, and changed, before its creation was answered or written down: the job has the hold of that. Two creations are
/// two jobs, whatever upstream calls them.
fn applies<'a>(
    store: &dyn Write,
    row: &HoldRow,
    note: &'a Note,
) -> Answer<(&'a [Event], Option<&'a Amend>, Told)> {
    let is_seen = note.seen.is_none_or(|seen| seen == row.seen());
    let its = match note.told.job.filter(|job| row.job != Some(*job)) {
        Some(job) => store.hold_of(job)?.filter(|its| its.found && its.state != HoldState::Released),
        None => None,
    };
    Ok(match (is_seen, its) {
        (false, None) => (&[], None, note.told),
        (false, Some(_)) => (&[], None, Told::default()),
        (true, None) => (&note.events, note.amend.as_ref(), note.told),
        (true, Some(_)) => (&[Event::Release], None, Told::default()),
    })
}

/// The number of terms; where there are none, of those that the hold has.
fn number_of(store: &mut dyn Write, row: &HoldRow, terms: Option<&Terms>) -> Result<i64, Refused> {
    Ok(match terms {
        Some(terms) => store.number_of(terms)?,
        None => row.terms,
    })
}

/// What an opening does to the balances.
fn opened(state: HoldState, amount: Amount) -> Change {
    Change { state, amount, held: amount, settled: Amount::ZERO }
}
