//! A ledger whose files were cut off or changed is refused when it is opened; or it reads back as it was, to the last field.

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::{self, Files, Said, at, fill, folder, opened, said, wait};
use ledger::{Ledger, Url};

/// Flipped bits; `JOBGATE_FLIPS=1000000 cargo test -p ledger --test store damaged` is the longer run.
const FLIPS: usize = 10_000;
/// The end of a file that is cut off byte by byte.
const END: usize = 4096;

/// How often damage was found, and how often it proved to be none.
#[derive(Debug, Default)]
struct Tally {
    found: AtomicUsize,
    harmless: AtomicUsize,
}

impl Tally {
    /// Opens a ledger of these files: either it is refused in one line that names it, or it says exactly what it said.
    fn judge(&self, files: &Files, folder: &Path, whole: &Said, what: &str) {
        fs::create_dir(folder).unwrap();
        let file = folder.join("book.db");
        files.put(&file);
        match Ledger::open(&Url::Sqlite(file.clone()), &support::sinks(), at(0)) {
            Ok(book) => {
                assert!(said(&book) == *whole, "{what}: served, and not what was written");
                self.harmless.fetch_add(1, Ordering::Relaxed);
            }
            Err(refused) => {
                let refused = refused.to_string();
                assert!(
                    refused.contains(&file.display().to_string()) && refused.lines().count() == 1,
                    "{what}: {refused}"
                );
                self.found.fetch_add(1, Ordering::Relaxed);
            }
        }
        // The writer's thread may still be closing it.
        let _ = fs::remove_dir_all(folder);
    }

    fn counts(&self) -> (usize, usize) {
        (self.found.load(Ordering::Relaxed), self.harmless.load(Ordering::Relaxed))
    }
}

/// A ledger as a killed gateway leaves it, with its last transactions in the journal alone; and one that was closed.
fn ledgers(name: &str) -> [(Files, Said); 2] {
    let folder = folder(name);
    let file = folder.join("book.db");
    let book = opened(&file);
    fill(&book, 0, 18);
    wait(book.bury(support::sinks()[0].clone(), 3, "400".to_owned(), at(99))).unwrap();
    drop(book);
    let book = opened(&file);
    let closed = (Files::of(&file).without("-wal"), said(&book));
    // One of each kind.
    fill(&book, 18, 24);
    wait(book.verify()).unwrap().unwrap();
    let killed = (Files::of(&file), said(&book));
    assert!(killed.0.0.len() == 3 && killed.1 != closed.1);
    let _ = fs::remove_dir_all(folder);
    [killed, closed]
}

