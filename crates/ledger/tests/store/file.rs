//! What a ledger in a file does beyond what every ledger does: it outlives its process, is locked, and tells who changed it.

use std::path::{Path, PathBuf};
use std::thread;

use admission::{Event, HoldState};
use jiff::Timestamp;
use job_model::{Amount, JobId};
use ledger::{Earlier, Kept, Key, Ledger, Note, Seen, Told, Url};

use crate::conformance::{happened, hold, sums};
use crate::support::{at, raise, wait};

fn file(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("jobgate-book-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("book.db")
}

/// With all that is beside it.
fn removed(file: &Path) {
    let _ = std::fs::remove_dir_all(file.parent().unwrap());
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
    let changing = hold(1, 10);
    let (change, workload) = (changing.id, changing.workload);
    wait(book.reserve(changing, None, at(1))).unwrap();
    wait(book.note(change, happened(Event::Bind), at(2))).unwrap();
    let seen = Seen { state: HoldState::Bound, amount: Amount::from_micros(1), workload };
    wait(book.change(change, seen, raise(1, Vec::new()), None, at(2))).unwrap();
    drop(book);
    for _ in 0..3 {
        let again = reopened(&url, at(3));
        assert_eq!(sums(&again), (0, 10));
        let states: Vec<_> = wait(again.holds(None, None, 9)).unwrap().iter().map(|row| row.state).collect();
        assert_eq!(states, [HoldState::InDoubt, HoldState::Bound, HoldState::InDoubt]);
        assert_eq!(wait(again.hold_of(job)).unwrap().unwrap().id, id);
        assert_eq!(wait(again.verify()).unwrap().unwrap().entries, 8, "recovering again adds nothing");
    }
    removed(&file);
}

#[test]
fn whoever_changes_the_book_is_found_out() {
    for (name, change) in [
        ("amount", "UPDATE entry SET held = held - 1 WHERE seq = 1"),
        ("entry", "DELETE FROM entry WHERE seq = 2"),
        ("balance", "UPDATE account SET held = 0"),
        ("hold", "UPDATE hold SET state = 'released'"),
        ("gone", "DELETE FROM hold"),
        ("note", "UPDATE entry SET note = 'units=3' WHERE seq = 1"),
        ("card", "UPDATE terms SET card = 'decaf'"),
        ("cards", "DELETE FROM terms"),
        ("another card", "UPDATE entry SET terms = 2 WHERE seq = 1"),
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
        removed(&file);
    }
}

/// Two threads share them: by their seals alone each is found out, whoever looks at it.
#[test]
fn any_one_hold_that_is_changed_is_found_out() {
    let file = file("any hold");
    let url = Url::Sqlite(file.clone());
    let book = Ledger::open(&url, &[], at(0)).unwrap();
    let ids: Vec<String> = (0..10)
        .map(|_| {
            let hold = hold(1, 100);
            wait(book.reserve(hold.clone(), None, at(1))).unwrap();
            hold.id.to_string()
        })
        .collect();
    let change = |principal: &str, id: &str| {
        let db = rusqlite::Connection::open(&file).unwrap();
        db.execute("UPDATE hold SET principal = ?1 WHERE id = ?2", [principal, id]).unwrap();
    };
    let before = wait(book.holds(None, None, 1)).unwrap()[0].principal.clone();
    for id in &ids {
        change("somebody else", id);
        let faults = wait(book.verify()).unwrap().unwrap_err();
        let changed = format!("hold {id} is not what was written");
        assert_eq!(
            faults.0,
            [changed.as_str(), "a hold is missing that entries are about"],
            "and no other one"
        );
        change(&before, id);
        assert_eq!(wait(book.verify()).unwrap().unwrap().holds, 10);
    }
    drop(book);
    removed(&file);
}

/// Nothing of it can be written over while somebody looks at the ledger as it was before.
#[test]
fn a_journal_that_a_reader_has_let_grow_is_short_again_once_he_is_gone() {
    const LIMIT: u64 = 16 << 20;
    let file = file("long");
    let journal = file.with_file_name("book.db-wal");
    let book = Ledger::open(&Url::Sqlite(file.clone()), &[], at(0)).unwrap();
    let reserved = || {
        wait(book.reserve(hold(1, 1_000_000), None, at(1))).unwrap();
        std::fs::metadata(&journal).unwrap().len()
    };
    reserved();
    let reader = rusqlite::Connection::open(&file).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM entry").unwrap();
    while reserved() <= LIMIT {}
    reader.execute_batch("COMMIT").unwrap();
    assert!((0..2000).any(|_| reserved() <= LIMIT));
    assert!(wait(book.verify()).unwrap().is_ok());
    drop(book);
    removed(&file);
}

#[test]
fn a_second_gateway_and_an_unknown_version_are_refused() {
    let locked = file("lock");
    let url = Url::Sqlite(locked.clone());
    let book = Ledger::open(&url, &[], at(0)).unwrap();
    let second = Ledger::open(&url, &[], at(0)).unwrap_err().to_string();
    assert!(second.contains("another gateway is using it"), "{second}");
    Ledger::visit(&url).expect("looking is allowed");
    rusqlite::Connection::open(&locked).unwrap().pragma_update(None, "user_version", 99).unwrap();
    drop(book);
    let newer = Ledger::visit(&url).unwrap_err().to_string();
    assert!(newer.contains("version 99"), "{newer}");
    let foreign = file("foreign");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE other (a)").unwrap();
    let other = Url::Sqlite(foreign.clone());
    for refused in [Ledger::open(&other, &[], at(0)), Ledger::visit(&other)] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("is no ledger"), "{refused}");
    }
    removed(&foreign);
    let none = Ledger::visit(&Url::Sqlite("/no/such/book.db".into())).unwrap_err().to_string();
    assert!(none.contains("no such file"), "{none}");
    removed(&locked);
}

