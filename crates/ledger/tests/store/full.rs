//! A disk that is full: what has happened already is written into the room that is kept for it, nothing new is begun, and once there
//! is room again all goes on.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use admission::{Event, HoldState};
use job_model::JobId;
use ledger::{HoldId, Kept, Key, Ledger, Note, Refused, Told, Url};

use crate::conformance::happened;
use crate::support::{Files, at, folder, hold, opened, sinks, wait};

/// What is kept for what has happened.
const ROOM: u64 = 1 << 20;

/// A file system of its own, with a ledger and what fills it.
struct Disk(PathBuf);

impl Disk {
    fn new(name: &str) -> Option<Self> {
        let place = folder(name);
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(&place);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(place));
        }
        println!("NOT RUN: a file system cannot be mounted here");
        None
    }

    fn ledger(&self) -> PathBuf {
        self.0.join("book.db")
    }

    /// What is kept: its length, and what it takes on the disk.
    fn kept(&self) -> (u64, u64) {
        let file = fs::metadata(self.0.join("book.db.reserve")).unwrap();
        (file.len(), file.blocks() * 512)
    }

    /// Takes all that is left.
    fn fill(&self) {
        let mut file = File::create(self.0.join("other")).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
    }

    fn clear(&self) {
        fs::remove_file(self.0.join("other")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}

/// Holds whose requests are under way, one of them with a key.
fn under_way(book: &Ledger, count: i64) -> Vec<HoldId> {
    let each = |number: i64| {
        let new = hold(number);
        let id = new.id;
        wait(book.reserve(new, (number == 1).then_some(KEY), at(1))).unwrap();
        id
    };
    (1..=count).map(each).collect()
}

const KEY: Key = Key { name: [7; 32], request: [8; 32] };

fn bound(book: &Ledger, number: usize, id: HoldId) -> Result<HoldState, Refused> {
    let job = JobId::parse(&format!("cc3d35cc-416a-4262-9714-{number:012x}"));
    let kept =
        (number == 0).then(|| (KEY, Kept::Answer { status: 201, headers: "[]".to_owned(), body: vec![9] }));
    wait(book.note(id, Note { told: Told { job, ..Told::default() }, kept, ..happened(Event::Bind) }, at(2)))
}

fn begins(book: &Ledger) -> bool {
    match wait(book.reserve(hold(3), None, at(3))) {
        Ok(_) => true,
        Err(Refused::Unavailable(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

/// As somebody else has them, while the one who wrote them is still there.
fn states(ledger: &Path, ids: &[HoldId]) -> Vec<HoldState> {
    let beside = Ledger::visit(&Url::Sqlite(ledger.to_owned())).unwrap();
    wait(beside.verify()).unwrap().unwrap();
    ids.iter().map(|id| wait(beside.hold(*id)).unwrap().unwrap().state).collect()
}

fn goes_on(disk: &Disk, book: &Ledger) {
    disk.clear();
    while !begins(book) {
        thread::yield_now();
    }
    assert_eq!((book.is_short(), disk.kept()), (false, (ROOM, ROOM)));
    wait(book.verify()).unwrap().unwrap();
}

#[test]
fn who_comes_to_a_full_disk_is_refused_and_what_was_under_way_is_written() {
    let Some(disk) = Disk::new("full-new") else { return };
    let book = opened(&disk.ledger());
    let ids = under_way(&book, 20);
    assert_eq!((book.is_short(), disk.kept()), (false, (ROOM, ROOM)));
    disk.fill();
    while begins(&book) {}
    assert_eq!((book.is_short(), disk.kept()), (true, (0, 0)), "it was given back");
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(bound(&book, number, *id).unwrap(), HoldState::Bound);
        assert!(!begins(&book), "what is left is not for it");
    }
    assert_eq!(states(&disk.ledger(), &ids), [HoldState::Bound; 20]);
    assert!(matches!(wait(book.recall(KEY, at(3))).unwrap(), Some(ledger::Earlier::Over(..))));
    // What a sink has confirmed is not sent to it again and again until there is room.
    let sink = sinks()[0].clone();
    let last = wait(book.outgoing(sink.clone(), u32::MAX)).unwrap().last().unwrap().seq;
    wait(book.sent(sink.clone(), last)).unwrap();
    assert!(wait(book.outgoing(sink, 1)).unwrap().is_empty());
    goes_on(&disk, &book);
}

/// Nobody has come since it became full: the first outcome finds that out, and is written all the same.
#[test]
fn an_outcome_that_finds_the_disk_full_is_written_at_once() {
    let Some(disk) = Disk::new("full-outcome") else { return };
    let book = opened(&disk.ledger());
    let ids = under_way(&book, 20);
    disk.fill();
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(bound(&book, number, *id).unwrap(), HoldState::Bound);
    }
    assert_eq!((book.is_short(), disk.kept()), (true, (0, 0)));
    assert_eq!(states(&disk.ledger(), &ids), [HoldState::Bound; 20]);
    goes_on(&disk, &book);
}

/// A part of what is to be kept would only take the room that is left.
#[test]
fn a_ledger_that_is_opened_without_room_begins_nothing_until_there_is_some() {
    let Some(disk) = Disk::new("full-opened") else { return };
    disk.fill();
    let other = fs::metadata(disk.0.join("other")).unwrap().len();
    File::options().write(true).open(disk.0.join("other")).unwrap().set_len(other - ROOM / 2).unwrap();
    let book = opened(&disk.ledger());
    assert_eq!((book.is_short(), disk.kept()), (true, (0, 0)));
    assert!(!begins(&book));
    goes_on(&disk, &book);
}

/// As a gateway that was killed leaves it, and the disk has become full before the next one starts.
#[test]
fn a_start_on_a_full_disk_writes_into_the_room_that_was_kept() {
    let Some(disk) = Disk::new("full-start") else { return };
    let book = opened(&disk.ledger());
    let ids = under_way(&book, 20);
    let killed = disk.0.join("killed.db");
    Files::of(&disk.ledger()).put(&killed);
    fs::copy(disk.0.join("book.db.reserve"), disk.0.join("killed.db.reserve")).unwrap();
    fs::write(disk.0.join("killed.db.lock"), []).unwrap();
    disk.fill();
    let again = opened(&killed);
    assert!(again.is_short());
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(bound(&again, number, *id).unwrap(), HoldState::Bound);
        assert!(!begins(&again), "what is left is not for it");
    }
    assert_eq!(states(&killed, &ids), [HoldState::Bound; 20]);
    disk.clear();
    while !begins(&again) {
        thread::yield_now();
    }
    assert!(!again.is_short());
    wait(again.verify()).unwrap().unwrap();
}

/// What is kept has an end, too. Then nothing is written until there is room, and that is said.
#[test]
fn what_is_kept_is_enough_for_many_and_more_is_told_that_it_is_not_written() {
    let Some(disk) = Disk::new("full-many") else { return };
    let book = opened(&disk.ledger());
    let ids = under_way(&book, 100);
    disk.fill();
    let mut written = 0;
    // Each in a transaction of its own, which takes the most room.
    let next = |written: usize| {
        let event = [Event::Doubt, Event::Bind][written / ids.len() % 2];
        wait(book.note(ids[written % ids.len()], happened(event), at(2)))
    };
    let refused = loop {
        match next(written) {
            Ok(_) => written += 1,
            Err(refused) => break refused,
        }
    };
    println!("{written} outcomes, each by itself, until {refused}");
    assert!(written > 1024 && refused.to_string().contains("disk is full"), "{written} {refused}");
    goes_on(&disk, &book);
}
