//! The same points in calls on a job that is there: it is made dearer, submitted, deleted, and the gateway dies meanwhile. Whatever
//! upstream has done of it, the job has one hold, which says so or is in doubt at the dearest that the job may be; and a look at the
//! job ends the doubt.

use admission::HoldState::{self, Bound, InDoubt, Released, Submitted};
use ledger::HoldRow;
use serde_json::Value;

use crate::points::{crashes, recovering};
use crate::rig::{Answer, Fault, Gate, Rig, job, wait};

pub(crate) const JOBS: &str = "/contextcapture/jobs";

/// What is asked of a job of 1 unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// To 7 units.
    Change,
    Submit,
    Delete,
}

use Call::{Change, Delete, Submit};

/// The first request of a process creates the job; it dies with the second.
pub(crate) const ASKED: &str = "from-client:2";
/// It dies behind the first byte of upstream's answer to the second.
pub(crate) const ANSWERED: &str = "from-upstream:2";

/// What stands after the restart: state and price.
type Stands = (HoldState, &'static str);
/// Point, when counting begins, at which call, what stands after the end of the process and after that of the machine, whether
/// upstream has done it.
type Point = (&'static str, &'static str, &'static str, Stands, Stands, Option<bool>);

const BEFORE: Stands = (Bound, "1");

const fn doubtful(call: Call) -> Stands {
    match call {
        Change => (InDoubt, "7"),
        Submit => (InDoubt, "1"),
        // Gone or not, it costs nothing more: nothing was written down before it was sent.
        Delete => BEFORE,
    }
}

const fn known(call: Call) -> Stands {
    match call {
        Change => (Bound, "7"),
        Submit => (Submitted, "1"),
        Delete => (Released, "1"),
    }
}

fn points(call: Call) -> Vec<Point> {
    let (doubt, known) = (doubtful(call), known(call));
    let mut all: Vec<Point> = vec![
        ("P3: flushed, no byte sent", ASKED, "to-upstream:1:before", doubt, doubt, Some(false)),
        ("P4: half of it sent", ASKED, "to-upstream:1:half", doubt, doubt, Some(false)),
        // Whether upstream acts on a request whose sender is gone is its own affair.
        ("P5: sent, not answered", ASKED, "to-upstream:1:after", doubt, doubt, None),
        ("P6: answered, nothing written", ANSWERED, "write:1:before", doubt, doubt, Some(true)),
        ("P7: written, not flushed", ANSWERED, "sync:1:before", known, doubt, Some(true)),
        ("P8: flushed, the client not answered", ANSWERED, "to-client:1:before", known, known, Some(true)),
        ("P9: half of the answer sent", ANSWERED, "to-client:1:half", known, known, Some(true)),
    ];
    if call != Delete {
        all.push(("P1: before it is written", ASKED, "write:1:before", BEFORE, BEFORE, Some(false)));
        all.push(("P2: written, not flushed", ASKED, "sync:1:before", doubt, BEFORE, Some(false)));
    }
    all
}

/// Asks it of a job.
pub(crate) fn ask(gate: &Gate, call: Call, id: &str) -> Option<u16> {
    let target = format!("{JOBS}/{id}");
    let (method, body) = match call {
        Change => ("PATCH", r#"{"costEstimationParameters":{"gigaPixels":7}}"#),
        Submit => ("PATCH", r#"{"state":"Active"}"#),
        Delete => ("DELETE", ""),
    };
    gate.exchange(method, &target, "", body).map(|(status, _)| status)
}

/// What upstream itself says of a job; nothing where it is gone.
pub(crate) fn upstreams(rig: &Rig, id: &str) -> Option<(String, String)> {
    let (status, body) = rig.asked_upstream(&format!("{JOBS}/{id}"))?;
    (status == 200).then(|| {
        let text = |value: &Value| value.to_string().trim_matches('"').trim_end_matches(".0").to_owned();
        (text(&body["job"]["state"]), text(&body["job"]["costEstimationParameters"]["gigaPixels"]))
    })
}

/// The one hold of a job.
#[track_caller]
pub(crate) fn hold_of(rig: &Rig, id: &str, what: &str) -> HoldRow {
    let book = rig.ledger();
    wait(book.verify()).unwrap().unwrap_or_else(|faults| panic!("{what}: {faults:?}"));
    let mut all = wait(book.holds(None, None, u32::MAX)).unwrap();
    all.retain(|hold| hold.job.is_some_and(|job| job.to_string() == id));
    assert_eq!(all.len(), 1, "{what}: {all:?}");
    all.remove(0)
}

/// What upstream has done is in the ledger, or in doubt there at no less than it costs; and nothing else is.
#[track_caller]
fn agree(rig: &Rig, id: &str, what: &str) -> HoldRow {
    let hold = hold_of(rig, id, what);
    match upstreams(rig, id) {
        // It costs nothing any more. Where that is not known, it lapses.
        None => assert!(matches!(hold.state, Released | Bound), "{what}: {hold:?}"),
        Some((state, price)) => {
            let amount: u64 = hold.amount.to_string().parse().unwrap();
            let price: u64 = price.parse().unwrap();
            let may_be: &[HoldState] =
                if state == "unsubmitted" { &[Bound, InDoubt] } else { &[Submitted, InDoubt] };
            assert!(may_be.contains(&hold.state), "{what}: {state} upstream, {hold:?}");
            assert!(
                amount == price || (hold.state == InDoubt && amount > price),
                "{what}: {price}, {hold:?}"
            );
        }
    }
    hold
}

/// A look at the job through the gateway ends what doubt there is.
pub(crate) fn looked_at(rig: &Rig, gate: &Gate, id: &str, what: &str) {
    let Some((state, price)) = upstreams(rig, id) else { return };
    loop {
        let look = gate.exchange("GET", &format!("{JOBS}/{id}"), "", "");
        assert_eq!(look.map(|(status, _)| status), Some(200), "{what}");
        let hold = hold_of(rig, id, what);
        if hold.state != InDoubt {
            let expected = if state == "unsubmitted" { Bound } else { Submitted };
            assert_eq!((hold.state, hold.amount.to_string()), (expected, price), "{what}");
            return;
        }
    }
}

fn at_each_step(calls: &[Call], end: &str, ended: impl Fn(&Rig), expected: impl Fn(&Point) -> Stands) {
    for call in calls.iter().copied() {
        for point in points(call) {
            let (name, arm, at, .., is_done) = point;
            let what = format!("{call:?}, {name}, {end}");
            let mut rig = Rig::new(&format!("changes-{end}"));
            let mut gate = rig.start(Some(&Fault::kill(Some(arm), at)));
            let Answer::Created(id) = rig.post(&gate) else { panic!("{what}") };
            assert_eq!(ask(&gate, call, &id), None, "{what}");
            assert!(rig.happened(), "{what}");
            gate.killed();
            ended(&rig);
            let gate = rig.start(None);
            assert!(gate.serves(), "{what}");
            let hold = agree(&rig, &id, &what);
            let (state, price) = expected(&point);
            assert_eq!((hold.state, hold.amount.to_string().as_str()), (state, price), "{what}");
            if let Some(is_done) = is_done {
                let now = upstreams(&rig, &id);
                let was = Some(("unsubmitted".to_owned(), "1".to_owned()));
                assert_eq!(now != was, is_done, "{what}: {now:?}");
            }
            looked_at(&rig, &gate, &id, &what);
            println!("{what}: {} at {}", hold.state.as_str(), hold.amount);
        }
    }
}

#[test]
fn p1_to_p9_killed_at_each_step_of_a_change() {
    at_each_step(&[Change, Submit, Delete], "killed", |_| {}, |point| point.3);
}

#[test]
fn p1_to_p9_without_power_at_each_step_of_a_change() {
    at_each_step(&[Change, Submit, Delete], "dark", |rig| rig.cut_power(true), |point| point.4);
    at_each_step(&[Submit], "blank", |rig| rig.cut_power(false), |point| point.4);
}

/// Jobs that are created, made dearer and submitted or deleted, until the gateway dies; gives the ids of those that were told of.
fn lives(gate: &Gate) -> Vec<String> {
    let mut all = Vec::new();
    for number in 0..200 {
        let Some((201, body)) = gate.exchange("POST", JOBS, "", &job(1)) else { return all };
        let id = body["job"]["id"].as_str().unwrap().to_owned();
        all.push(id.clone());
        let last = if number % 2 == 0 { Submit } else { Delete };
        for call in [Change, last] {
            // What a deletion is answered with has no body, and is not waited for: the next call fails where the gateway is gone.
            if ask(gate, call, &id).is_none() && call != Delete {
                return all;
            }
        }
    }
    all
}

/// After its end each job that was told of has its one hold, and so has the one that nobody was told of.
fn all_agree(rig: &Rig, told: &[String], what: &str) {
    let gate = rig.start(None);
    assert!(gate.serves(), "{what}");
    for id in told {
        agree(rig, id, what);
        looked_at(rig, &gate, id, what);
    }
    let untold = rig.listed().iter().filter(|job| told.iter().all(|id| job["id"] != **id)).count();
    let holds = wait(rig.ledger().holds(None, None, u32::MAX)).unwrap();
    let nobodys: Vec<_> =
        holds.iter().filter(|hold| hold.job.is_none_or(|job| !told.contains(&job.to_string()))).collect();
    assert!(untold <= nobodys.len() && nobodys.len() <= 1, "{what}: {untold} jobs, {nobodys:?}");
    assert!(nobodys.iter().all(|hold| matches!(hold.state, Bound | InDoubt)), "{what}: {nobodys:?}");
}

/// Calls on the ledger's files, in every part of a job's life.
fn at_calls(end: &str, step: usize, ended: impl Fn(&Rig)) {
    let mut jobs = 0;
    for kind in ["write", "sync"] {
        for (turn, count) in (1..=crashes()).step_by(step).enumerate() {
            let when = if kind == "sync" { ["before", "after"] } else { ["before", "half"] }[turn % 2];
            let fault = Fault::kill(Some("from-client:1"), format!("{kind}:{count}:{when}"));
            let what = format!("{end}: {fault:?}");
            let rig = Rig::new(&format!("lives-{end}"));
            let mut gate = rig.start(Some(&fault));
            let told = lives(&gate);
            assert!(rig.happened(), "{what}");
            gate.killed();
            ended(&rig);
            all_agree(&rig, &told, &what);
            jobs += told.len();
        }
    }
    println!("{end}: {jobs} jobs");
}

#[test]
fn p1_to_p9_killed_at_calls_in_the_life_of_a_job() {
    at_calls("killed", 3, |_| {});
}

#[test]
fn p1_to_p9_without_power_at_calls_in_the_life_of_a_job() {
    at_calls("dark", 5, |rig| rig.cut_power(true));
}

/// A change and a new job are under way together when it dies.
#[test]
fn p10_killed_while_it_recovers_a_change_and_killed_again() {
    let mut rig = Rig::new("recovering-changes");
    // Whichever of the two is written last: by then both are held. That a change is held is seen before it leaves.
    let fault = Fault::kill(None, "to-upstream:3:half");
    let mut gate = rig.start(Some(&fault));
    let Answer::Created(id) = rig.post(&gate) else { panic!("P10") };
    rig.upstream.set_fault(sandbox::Fault::Silence.times(1));
    std::thread::scope(|scope| {
        let change = scope.spawn(|| ask(&gate, Change, &id));
        while hold_of(&rig, &id, "P10").state != HoldState::Changing {
            std::thread::yield_now();
        }
        assert_eq!(gate.exchange("POST", JOBS, "", &job(2)), None);
        assert_eq!(change.join().unwrap(), None);
    });
    assert!(rig.happened());
    gate.killed();
    let killed = recovering(&rig, &[InDoubt, InDoubt]);
    println!("P10: killed {killed} times while recovering");
    assert!(killed > 20, "{killed}");
    all_agree(&rig, &[id], "P10");
}

/// The journal goes into the main file when it has a thousand pages, and is then written from its beginning.
#[test]
fn p11_killed_in_the_life_of_a_job_while_the_journal_is_taken_over() {
    for (arm, at) in [
        ("from-client:1", "main:1:half"),
        ("from-client:1", "main:9:after"),
        ("main:1", "rotate:1:half"),
        ("main:1", "wal:2:half"),
    ] {
        let fault = Fault::kill(Some(arm), at);
        let rig = Rig::new("lives-taken-over");
        // The first start makes the tables, which is written to the main file, too.
        rig.start(None).killed();
        let mut gate = rig.start(Some(&fault));
        let told = lives(&gate);
        assert!(rig.happened(), "{fault:?}");
        gate.killed();
        all_agree(&rig, &told, &format!("P11: {fault:?}"));
        println!("P11: {fault:?}: {} jobs", told.len());
    }
}
