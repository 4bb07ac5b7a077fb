//! What the ledger holds, as metrics. It is asked when somebody scrapes, and at no other time.

use admission::HoldState;
use jiff::Timestamp;
use job_model::{Amount, Decimal};
use ledger::BudgetRow;

use super::{Metrics, float};
use crate::money::Money;

impl Metrics {
    /// The disk has failed the ledger in something.
    pub(crate) fn ledger_failed(&self) {
        self.ledger.faults.inc();
    }

    /// Looks at the ledger, which is asked only when somebody scrapes. What it cannot say now stays as it was.
    pub(crate) async fn look_at(&self, money: &Money, now: Timestamp) {
        let windows =
            money.budgets.iter().map(|budget| (budget.name.clone(), budget.window.period(now).label));
        if let Ok(all) = money.ledger.balances_in(windows.collect()).await {
            for (budget, rows) in money.budgets.iter().zip(all) {
                let label = &[budget.name.as_str()];
                let threshold = budget.threshold();
                let used = |row: &&BudgetRow| row.balance.settled.checked_add(row.balance.held);
                let near = rows.iter().filter(|row| used(row).is_none_or(|sum| sum >= threshold)).count();
                self.ledger.near.with_label_values(label).set(i64::try_from(near).unwrap_or(i64::MAX));
                let sum = rows.iter().fold((Decimal::ZERO, Decimal::ZERO), |(settled, held), row| {
                    let add = |sum: Decimal, more: Amount| sum.saturating_add(more.to_decimal());
                    (add(settled, row.balance.settled), add(held, row.balance.held))
                });
                self.ledger.limit.with_label_values(label).set(float(budget.limit.to_decimal()));
                self.ledger.settled.with_label_values(label).set(float(sum.0));
                self.ledger.held.with_label_values(label).set(float(sum.1));
            }
        }
        if let Ok(waiting) = money.ledger.waiting().await {
            self.ledger.outbox_pending.set(waiting.pending);
            self.ledger.dead_letters.set(waiting.dead);
            self.ledger.outbox_oldest.set(float(age(waiting.oldest, now)));
        }
        let skew = Decimal::new(i64::try_from(money.skew().as_millis()).unwrap_or(i64::MAX), 3);
        self.ledger.clock_skew.set(float(skew));
        let Ok(states) = money.ledger.states().await else { return };
        for state in HoldState::ALL.into_iter().filter(|state| state.is_held()) {
            let found = states.iter().find(|(known, ..)| *known == state);
            let (count, oldest) = found.map_or((0, None), |(_, count, oldest)| (*count, Some(*oldest)));
            self.ledger.holds.with_label_values(&[state.as_str()]).set(count);
            self.ledger.oldest.with_label_values(&[state.as_str()]).set(float(age(oldest, now)));
        }
    }
}

/// The seconds since an instant; none where there is no such instant.
fn age(since: Option<i64>, now: Timestamp) -> Decimal {
    Decimal::new(since.map_or(0, |since| now.as_millisecond().saturating_sub(since).max(0)), 3)
}
