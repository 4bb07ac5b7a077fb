//! Calls on the ledger's files that fail, one by one: what was not written is not forwarded, and that is what the client is told.

use admission::HoldState;

use crate::points::open_hold;
use crate::rig::{Answer, Fault, Rig, wait};

/// The calls that fail, one a run.
const CALLS: usize = 50;

fn every_call(kind: &str, act: &'static str) {
    let (mut not_started, mut refusals) = (0, 0);
    for count in 1..=CALLS {
        let fault = Fault { arm: None, at: format!("{kind}:{count}:before"), act };
        let what = format!("{fault:?}");
        let mut rig = Rig::new(&format!("errors-{kind}-{act}"));
        let gate = rig.start(Some(&fault));
        if gate.serves() {
            let (mut asked, mut after) = (0, 0);
            while after < 3 {
                asked += 1;
                assert!(asked < 1000, "{what}: there is no such call");
                let before = rig.jobs();
                match rig.post(&gate) {
                    Answer::Created(_) => {}
                    Answer::Refused(status, body) => {
                        assert_eq!(
                            (status, &body["error"]["code"]),
                            (503, &"LedgerUnavailable".into()),
                            "{what}: {body}"
                        );
                        let message = body["error"]["message"].as_str().unwrap();
                        assert!(message.contains("nothing was forwarded"), "{what}: {message}");
                        assert_eq!(rig.jobs(), before, "{what}: nothing was forwarded");
                        refusals += 1;
                    }
                    Answer::Nothing => panic!("{what}: no answer"),
                }
                after += usize::from(rig.happened());
            }
            drop(gate);
        } else {
            assert!(rig.happened(), "{what}");
            let (code, said) = gate.ended();
            let last = said.lines().last().unwrap_or_default();
            assert!(code == Some(1) && last.starts_with("jobgate: ledger "), "{what}: {code:?} {said}");
            not_started += 1;
        }
        rig.recovered(false, &what);
    }
    println!("{kind} {act}: {CALLS} runs, {not_started} did not start, {refusals} jobs refused");
    assert!(not_started < CALLS && refusals > 0);
}

#[test]
fn any_write_that_fails() {
    every_call("write", "eio");
}

#[test]
fn any_write_for_which_there_is_no_space() {
    every_call("write", "enospc");
}

#[test]
fn any_flush_that_fails() {
    every_call("sync", "eio");
}

#[test]
fn any_flush_for_which_there_is_no_space() {
    every_call("sync", "enospc");
}

/// Fails once and is well again: what comes meanwhile is refused, and then all goes on as it is.
fn goes_on(at: &str, act: &'static str) {
    let fault = Fault { arm: None, at: format!("{at}:before"), act };
    let mut rig = Rig::new(&format!("goes-on-{}", at.replace(':', "-")));
    let gate = rig.start(Some(&fault));
    while !rig.happened() {
        rig.post(&gate);
    }
    loop {
        match rig.post(&gate) {
            Answer::Created(_) => break,
            Answer::Refused(status, _) => assert_eq!(status, 503),
            Answer::Nothing => panic!("{fault:?}: no answer"),
        }
    }
    for _ in 0..10 {
        let answer = rig.post(&gate);
        assert!(matches!(answer, Answer::Created(_)), "{fault:?}: {answer:?}");
    }
    drop(gate);
    rig.recovered(false, &format!("{fault:?}"));
}

#[test]
fn a_flush_that_fails_once_needs_no_restart() {
    goes_on("sync:40", "enospc");
    goes_on("sync:41", "eio");
}

#[test]
fn a_write_that_fails_once_needs_no_restart() {
    goes_on("wal:60", "eio");
}

/// What a flush failed for may be in the system's memory alone, and no later flush brings it to the disk: so the journal that a
/// gateway finds is written once more before anything is written behind it.
#[test]
fn a_journal_that_is_found_is_written_once_more() {
    let mut rig = Rig::new("journal");
    let mut gate = rig.start(None);
    for _ in 0..3 {
        assert!(matches!(rig.post(&gate), Answer::Created(_)));
    }
    gate.killed();
    let fault = Fault { arm: None, at: "rotate:1:before".to_owned(), act: "eio" };
    let gate = rig.start(Some(&fault));
    assert!(!gate.serves() && rig.happened());
    let said = gate.ended().1;
    assert!(said.contains("cannot be taken over"), "{said}");
    rig.recovered(true, "journal");
}

/// The gateway has ended, and no other one was started: who resolves a hold is the first to write behind what it has left.
#[test]
fn a_journal_that_is_found_is_written_once_more_before_a_hold_is_resolved() {
    let mut rig = open_hold("journal-resolved");
    rig.start(None).killed();
    let id = wait(rig.ledger().holds(Some(HoldState::InDoubt), None, 9)).unwrap()[0].id.to_string();
    let args = ["holds", "resolve", &id, "--as", "released"];
    let fault = Fault { arm: None, at: "rotate:1:before".to_owned(), act: "eio" };
    let failed = rig.command(&args, Some(&fault)).output().unwrap();
    assert!(rig.happened() && !failed.status.success(), "{}", String::from_utf8_lossy(&failed.stderr));
    let states = |rig: &Rig| -> Vec<_> {
        wait(rig.ledger().holds(None, None, 9)).unwrap().iter().map(|hold| hold.state).collect()
    };
    assert_eq!(states(&rig), [HoldState::Bound, HoldState::InDoubt], "nothing was written");
    assert!(rig.command(&args, None).output().unwrap().status.success());
    assert_eq!(states(&rig), [HoldState::Bound, HoldState::Released]);
    rig.recovered(true, "journal-resolved");
}
