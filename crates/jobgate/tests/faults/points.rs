//! The points at which the gateway can die. The shared store that several gateways would have (P12) does not exist: a second
//! gateway on one ledger is refused, see `a_second_gateway_and_an_unknown_version_are_refused` in the ledger's tests.

use std::fs;
use std::path::Path;

use admission::HoldState::{self, Bound, InDoubt};

use crate::rig::{Answer, Fault, Gate, Rig, wait};

/// Calls that are tried one after the other; `JOBGATE_CRASHES=500 cargo test -p jobgate --test faults` is the longer run.
const CRASHES: usize = 30;

/// The first request of a process is served; it dies with the second.
const SECOND: Option<&str> = Some("from-client:2");
/// It dies behind the first byte of upstream's first answer.
const ANSWERED: Option<&str> = Some("from-upstream:1");

/// Every way to die at a call on the ledger's files.
const CALLS: [&str; 4] = ["write:{}:before", "write:{}:half", "sync:{}:before", "sync:{}:after"];

/// Where the job's hold stands after the restart: of the process alone, and of the machine.
type Stands = (Option<HoldState>, Option<HoldState>);
/// Point, when counting begins, at which call, what stands, whether there is a job.
type Point = (&'static str, Option<&'static str>, &'static str, Stands, Option<bool>);
const DOUBTFUL: Stands = (Some(InDoubt), Some(InDoubt));
const KNOWN: Stands = (Some(Bound), Some(Bound));

const POINTS: [Point; 9] = [
    ("P1: before the reservation is written", SECOND, "write:1:before", (None, None), Some(false)),
    // The kernel outlives the process, and with it what was written; a power cut takes it.
    (
        "P2: the reservation is written, not flushed",
        SECOND,
        "sync:1:before",
        (Some(InDoubt), None),
        Some(false),
    ),
    ("P3: it is flushed, no byte is sent", SECOND, "to-upstream:1:before", DOUBTFUL, Some(false)),
    ("P4: half of the request is sent", SECOND, "to-upstream:1:half", DOUBTFUL, Some(false)),
    // Whether upstream acts on a request whose sender is gone is its own affair.
    ("P5: all of it is sent, nothing is answered", SECOND, "to-upstream:1:after", DOUBTFUL, None),
    ("P6: 201 is read, nothing of it is written", ANSWERED, "write:1:before", DOUBTFUL, Some(true)),
    ("P7: it is written, not flushed", ANSWERED, "sync:1:before", (Some(Bound), Some(InDoubt)), Some(true)),
    ("P8: it is flushed, the client is not answered", ANSWERED, "to-client:1:before", KNOWN, Some(true)),
    ("P9: half of the answer is sent", ANSWERED, "to-client:1:half", KNOWN, Some(true)),
];

pub(crate) fn crashes() -> usize {
    std::env::var("JOBGATE_CRASHES").ok().and_then(|crashes| crashes.parse().ok()).unwrap_or(CRASHES)
}

/// Asks until the fault kills it, if it does.
fn asked_until_killed(rig: &mut Rig, gate: &Gate, most: u32) -> bool {
    for _ in 0..most {
        if matches!(rig.post(gate), Answer::Nothing) {
            return true;
        }
    }
    false
}

fn at_each_step(end: &str, ended: impl Fn(&Rig), expected: impl Fn(Stands) -> Option<HoldState>) {
    for (point, arm, at, stands, is_created) in POINTS {
        let mut rig = Rig::new(&format!("points-{end}"));
        let mut gate = rig.start(Some(&Fault::kill(arm, at)));
        let dies = if arm == SECOND { 2 } else { 1 };
        assert!(asked_until_killed(&mut rig, &gate, dies) && rig.happened(), "{point}");
        gate.killed();
        ended(&rig);
        let sums = rig.recovered(true, point);
        assert_eq!(sums.holds.get(&dies).copied(), expected(stands), "{point}: {sums:?}");
        if let Some(is_created) = is_created {
            // The first one, where there was one, the one it died with, and the one after the restart.
            assert_eq!(
                sums.jobs,
                usize::try_from(dies).unwrap() + usize::from(is_created),
                "{point}: {sums:?}"
            );
        }
        println!("{point}: {sums:?}");
    }
}

#[test]
fn p1_to_p9_killed_at_each_step_of_a_request() {
    at_each_step("killed", |_| {}, |(killed, _)| killed);
}

#[test]
fn p1_to_p9_without_power_at_each_step_of_a_request() {
    at_each_step("dark", |rig| rig.cut_power(true), |(_, dark)| dark);
    at_each_step("blank", |rig| rig.cut_power(false), |(_, dark)| dark);
}

/// Every call on the ledger's files, in every part of a request, and half of each write.
fn at_any_call(end: &str, ended: impl Fn(&Rig)) {
    for kind in ["write", "sync"] {
        for count in 1..=crashes() {
            let when = if kind == "sync" { ["before", "after"] } else { ["before", "half"] }[count % 2];
            let fault = Fault::kill(Some("from-client:1"), format!("{kind}:{count}:{when}"));
            let mut rig = Rig::new(&format!("calls-{end}"));
            let mut gate = rig.start(Some(&fault));
            assert!(asked_until_killed(&mut rig, &gate, 1000), "{fault:?}");
            gate.killed();
            ended(&rig);
            rig.recovered(true, &format!("{fault:?}"));
        }
    }
}

#[test]
fn p1_to_p9_killed_at_any_call_on_the_ledger() {
    at_any_call("killed", |_| {});
}

#[test]
fn p1_to_p9_without_power_at_any_call_on_the_ledger() {
    at_any_call("dark", |rig| rig.cut_power(true));
}

/// The ledger's files in another folder, and back.
pub(crate) fn copy(from: &Path, to: &Path) {
    for end in ["", "-wal", "-shm", ".mark", "-journal"] {
        let name = format!("book.db{end}");
        let _ = fs::remove_file(to.join(&name));
        if from.join(&name).exists() {
            fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}

/// A ledger with a hold that nobody answered for.
pub(crate) fn open_hold(name: &str) -> Rig {
    let mut rig = Rig::new(name);
    let mut gate = rig.start(Some(&Fault::kill(SECOND, "to-upstream:1:half")));
    assert!(asked_until_killed(&mut rig, &gate, 2), "{name}");
    gate.killed();
    rig
}

/// Kills it at every call of its recovery, thrice each time; then it has come to what one recovery comes to. Tells how often.
pub(crate) fn recovering(rig: &Rig, stands: &[HoldState]) -> usize {
    let kept = rig.folder.join("kept");
    fs::create_dir(&kept).unwrap();
    copy(&rig.folder, &kept);
    let mut killed = 0;
    for kind in CALLS {
        for count in 1.. {
            copy(&kept, &rig.folder);
            let fault = Fault::kill(None, kind.replace("{}", &count.to_string()));
            let mut times = 0;
            // Once, twice, thrice: each time it comes as far, or one step further.
            for _ in 0..3 {
                let mut gate = rig.start(Some(&fault));
                gate.killed();
                times += usize::from(rig.happened());
            }
            let mut gate = rig.start(None);
            assert!(gate.serves(), "{fault:?}");
            gate.killed();
            let book = rig.ledger();
            wait(book.verify()).unwrap().unwrap();
            let holds = wait(book.holds(None, None, 9)).unwrap();
            let states: Vec<_> = holds.iter().map(|hold| hold.state).collect();
            assert_eq!(states, stands, "{fault:?}");
            killed += times;
            if times == 0 {
                break;
            }
        }
    }
    killed
}

#[test]
fn p10_killed_while_it_recovers_and_killed_again() {
    let mut rig = open_hold("recovering");
    let killed = recovering(&rig, &[Bound, InDoubt]);
    println!("P10: killed {killed} times while recovering");
    assert!(killed > 20, "{killed}");
    rig.recovered(true, "P10");
}

/// The journal goes into the main file when it has 1500 pages, and is then written from its beginning.
#[test]
fn p11_killed_while_the_journal_is_taken_over() {
    let first = Some("from-client:1");
    let taken_over = Some("main:1");
    let mut all = Vec::new();
    for at in ["main:1:before", "main:1:half", "main:1:after", "main:2:half", "main:9:half", "main:9:after"] {
        all.push(Fault::kill(first, at));
    }
    for at in
        ["sync:1:before", "sync:1:after", "rotate:1:before", "rotate:1:half", "rotate:1:after", "wal:2:half"]
    {
        all.push(Fault::kill(taken_over, at));
    }
    for fault in all {
        let mut rig = Rig::new("taken-over");
        // The first start makes the tables, which is written to the main file, too.
        rig.start(None).killed();
        let mut gate = rig.start(Some(&fault));
        assert!(asked_until_killed(&mut rig, &gate, 900), "{fault:?}");
        gate.killed();
        let sums = rig.recovered(true, &format!("P11: {fault:?}"));
        println!("P11: {fault:?}: {} jobs", sums.jobs);
    }
}

/// Lets an operator resolve a hold, and kills that at every call on the ledger; to say it again comes to the same. Tells how often.
pub(crate) fn resolving(rig: &Rig, hold: &str, to: &[&str], stands: &[HoldState]) -> usize {
    let kept = rig.folder.join("kept");
    fs::create_dir_all(&kept).unwrap();
    copy(&rig.folder, &kept);
    let args = [&["holds", "resolve", hold, "--as"], to].concat();
    let mut killed = 0;
    for kind in CALLS {
        for count in 1.. {
            copy(&kept, &rig.folder);
            let fault = Fault::kill(None, kind.replace("{}", &count.to_string()));
            let output = rig.command(&args, Some(&fault)).output().unwrap();
            let happened = rig.happened();
            let again = rig.command(&args, None).output().unwrap();
            let said = String::from_utf8(again.stderr).unwrap();
            assert!(said.contains(&format!("is {}", to[0])), "{fault:?}: {said}");
            let book = rig.ledger();
            wait(book.verify()).unwrap().unwrap();
            let holds = wait(book.holds(None, None, 9)).unwrap();
            let states: Vec<_> = holds.iter().map(|hold| hold.state).collect();
            assert_eq!(states, stands, "{fault:?}");
            if !happened {
                assert_eq!(output.status.code(), Some(0), "{fault:?}");
                break;
            }
            killed += 1;
        }
    }
    killed
}

#[test]
fn p13_killed_while_a_hold_is_resolved() {
    let mut rig = open_hold("resolving");
    let mut gate = rig.start(None);
    assert!(gate.serves());
    gate.killed();
    let doubtful = wait(rig.ledger().holds(Some(InDoubt), None, 9)).unwrap();
    let id = doubtful[0].id.to_string();
    let killed = resolving(&rig, &id, &["released"], &[Bound, HoldState::Released]);
    println!("P13: killed {killed} times while resolving");
    assert!(killed > 5, "{killed}");
    rig.recovered(true, "P13");
}
