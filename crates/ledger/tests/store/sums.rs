//! What every store adds up over all its holds, and alike; `conformance` runs these on each.

use admission::{Claim, Event, HoldState};
use jiff::Timestamp;
use job_model::Amount;
use ledger::{BudgetRow, Foreign, Ledger, NewHold, Note, Place, Told, UsageBy};

use crate::conformance::{claim, happened, hold, job};
use crate::support::{self, at, wait};

pub(crate) fn usage_is_the_sum_of_its_groups(book: &Ledger) {
    support::fill(book, 0, 24);
    let rows = wait(book.holds(None, None, 100)).unwrap();
    let held: i64 = rows.iter().filter(|row| row.state.is_held()).map(|row| row.amount.micros()).sum();
    let settled: i64 =
        rows.iter().filter(|row| row.state == HoldState::Settled).map(|row| row.amount.micros()).sum();
    for (by, groups) in [
        (UsageBy::Workspace, 1),
        (UsageBy::Principal, 7),
        (UsageBy::Type, 1),
        (UsageBy::Quality, 1),
        (UsageBy::Day, 1),
    ] {
        let usage = wait(book.usage(by, Timestamp::MIN..Timestamp::MAX)).unwrap();
        assert!(usage.len() == groups && usage.is_sorted_by_key(|row| row.group.clone()), "{usage:?}");
        let sum = |of: fn(&ledger::UsageRow) -> i64| usage.iter().map(of).sum::<i64>();
        assert_eq!((sum(|row| row.held.micros()), sum(|row| row.settled.micros())), (held, settled));
        assert_eq!((sum(|row| row.jobs), sum(|row| row.unpriced)), (24, 4));
        assert_eq!(usage[0].currency, "unit");
    }
    let some = wait(book.usage(UsageBy::Day, at(3)..at(10))).unwrap();
    assert_eq!(
        (some[0].group.as_str(), some[0].jobs, some.len()),
        ("2027-01-15", 7, 1),
        "the first, not the last"
    );
    assert_eq!(wait(book.usage(UsageBy::Day, at(100)..at(200))), Ok(Vec::new()));
}

/// What has no amount, and what is given back, counts nowhere.
pub(crate) fn amounts_of_another_currency_are_found_where_they_count(book: &Ledger) {
    let euros = |amount| NewHold { currency: "EUR".to_owned(), ..hold(amount, 100) };
    let (held, over, back) = (euros(7), euros(3), euros(2));
    let (settled, released) = (over.id, back.id);
    let nothing = NewHold { amount: None, ..euros(0) };
    for new in [hold(1, 100), held, euros(5), over, back, nothing] {
        wait(book.reserve(new, None, at(1))).unwrap();
    }
    wait(book.note(settled, happened(Event::Settle(Amount::from_micros(4))), at(2))).unwrap();
    wait(book.note(released, happened(Event::Release), at(2))).unwrap();
    let place = Place { budget: "all".to_owned(), key: String::new(), period: "total".to_owned() };
    let found = |currency: &str, is_held| Foreign {
        currency: currency.to_owned(),
        is_held,
        places: vec![place.clone()],
    };
    let foreign = |currency: &str| {
        let mut all = wait(book.foreign(currency.to_owned())).unwrap();
        all.sort_by_key(|found| (found.currency.clone(), found.is_held));
        all
    };
    assert_eq!(foreign("unit"), [found("EUR", false), found("EUR", true)]);
    assert_eq!(foreign("EUR"), [found("unit", true)]);
    assert_eq!(foreign("USD").len(), 3);
}

/// A job that upstream refused never was one; and a sum is of one currency.
pub(crate) fn usage_counts_jobs_and_adds_up_what_can_be_added_up(book: &Ledger) {
    let euros = |amount| NewHold { currency: "EUR".to_owned(), ..hold(amount, 100) };
    let (refused, deleted, unpriced) = (hold(1, 100), hold(2, 100), NewHold { amount: None, ..hold(0, 100) });
    let (never, gone) = ([refused.id, unpriced.id], deleted.id);
    for new in [refused, deleted, unpriced, hold(4, 100), euros(8), euros(16)] {
        wait(book.reserve(new, None, at(1))).unwrap();
    }
    let told = Told { job: Some(job(1)), ..Told::default() };
    wait(book.note(gone, Note { told, ..happened(Event::Bind) }, at(2))).unwrap();
    // One that was made elsewhere, and whose first change did not fit.
    let found = NewHold { job: Some(job(2)), ..hold(1, 100) };
    let elsewhere = found.id;
    wait(book.reserve(found, None, at(2))).unwrap();
    for id in [never[0], never[1], gone, elsewhere] {
        wait(book.note(id, happened(Event::Release), at(3))).unwrap();
    }
    for by in UsageBy::ALL {
        let usage = wait(book.usage(by, Timestamp::MIN..Timestamp::MAX)).unwrap();
        let sums: Vec<_> = usage
            .iter()
            .map(|row| (row.currency.as_str(), row.jobs, row.unpriced, row.held.micros()))
            .collect();
        assert_eq!(sums, [("EUR", 2, 0, 24), ("unit", 2, 0, 4)], "{by:?}");
    }
}

/// Whoever asks again and again asks for what is now: all there ever was grows with every day.
pub(crate) fn balances_are_told_of_one_window_by_key(book: &Ledger) {
    let of = |budget: &str, period: &str, key: &str| Claim {
        budget: budget.to_owned(),
        key: key.to_owned(),
        ..claim(100, period)
    };
    for (amount, budget, period, key) in [
        (1, "all", "monday", "b"),
        (2, "all", "monday", "a"),
        (3, "all", "monday", ""),
        (4, "all", "tuesday", "a"),
        (5, "all", "mondays", "a"),
        (6, "all else", "monday", "a"),
    ] {
        let new = NewHold { claims: vec![of(budget, period, key)], ..hold(amount, 100) };
        wait(book.reserve(new, None, at(1))).unwrap();
    }
    let window = |budget: &str, period: &str| (budget.to_owned(), period.to_owned());
    let asked = vec![window("all", "monday"), window("none", "monday"), window("all", "tuesday")];
    let all = wait(book.balances_in(asked)).unwrap();
    let held = |rows: &Vec<BudgetRow>| {
        rows.iter().map(|row| (row.key.clone(), row.balance.held.micros())).collect::<Vec<_>>()
    };
    let row = |key: &str, held| (key.to_owned(), held);
    assert_eq!(
        all.iter().map(held).collect::<Vec<_>>(),
        [vec![row("", 3), row("a", 2), row("b", 1)], vec![], vec![row("a", 4)]]
    );
    let order = |row: &BudgetRow| (row.budget.clone(), row.period.clone(), row.key.clone());
    assert!(wait(book.balances()).unwrap().is_sorted_by_key(order));
}
