//! P13 of calls on a job that is there: what its change, its submission or its deletion came to is not known, and the gateway dies
//! while that is found out, by a look at the job or by an operator. To find it out again comes to the same, and is written once.

use std::fs;

use admission::HoldState::{self, Bound, InDoubt, Released, Settled, Submitted};

use crate::changes::Call::{self, Change, Delete, Submit};
use crate::changes::{ANSWERED, ASKED, JOBS, ask, hold_of, looked_at};
use crate::points::{copy, resolving};
use crate::rig::{Answer, Fault, Gate, Rig, wait};

/// A job with a call that nobody knows the end of, which upstream has done or not.
fn doubtful(call: Call, done: bool) -> (Rig, String) {
    let mut rig = Rig::new("reconciling");
    let (arm, at) = if done { (ANSWERED, "write:1:before") } else { (ASKED, "to-upstream:1:half") };
    let mut gate = rig.start(Some(&Fault::kill(Some(arm), at)));
    let Answer::Created(id) = rig.post(&gate) else { panic!("{call:?}") };
    assert_eq!(ask(&gate, call, &id), None, "{call:?}");
    gate.killed();
    // The next start takes it for doubtful.
    let mut gate = rig.start(None);
    assert!(gate.serves(), "{call:?}");
    gate.killed();
    let expected = if call == Delete { Bound } else { InDoubt };
    assert_eq!(hold_of(&rig, &id, "doubtful").state, expected, "{call:?}");
    (rig, id)
}

/// What stands of a job: state, price, and every entry in order.
fn stands(rig: &Rig, id: &str, what: &str) -> (HoldState, String, Vec<String>) {
    let hold = hold_of(rig, id, what);
    let mut entries = wait(rig.ledger().entries(0, u32::MAX)).unwrap();
    entries.retain(|entry| entry.hold == hold.id.to_string());
    (hold.state, hold.amount.to_string(), entries.into_iter().map(|entry| entry.kind).collect())
}

/// Looks at a job until its doubt is over or the gateway is.
fn looked_until_it_ends(rig: &Rig, gate: &Gate, id: &str) {
    while gate.exchange("GET", &format!("{JOBS}/{id}"), "", "").is_some() {
        if hold_of(rig, id, "looked at").state != InDoubt {
            return;
        }
    }
}

/// Kills it at every call on the ledger by which a look ends the doubt, and at those of its own end.
fn looking(call: Call, done: bool, expected: (HoldState, &str)) -> usize {
    let (rig, id) = doubtful(call, done);
    let kept = rig.folder.join("kept");
    fs::create_dir(&kept).unwrap();
    copy(&rig.folder, &kept);
    // Once without a fault: it comes to this.
    let mut gate = rig.start(None);
    looked_at(&rig, &gate, &id, "clean");
    gate.killed();
    let clean = stands(&rig, &id, "clean");
    assert_eq!((clean.0, clean.1.as_str()), expected, "{call:?} {done}");
    let mut killed = 0;
    for (kind, ways) in [("write", ["before", "half"]), ("sync", ["before", "after"])] {
        for (count, when) in (1..).zip(ways.into_iter().cycle()) {
            copy(&kept, &rig.folder);
            let fault = Fault::kill(Some("from-upstream:1"), format!("{kind}:{count}:{when}"));
            let what = format!("{call:?}, done: {done}, {fault:?}");
            let gate = rig.start(Some(&fault));
            looked_until_it_ends(&rig, &gate, &id);
            gate.terminate();
            gate.ended();
            let happened = rig.happened();
            let mut gate = rig.start(None);
            looked_at(&rig, &gate, &id, &what);
            gate.killed();
            assert_eq!(stands(&rig, &id, &what), clean, "{what}");
            if !happened {
                break;
            }
            killed += 1;
        }
    }
    killed
}

#[test]
fn p13_killed_while_a_look_ends_the_doubt_of_a_change() {
    for (done, expected) in [(true, (Bound, "7")), (false, (Bound, "1"))] {
        let killed = looking(Change, done, expected);
        println!("P13: a change, done: {done}: killed {killed} times while it was looked at");
        assert!(killed > 5, "{killed}");
    }
}

#[test]
fn p13_killed_while_a_look_ends_the_doubt_of_a_submission() {
    for (done, expected) in [(true, (Submitted, "1")), (false, (Bound, "1"))] {
        let killed = looking(Submit, done, expected);
        println!("P13: a submission, done: {done}: killed {killed} times while it was looked at");
        assert!(killed > 5, "{killed}");
    }
}

/// No look ends the doubt of a deletion: whether the job is gone or not, what is held says the same. Its owner or an operator does.
#[test]
fn p13_killed_while_an_operator_resolves_a_change_a_submission_or_a_deletion() {
    let cases: [(Call, &[&str], HoldState); 4] = [
        (Change, &["bound"], Bound),
        (Submit, &["submitted"], Submitted),
        (Submit, &["settled", "--amount", "0.5"], Settled),
        (Delete, &["released"], Released),
    ];
    for (call, to, state) in cases {
        let (rig, id) = doubtful(call, true);
        let hold = hold_of(&rig, &id, "to be resolved").id.to_string();
        let killed = resolving(&rig, &hold, to, &[state]);
        println!("P13: {call:?} as {}: killed {killed} times while resolving", to[0]);
        assert!(killed > 5, "{killed}");
    }
}
