//! A power cut need not take all that was not flushed: a disk writes sectors in any order. Whatever part of them it has kept, the
//! ledger opens, adds up, and has what a client was told of.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use admission::HoldState;
use jiff::Timestamp;
use ledger::{Ledger, Url};

use crate::rig::{Answer, Fault, Rig, wait};

/// What a disk writes at once.
const SECTOR: usize = 512;
/// Parts that are tried of each state beside every single sector; `JOBGATE_CRASHES=500 cargo test -p jobgate --test faults` tries
/// more of them at more calls.
const PARTS: usize = 24;
/// Single sectors that are tried of each state.
const SINGLES: usize = 16;
const FILES: [&str; 4] = ["", "-wal", "-journal", ".mark"];

/// A file as it was flushed and as it was written.
struct Written {
    name: String,
    flushed: Option<Vec<u8>>,
    live: Vec<u8>,
}

/// What a cut has left: the sectors that were kept of those that differ.
struct Cut {
    files: Vec<Written>,
    /// File and number of each sector that was written and not flushed.
    sectors: Vec<(usize, usize)>,
}

impl Cut {
    fn of(rig: &Rig) -> Self {
        let mut files = Vec::new();
        for end in FILES {
            let name = format!("book.db{end}");
            let Ok(live) = fs::read(rig.folder.join(&name)) else { continue };
            let flushed = fs::read(rig.durable().join(&name)).ok();
            files.push(Written { name, flushed, live });
        }
        let mut sectors = Vec::new();
        for (file, Written { flushed, live, .. }) in files.iter().enumerate() {
            for (number, sector) in live.chunks(SECTOR).enumerate() {
                let from = number * SECTOR;
                let before = flushed.as_ref().and_then(|flushed| flushed.get(from..from + sector.len()));
                if before != Some(sector) {
                    sectors.push((file, number));
                }
            }
        }
        Self { files, sectors }
    }

    /// The files with what was flushed and the sectors that were kept; what is missing before a sector is zero.
    fn put(&self, folder: &Path, kept: impl Fn(usize) -> bool) {
        fs::create_dir(folder).unwrap();
        let mut all: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        for (file, written) in self.files.iter().enumerate() {
            if let Some(flushed) = &written.flushed {
                all.insert(file, flushed.clone());
            }
        }
        for (index, (file, number)) in self.sectors.iter().enumerate() {
            if !kept(index) {
                continue;
            }
            let from = number * SECTOR;
            let sector = self.files[*file].live.chunks(SECTOR).nth(*number).unwrap();
            let bytes = all.entry(*file).or_default();
            if bytes.len() < from + sector.len() {
                bytes.resize(from + sector.len(), 0);
            }
            bytes[from..from + sector.len()].copy_from_slice(sector);
        }
        for (file, bytes) in all {
            fs::write(folder.join(&self.files[file].name), bytes).unwrap();
        }
    }
}

