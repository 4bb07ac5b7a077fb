//! What becomes of a hold whose job is changed, or found after its creation was in doubt.

use super::{claim, happened, hold, job, sums};
use crate::support::{at, raise, wait, workload};
use admission::{Claim, Event, HoldState, Period};
use job_model::{Amount, Megapoints, Workload};
use ledger::{Amend, HoldId, Ledger, NewHold, Note, Refused, Seen, Told};
use serde_json::Value;

pub(super) fn of_an_unknown_hold_nothing_is_noted(book: &Ledger) {
    let unknown = wait(book.note(HoldId::new(), happened(Event::Bind), at(1)));
    assert!(matches!(unknown, Err(Refused::Unknown)), "{unknown:?}");
    let seen = Seen { state: HoldState::Bound, amount: Amount::ZERO, workload: hold(1, 1).workload };
    let changed = wait(book.change(HoldId::new(), seen, raise(0, Vec::new()), None, at(1)));
    assert!(matches!(changed, Err(Refused::Unknown)), "{changed:?}");
    assert_eq!(wait(book.hold(HoldId::new())), Ok(None));
}

/// Else it would be asked of its budgets twice, and refused for what is held for itself.
pub(super) fn a_job_whose_creation_was_in_doubt_has_the_hold_of_that(book: &Ledger) {
    let (lost, other) = (hold(6, 10), NewHold { workload: workload(9), ..hold(1, 10) });
    for new in [&lost, &other] {
        wait(book.reserve(new.clone(), None, at(1))).unwrap();
        wait(book.note(new.id, happened(Event::Doubt), at(2))).unwrap();
    }
    let found = NewHold { job: Some(job(1)), ..hold(6, 10) };
    wait(book.reserve(found, None, at(3))).unwrap();
    let row = wait(book.hold_of(job(1))).unwrap().unwrap();
    assert_eq!((row.id, row.state, row.amount.micros()), (lost.id, HoldState::Bound, 6));
    assert_eq!(wait(book.hold(other.id)).unwrap().unwrap().state, HoldState::InDoubt, "it is of another job");
    // Upstream tells a size that was not given as 0, or not at all.
    let with = |points: Option<u32>| Workload {
        megapoints: points.map(|points| Megapoints::new(points.into()).unwrap()),
        ..workload(3)
    };
    for (number, made, told) in [(5, None, Some(0)), (6, Some(0), None)] {
        let lost = NewHold { workload: with(made), ..hold(1, 100) };
        wait(book.reserve(lost.clone(), None, at(1))).unwrap();
        wait(book.note(lost.id, happened(Event::Doubt), at(2))).unwrap();
        let found = NewHold { job: Some(job(number)), workload: with(told), ..hold(1, 100) };
        wait(book.reserve(found, None, at(3))).unwrap();
        assert_eq!(wait(book.hold_of(job(number))).unwrap().unwrap().id, lost.id, "{made:?} {told:?}");
    }
    // There is no second one, and somebody else's is not taken for it.
    for (number, new) in [
        (2, hold(6, 10)),
        (3, NewHold { principal: "else".to_owned(), workload: workload(9), ..hold(4, 10) }),
    ] {
        let refused = wait(book.reserve(NewHold { job: Some(job(number)), ..new }, None, at(4)));
        assert!(matches!(refused, Err(Refused::Budget(_))), "{refused:?}");
    }
}

/// A job is found and changed while its creation is still to be written down: whoever changes it has the hold that goes on.
pub(super) fn a_job_has_one_hold_whoever_finds_it_first(book: &Ledger) {
    let ends = [
        (None, HoldState::Bound, (0, 6)),
        (Some(Event::Submit), HoldState::Submitted, (0, 6)),
        (Some(Event::Settle(Amount::from_micros(6))), HoldState::Settled, (6, 0)),
    ];
    for (number, (event, state, counts)) in (1..).zip(ends) {
        let (created, found) = (hold(6, 100), NewHold { job: Some(job(number)), ..hold(6, 100) });
        let before = sums(book);
        wait(book.reserve(created.clone(), None, at(1))).unwrap();
        wait(book.reserve(found.clone(), None, at(2))).unwrap();
        if let Some(event) = event {
            wait(book.note(found.id, happened(event), at(3))).unwrap();
        }
        let told = Told { job: Some(job(number)), ..Told::default() };
        let bind = || Note { told, ..happened(Event::Bind) };
        assert_eq!(wait(book.note(created.id, bind(), at(4))).unwrap(), HoldState::Released);
        assert_eq!(wait(book.note(created.id, bind(), at(5))).unwrap(), HoldState::Released);
        assert_eq!(sums(book), (before.0 + counts.0, before.1 + counts.1));
        let row = wait(book.hold_of(job(number))).unwrap().unwrap();
        assert_eq!((row.id, row.state), (found.id, state));
        assert_eq!(wait(book.hold(created.id)).unwrap().unwrap().job, None, "it counts as no job of its own");
        let entries = wait(book.entries(0, 100)).unwrap();
        let its = entries.iter().filter(|entry| entry.hold == created.id.to_string());
        assert_eq!(its.map(|entry| entry.kind.as_str()).collect::<Vec<_>>(), ["reserve", "release"]);
    }
    // A hold that was given back is none.
    let (created, refused) = (hold(6, 100), NewHold { job: Some(job(9)), ..hold(6, 100) });
    for new in [&created, &refused] {
        wait(book.reserve(new.clone(), None, at(6))).unwrap();
    }
    wait(book.note(refused.id, happened(Event::Release), at(7))).unwrap();
    let told = Told { job: Some(job(9)), ..Told::default() };
    let bind = Note { told, ..happened(Event::Bind) };
    assert_eq!(wait(book.note(created.id, bind, at(8))).unwrap(), HoldState::Bound);
    let row = wait(book.hold_of(job(9))).unwrap().unwrap();
    assert_eq!((row.id, row.job), (created.id, Some(job(9))), "though the other one was opened later");
    // Two creations are two jobs, whatever upstream calls them.
    for new in [hold(1, 100), hold(1, 100)] {
        let told = Told { job: Some(job(10)), ..Told::default() };
        wait(book.reserve(new.clone(), None, at(9))).unwrap();
        let bind = Note { told, ..happened(Event::Bind) };
        assert_eq!(wait(book.note(new.id, bind, at(9))).unwrap(), HoldState::Bound);
    }
}

