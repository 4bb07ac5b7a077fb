//! The book against a naive one, and against somebody who changes it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};

use admission::{Claim, Event, HoldState, Period};
use jiff::Timestamp;
use job_model::{Amount, JobId, Workload, WorkspaceId};
use ledger::{Earlier, HoldId, Kept, Key, Ledger, NewHold, Note, Refused, Told, Url};
use proptest::prelude::*;

struct Waker(Thread);

impl Wake for Waker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Arc::new(Waker(thread::current())).into();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn claim(limit: i64) -> Claim {
    Claim {
        budget: "all".to_owned(),
        key: String::new(),
        period: Period { label: "total".to_owned(), resets: None },
        limit: Amount::from_micros(limit),
        soft: Amount::from_micros(limit),
        enforce: true,
    }
}

fn hold(amount: i64, limit: i64) -> NewHold {
    let workload =
        serde_json::json!({"type": "Full", "quality": "Extra", "outputs": ["OBJ"], "gigaPixels": "1"});
    NewHold {
        id: HoldId::new(),
        job: None,
        workspace: WorkspaceId::parse("6881117d-9fd2-4900-870b-9b721dc90f25").unwrap(),
        principal: String::new(),
        workload: Workload::from_json(&workload).unwrap(),
        amount: Some(Amount::from_micros(amount)),
        card: "c0ffee".to_owned(),
        currency: "unit".to_owned(),
        claims: vec![claim(limit)],
    }
}

fn happened(event: Event) -> Note {
    Note { events: vec![event], ..Note::default() }
}

