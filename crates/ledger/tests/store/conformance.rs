//! What every store of the ledger does, and does alike. A new store is one more line at the end.

mod changed;

use std::thread;

use self::changed::{
    a_job_has_one_hold_whoever_finds_it_first, a_job_whose_creation_was_in_doubt_has_the_hold_of_that,
    of_an_unknown_hold_nothing_is_noted, what_a_change_makes_of_a_job_is_told_once_upstream_has_agreed,
    what_is_held_is_a_price, what_is_short_in_an_earlier_window_does_not_come_back,
};
use crate::sums::{
    amounts_of_another_currency_are_found_where_they_count, balances_are_told_of_one_window_by_key,
    usage_counts_jobs_and_adds_up_what_can_be_added_up, usage_is_the_sum_of_its_groups,
};
use crate::support::{self, at, folder, raise, wait};
use admission::{Claim, Event, HoldState, Period};
use job_model::{Amount, JobId};
use ledger::{Amend, Earlier, HoldRow, Kept, Key, Ledger, NewHold, Note, Place, Refused, Told};

const DAY: i64 = 24 * 60 * 60;

pub(crate) fn claim(limit: i64, period: &str) -> Claim {
    Claim {
        budget: "all".to_owned(),
        key: String::new(),
        period: Period { label: period.to_owned(), next: None },
        limit: Amount::from_micros(limit),
        soft: Amount::from_micros(limit),
        enforce: true,
    }
}

pub(crate) fn hold(amount: i64, limit: i64) -> NewHold {
    NewHold {
        amount: Some(Amount::from_micros(amount)),
        claims: vec![claim(limit, "total")],
        ..support::hold(1)
    }
}

pub(crate) fn happened(event: Event) -> Note {
    Note { events: vec![event], ..Note::default() }
}

pub(crate) fn job(number: u8) -> JobId {
    JobId::parse(&format!("cc3d35cc-416a-4262-9714-{number:012x}")).unwrap()
}

fn key(name: u8, request: u8) -> Key {
    Key { name: [name; 32], request: [request; 32] }
}

/// Settled and held in the first place there is.
pub(crate) fn sums(book: &Ledger) -> (i64, i64) {
    let rows = wait(book.balances()).unwrap();
    rows.first().map_or((0, 0), |row| (row.balance.settled.micros(), row.balance.held.micros()))
}

fn adds_up(book: &Ledger) {
    wait(book.verify()).unwrap().unwrap();
}

