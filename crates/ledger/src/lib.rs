//! The book of holds and budgets: append-only entries with balances that re-derive from them. `memory:` and `sqlite:` are the
//! same SQL, so that what holds for the one holds for the other.
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod book;
mod chain;
mod entry;
mod mark;
mod open;
mod outbox;
mod read;
mod repeat;
mod seal;
mod sweep;
mod verify;
mod watch;
mod writer;

pub use book::{Amend, NewHold, Note, Refused, Told};
pub use open::{OpenError, Url};
pub use outbox::{Outgoing, Waiting};
pub use read::{BudgetRow, EntryRow, HoldRow, UsageBy, UsageRow};
pub use repeat::{Earlier, Kept, Key};
pub use verify::{Faults, Verified};
pub use writer::{Ledger, Unavailable};

/// A hold, by a name of ours that sorts by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

impl rusqlite::types::FromSql for HoldId {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        Self::parse(value.as_str()?).ok_or(rusqlite::types::FromSqlError::InvalidType)
    }
}