fn file(name: &str) -> PathBuf {
    let file = std::env::temp_dir().join(format!("jobgate-book-{}-{name}.db", std::process::id()));
    for end in ["", "-wal", "-shm", ".lock", ".mark"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    file
}

#[derive(Clone, Debug)]
enum Step {
    Reserve(i64),
    Raise(usize, i64),
    Note(usize, Event),
    Lapse(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let amount = 0..40_i64;
    let event = prop_oneof![
        Just(Event::Bind),
        Just(Event::Submit),
        Just(Event::Release),
        Just(Event::Doubt),
        Just(Event::Lapse),
        amount.clone().prop_map(|amount| Event::Settle(Amount::from_micros(amount))),
        amount.clone().prop_map(|amount| Event::Adjust(Amount::from_micros(amount))),
    ];
    prop_oneof![
        3 => amount.clone().prop_map(Step::Reserve),
        1 => (any::<usize>(), amount).prop_map(|(which, amount)| Step::Raise(which, amount)),
        4 => (any::<usize>(), event).prop_map(|(which, event)| Step::Note(which, event)),
        1 => (-20..20_i64).prop_map(Step::Lapse),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: the balances are the sums of the holds, a hold ends once, no reservation and no
    /// raise takes a budget beyond its limit, and everything re-derives.
    #[test]
    fn balances_follow_from_holds_after_every_step(steps in proptest::collection::vec(step(), 1..40)) {
        const LIMIT: i64 = 100;
        let book = Ledger::open(&Url::Memory, &[], at(0)).unwrap();
        let mut ids = Vec::new();
        let mut ended: Vec<(HoldId, HoldState)> = Vec::new();
        for (now, step) in (0_i64..).zip(steps) {
            let before = sums(&book);
            let which = |which: usize| (!ids.is_empty()).then(|| ids[which % ids.len().max(1)]);
            let bounded = match step {
                Step::Reserve(amount) => {
                    let hold = hold(amount, LIMIT);
                    let id = hold.id;
                    match wait(book.reserve(hold, None, at(now))) {
                        Ok(_) => ids.push(id),
                        Err(Refused::Budget(sum)) => {
                            prop_assert!(before.0 + before.1 + amount > LIMIT);
                            prop_assert_eq!(sum.missing.micros(), before.0 + before.1 + amount - LIMIT);
                            prop_assert_eq!(sums(&book), before, "a refusal changes nothing");
                        }
                        Err(other) => panic!("{other:?}"),
                    }
                    true
                }
                Step::Raise(index, to) => {
                    if let Some(id) = which(index) {
                        let _ = wait(book.raise(id, Amount::from_micros(to), vec![claim(LIMIT)], None, at(now)));
                    }
                    true
                }
                Step::Note(index, event) => {
                    if let Some(id) = which(index) {
                        wait(book.note(id, happened(event), at(now))).unwrap();
                    }
                    false
                }
                Step::Lapse(ago) => {
                    wait(book.lapse(at(now - ago), at(now))).unwrap();
                    false
                }
            };
            let after = sums(&book);
            let over = after.0 + after.1 > LIMIT && after.0 + after.1 > before.0 + before.1;
            prop_assert!(!(bounded && over), "{before:?} {after:?}");
            let rows = wait(book.holds(None, String::new(), 1000)).unwrap();
            let held: i64 = rows.iter().filter(|row| row.state.is_held()).map(|row| row.amount.micros()).sum();
            let settled: i64 =
                rows.iter().filter(|row| row.state == HoldState::Settled).map(|row| row.amount.micros()).sum();
            prop_assert_eq!((settled, held), after);
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
        wait(book.verify()).unwrap().unwrap();
    }
}

/// The lock goes with the writer's thread, which ends soon after the last one who could ask.
fn reopened(url: &Url, now: Timestamp) -> Ledger {
    loop {
        match Ledger::open(url, &[], now) {
            Err(busy) if busy.to_string().contains("another gateway") => thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

fn sums(book: &Ledger) -> (i64, i64) {
    let rows = wait(book.balances()).unwrap();
    rows.first().map_or((0, 0), |row| (row.balance.settled.micros(), row.balance.held.micros()))
}

#[test]
fn what_was_open_when_a_process_ended_is_in_doubt_and_still_held() {
    let file = file("recover");
    let url = Url::Sqlite(file.clone());
    let book = Ledger::open(&url, &[], at(0)).unwrap();
    wait(book.reserve(hold(7, 10), None, at(1))).unwrap();
    let job = JobId::parse("cc3d35cc-416a-4262-9714-b359da70b419").unwrap();
    let bound = hold(2, 10);
    let id = bound.id;
    wait(book.reserve(bound, None, at(1))).unwrap();
    let told = Told { job: Some(job), ..Told::default() };
    wait(book.note(id, Note { told, ..happened(Event::Bind) }, at(2))).unwrap();
    drop(book);
    for _ in 0..3 {
        let again = reopened(&url, at(3));
        assert_eq!(sums(&again), (0, 9));
        let states: Vec<_> =
            wait(again.holds(None, String::new(), 9)).unwrap().iter().map(|row| row.state).collect();
        assert_eq!(states, [HoldState::InDoubt, HoldState::Bound]);
        assert_eq!(wait(again.hold_of(job)).unwrap().unwrap().id, id);
        assert_eq!(wait(again.verify()).unwrap().unwrap().entries, 4, "recovering again adds nothing");
    }
    let _ = std::fs::remove_file(file);
}

#[test]
fn whoever_changes_the_book_is_found_out() {
    for (name, change) in [
        ("amount", "UPDATE entry SET held = held - 1 WHERE seq = 1"),
        ("entry", "DELETE FROM entry WHERE seq = 2"),
        ("balance", "UPDATE account SET held = 0"),
        ("hold", "UPDATE hold SET state = 'released'"),
        ("gone", "DELETE FROM hold"),
        ("note", "UPDATE entry SET note = '' WHERE seq = 1"),
    ] {
        let file = file(name);
        let url = Url::Sqlite(file.clone());
        let book = Ledger::open(&url, &[], at(0)).unwrap();
        wait(book.reserve(hold(7, 10), None, at(1))).unwrap();
        wait(book.reserve(hold(1, 10), None, at(1))).unwrap();
        wait(book.reserve(hold(2, 10), None, at(1))).unwrap();
        assert!(wait(book.verify()).unwrap().is_ok());
        rusqlite::Connection::open(&file).unwrap().execute_batch(change).unwrap();
        assert!(wait(book.verify()).unwrap().is_err(), "{name}");
        drop(book);
        let _ = std::fs::remove_file(file);
    }
}

#[test]
fn a_second_gateway_and_an_unknown_version_are_refused() {
    let file = file("lock");
    let url = Url::Sqlite(file.clone());
    let book = Ledger::open(&url, &[], at(0)).unwrap();
    let second = Ledger::open(&url, &[], at(0)).unwrap_err().to_string();
    assert!(second.contains("another gateway is using it"), "{second}");
    Ledger::visit(&url).expect("looking is allowed");
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    drop(book);
    let newer = Ledger::visit(&url).unwrap_err().to_string();
    assert!(newer.contains("version 99"), "{newer}");
    let foreign = crate::file("foreign");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE other (a)").unwrap();
    let other = Url::Sqlite(foreign.clone());
    for refused in [Ledger::open(&other, &[], at(0)), Ledger::visit(&other)] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("is no ledger"), "{refused}");
    }
    let _ = std::fs::remove_file(foreign);
    let none = Ledger::visit(&Url::Sqlite("/no/such/book.db".into())).unwrap_err().to_string();
    assert!(none.contains("no such file"), "{none}");
    let _ = std::fs::remove_file(file);
}

/// Some requests at once share flushes, and each has its own answer.
#[test]
fn at_the_edge_of_a_budget_exactly_what_fits_is_admitted() {
    let file = file("edge");
    let book = Ledger::open(&Url::Sqlite(file.clone()), &[], at(0)).unwrap();
    let admitted: usize = thread::scope(|scope| {
        let one = || (0..20).filter(|_| wait(book.reserve(hold(3, 100), None, at(1))).is_ok()).count();
        let all: Vec<_> = (0..16).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!((admitted, sums(&book)), (33, (0, 99)));
    wait(book.verify()).unwrap().unwrap();
    let _ = std::fs::remove_file(file);
}

const DAY: i64 = 24 * 60 * 60;

fn key(name: u8, request: u8) -> Key {
    Key { name: [name; 32], request: [request; 32] }
}

/// With a hold or without, a key is taken once, tells its end for a day, and what a killed process left under way is unknown.
#[test]
fn a_key_is_taken_once_and_kept_for_a_day() {
    let url = Url::Sqlite(file("keys"));
    let book = Ledger::open(&url, &[], at(0)).unwrap();
    let (first, second) = (hold(7, 10), hold(7, 10));
    let (one, two, three) = (key(1, 1), key(2, 1), key(3, 1));
    wait(book.reserve(first.clone(), Some(one), at(1))).unwrap();
    let taken = |again: Result<(), Refused>| match again {
        Err(Refused::Repeated(earlier)) => *earlier,
        other => panic!("{other:?}"),
    };
    let again = wait(book.reserve(hold(1, 10), Some(one), at(2)));
    assert_eq!(taken(again.map(|_| ())), Earlier::Running);
    assert_eq!(taken(wait(book.begin(key(1, 2), at(2)))), Earlier::Other);
    let refused = wait(book.reserve(second, Some(two), at(2)));
    assert!(matches!(refused, Err(Refused::Budget(_))), "{refused:?}");
    assert_eq!(wait(book.recall(two, at(2))), Ok(None), "what is refused takes no key");
    let kept = Kept::Answer { status: 201, headers: "[]".to_owned(), body: b"{}".to_vec() };
    let note = Note { kept: Some((one, kept.clone())), ..happened(Event::Bind) };
    wait(book.note(first.id, note, at(3))).unwrap();
    let over = Some(Earlier::Over(kept, Some(first.id)));
    assert_eq!(wait(book.recall(one, at(1 + DAY - 1))), Ok(over.clone()));
    assert_eq!(wait(book.recall(one, at(1 + DAY))), Ok(None));
    wait(book.begin(three, at(3))).unwrap();
    wait(book.keep(three, Kept::Nothing)).unwrap();
    wait(book.begin(three, at(4))).unwrap();
    assert_eq!(wait(book.forget(at(DAY))), Ok(0), "nothing is old, and what is under way is kept");
    drop(book);
    let book = reopened(&url, at(5));
    assert_eq!(wait(book.recall(one, at(6))), Ok(over));
    assert_eq!(wait(book.recall(three, at(6))), Ok(Some(Earlier::Over(Kept::Unknown(502), None))));
    assert_eq!(wait(book.forget(at(4 + DAY))), Ok(2));
    assert_eq!(wait(book.recall(three, at(6))), Ok(None));
}
