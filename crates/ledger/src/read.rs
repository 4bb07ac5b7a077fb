//! What can be asked of the book: a hold, lists of holds, balances, usage, entries, and whether it adds up.

use std::ops::Range;

use admission::{Balance, Claim, HoldState};
use jiff::Timestamp;
use job_model::JobId;

use crate::HoldId;
use crate::entry::millis;
use crate::ledger::{Ledger, OpenError, Unavailable, Url, file};
use crate::rows::{Account, BudgetRow, EntryRow, Foreign, HoldRow, UsageBy, UsageRow};
use crate::sqlite;
use crate::verify::{Faults, Verified};

impl Ledger {
    /// The hold of a job: the last one that was opened for it, but for those that were given back, where there is another one.
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
        self.report(move |store| store.holds(state, after, limit)).await
    }

    /// One hold.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn hold(&self, id: HoldId) -> Result<Option<HoldRow>, Unavailable> {
        self.ask(move |store| store.hold(id)).await
    }

    /// Whether upstream ever had a job of this hold that had a price: else what it holds is that of a change.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn has_had_a_price(&self, row: &HoldRow) -> Result<bool, Unavailable> {
        let number = row.terms;
        self.ask(move |store| Ok(!store.terms(number)?.card.is_empty())).await
    }

    /// Every balance, of every window there ever was.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn balances(&self) -> Result<Vec<BudgetRow>, Unavailable> {
        self.report(|store| Ok(store.accounts()?.into_iter().map(|account| account.row).collect())).await
    }

    /// The balances of budgets, each in one period, by key.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn balances_in(
        &self,
        windows: Vec<(String, String)>,
    ) -> Result<Vec<Vec<BudgetRow>>, Unavailable> {
        self.report(move |store| {
            let of = |(budget, period): &(String, String)| {
                Ok(store.accounts_in(budget, period)?.into_iter().map(|account| account.row).collect())
            };
            windows.iter().map(of).collect()
        })
        .await
    }

    /// The balance of each place that claims are about, in their order.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn standing(&self, claims: Vec<Claim>) -> Result<Vec<Balance>, Unavailable> {
        let balance =
            |account: Option<Account>| account.map(|account| account.row.balance).unwrap_or_default();
        self.ask(move |store| claims.iter().map(|claim| store.account_of(claim).map(balance)).collect()).await
    }

    /// How many holds are in each state that is held, and when the oldest of them was opened; of those in doubt, when the doubt began.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn states(&self) -> Result<Vec<(HoldState, i64, i64)>, Unavailable> {
        self.report(|store| store.states()).await
    }

    /// Usage, added up, of what was opened in a span of time: where something counts is decided when it is opened.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn usage(&self, by: UsageBy, opened: Range<Timestamp>) -> Result<Vec<UsageRow>, Unavailable> {
        let opened = millis(opened.start)..millis(opened.end);
        self.report(move |store| store.usage(by, &opened)).await
    }

    /// Where amounts count that are not of this currency: held ones, and settled ones in whatever window.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn foreign(&self, currency: String) -> Result<Vec<Foreign>, Unavailable> {
        self.report(move |store| store.foreign(&currency)).await
    }

    /// Every entry behind a number, at most so many.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn entries(&self, after: i64, limit: u32) -> Result<Vec<EntryRow>, Unavailable> {
        self.report(move |store| store.entries(after, limit)).await
    }

    /// Adds everything up again.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn verify(&self) -> Result<Result<Verified, Faults>, Unavailable> {
        self.report(|store| store.verify()).await
    }

    /// Adds up what is in a file, damaged or not, and keeps nobody who writes to it waiting.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn verify_file(url: &Url) -> Result<Result<Verified, Faults>, OpenError> {
        sqlite::verify_file(file(url)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// Else a sum over millions of holds would keep every request waiting that comes with a key or changes a job.
    #[tokio::test]
    async fn a_report_that_takes_long_keeps_no_request_waiting() {
        let folder = std::env::temp_dir().join(format!("jobgate-reports-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let url = Url::Sqlite(folder.join("book.db"));
        let book = Ledger::open(&url, &[], Timestamp::UNIX_EPOCH).unwrap();
        let ((begun, begins), (end, ends)) = (channel(), channel::<()>());
        let reports = book.clone();
        let report = tokio::spawn(async move {
            let long = move |_: &dyn crate::store::Read| {
                begun.send(()).unwrap();
                ends.recv().unwrap();
                Ok(())
            };
            reports.report(long).await
        });
        tokio::task::yield_now().await;
        begins.recv().unwrap();
        assert_eq!(book.hold(HoldId::new()).await, Ok(None));
        end.send(()).unwrap();
        assert_eq!(report.await.unwrap(), Ok(()));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
