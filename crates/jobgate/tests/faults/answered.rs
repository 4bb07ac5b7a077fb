//! Upstream has created the job, and just then the ledger cannot be written. The client is told of its job all the same; what it
//! costs stays held, and is written down later: by the gateway itself, or by somebody who finds hold and job in the log.

use admission::HoldState;
use serde_json::Value;

use crate::rig::{Fault, Rig, job, wait};

const KEYED: &str = "Idempotency-Key: once\r\n";
const JOBS: &str = "/contextcapture/jobs";
/// The first write behind the first byte of upstream's answer.
const NOTED: (&str, &str) = ("from-upstream:1", "write:1:before");

fn fault(act: &'static str) -> Fault {
    Fault { arm: Some(NOTED.0), at: NOTED.1.to_owned(), act }
}

fn id(body: &Value) -> String {
    body["job"]["id"].as_str().unwrap().to_owned()
}

/// No space for a moment: the outcome is written when there is some again, without a restart, and the answer is kept with it.
#[test]
fn a_job_that_was_created_while_the_disk_was_full_is_bound_when_there_is_room_again() {
    let mut rig = Rig::new("answered-full");
    let mut gate = rig.start(Some(&fault("enospc")));
    let (status, body) = gate.exchange("POST", JOBS, KEYED, &job(1001)).unwrap();
    assert!(status == 201 && rig.happened(), "{status} {body}");
    let created = id(&body);
    let bound = || {
        let holds = wait(rig.ledger().holds(Some(HoldState::Bound), None, 9)).unwrap();
        holds.first().and_then(|hold| hold.job).map(|job| job.to_string())
    };
    while bound() != Some(created.clone()) {
        std::thread::yield_now();
    }
    let again = gate.exchange("POST", JOBS, KEYED, &job(1001)).unwrap();
    assert_eq!((again.0, id(&again.1), rig.jobs()), (201, created, 1), "it is the same answer");
    gate.killed();
    rig.recovered(true, "answered-full");
}

/// The disk has failed: nothing more is admitted, and after a restart the hold is in doubt, still held, and never asked for
/// again under its key. The log has what whoever resolves it needs.
#[test]
fn a_job_that_was_created_when_the_disk_failed_stays_held_and_can_be_resolved_from_the_log() {
    let mut rig = Rig::new("answered-failed");
    let gate = rig.start(Some(&fault("broken")));
    let (status, body) = gate.exchange("POST", JOBS, KEYED, &job(1001)).unwrap();
    assert!(status == 201 && rig.happened(), "{status} {body}");
    let created = id(&body);
    let (status, body) = gate.exchange("POST", JOBS, "", &job(1002)).unwrap();
    assert_eq!((status, &body["error"]["code"], rig.jobs()), (503, &"LedgerUnavailable".into(), 1));
    // What spends is refused as well; what does not, passes.
    let target = format!("{JOBS}/{created}");
    for patch in [r#"{"state":"active"}"#, r#"{"costEstimationParameters":{"gigaPixels":9}}"#] {
        let (status, body) = gate.exchange("PATCH", &target, "", patch).unwrap();
        assert_eq!((status, &body["error"]["code"]), (503, &"LedgerUnavailable".into()), "{patch}");
    }
    let (status, body) = gate.exchange("GET", &target, "", "").unwrap();
    assert_eq!((status, &body["job"]["state"]), (200, &"unsubmitted".into()), "{body}");
    assert_eq!(body["job"]["costEstimationParameters"]["gigaPixels"], 1001.0, "{body}");
    gate.terminate();
    let said = gate.ended().1;
    let line =
        said.lines().find(|line| line.contains("what became of hold ")).unwrap_or_else(|| panic!("{said}"));
    let hold = line.split("what became of hold ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert!(line.contains(&format!("hold {hold} of job {created} ")), "{line}");

    let mut gate = rig.start(None);
    let doubtful = wait(rig.ledger().holds(Some(HoldState::InDoubt), None, 9)).unwrap();
    assert!(doubtful.len() == 1 && doubtful[0].id.to_string() == hold, "{doubtful:?}");
    let again = gate.exchange("POST", JOBS, KEYED, &job(1001)).unwrap();
    assert_eq!((again.0, rig.jobs()), (502, 1), "what is unknown is not sent again: {}", again.1);
    assert_eq!(again.1["error"]["details"][0]["outcome"], "unknown");
    let resolved =
        rig.command(&["holds", "resolve", &hold, "--as", "bound", "--job", &created], None).output();
    assert!(resolved.unwrap().status.success());
    gate.killed();
    let book = rig.ledger();
    wait(book.verify()).unwrap().unwrap();
    let found = wait(book.holds(None, None, 9)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].state, found[0].job.unwrap().to_string()), (HoldState::Bound, created));
    rig.recovered(true, "answered-failed");
}