#[test]
fn a_ledger_cut_off_at_any_byte_of_its_last_4_kib_is_refused_or_reads_as_it_was() {
    let folder = folder("cut");
    let mut found_at_all = 0;
    for (files, whole) in ledgers("cut-ledgers") {
        for end in ["", "-wal"] {
            if files.0.iter().all(|(name, _)| *name != end) {
                continue;
            }
            let tally = Tally::default();
            thread::scope(|scope| {
                for half in 0..2 {
                    let (tally, files, whole, folder) = (&tally, &files, &whole, &folder);
                    scope.spawn(move || {
                        for cut in (1..=END).filter(|cut| cut % 2 == half) {
                            let mut files = files.clone();
                            let bytes = files.get(end);
                            bytes.truncate(bytes.len() - cut);
                            let name = format!("book.db{end} without its last {cut} bytes");
                            tally.judge(&files, &folder.join(cut.to_string()), whole, &name);
                        }
                    });
                }
            });
            let (found, harmless) = tally.counts();
            println!("book.db{end}: {found} found, {harmless} harmless");
            assert_eq!(found + harmless, END);
            found_at_all += found;
        }
    }
    // The last page of a killed gateway's file is in its journal, too. The two others have their end in one place.
    assert!(found_at_all >= END, "{found_at_all}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn any_flipped_bit_is_refused_or_reads_as_it_was() {
    let flips = std::env::var("JOBGATE_FLIPS").ok().and_then(|flips| flips.parse().ok()).unwrap_or(FLIPS);
    let folder = folder("flips");
    let tally = Tally::default();
    let ledgers = ledgers("flips-ledgers");
    thread::scope(|scope| {
        for part in 0..2 {
            let (tally, ledgers, folder) = (&tally, &ledgers, &folder);
            scope.spawn(move || {
                let mut dice: u64 = 0x9e37_79b9_7f4a_7c15;
                for flip in 0..flips {
                    // xorshift: the same bits in every run.
                    dice ^= dice << 13;
                    dice ^= dice >> 7;
                    dice ^= dice << 17;
                    if flip % 2 != part {
                        continue;
                    }
                    let (files, whole) = &ledgers[flip / 2 % 2];
                    let mut files = files.clone();
                    let bits: usize = files.0.iter().map(|(_, bytes)| bytes.len() * 8).sum();
                    let mut bit = usize::try_from(dice % u64::try_from(bits).unwrap()).unwrap();
                    let place = files.0.iter_mut().find_map(|(end, bytes)| {
                        let here = bytes.len() * 8;
                        if bit >= here {
                            bit -= here;
                            return None;
                        }
                        bytes[bit / 8] ^= 1 << (bit % 8);
                        Some(*end)
                    });
                    let name = format!("book.db{}, bit {bit}, of ledger {}", place.unwrap(), flip / 2 % 2);
                    tally.judge(&files, &folder.join(flip.to_string()), whole, &name);
                }
            });
        }
    });
    let (found, harmless) = tally.counts();
    println!("{flips} flipped bits: {found} found, {harmless} harmless");
    assert!(found + harmless == flips && found > flips / 2);
    fs::remove_dir_all(folder).unwrap();
}

/// A file that is missing, empty or of yesterday is no new ledger: what was acknowledged is not in it.
#[test]
fn a_ledger_that_went_back_is_refused_until_somebody_says_that_it_is_meant() {
    let [(killed, _), (closed, yesterday)] = ledgers("back-ledgers");
    let folder = folder("back");
    let mark = killed.0.iter().find(|(end, _)| *end == ".mark").unwrap().clone();
    let mut empty = killed.clone();
    empty.get("").clear();
    let mut restored = closed.clone();
    *restored.get(".mark") = mark.1;
    let cases = [
        ("the file is missing", killed.clone().without("")),
        ("the file is empty", empty.clone()),
        ("its journal is missing", killed.clone().without("-wal")),
        ("it is restored from a backup", restored),
    ];
    for (what, files) in cases {
        let file = folder.join("book.db");
        files.put(&file);
        let before = Files::of(&file).0;
        let refused =
            Ledger::open(&Url::Sqlite(file.clone()), &support::sinks(), at(0)).unwrap_err().to_string();
        assert!(refused.contains("its end is lost") && refused.contains("remove"), "{what}: {refused}");
        assert!(
            Files::of(&file).without("-wal").0 == Files(before).without("-wal").0,
            "{what}: left as it was"
        );
        for end in ["", "-wal", "-shm", ".mark"] {
            let _ = fs::remove_file(format!("{}{end}", file.display()));
        }
    }
    let file = folder.join("book.db");
    closed.without(".mark").put(&file);
    let book = opened(&file);
    assert!(said(&book) == yesterday);
    fill(&book, 30, 31);
    assert!(wait(book.verify()).unwrap().is_ok());
    fs::remove_dir_all(folder).unwrap();
}

/// The page cache holds 2 MB of a file that is larger: what is read from the disk is damaged, and refused. Not found is only
/// what damage hides, such as a hold whose own name is changed; that is for the next opening.
#[test]
fn what_is_damaged_while_it_is_served_is_not_told() {
    for what in ["no page", "another name"] {
        let folder = folder("served");
        let file = folder.join("book.db");
        let book = opened(&file);
        fill(&book, 0, 3000);
        drop(book);
        let book = opened(&file);
        let (_, holds, ..) = said(&book);
        // More than the cache holds, so that no hold is in it afterwards.
        let _ = wait(book.entries(0, u32::MAX)).unwrap();
        let mut bytes = fs::read(&file).unwrap();
        if what == "no page" {
            bytes.chunks_mut(4096).skip(1).for_each(|page| page[..64].fill(0xee));
        } else {
            // The tree stays whole, and so do the keys.
            let at = |at: &usize| bytes[*at..].starts_with(b"somebody");
            for at in (0..bytes.len()).filter(at).collect::<Vec<_>>() {
                bytes[at] = b'S';
            }
        }
        // In place: the file is open.
        std::os::unix::fs::FileExt::write_all_at(
            &File::options().write(true).open(&file).unwrap(),
            &bytes,
            0,
        )
        .unwrap();
        let (mut read, mut refused) = (0, 0);
        for hold in &holds {
            match wait(book.hold(hold.id)) {
                Ok(found) => {
                    let found = found.expect(what);
                    assert_eq!(found.state, hold.state, "{what}");
                    assert_eq!(
                        (found.amount, found.principal),
                        (hold.amount, hold.principal.clone()),
                        "{what}"
                    );
                    read += 1;
                }
                Err(fault) => {
                    assert!(fault.to_string().contains("not available"), "{fault}");
                    refused += 1;
                }
            }
        }
        println!(
            "{what}: {read} read as they were, {refused} refused; {:?}",
            wait(book.hold(holds[0].id)).err()
        );
        assert!(refused > 0, "{what}");
        // What the disk is to blame for ends the writer, and whoever watches over the gateway can see it.
        while what == "no page" && !book.has_ended() {
            thread::yield_now();
        }
        drop(book);
        loop {
            match Ledger::open(&Url::Sqlite(file.clone()), &support::sinks(), at(0)) {
                Err(busy) if busy.to_string().contains("another gateway") => thread::yield_now(),
                opened => break assert!(opened.unwrap_err().to_string().contains("is damaged")),
            }
        }
        fs::remove_dir_all(folder).unwrap();
    }
}

/// Whoever verifies beside a gateway sees one moment of it, and keeps it from nothing.
#[test]
fn a_ledger_that_is_written_to_is_verified_as_it_was_at_one_time() {
    let folder = folder("beside");
    let file = folder.join("book.db");
    let book = opened(&file);
    fill(&book, 0, 10);
    thread::scope(|scope| {
        let writer = scope.spawn(|| (1..40).for_each(|round| fill(&book, round * 10, round * 10 + 10)));
        let mut entries = 0;
        let mut times = 0;
        while !writer.is_finished() {
            let verified = Ledger::verify_file(&Url::Sqlite(file.clone())).unwrap().unwrap();
            assert!(verified.entries >= entries);
            entries = verified.entries;
            times += 1;
        }
        assert!(times > 1 && entries > 30, "{times} times, {entries} entries");
    });
    fs::remove_dir_all(folder).unwrap();
}
