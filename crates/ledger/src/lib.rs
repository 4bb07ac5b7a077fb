//! The book of holds and budgets: append-only entries with balances that re-derive from them. What is decided is written once,
//! over what a store keeps; where it is kept, in memory or in a file of `SQLite`, changes nothing of it.
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod book;
mod entry;
mod ledger;
mod memory;
mod outbox;
mod read;
mod repeat;
mod rows;
mod sqlite;
mod store;
mod sweep;
mod verify;
mod wanted;

pub use ledger::{Ledger, OpenError, Unavailable, Url};
pub use outbox::{Outgoing, Waiting};
pub use repeat::{Earlier, Kept, Key};
pub use rows::{BudgetRow, EntryRow, Foreign, HoldRow, Place, UsageBy, UsageRow};
pub use verify::{Faults, Verified};
pub use wanted::{Amend, Counted, NewHold, Note, Raise, Refused, Seen, Terms, Told};

/// A hold, by a name of ours that sorts by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HoldId(uuid::Uuid);

impl HoldId {
    /// A new one.
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7())
    }

    /// Reads one as it is written.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Default for HoldId {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Display for HoldId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
