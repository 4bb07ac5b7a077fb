//! A ledger in memory, for trials and tests: gone with its process. It grows with every job, and while somebody reports on all of it no
//! request is decided.

mod of_job;
mod sums;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use admission::{Change, Claim, HoldState};
use job_model::JobId;

use crate::HoldId;
use crate::entry::Entry;
use crate::ledger::{Failing, Unavailable};
use crate::outbox::{Outgoing, Waiting};
use crate::repeat::Request;
use crate::rows::{Account, BudgetRow, EntryRow, Foreign, HoldRow, Place, UsageBy, UsageRow};
use crate::store::{Answer, Read, Write};
use crate::verify::{Faults, Sums, Verified};
use crate::wanted::Terms;
use of_job::OfJob;

/// A ledger in memory that several ask. Each order has it for itself.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Memory>>);

/// What is kept.
#[derive(Debug, Default)]
struct Memory {
    holds: BTreeMap<HoldId, HoldRow>,
    /// The holds of each job: most have one.
    jobs: HashMap<JobId, OfJob>,
    /// The holds that are held, by state and age.
    held: HashMap<HoldState, BTreeSet<(i64, HoldId)>>,
    accounts: Vec<Account>,
    /// The numbers of the accounts: by budget, period and key.
    places: BTreeMap<String, i64>,
    entries: Vec<Kept>,
    terms: Vec<Terms>,
    requests: HashMap<[u8; 32], Request>,
    outbox: BTreeMap<i64, (i64, String)>,
    sinks: BTreeMap<String, i64>,
    dead: BTreeMap<(String, i64), String>,
    /// How often it was changed.
    changes: u64,
}

/// An entry, without what can be looked up.
#[derive(Debug)]
struct Kept {
    id: HoldId,
    hold: HoldId,
    kind: &'static str,
    change: Change,
    accounts: Box<[i64]>,
    terms: i64,
    time: i64,
}

impl Shared {
    /// A new one.
    pub(crate) fn new(sinks: &[String]) -> Self {
        let sinks = sinks.iter().map(|sink| (sink.clone(), 0)).collect();
        Self(Arc::new(Mutex::new(Memory { sinks, ..Memory::default() })))
    }

    /// Whether somebody left it in the midst of an order.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.is_poisoned()
    }

    fn lock(&self) -> Answer<MutexGuard<'_, Memory>> {
        self.0.lock().map_err(|_| Unavailable::ended())
    }

    /// As [`crate::Ledger::decide`].
    pub(crate) fn decide<T, E: Failing>(
        &self,
        order: impl Fn(&mut dyn Write) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut memory = self.lock()?;
        let before = memory.changes;
        let done = order(&mut *memory);
        // Nothing takes back what an order wrote that then failed. None does: each looks before it writes.
        assert!(done.is_ok() || memory.changes == before, "an order has failed after it wrote");
        done
    }

    /// As [`crate::Ledger::ask`].
    pub(crate) fn ask<T>(&self, question: impl Fn(&dyn Read) -> Answer<T>) -> Answer<T> {
        question(&*self.lock()?)
    }
}

impl Memory {
    fn index(&self, number: i64) -> Answer<usize> {
        let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        index
            .filter(|index| *index < self.accounts.len())
            .ok_or_else(|| Unavailable::new("there is no such account"))
    }

    fn entry(&self, entry: &Kept, seq: i64) -> Answer<EntryRow> {
        let lost = || Unavailable::new("an entry is about nothing");
        let hold = self.holds.get(&entry.hold).ok_or_else(lost)?;
        Ok(EntryRow {
            seq,
            id: entry.id.to_string(),
            hold: entry.hold.to_string(),
            kind: entry.kind.to_owned(),
            state: entry.change.state.as_str().to_owned(),
            held: entry.change.held,
            settled: entry.change.settled,
            amount: entry.change.amount,
            time: entry.time,
            terms: self.terms(entry.terms)?,
            places: entry.accounts.iter().map(|number| self.place(*number)).collect::<Answer<_>>()?,
            job: hold.job.map(|job| job.to_string()),
            workspace: hold.workspace.to_string(),
            principal: hold.principal.clone(),
            currency: hold.currency.clone(),
        })
    }

    fn place(&self, number: i64) -> Answer<Place> {
        let BudgetRow { budget, key, period, .. } = self.account(number)?.row;
        Ok(Place { budget, key, period })
    }

    /// What all sinks have is dropped.
    fn tidy(&mut self) {
        let Some(all) = self.sinks.values().min() else { return self.outbox.clear() };
        self.outbox = self.outbox.split_off(&all.saturating_add(1));
    }
}

/// How many are wanted at most.
fn most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// A place, in one text.
fn place(budget: &str, period: &str, key: &str) -> String {
    // No name has this byte, which is before all others.
    [budget, period, key].join("\0")
}

impl Read for Memory {
    fn hold(&self, id: HoldId) -> Answer<Option<HoldRow>> {
        Ok(self.holds.get(&id).cloned())
    }