/// What a killed process left under way is unknown; what was over is told again.
#[test]
fn keys_outlive_their_process() {
    let file = file("keys");
    let url = Url::Sqlite(file.clone());
    let book = Ledger::open(&url, &[], at(0)).unwrap();
    let key = |name: u8| Key { name: [name; 32], request: [1; 32] };
    let first = hold(7, 10);
    wait(book.reserve(first.clone(), Some(key(1)), at(1))).unwrap();
    let kept = Kept::Answer { status: 201, headers: "[]".to_owned(), body: b"{}".to_vec() };
    let note = Note { kept: Some((key(1), kept.clone())), ..happened(Event::Bind) };
    wait(book.note(first.id, note, at(3))).unwrap();
    wait(book.begin(key(3), at(3))).unwrap();
    drop(book);
    let book = reopened(&url, at(5));
    assert_eq!(wait(book.recall(key(1), at(6))), Ok(Some(Earlier::Over(kept, Some(first.id)))));
    assert_eq!(wait(book.recall(key(3), at(6))), Ok(Some(Earlier::Over(Kept::Unknown(502), None))));
    removed(&file);
}

#[test]
fn what_stands_in_the_way_of_a_ledger_is_told_with_what_to_do() {
    let refused = |name: &str, make: &dyn Fn(&Path)| {
        let file = file(name);
        make(&file);
        let line = Ledger::open(&Url::Sqlite(file.clone()), &[], at(0)).unwrap_err().to_string();
        removed(&file);
        line.replace(&file.display().to_string(), "FILE")
    };
    let line = refused("folder", &|file| std::fs::create_dir(file).unwrap());
    assert_eq!(
        line,
        "ledger FILE: unable to open database file: FILE; it is a folder, and ledger.url must name a file"
    );
    let line = refused("text", &|file| std::fs::write(file, "something else".repeat(100)).unwrap());
    let advice = "see that ledger.url names the ledger; if it does, it was written over: restore a backup";
    assert_eq!(line, format!("ledger FILE: file is not a database; {advice}"));
    // Room that is not to be had for another reason than a full disk is not waited for.
    let line = refused("reserve", &|file| std::fs::create_dir(file.with_extension("db.reserve")).unwrap());
    let start = "ledger FILE: FILE.reserve, which keeps room for it, cannot be written: ";
    assert!(line.starts_with(start) && line.ends_with("; take away what is there"), "{line}");
}
