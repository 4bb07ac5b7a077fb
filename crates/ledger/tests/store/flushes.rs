//! A flush of the main file that fails, and takes with it what it was to flush: what was acknowledged is in the journal then, and
//! that is kept until a flush has said that it is in the main file.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use ledger::{HoldId, Ledger, Url};
use rusqlite::Connection;

use crate::support::{at, folder, hold, opened, sinks, wait};

/// So many holds that the journal is brought in more than once.
const MANY: i64 = 1200;

/// A ledger's folder, with what stands between a process and the kernel.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let place = Self(folder(name));
        fs::create_dir(place.0.join("durable")).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jobgate/tests/faults/shim.c");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(place.0.join("shim.so")).arg(source).arg("-ldl");
        assert!(compile.status().unwrap().success(), "the compiler that the build needs, too");
        place
    }

    fn ledger(&self) -> PathBuf {
        self.0.join("book.db")
    }

    /// A process that writes to the ledger, and loses what the so-manieth flush of the main file was to flush. Tells the holds that
    /// it was told of, and whether its ledger has ended.
    fn lost(&self, how: &str, count: usize) -> (Vec<HoldId>, bool) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "flushes::a_process_of_its_own", "--nocapture"]).stdin(Stdio::null());
        command.env("LD_PRELOAD", self.0.join("shim.so")).env("FAULT_LEDGER", "book.db");
        // Behind the first holds, and so behind what is flushed when the ledger is made.
        command.env("FAULT_ARM", "wal:100").env("FAULT_AT", format!("main-sync:{count}:before"));
        command.env("FAULT_DO", "lost");
        command.env("FAULT_TOLD", self.0.join("told")).env("FAULT_DURABLE", self.0.join("durable"));
        let said = command.env("JOBGATE_LOSING", self.ledger()).env("JOBGATE_HOW", how).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
        assert!(self.0.join("told").exists(), "no flush has failed");
        let held = fs::read_to_string(self.0.join("held")).unwrap();
        (held.lines().map(|id| HoldId::parse(id).unwrap()).collect(), self.0.join("ended").exists())
    }

    /// What the process was told that its disk had failed in.
    fn failed(&self) -> String {
        fs::read_to_string(self.0.join("failed")).unwrap()
    }

    /// Opens it as if nothing had been: all that was acknowledged is there.
    fn has_all(&self, held: &[HoldId]) {
        let book = opened(&self.ledger());
        wait(book.verify()).unwrap().unwrap();
        for id in held {
            assert!(wait(book.hold(*id)).unwrap().is_some(), "{id}");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the tests below start: it writes holds until enough of them stand, or its ledger has ended.
#[test]
fn a_process_of_its_own() {
    let Ok(ledger) = std::env::var("JOBGATE_LOSING") else { return };
    let (ledger, how) = (PathBuf::from(ledger), std::env::var("JOBGATE_HOW").unwrap());
    let book = opened(&ledger);
    let mut told = File::create(ledger.with_file_name("held")).unwrap();
    let failed = File::create(ledger.with_file_name("failed")).unwrap();
    book.watch(|_, _| {}, move |why| writeln!(&failed, "{why}").unwrap());
    let mut hold = |number: i64| {
        let new = hold(number);
        let id = new.id;
        let stands = wait(book.reserve(new, None, at(1))).is_ok();
        if stands {
            writeln!(told, "{id}").unwrap();
        }
        stands
    };
    assert!((0..20).all(&mut hold));
    let reader = Connection::open(&ledger).unwrap();
    if how == "partly" {
        // Somebody looks at it as it is now: no more than that can be brought in.
        reader.execute_batch("BEGIN; SELECT count(*) FROM entry").unwrap();
        let _ = (0..MANY / 2).all(&mut hold);
        reader.execute_batch("COMMIT").unwrap();
    }
    if how == "resting" {
        // Not so many that it is brought in before nobody asks for anything.
        assert!((0..20).all(&mut hold));
        while !ledger.with_file_name("told").exists() {
            thread::yield_now();
        }
    }
    for number in 0..MANY {
        hold(number);
        if book.has_ended() {
            File::create(ledger.with_file_name("ended")).unwrap();
            break;
        }
    }
    // As a process that is killed.
    std::process::exit(0);
}

/// All of it is written anew, so that the flush behind that can be believed.
#[test]
fn a_journal_that_is_not_brought_in_while_nobody_writes_is_brought_in_again() {
    let place = Place::new("flush-resting");
    let (held, has_ended) = place.lost("resting", 1);
    assert!(!has_ended && held.len() > 1200);
    let failed = place.failed();
    assert!(failed.lines().count() == 1 && failed.contains("journal is not brought in"), "{failed}");
    place.has_all(&held);
}

#[test]
fn a_journal_that_is_not_brought_in_while_somebody_writes_is_brought_in_again_or_left() {
    for count in 1..=8 {
        let place = Place::new("flush-writing");
        let (held, has_ended) = place.lost("writing", count);
        println!("flush {count}: {} holds, {}", held.len(), if has_ended { "left" } else { "again" });
        place.has_all(&held);
    }
}

/// What was brought in before counts as brought in, and no flush has been told of it: it would not be written again.
#[test]
fn a_journal_of_which_a_part_was_brought_in_is_left_for_the_next_start() {
    let place = Place::new("flush-partly");
    let (held, has_ended) = place.lost("partly", 1);
    assert!(held.len() > 20);
    place.has_all(&held);
    assert!(has_ended && place.failed().contains("is lost"));
}

/// Somebody who has it open knows what counts as brought in; the next start would go by that.
#[test]
fn a_journal_that_was_left_is_refused_while_somebody_has_it_open_ever_since() {
    let place = Place::new("flush-watched");
    drop(opened(&place.ledger()));
    // Once it is closed, all of it is flushed.
    while place.0.join("book.db-wal").exists() {
        thread::yield_now();
    }
    fs::copy(place.ledger(), place.0.join("durable/book.db")).unwrap();
    let watching = Ledger::visit(&Url::Sqlite(place.ledger())).unwrap();
    wait(watching.balances()).unwrap();
    let (held, has_ended) = place.lost("partly", 1);
    assert!(has_ended);
    let start = || Ledger::open(&Url::Sqlite(place.ledger()), &sinks(), at(0));
    let refused = start().unwrap_err().to_string();
    assert!(refused.contains("end all that looks at it"), "{refused}");
    drop(watching);
    // Its threads may still be closing it.
    while start().is_err_and(|refused| refused.to_string().contains("end all that looks at it")) {
        thread::yield_now();
    }
    place.has_all(&held);
}
