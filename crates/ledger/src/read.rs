//! What can be asked of the book: a hold, lists of holds, balances, usage, entries, and whether it adds up.

use admission::HoldState;
use job_model::JobId;

use crate::HoldId;
use crate::ledger::{Ledger, OpenError, Unavailable, Url, file};
use crate::rows::{BudgetRow, EntryRow, HoldRow, UsageBy, UsageRow};
use crate::sqlite;
use crate::verify::{Faults, Verified};

impl Ledger {
    /// The hold of a job: the last one that was opened for it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn hold_of(&self, job: JobId) -> Result<Option<HoldRow>, Unavailable> {
        self.ask(move |store| store.hold_of(job)).await
    }

    /// The holds of many jobs, each where there is one, asked for at once.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn holds_of(&self, jobs: Vec<JobId>) -> Result<Vec<Option<HoldRow>>, Unavailable> {
        self.ask(move |store| jobs.iter().map(|job| store.hold_of(*job)).collect()).await
    }

    /// Holds in order of their names, those behind `after`, of one state or all.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn holds(
        &self,
        state: Option<HoldState>,
        after: Option<HoldId>,
        limit: u32,
    ) -> Result<Vec<HoldRow>, Unavailable> {
        self.ask(move |store| store.holds(state, after, limit)).await
    }

    /// One hold.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn hold(&self, id: HoldId) -> Result<Option<HoldRow>, Unavailable> {
        self.ask(move |store| store.hold(id)).await
    }

    /// Every balance.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn balances(&self) -> Result<Vec<BudgetRow>, Unavailable> {
        self.ask(|store| Ok(store.accounts()?.into_iter().map(|account| account.row).collect())).await
    }

    /// How many holds are in each state that is held, and when the oldest of them was opened.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn states(&self) -> Result<Vec<(HoldState, i64, i64)>, Unavailable> {
        self.ask(|store| store.states()).await
    }

    /// Usage, added up.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn usage(&self, by: UsageBy) -> Result<Vec<UsageRow>, Unavailable> {
        self.ask(move |store| store.usage(by)).await
    }

    /// Every entry behind a number, at most so many.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn entries(&self, after: i64, limit: u32) -> Result<Vec<EntryRow>, Unavailable> {
        self.ask(move |store| store.entries(after, limit)).await
    }

    /// Adds everything up again.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn verify(&self) -> Result<Result<Verified, Faults>, Unavailable> {
        self.ask(|store| store.verify()).await
    }

    /// Adds up what is in a file, damaged or not, and keeps nobody who writes to it waiting.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn verify_file(url: &Url) -> Result<Result<Verified, Faults>, OpenError> {
        sqlite::verify_file(file(url)?)
    }
}