/// The same numbers in every run.
fn dice(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

fn judge(rig: &Rig, place: &Path, what: &str) {
    let url = Url::Sqlite(place.join("book.db"));
    let book = Ledger::open(&url, &[], Timestamp::now()).unwrap_or_else(|fault| panic!("{what}: {fault}"));
    wait(book.verify()).unwrap().unwrap_or_else(|faults| panic!("{what}: {faults:?}"));
    let holds = wait(book.holds(None, None, u32::MAX)).unwrap();
    for hold in &holds {
        assert!(
            matches!(hold.state, HoldState::Bound | HoldState::InDoubt),
            "{what}: {}",
            hold.state.as_str()
        );
    }
    for (size, id) in rig.acknowledged() {
        let found: Vec<_> =
            holds.iter().filter(|hold| hold.job.is_some_and(|job| job.to_string() == *id)).collect();
        assert!(
            found.len() == 1 && found[0].state == HoldState::Bound,
            "{what}: a client was told of job {size}"
        );
    }
    let jobs = usize::try_from(rig.jobs()).unwrap();
    assert!(holds.len() >= jobs, "{what}: {jobs} jobs, {} holds", holds.len());
}

/// A ledger whose tables are made: what its first start has flushed is kept as well, and no fault comes to it.
fn begun() -> Rig {
    let rig = Rig::new("subsets");
    rig.start(Some(&Fault::kill(None, "write:1000000:before"))).killed();
    rig
}

/// Kills it at a call, and tries what a power cut at that call may leave. Says how many ways there were.
fn cut_at(mut rig: Rig, fault: &Fault) -> usize {
    let mut gate = rig.start(Some(fault));
    for _ in 0..900 {
        if !gate.serves() || matches!(rig.post(&gate), Answer::Nothing) {
            break;
        }
    }
    gate.killed();
    assert!(rig.happened(), "{fault:?}: did not come in {} jobs", rig.jobs());
    let cut = Cut::of(&rig);
    let count = cut.sectors.len();
    let mut ways = 0;
    let mut tried = |kept: &dyn Fn(usize) -> bool, how: String| {
        // Each in a folder of its own: the writer of the last one may still be closing it, by its name.
        let place = rig.folder.join(format!("cut-{ways}"));
        cut.put(&place, kept);
        judge(&rig, &place, &format!("{fault:?}: {count} sectors, {how}"));
        let _ = fs::remove_dir_all(&place);
        ways += 1;
    };
    tried(&|_| true, "all kept".to_owned());
    tried(&|_| false, "none kept".to_owned());
    let step = count.div_ceil(SINGLES).max(1);
    for one in (0..count).step_by(step) {
        tried(&|index| index != one, format!("all but sector {one}"));
        tried(&|index| index == one, format!("sector {one} alone"));
        tried(&|index| index < one, format!("those before sector {one}"));
    }
    let mut seed = 1;
    for part in 0..PARTS.min(count * count) {
        let picked: Vec<bool> = (0..count).map(|_| dice(&mut seed).is_multiple_of(2)).collect();
        tried(&|index| picked[index], format!("part {part}"));
    }
    ways
}

/// How many calls are tried one after the other: a fifth of the crashes, for each is cut in many ways.
fn calls() -> usize {
    crate::points::crashes().div_ceil(5)
}

#[test]
fn a_power_cut_that_keeps_any_part_of_what_was_not_flushed_loses_nothing_acknowledged() {
    let mut ways = 0;
    for kind in ["write", "sync"] {
        for count in 1..=calls() {
            let when = if kind == "write" && count % 2 == 0 { "half" } else { "before" };
            ways += cut_at(begun(), &Fault::kill(Some("from-client:1"), format!("{kind}:{count}:{when}")));
        }
    }
    println!("{ways} ways to lose a part of what was not flushed");
    assert!(ways > 200, "{ways}");
}

/// While the journal is taken over into the main file, that is written in places, and the journal then from its beginning.
#[test]
fn a_power_cut_in_the_midst_of_taking_the_journal_over_loses_nothing_acknowledged() {
    let mut ways = 0;
    for (arm, at) in [
        ("from-client:1", "main:2:half"),
        ("from-client:1", "main:9:after"),
        ("main:1", "sync:1:before"),
        ("main:1", "rotate:1:half"),
        ("main:1", "wal:2:half"),
    ] {
        ways += cut_at(begun(), &Fault::kill(Some(arm), at));
    }
    println!("{ways} ways to lose a part of what was not flushed");
}

/// Before there is a ledger there is nothing to lose; whatever is left of the first start, the next one makes it whole.
#[test]
fn a_power_cut_at_the_first_start_leaves_what_can_be_begun_with() {
    let mut ways = 0;
    for kind in ["write", "sync"] {
        for count in 1..=calls() {
            let rig = Rig::new("subsets-first");
            ways += cut_at(rig, &Fault::kill(None, format!("{kind}:{count}:before")));
        }
    }
    println!("{ways} ways to lose a part of the first start");
}