fn events(book: &Ledger) -> Vec<Value> {
    let all = wait(book.outgoing("sink".to_owned(), 100)).unwrap();
    all.iter().map(|one| serde_json::from_str(&one.event).unwrap()).collect()
}

pub(super) fn what_a_change_makes_of_a_job_is_told_once_upstream_has_agreed(book: &Ledger) {
    let new = NewHold { amount: None, ..hold(0, 100) };
    let id = new.id;
    wait(book.reserve(new, None, at(1))).unwrap();
    wait(book.note(id, happened(Event::Bind), at(2))).unwrap();
    let seen = wait(book.hold(id)).unwrap().unwrap().seen();
    wait(book.change(id, seen, raise(3, vec![claim(100, "total")]), None, at(3))).unwrap();
    let dearer = &events(book)[2]["data"];
    assert_eq!((&dearer["amount"], &dearer["held"]), (&"0.000003".into(), &"0.000003".into()), "{dearer}");
    let amend = Some(Amend { workload: workload(9), terms: None });
    let told = Told { estimate: Some("7".parse().unwrap()), ..Told::default() };
    wait(book.note(id, Note { events: vec![Event::Keep], told, amend, ..Note::default() }, at(4))).unwrap();
    let last = events(book).pop().unwrap();
    assert_eq!(last["type"], "jobgate.hold.adjusted");
    assert_eq!(last["data"]["workload"], workload(9).to_json());
    assert_eq!((&last["data"]["upstreamEstimate"], &last["data"]["held"]), (&"7".into(), &"0".into()));
    // One that leaves the job as it is has nothing to tell; and a budget that came since does not count it.
    let before = events(book).len();
    let seen = wait(book.hold(id)).unwrap().unwrap().seen();
    let claims = vec![claim(100, "total"), Claim { budget: "since".to_owned(), ..claim(1, "total") }];
    let counted = wait(book.change(id, seen, raise(3, claims), None, at(5))).unwrap();
    assert_eq!((counted.budgets, counted.near), (vec!["all".to_owned()], Vec::new()));
    wait(book.note(id, happened(Event::Keep), at(6))).unwrap();
    assert_eq!(events(book).len(), before);
}

/// A job without a size is created, its size comes with a change, and nobody knows what became of that.
pub(super) fn what_is_held_is_a_price(book: &Ledger) {
    let new = NewHold { amount: None, currency: "another".to_owned(), ..hold(0, 100) };
    let id = new.id;
    wait(book.reserve(new, None, at(1))).unwrap();
    wait(book.note(id, happened(Event::Bind), at(2))).unwrap();
    let row = wait(book.hold(id)).unwrap().unwrap();
    assert!(!row.priced);
    wait(book.change(id, row.seen(), raise(3, vec![claim(100, "total")]), None, at(3))).unwrap();
    wait(book.note(id, happened(Event::Doubt), at(4))).unwrap();
    let row = wait(book.hold(id)).unwrap().unwrap();
    assert_eq!((row.priced, row.amount.micros(), row.currency.as_str()), (true, 3, "unit"));
    // What upstream's units come to is a price as well.
    let charged = NewHold { amount: None, ..hold(0, 100) };
    let id = charged.id;
    wait(book.reserve(charged, None, at(5))).unwrap();
    wait(book.note(id, happened(Event::Settle(Amount::from_micros(4))), at(6))).unwrap();
    assert!(wait(book.hold(id)).unwrap().unwrap().priced);
}

pub(super) fn what_is_short_in_an_earlier_window_does_not_come_back(book: &Ledger) {
    let within = |label: &str| {
        let period = Period { label: label.to_owned(), ..in_a_day() };
        vec![Claim { period, ..claim(10, label) }]
    };
    let new = NewHold { claims: within("monday"), ..hold(7, 10) };
    let id = new.id;
    wait(book.reserve(new, None, at(1))).unwrap();
    wait(book.note(id, happened(Event::Bind), at(2))).unwrap();
    let seen = wait(book.hold(id)).unwrap().unwrap().seen();
    for (day, resets) in [("monday", true), ("tuesday", false)] {
        let refused = wait(book.change(id, seen, raise(11, within(day)), None, at(3)));
        let Err(Refused::Budget(short)) = refused else { panic!("{refused:?}") };
        assert_eq!(short[0].resets.is_some(), resets, "{day}: {short:?}");
    }
}

fn in_a_day() -> Period {
    let window = admission::Window::new(admission::WindowKind::Day, "UTC").unwrap();
    window.period(at(0))
}