    fn hold_of(&self, job: JobId) -> Answer<Option<HoldRow>> {
        Ok(self.jobs.get(&job).and_then(OfJob::first).and_then(|id| self.holds.get(&id)).cloned())
    }

    fn holds(&self, state: Option<HoldState>, after: Option<HoldId>, limit: u32) -> Answer<Vec<HoldRow>> {
        let behind = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let all = self.holds.range((behind, std::ops::Bound::Unbounded));
        let wanted = all.filter(|(_, row)| state.is_none_or(|state| row.state == state)).take(most(limit));
        let named = wanted.map(|(_, row)| {
            let name = |number: &i64| Ok(self.account(*number)?.row.budget);
            let budgets = row.accounts.iter().map(name).collect::<Answer<_>>()?;
            Ok(HoldRow { budgets, ..row.clone() })
        });
        named.collect()
    }

    fn opened_before(&self, state: HoldState, before: i64, limit: u32) -> Answer<Vec<HoldId>> {
        let all = self.held.get(&state).into_iter().flatten();
        Ok(all.take_while(|(opened, _)| *opened < before).take(most(limit)).map(|(_, id)| *id).collect())
    }

    fn states(&self) -> Answer<Vec<(HoldState, i64, i64)>> {
        let state = |state: HoldState| {
            let held = self.held.get(&state)?;
            let doubts = held.iter().filter_map(|(_, id)| Some(self.holds.get(id)?.changed));
            let oldest = if state == HoldState::InDoubt { doubts.min()? } else { held.first()?.0 };
            Some((state, i64::try_from(held.len()).unwrap_or(i64::MAX), oldest))
        };
        Ok(HoldState::ALL.into_iter().filter_map(state).collect())
    }

    fn usage(&self, by: UsageBy, opened: &Range<i64>) -> Answer<Vec<UsageRow>> {
        sums::usage(self.holds.values(), by, opened)
    }

    fn foreign(&self, currency: &str) -> Answer<Vec<Foreign>> {
        let all = sums::foreign(self.holds.values(), currency);
        let named = all.map(|(currency, is_held, accounts)| {
            let places = accounts.iter().map(|number| self.place(*number)).collect::<Answer<_>>()?;
            Ok(Foreign { currency: currency.to_owned(), is_held, places })
        });
        named.collect()
    }

    fn terms(&self, number: i64) -> Answer<Terms> {
        let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let terms = index.and_then(|index| self.terms.get(index));
        terms.cloned().ok_or_else(|| Unavailable::new("there are no such terms"))
    }

    fn account(&self, number: i64) -> Answer<Account> {
        let index = self.index(number)?;
        self.accounts.get(index).cloned().ok_or_else(|| Unavailable::new("there is no such account"))
    }

    fn account_of(&self, claim: &Claim) -> Answer<Option<Account>> {
        let number = self.places.get(&place(&claim.budget, &claim.period.label, &claim.key));
        number.map(|number| self.account(*number)).transpose()
    }

    fn accounts_in(&self, budget: &str, period: &str) -> Answer<Vec<Account>> {
        let first = place(budget, period, "");
        let all = self.places.range(first.clone()..).take_while(|(name, _)| name.starts_with(&first));
        all.map(|(_, number)| self.account(*number)).collect()
    }

    fn accounts(&self) -> Answer<Vec<Account>> {
        self.places.values().map(|number| self.account(*number)).collect()
    }

    fn entries(&self, after: i64, limit: u32) -> Answer<Vec<EntryRow>> {
        let skipped = usize::try_from(after).unwrap_or_default();
        let seqs = after.max(0).saturating_add(1)..;
        let wanted = self.entries.iter().skip(skipped).take(most(limit)).zip(seqs);
        wanted.map(|(entry, seq)| self.entry(entry, seq)).collect()
    }

    fn request(&self, name: &[u8; 32]) -> Answer<Option<Request>> {
        Ok(self.requests.get(name).cloned())
    }

    fn outgoing(&self, sink: &str, limit: u32) -> Answer<Vec<Outgoing>> {
        let Some(sent) = self.sinks.get(sink) else { return Ok(Vec::new()) };
        let next = self.outbox.range(sent.saturating_add(1)..).take(most(limit));
        Ok(next.map(|(seq, (_, event))| Outgoing { seq: *seq, event: event.clone() }).collect())
    }

    fn waiting(&self) -> Answer<Waiting> {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let oldest = self.outbox.values().map(|(at, _)| *at).min();
        Ok(Waiting { pending: count(self.outbox.len()), oldest, dead: count(self.dead.len()) })
    }

    fn verify(&self) -> Answer<Result<Verified, Faults>> {
        let mut sums = Sums::default();
        for entry in &self.entries {
            sums.add(entry.hold, entry.change, entry.accounts.iter().copied());
        }
        self.accounts.iter().for_each(|account| sums.compare_account(account));
        self.holds.values().for_each(|row| sums.compare_hold(row.id, row.state, row.amount));
        Ok(sums.end())
    }
}