/// Some requests at once, each with its own answer.
fn at_the_edge_of_a_budget_exactly_what_fits_is_admitted(book: &Ledger) {
    let admitted: usize = thread::scope(|scope| {
        let one = || (0..20).filter(|_| wait(book.reserve(hold(3, 100), None, at(1))).is_ok()).count();
        let all: Vec<_> = (0..16).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!((admitted, sums(book)), (33, (0, 99)));
}

/// All of several budgets or none of them.
fn what_does_not_fit_one_budget_is_held_in_none(book: &Ledger) {
    let tight = Claim { budget: "tight".to_owned(), ..claim(5, "total") };
    let tighter = Claim { budget: "tighter".to_owned(), ..claim(2, "total") };
    let both = NewHold { claims: vec![claim(100, "total"), tight, tighter], ..hold(6, 100) };
    match wait(book.reserve(both, Some(key(1, 1)), at(1))) {
        Err(Refused::Budget(short)) => {
            let said: Vec<_> = short.iter().map(|sum| (sum.budget.as_str(), sum.missing.micros())).collect();
            assert_eq!(said, [("tight", 1), ("tighter", 4)]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((wait(book.balances()).unwrap().len(), wait(book.entries(0, 9)).unwrap().len()), (0, 0));
    assert_eq!(wait(book.recall(key(1, 1), at(1))), Ok(None), "what is refused takes no key");
}

/// A sum that no number can hold is refused before anything is written, though the budget only watches.
fn what_cannot_be_added_up_is_refused_and_leaves_nothing(book: &Ledger) {
    let watched =
        || NewHold { claims: vec![Claim { enforce: false, ..claim(1, "total") }], ..hold(i64::MAX, 1) };
    let first = watched();
    let id = first.id;
    wait(book.reserve(first, None, at(1))).unwrap();
    let before = (sums(book), wait(book.entries(0, 9)).unwrap().len());
    let more = wait(book.reserve(watched(), Some(key(1, 1)), at(2)));
    assert!(matches!(more, Err(Refused::Unavailable(_))), "{more:?}");
    wait(book.note(id, happened(Event::Settle(Amount::from_micros(i64::MAX))), at(3))).unwrap();
    wait(book.reserve(watched(), None, at(4))).unwrap();
    let last = wait(book.holds(None, Some(id), 9)).unwrap()[0].id;
    let settled = wait(book.note(last, happened(Event::Settle(Amount::from_micros(1))), at(5)));
    assert!(matches!(settled, Err(Refused::Unavailable(_))), "{settled:?}");
    assert_eq!(
        (before.1 + 2, wait(book.recall(key(1, 1), at(2)))),
        (wait(book.entries(0, 9)).unwrap().len(), Ok(None))
    );
    assert_eq!(sums(book), (i64::MAX, i64::MAX));
}

/// With a hold or without, a key is taken once and tells its end for a day.
fn a_key_is_taken_once_and_kept_for_a_day(book: &Ledger) {
    let first = hold(7, 10);
    let (one, three) = (key(1, 1), key(3, 1));
    wait(book.reserve(first.clone(), Some(one), at(1))).unwrap();
    let taken = |again: Result<(), Refused>| match again {
        Err(Refused::Repeated(earlier)) => *earlier,
        other => panic!("{other:?}"),
    };
    let again = wait(book.reserve(hold(1, 10), Some(one), at(2)));
    assert_eq!(taken(again.map(|_| ())), Earlier::Running);
    assert_eq!(taken(wait(book.begin(key(1, 2), at(2)))), Earlier::Other);
    let kept = Kept::Answer { status: 201, headers: "[]".to_owned(), body: b"{}".to_vec() };
    let note = Note { kept: Some((one, kept.clone())), ..happened(Event::Bind) };
    wait(book.note(first.id, note, at(3))).unwrap();
    assert_eq!(wait(book.recall(one, at(1 + DAY - 1))), Ok(Some(Earlier::Over(kept, Some(first.id)))));
    assert_eq!(wait(book.recall(one, at(1 + DAY))), Ok(None));
    wait(book.begin(three, at(3))).unwrap();
    wait(book.keep(three, Kept::Nothing)).unwrap();
    wait(book.begin(three, at(4))).unwrap();
    assert_eq!(wait(book.forget(at(DAY))), Ok(0), "nothing is old");
    assert_eq!(wait(book.forget(at(3 + DAY))), Ok(1), "what is under way is kept");
    wait(book.keep(three, Kept::Unknown(504))).unwrap();
    assert_eq!(wait(book.recall(three, at(5))), Ok(Some(Earlier::Over(Kept::Unknown(504), None))));
}

/// What became of a hold is written down though the key that it came with was forgotten meanwhile.
fn a_key_that_is_gone_keeps_no_hold_from_being_ended(book: &Ledger) {
    let new = hold(7, 10);
    let (id, one) = (new.id, key(1, 1));
    wait(book.reserve(new, Some(one), at(1))).unwrap();
    wait(book.keep(one, Kept::Nothing)).unwrap();
    let kept = Kept::Answer { status: 201, headers: "[]".to_owned(), body: b"{}".to_vec() };
    let note = Note { kept: Some((one, kept)), ..happened(Event::Bind) };
    assert_eq!(wait(book.note(id, note, at(2))).unwrap(), HoldState::Bound);
    assert_eq!(wait(book.recall(one, at(3))), Ok(None));
}

fn a_job_is_found_by_the_hold_that_was_opened_last_for_it(book: &Ledger) {
    let first = NewHold { job: Some(job(1)), ..hold(2, 100) };
    let second = NewHold { job: Some(job(1)), ..hold(3, 100) };
    let (one, other) = (first.id, hold(4, 100));
    let bound = other.id;
    wait(book.reserve(first, None, at(1))).unwrap();
    wait(book.reserve(second, None, at(2))).unwrap();
    assert_eq!(sums(book), (0, 2), "a job has one hold");
    wait(book.reserve(other, None, at(3))).unwrap();
    let told = Told { job: Some(job(2)), ..Told::default() };
    wait(book.note(bound, Note { told, ..happened(Event::Bind) }, at(4))).unwrap();
    let found = wait(book.holds_of(vec![job(2), job(3), job(1)])).unwrap();
    let ids: Vec<_> = found.into_iter().map(|row| row.map(|row| row.id)).collect();
    assert_eq!(ids, [Some(bound), None, Some(one)]);
    // Of two of one instant it is the one with the later name, whichever was written first.
    let mut two = [(), ()].map(|()| NewHold { job: Some(job(4)), ..hold(1, 100) });
    two.sort_unstable_by_key(|new| std::cmp::Reverse(new.id));
    for new in &two {
        wait(book.reserve(new.clone(), None, at(5))).unwrap();
        wait(book.note(new.id, happened(Event::Release), at(6))).unwrap();
    }
    assert_eq!(wait(book.hold_of(job(4))).unwrap().map(|row| row.id), Some(two[0].id));
}

/// In the windows of now, and not in those of its first opening.
fn what_lapsed_is_reserved_anew_when_it_is_submitted(book: &Ledger) {
    let new = NewHold { claims: vec![claim(10, "monday")], ..hold(7, 10) };
    let (id, early) = (new.id, hold(1, 10));
    wait(book.reserve(new, None, at(1))).unwrap();
    wait(book.reserve(early, None, at(1))).unwrap();
    wait(book.note(id, happened(Event::Bind), at(2))).unwrap();
    assert_eq!(wait(book.lapse(at(1), at(3))), Ok(0), "it is not late");
    assert_eq!(wait(book.lapse(at(2), at(3))), Ok(1), "and an open one is nobody's to lapse");
    let seen = wait(book.hold(id)).unwrap().unwrap().seen();
    let counted = wait(book.change(id, seen, raise(10, vec![claim(10, "tuesday")]), None, at(4))).unwrap();
    assert_eq!((counted.budgets, counted.near), (vec!["all".to_owned()], vec!["all".to_owned()]));
    let rows = wait(book.balances()).unwrap();
    let held: Vec<_> = rows.iter().map(|row| (row.period.as_str(), row.balance.held.micros())).collect();
    assert_eq!(held, [("monday", 0), ("total", 1), ("tuesday", 10)]);
    let row = wait(book.hold(id)).unwrap().unwrap();
    assert_eq!((row.state, row.opened), (HoldState::Changing, at(4).as_millisecond()));
    assert_eq!(wait(book.lapse(at(9), at(9))), Ok(0), "it may be submitted any moment");
}

/// Two that were priced by the same look at a job: the second would undo the first. What came between is found out, too.
fn one_change_of_a_job_is_under_way_at_a_time(book: &Ledger) {
    let new = hold(2, 100);
    let id = new.id;
    wait(book.reserve(new, None, at(1))).unwrap();
    wait(book.note(id, happened(Event::Bind), at(2))).unwrap();
    let seen = wait(book.hold(id)).unwrap().unwrap().seen();
    let change = |to| wait(book.change(id, seen, raise(to, vec![claim(100, "total")]), None, at(3)));
    assert!(matches!(change(101), Err(Refused::Budget(_))), "and nothing is under way then");
    change(90).unwrap();
    assert!(matches!(change(3), Err(Refused::Changed)));
    assert_eq!(
        wait(book.note(id, happened(Event::Bind), at(4))).unwrap(),
        HoldState::Changing,
        "not by a look"
    );
    let late = Note { seen: Some(seen), ..happened(Event::Release) };
    assert_eq!(wait(book.note(id, late, at(4))).unwrap(), HoldState::Changing, "it is another by now");
    assert_eq!(wait(book.note(id, happened(Event::Keep), at(5))).unwrap(), HoldState::Bound);
    assert!(matches!(change(3), Err(Refused::Changed)), "it is not as it was seen");
    assert_eq!(sums(book), (0, 90));
}

/// What upstream spends, the owner of a budget did not agree to.
fn what_nobody_asked_a_budget_for_is_shown_as_overdraft(book: &Ledger) {
    let ends = [(Event::Settle(Amount::from_micros(9)), 9, 2), (Event::Submit, 7, 7)];
    for (number, (event, amount, over)) in (0..).zip(ends) {
        let new = hold(7, 100);
        let id = new.id;
        wait(book.reserve(new, None, at(number))).unwrap();
        wait(book.note(id, happened(Event::Bind), at(number))).unwrap();
        if event == Event::Submit {
            // It lapsed, and runs all the same.
            assert_eq!(wait(book.lapse(at(number + 1), at(number + 1))), Ok(1));
        }
        wait(book.note(id, happened(event), at(number))).unwrap();
        let row = wait(book.hold(id)).unwrap().unwrap();
        assert_eq!((row.amount.micros(), row.overdraft.micros()), (amount, over), "{event:?}");
    }
}

fn lists_come_in_parts_and_by_state(book: &Ledger) {
    support::fill(book, 0, 24);
    let all = wait(book.holds(None, None, 100)).unwrap();
    let (mut parts, mut after) = (Vec::new(), None);
    loop {
        let part = wait(book.holds(None, after, 7)).unwrap();
        let Some(last) = part.last() else { break };
        after = Some(last.id);
        parts.extend(part);
    }
    assert_eq!((all.len(), &parts), (24, &all));
    assert!(all.is_sorted_by_key(|row| row.id) && all[0].budgets == ["all", "each"]);
    for (state, count, oldest) in wait(book.states()).unwrap() {
        let some = wait(book.holds(Some(state), None, 100)).unwrap();
        let since = |row: &HoldRow| if state == HoldState::InDoubt { row.changed } else { row.opened };
        let first = some.iter().map(since).min().unwrap();
        assert_eq!((i64::try_from(some.len()).unwrap(), first), (count, oldest), "{state:?}");
    }
    let entries = wait(book.entries(0, 1000)).unwrap();
    let mut parts = wait(book.entries(0, 5)).unwrap();
    parts.extend(wait(book.entries(5, 1000)).unwrap());
    assert_eq!(parts, entries);
}

/// Each entry is told once, in order, until every sink has it; what is refused for good is in nobody's way.
fn an_event_waits_until_its_sink_has_it(book: &Ledger) {
    let sink = || support::sinks()[0].clone();
    support::fill(book, 0, 3);
    let entries = wait(book.entries(0, 100)).unwrap();
    let events = wait(book.outgoing(sink(), 100)).unwrap();
    assert_eq!(events.len(), entries.len());
    for (event, entry) in events.iter().zip(&entries) {
        let said: serde_json::Value = serde_json::from_str(&event.event).unwrap();
        assert_eq!((event.seq, said["id"].as_str()), (entry.seq, Some(entry.id.as_str())));
        assert_eq!(said["data"]["state"].as_str(), Some(entry.state.as_str()));
    }
    wait(book.sent(sink(), 2)).unwrap();
    wait(book.bury(sink(), 3, "400".to_owned(), at(9))).unwrap();
    wait(book.sent(sink(), 1)).unwrap();
    assert_eq!(wait(book.outgoing(sink(), 1)).unwrap()[0].seq, 4, "it never goes back");
    let waiting = wait(book.waiting()).unwrap();
    assert_eq!((waiting.pending, waiting.dead), (i64::try_from(events.len()).unwrap() - 3, 1));
    assert_eq!(wait(book.outgoing("nobody".to_owned(), 9)).unwrap(), []);
}

/// An auditor asks of any amount by which card and rules it came about, where it counts, and for whom.
fn an_entry_says_what_its_amount_follows_from(book: &Ledger) {
    let mut new = hold(3, 100);
    (new.terms, new.principal) = (support::terms("c0ffee"), "somebody".to_owned());
    let id = new.id;
    wait(book.reserve(new, None, at(1))).unwrap();
    let job = JobId::parse("cc3d35cc-416a-4262-9714-b359da70b419");
    wait(book.note(id, Note { told: Told { job, ..Told::default() }, ..happened(Event::Bind) }, at(2)))
        .unwrap();
    let change = |to| {
        let seen = wait(book.hold(id)).unwrap().unwrap().seen();
        wait(book.change(id, seen, raise(to, vec![claim(100, "total")]), None, at(3))).unwrap();
    };
    // Lower only when upstream has agreed: until then it is the price of before, by the card of before.
    change(2);
    wait(book.note(id, happened(Event::Keep), at(3))).unwrap();
    change(5);
    // Upstream said no: the price is the one of before, by the card of before.
    let back = vec![Event::Adjust(Amount::from_micros(3)), Event::Keep];
    wait(book.note(id, Note { events: back, ..Note::default() }, at(4))).unwrap();
    change(7);
    let seen = wait(book.hold(id)).unwrap().unwrap();
    let amend = Some(Amend { workload: seen.workload, terms: Some(support::terms("decaf")) });
    let events = vec![Event::Adjust(Amount::from_micros(7)), Event::Submit];
    wait(book.note(id, Note { events, amend, ..Note::default() }, at(5))).unwrap();
    let entries = wait(book.entries(0, 100)).unwrap();
    let by: Vec<_> = entries
        .iter()
        .map(|entry| (entry.kind.as_str(), entry.amount.micros(), entry.terms.card.as_str()))
        .collect();
    assert_eq!(
        by,
        [
            ("reserve", 3, "c0ffee"),
            ("bind", 3, "c0ffee"),
            ("change", 3, "c0ffee"),
            ("keep", 3, "c0ffee"),
            ("adjust", 5, "decaf"),
            ("change", 5, "decaf"),
            ("adjust", 3, "c0ffee"),
            ("keep", 3, "c0ffee"),
            ("adjust", 7, "decaf"),
            ("change", 7, "decaf"),
            ("submit", 7, "decaf"),
        ]
    );
    for entry in entries {
        let place = Place { budget: "all".to_owned(), key: String::new(), period: "total".to_owned() };
        assert_eq!(
            (&*entry.terms.rules, entry.places, entry.currency.as_str()),
            ("strict", vec![place], "unit")
        );
        assert_eq!((entry.job, entry.principal.as_str()), (job.map(|job| job.to_string()), "somebody"));
    }
}

/// One test of each name for each store, on a ledger of its own that adds up at the end.
macro_rules! conforms {
    ($($store:ident: $url:expr),+; $names:tt) => { $(conforms!(@store $store, $url, $names);)+ };
    (@store $store:ident, $url:expr, [$($name:ident),+ $(,)?]) => {
        mod $store {
            $(#[test]
            fn $name() {
                let folder = super::folder(concat!(stringify!($store), "-", stringify!($name)));
                let url: fn(&std::path::Path) -> ledger::Url = $url;
                let book = ledger::Ledger::open(&url(&folder), &super::support::sinks(), super::at(0)).unwrap();
                super::$name(&book);
                super::adds_up(&book);
                std::fs::remove_dir_all(folder).unwrap();
            })+
        }
    };
}

conforms! {
    memory: |_| ledger::Url::Memory,
    sqlite: |folder| ledger::Url::Sqlite(folder.join("book.db"));
    [
        at_the_edge_of_a_budget_exactly_what_fits_is_admitted,
        what_does_not_fit_one_budget_is_held_in_none,
        what_cannot_be_added_up_is_refused_and_leaves_nothing,
        a_key_is_taken_once_and_kept_for_a_day,
        a_key_that_is_gone_keeps_no_hold_from_being_ended,
        a_job_is_found_by_the_hold_that_was_opened_last_for_it,
        what_lapsed_is_reserved_anew_when_it_is_submitted,
        one_change_of_a_job_is_under_way_at_a_time,
        what_nobody_asked_a_budget_for_is_shown_as_overdraft,
        balances_are_told_of_one_window_by_key,
        lists_come_in_parts_and_by_state,
        usage_is_the_sum_of_its_groups,
        amounts_of_another_currency_are_found_where_they_count,
        usage_counts_jobs_and_adds_up_what_can_be_added_up,
        an_event_waits_until_its_sink_has_it,
        an_entry_says_what_its_amount_follows_from,
        of_an_unknown_hold_nothing_is_noted,
        a_job_whose_creation_was_in_doubt_has_the_hold_of_that,
        a_job_has_one_hold_whoever_finds_it_first,
        what_a_change_makes_of_a_job_is_told_once_upstream_has_agreed,
        what_is_held_is_a_price,
        what_is_short_in_an_earlier_window_does_not_come_back,
    ]
}
