//! What a store keeps and must promise. Everything that is decided is decided over these two, so that it is the same in every
//! store, and a store knows rows and nothing of money.
//!
//! A store carries an order out as one step: nobody sees half of it, no other order comes between what it reads and what it
//! writes, and it stands before whoever gave it hears of it. Nothing here assumes that there is one process: a store that several
//! share has to keep their orders apart, and may carry one out again where another was faster, which is why an order is `Fn`. An
//! order says no before it writes anything; one that fails in its midst must leave nothing.

use std::ops::Range;

use admission::{Claim, HoldState};
use job_model::JobId;

use crate::HoldId;
use crate::entry::Entry;
use crate::ledger::Unavailable;
use crate::outbox::{Outgoing, Waiting};
use crate::repeat::Request;
use crate::rows::{Account, EntryRow, Foreign, HoldRow, UsageBy, UsageRow};
use crate::verify::{Faults, Verified};
use crate::wanted::Terms;

/// What can be read, or why it cannot be read now.
pub(crate) type Answer<T> = Result<T, Unavailable>;

/// What a store tells.
pub(crate) trait Read {
    /// One hold.
    fn hold(&self, id: HoldId) -> Answer<Option<HoldRow>>;
    /// The hold of a job: of those that were not given back, where there are any, the one that was opened last.
    fn hold_of(&self, job: JobId) -> Answer<Option<HoldRow>>;
    /// Holds in order of their names, those behind `after`, of one state or all; with the names of their budgets.
    fn holds(&self, state: Option<HoldState>, after: Option<HoldId>, limit: u32) -> Answer<Vec<HoldRow>>;
    /// Holds of a state that were opened before, oldest first.
    fn opened_before(&self, state: HoldState, before: i64, limit: u32) -> Answer<Vec<HoldId>>;
    /// How many holds are in each state that is held, and when the oldest of them was opened; of those in doubt, when the doubt began.
    fn states(&self) -> Answer<Vec<(HoldState, i64, i64)>>;
    /// What all holds come to that were opened in a span of time, by group and then currency. Those that were released without a job
    /// ever being known for them do not count.
    fn usage(&self, by: UsageBy, opened: &Range<i64>) -> Answer<Vec<UsageRow>>;
    /// Where amounts count that are not of a currency: held or settled, and of something. By currency and places.
    fn foreign(&self, currency: &str) -> Answer<Vec<Foreign>>;

    /// Terms, by their number.
    fn terms(&self, number: i64) -> Answer<Terms>;

    /// A place in a budget, by its number.
    fn account(&self, number: i64) -> Answer<Account>;
    /// The place that a claim is about, where there is one.
    fn account_of(&self, claim: &Claim) -> Answer<Option<Account>>;
    /// The places of a budget in a period, by key.
    fn accounts_in(&self, budget: &str, period: &str) -> Answer<Vec<Account>>;
    /// Every place, by budget, period and key.
    fn accounts(&self) -> Answer<Vec<Account>>;

    /// Entries behind a number, in order.
    fn entries(&self, after: i64, limit: u32) -> Answer<Vec<EntryRow>>;

    /// A request that came with a key, by the key's name.
    fn request(&self, name: &[u8; 32]) -> Answer<Option<Request>>;

    /// The next events for a sink, oldest first.
    fn outgoing(&self, sink: &str, limit: u32) -> Answer<Vec<Outgoing>>;
    /// What waits for sinks.
    fn waiting(&self) -> Answer<Waiting>;

    /// Adds everything up again.
    fn verify(&self) -> Answer<Result<Verified, Faults>>;
}

/// What a store is told, within one step.
pub(crate) trait Write: Read {
    /// A new hold.
    fn add_hold(&mut self, hold: &HoldRow) -> Answer<()>;
    /// A hold as it is from now on.
    fn put_hold(&mut self, hold: &HoldRow) -> Answer<()>;

    /// A new place in a budget; gives its number.
    fn add_account(&mut self, claim: &Claim) -> Answer<i64>;
    /// The balance of a place from now on.
    fn put_account(&mut self, account: &Account) -> Answer<()>;

    /// The number of terms, which are kept from now on.
    fn number_of(&mut self, terms: &Terms) -> Answer<i64>;
    /// Appends an entry; gives its number.
    fn append(&mut self, entry: &Entry<'_>) -> Answer<i64>;

    /// A request as it is from now on.
    fn put_request(&mut self, request: &Request) -> Answer<()>;
    /// A request that is as if it had never been asked.
    fn remove_request(&mut self, name: &[u8; 32]) -> Answer<()>;
    /// Removes requests that are over and were asked before or then, so many at most; tells how many.
    fn forget(&mut self, before: i64, limit: u32) -> Answer<usize>;

    /// From now on events are kept for these sinks, for a new one from here on; what only others waited for is dropped.
    fn register(&mut self, sinks: &[String]) -> Answer<()>;
    /// Whether any sink is to hear of events.
    fn has_sinks(&mut self) -> Answer<bool>;
    /// The event of an entry.
    fn put_event(&mut self, seq: i64, at: i64, event: &str) -> Answer<()>;
    /// A sink has everything up to an event; what all have is dropped.
    fn sent(&mut self, sink: &str, up_to: i64) -> Answer<()>;
    /// Keeps an event beside that a sink has refused for good, with the reason.
    fn bury(&mut self, sink: &str, seq: i64, why: &str, at: i64) -> Answer<()>;
}