impl Write for Memory {
    fn add_hold(&mut self, hold: &HoldRow) -> Answer<()> {
        self.put_hold(hold)
    }

    fn put_hold(&mut self, hold: &HoldRow) -> Answer<()> {
        self.changes = self.changes.wrapping_add(1);
        let age = (hold.opened, hold.id);
        let before = self.holds.insert(hold.id, hold.clone());
        if let Some(before) = &before {
            if (before.job, before.state, before.opened) == (hold.job, hold.state, hold.opened) {
                return Ok(());
            }
            if let Some(held) = self.held.get_mut(&before.state) {
                held.remove(&(before.opened, before.id));
            }
            if let Some(its) = before.job.and_then(|job| self.jobs.get_mut(&job)) {
                its.forget((before.opened, before.id));
            }
        }
        if let Some(job) = hold.job {
            self.jobs.entry(job).or_default().add(age, hold.state);
        }
        if hold.state.is_held() {
            self.held.entry(hold.state).or_default().insert(age);
        }
        Ok(())
    }

    fn add_account(&mut self, claim: &Claim) -> Answer<i64> {
        self.changes = self.changes.wrapping_add(1);
        let number = i64::try_from(self.accounts.len()).unwrap_or(i64::MAX).saturating_add(1);
        let (budget, key, period) = (claim.budget.clone(), claim.key.clone(), claim.period.label.clone());
        self.places.insert(place(&budget, &period, &key), number);
        let row = BudgetRow { budget, key, period, balance: admission::Balance::default() };
        self.accounts.push(Account { number, row });
        Ok(number)
    }

    fn put_account(&mut self, account: &Account) -> Answer<()> {
        let index = self.index(account.number)?;
        self.changes = self.changes.wrapping_add(1);
        if let Some(kept) = self.accounts.get_mut(index) {
            kept.row.balance = account.row.balance;
        }
        Ok(())
    }

    fn number_of(&mut self, terms: &Terms) -> Answer<i64> {
        // There are few, and the last one is asked for most.
        let number = self.terms.iter().rposition(|known| known == terms).unwrap_or_else(|| {
            self.terms.push(terms.clone());
            self.terms.len().saturating_sub(1)
        });
        Ok(i64::try_from(number).unwrap_or(i64::MAX).saturating_add(1))
    }

    fn append(&mut self, entry: &Entry<'_>) -> Answer<i64> {
        self.changes = self.changes.wrapping_add(1);
        let Entry { id, hold, kind, change, accounts, terms, time, .. } = *entry;
        self.entries.push(Kept { id, hold, kind, change, accounts: accounts.into(), terms, time });
        Ok(i64::try_from(self.entries.len()).unwrap_or(i64::MAX))
    }

    fn put_request(&mut self, request: &Request) -> Answer<()> {
        self.changes = self.changes.wrapping_add(1);
        self.requests.insert(request.key.name, request.clone());
        Ok(())
    }

    fn remove_request(&mut self, name: &[u8; 32]) -> Answer<()> {
        self.changes = self.changes.wrapping_add(1);
        self.requests.remove(name);
        Ok(())
    }

    fn forget(&mut self, before: i64, limit: u32) -> Answer<usize> {
        let old = self.requests.values().filter(|request| request.kept.is_some() && request.at <= before);
        let names: Vec<[u8; 32]> = old.take(most(limit)).map(|request| request.key.name).collect();
        for name in &names {
            self.remove_request(name)?;
        }
        Ok(names.len())
    }

    fn register(&mut self, sinks: &[String]) -> Answer<()> {
        self.changes = self.changes.wrapping_add(1);
        let last = i64::try_from(self.entries.len()).unwrap_or(i64::MAX);
        let known = std::mem::take(&mut self.sinks);
        let from = |sink: &String| (sink.clone(), known.get(sink).copied().unwrap_or(last));
        self.sinks = sinks.iter().map(from).collect();
        self.tidy();
        Ok(())
    }

    fn has_sinks(&mut self) -> Answer<bool> {
        Ok(!self.sinks.is_empty())
    }

    fn put_event(&mut self, seq: i64, at: i64, event: &str) -> Answer<()> {
        self.changes = self.changes.wrapping_add(1);
        self.outbox.insert(seq, (at, event.to_owned()));
        Ok(())
    }

    fn sent(&mut self, sink: &str, up_to: i64) -> Answer<()> {
        self.changes = self.changes.wrapping_add(1);
        if let Some(sent) = self.sinks.get_mut(sink) {
            *sent = up_to.max(*sent);
        }
        self.tidy();
        Ok(())
    }

    fn bury(&mut self, sink: &str, seq: i64, why: &str, _: i64) -> Answer<()> {
        self.changes = self.changes.wrapping_add(1);
        if self.outbox.contains_key(&seq) {
            self.dead.insert((sink.to_owned(), seq), why.to_owned());
        }
        Ok(())
    }
}
