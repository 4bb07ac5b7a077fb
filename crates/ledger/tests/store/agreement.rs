//! Every store against the others, and against the sums of its own holds.

use admission::{Event, HoldState};
use job_model::Amount;
use ledger::{HoldId, Ledger, NewHold, Refused, Seen, Url, UsageBy};
use proptest::prelude::*;

use crate::conformance::{claim, happened, hold, sums};
use crate::support::{at, folder, raise, wait};

#[derive(Clone, Debug)]
enum Step {
    Reserve(i64),
    /// A change that was priced by how a hold stands now.
    Change(usize, i64),
    /// One that was priced by how it stood some steps before.
    Late(usize, i64),
    Note(usize, Event),
    Lapse(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let amount = 0..40_i64;
    let event = prop_oneof![
        Just(Event::Bind),
        Just(Event::Submit),
        Just(Event::Keep),
        Just(Event::Release),
        Just(Event::Delete),
        Just(Event::Doubt),
        Just(Event::Lapse),
        amount.clone().prop_map(|amount| Event::Settle(Amount::from_micros(amount))),
        amount.clone().prop_map(|amount| Event::Adjust(Amount::from_micros(amount))),
    ];
    prop_oneof![
        3 => amount.clone().prop_map(Step::Reserve),
        2 => (any::<usize>(), amount.clone()).prop_map(|(which, amount)| Step::Change(which, amount)),
        1 => (any::<usize>(), amount).prop_map(|(which, amount)| Step::Late(which, amount)),
        4 => (any::<usize>(), event).prop_map(|(which, event)| Step::Note(which, event)),
        1 => (-20..20_i64).prop_map(Step::Lapse),
    ]
}

const LIMIT: i64 = 100;

/// Does one thing to a ledger; tells whether a budget bounds it.
fn take(book: &Ledger, step: &Step, new: &NewHold, ids: &[(HoldId, Seen)], now: i64) -> (bool, String) {
    let which = |which: usize| (!ids.is_empty()).then(|| ids[which % ids.len()]);
    let change =
        |id, seen, to| wait(book.change(id, seen, raise(to, vec![claim(LIMIT, "total")]), None, at(now)));
    let before = sums(book);
    match *step {
        Step::Reserve(amount) => {
            let done = wait(book.reserve(new.clone(), None, at(now)));
            if let Err(Refused::Budget(short)) = &done {
                assert_eq!(short[0].missing.micros(), before.0 + before.1 + amount - LIMIT);
                assert_eq!(sums(book), before, "a refusal changes nothing");
            }
            (true, format!("{done:?}"))
        }
        Step::Change(index, to) => {
            let done = which(index).map(|(id, _)| {
                let row = wait(book.hold(id)).unwrap().unwrap();
                let done = change(id, row.seen(), to);
                if row.state == HoldState::Changing {
                    assert!(matches!(done, Err(Refused::Changed)), "one at a time: {done:?}");
                }
                done
            });
            (true, format!("{done:?}"))
        }
        Step::Late(index, to) => {
            let done = which(index).map(|(id, seen)| {
                let row = wait(book.hold(id)).unwrap().unwrap();
                let done = change(id, seen, to);
                assert!(row.seen() == seen || matches!(done, Err(Refused::Changed)), "{done:?}");
                done
            });
            (true, format!("{done:?}"))
        }
        Step::Note(index, event) => {
            let done = which(index).map(|(id, _)| wait(book.note(id, happened(event), at(now))).unwrap());
            (false, format!("{done:?}"))
        }
        Step::Lapse(ago) => (false, format!("{:?}", wait(book.lapse(at(now - ago), at(now))))),
    }
}

/// All that a ledger tells, but for the names of entries, which are new in each.
fn told(book: &Ledger) -> String {
    let entries = wait(book.entries(0, 1000)).unwrap();
    let entries: Vec<_> =
        entries.into_iter().map(|entry| ledger::EntryRow { id: String::new(), ..entry }).collect();
    let (holds, balances) = (wait(book.holds(None, None, 1000)).unwrap(), wait(book.balances()).unwrap());
    let (mut states, usage) =
        (wait(book.states()).unwrap(), wait(book.usage(UsageBy::Principal, at(3)..at(1000))).unwrap());
    states.sort_by_key(|(state, ..)| state.as_str());
    format!("{entries:?} {holds:?} {balances:?} {states:?} {usage:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: the balances are the sums of the holds, a hold ends once, no reservation and no
    /// change takes a budget beyond its limit, nothing is beyond it that is not shown as overdraft, everything re-derives; and
    /// every store says the same.
    #[test]
    fn stores_agree_and_balances_follow_from_holds(steps in proptest::collection::vec(step(), 1..40)) {
        let folder = folder("agree");
        let books = [Url::Memory, Url::Sqlite(folder.join("book.db"))].map(|url| Ledger::open(&url, &[], at(0)).unwrap());
        let [book, other] = &books;
        let mut ids: Vec<(HoldId, Seen)> = Vec::new();
        let mut ended: Vec<(HoldId, HoldState)> = Vec::new();
        for (now, step) in (0_i64..).zip(steps) {
            let before = sums(book);
            let new = if let Step::Reserve(amount) = step { hold(amount, LIMIT) } else { hold(0, LIMIT) };
            let (bounded, answer) = take(book, &step, &new, &ids, now);
            prop_assert_eq!(&answer, &take(other, &step, &new, &ids, now).1);
            if matches!(step, Step::Reserve(_)) && answer.starts_with("Ok") {
                ids.push((new.id, wait(book.hold(new.id)).unwrap().unwrap().seen()));
            }
            let after = sums(book);
            let over = after.0 + after.1 > LIMIT && after.0 + after.1 > before.0 + before.1;
            prop_assert!(!(bounded && over), "{before:?} {after:?}");
            let rows = wait(book.holds(None, None, 1000)).unwrap();
            let held: i64 = rows.iter().filter(|row| row.state.is_held()).map(|row| row.amount.micros()).sum();
            let settled: i64 =
                rows.iter().filter(|row| row.state == HoldState::Settled).map(|row| row.amount.micros()).sum();
            prop_assert_eq!((settled, held), after);
            let beyond: i64 = rows.iter().map(|row| row.overdraft.micros()).sum();
            prop_assert!(settled + held <= LIMIT + beyond, "{settled} settled, {held} held, {beyond} shown as overdraft");
            for (id, state) in &ended {
                let row = rows.iter().find(|row| row.id == *id).unwrap();
                prop_assert_eq!(row.state, *state, "ended once");
            }
            ended = rows
                .iter()
                .filter(|row| matches!(row.state, HoldState::Settled | HoldState::Released))
                .map(|row| (row.id, row.state))
                .collect();
        }
        prop_assert_eq!(told(book), told(other));
        prop_assert_eq!(wait(book.verify()).unwrap().unwrap(), wait(other.verify()).unwrap().unwrap());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
