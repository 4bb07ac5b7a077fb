//! How what is held for a job ends, or does not: by an end of the job that is seen in passing, by its deletion, and never by time
//! alone where somebody may have to pay.

use std::path::Path;
use std::thread;

use admission::{Event, HoldState};
use gateway::Config;
use jiff::{SignedDuration, Timestamp};
use job_model::JobId;
use ledger::{Ledger, Note, Told, Url};

use super::{JOB_ID, patch, pixels, submission};
use crate::support::folder::Folder;
use crate::support::money::{budget, gate, holds, states, sum, sums, unsubmitted};
use crate::support::{Act, JOB, Recorder, Running, answer, get, head, post};

const DAY: i64 = 24;

fn id(number: usize) -> String {
    format!("cc3d35cc-416a-4262-9714-{number:012}")
}

/// A gate with jobs of 3.5 units, the hold of each in a state that these events have made, so many hours ago.
fn with(folder: &Folder, hours: i64, jobs: &[&[Event]]) -> (Recorder, Running) {
    let text = budget("1000", &folder.ledger());
    let when = Timestamp::now() - SignedDuration::from_hours(hours);
    let config = Config::parse(&text, Path::new("."), []).unwrap();
    let book = Ledger::open(&Url::Sqlite(folder.0.join("book.db")), &[], when).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (number, events) in jobs.iter().enumerate() {
        let new = unsubmitted(&config, when);
        let hold = new.id;
        runtime.block_on(book.reserve(new, None, when)).unwrap();
        let told = Told { job: JobId::parse(&id(number)), ..Told::default() };
        let note = Note { events: events.to_vec(), told, ..Note::default() };
        runtime.block_on(book.note(hold, note, when)).unwrap();
    }
    drop(book);
    let upstream = Recorder::start();
    let gateway = Running::start_patiently(upstream.address, &text);
    (upstream, gateway)
}

/// State and overdraft of a job's hold.
fn hold_of(gateway: &Running, job: &str) -> (String, String) {
    let all = holds(gateway);
    let hold = all.iter().find(|hold| hold["job"] == job).unwrap();
    let text = |name: &str| hold[name].as_str().unwrap().to_owned();
    (text("state"), text("overdraft"))
}

/// Whatever was known of it, and however it is seen: a job that is over is charged once. What had lapsed was nobody's any more, so
/// that is shown.
#[test]
fn each_end_that_is_seen_is_charged_once_whatever_was_known() {
    const KNOWN: [&[Event]; 4] = [
        &[Event::Bind],
        &[Event::Bind, Event::Submit],
        &[Event::Bind, Event::Doubt],
        &[Event::Bind, Event::Lapse],
    ];
    let mut cases = Vec::new();
    for known in KNOWN {
        for end in ["success", "failed", "cancelled"] {
            for is_listed in [false, true] {
                cases.push((known, end, is_listed));
            }
        }
    }
    let folder = Folder::new("ends");
    let jobs: Vec<_> = cases.iter().map(|(known, ..)| *known).collect();
    let (upstream, gateway) = with(&folder, 1, &jobs);
    for (number, (known, end, is_listed)) in cases.iter().enumerate() {
        let job = id(number);
        let run = r#""executionInformation":{"submittedDateTime":"2020-09-14T14:34:20Z"}"#;
        let told = format!(r#"{{"id":"{job}","name":"n","state":"{end}",{run}}}"#);
        let (target, body) = if *is_listed {
            ("/contextcapture/jobs?$top=9".to_owned(), format!(r#"{{"jobs":[{told}]}}"#))
        } else {
            (format!("/contextcapture/jobs/{job}"), format!(r#"{{"job":{told}}}"#))
        };
        upstream.script([Act::Answer(answer(200, &body)), Act::Answer(answer(200, &body))]);
        assert_eq!(gateway.send(&get(&target)).status, 200);
        let over = if known.contains(&Event::Lapse) { "3.5" } else { "0" };
        let expected = ("settled".to_owned(), over.to_owned());
        while hold_of(&gateway, &job) != expected {
            thread::yield_now();
        }
        assert_eq!(gateway.send(&get(&target)).status, 200);
    }
    let count = cases.len();
    assert_eq!(sums(&gateway), sum(&format!("{}", count * 7 / 2), "0"));
    let book = Ledger::visit(&Url::Sqlite(folder.0.join("book.db"))).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let entries = runtime.block_on(book.entries(0, u32::MAX)).unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.kind == "settle").count(), count);
    runtime.block_on(book.verify()).unwrap().unwrap();
}

/// What never ran costs nothing. What was submitted here did run, however little upstream tells of it; and of what is in doubt nobody
/// knows.
#[test]
fn a_job_that_is_cancelled_before_it_is_submitted_is_not_charged() {
    let folder = Folder::new("never-ran");
    let jobs: [(&[Event], &str); 4] = [
        (&[Event::Bind], "released"),
        (&[Event::Bind, Event::Lapse], "lapsed"),
        (&[Event::Bind, Event::Submit], "settled"),
        (&[Event::Bind, Event::Doubt], "settled"),
    ];
    let (upstream, gateway) = with(&folder, 1, &jobs.map(|(events, _)| events));
    for (number, (_, after)) in jobs.iter().enumerate() {
        let job = id(number);
        let told = format!(r#"{{"job":{{"id":"{job}","state":"cancelled","executionInformation":null}}}}"#);
        upstream.script([Act::Answer(answer(200, &told))]);
        assert_eq!(gateway.send(&get(&format!("/contextcapture/jobs/{job}"))).status, 200);
        while hold_of(&gateway, &job).0 != *after {
            thread::yield_now();
        }
        assert_eq!(hold_of(&gateway, &job), ((*after).to_owned(), "0".to_owned()));
    }
    assert_eq!(sums(&gateway), sum("7", "0"));
}

/// A figure of the job as it was before a change says nothing of what it is now.
#[test]
fn what_upstream_has_estimated_before_a_change_is_not_charged() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &budget("100", "pricing.settle = 'upstream-estimate'"));
    let job = |more: &str| format!(r#"{{"job":{{"id":"{JOB_ID}"{more}}}}}"#);
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(holds(&gateway)[0]["upstreamEstimate"], "3.5");
    upstream.script([Act::Answer(answer(200, &job(""))), Act::Answer(answer(200, &job("")))]);
    for request in [pixels(50), submission()] {
        assert_eq!(gateway.send(&request).status, 200);
    }
    upstream.script([Act::Answer(answer(200, &job(r#","state":"success""#)))]);
    assert_eq!(gateway.send(&get(&format!("/contextcapture/jobs/{JOB_ID}"))).status, 200);
    while states(&gateway) != ["settled"] {
        thread::yield_now();
    }
    assert_eq!(sums(&gateway), sum("50", "0"));
}

/// Upstream's estimate is that of the last answer that had one; where there never was one, what was held is charged.
#[test]
fn what_upstream_has_estimated_is_charged_where_that_is_chosen() {
    for (created, over, charged, overdraft) in [
        (r#","estimatedCost":4.25"#, "", "4.25", "0.75"),
        (r#","estimatedCost":4.25"#, r#","estimatedCost":2"#, "2", "0"),
        ("", r#","estimatedCost":5"#, "5", "1.5"),
        ("", "", "3.5", "0"),
    ] {
        let upstream = Recorder::start();
        let gateway = Running::start(upstream.address, &budget("5", "pricing.settle = 'upstream-estimate'"));
        let job = |more: &str| format!(r#"{{"job":{{"id":"{JOB_ID}"{more}}}}}"#);
        upstream.script([Act::Answer(answer(201, &job(created)))]);
        assert_eq!(gateway.send(&post(JOB)).status, 201);
        upstream.script([Act::Answer(answer(200, &job("")))]);
        assert_eq!(gateway.send(&submission()).status, 200);
        assert_eq!(sums(&gateway), sum("0", "3.5"), "what is held is ours");
        upstream.script([Act::Answer(answer(200, &job(&format!(r#","state":"success"{over}"#))))]);
        assert_eq!(gateway.send(&get(&format!("/contextcapture/jobs/{JOB_ID}"))).status, 200);
        while states(&gateway) != ["settled"] {
            thread::yield_now();
        }
        assert_eq!(sums(&gateway), sum(charged, "0"));
        assert_eq!(hold_of(&gateway, JOB_ID).1, overdraft);
    }
}

/// That upstream was told to cancel a job does not say what it has cost until then.
#[test]
fn a_job_that_is_cancelled_stays_held_until_its_end_is_seen() {
    let (upstream, gateway) = gate("5");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(gateway.send(&submission()).status, 200);
    assert_eq!(gateway.send(&patch(r#"{"state":"Cancelled"}"#)).status, 200);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "3.5"), vec!["submitted".to_owned()]));
    let target = format!("/contextcapture/jobs/{JOB_ID}");
    for (state, expected) in [("active", sum("0", "3.5")), ("cancelled", sum("3.5", "0"))] {
        let job = format!(r#"{{"job":{{"id":"{JOB_ID}","state":"{state}"}}}}"#);
        upstream.script([Act::Answer(answer(200, &job))]);
        assert_eq!(gateway.send(&get(&target)).status, 200);
        while sums(&gateway) != expected {
            thread::yield_now();
        }
    }
    assert_eq!(states(&gateway), ["settled"]);
}

/// A deletion that upstream agrees to ends the doubt as well; one that it refuses ends nothing.
#[test]
fn a_deleted_job_holds_nothing_unless_it_runs() {
    let folder = Folder::new("deleted");
    let jobs: [(&[Event], &str); 4] = [
        (&[Event::Bind], "released"),
        (&[Event::Bind, Event::Doubt], "released"),
        (&[Event::Bind, Event::Lapse], "lapsed"),
        (&[Event::Bind, Event::Submit], "settled"),
    ];
    let (upstream, gateway) = with(&folder, 1, &jobs.map(|(events, _)| events));
    let before: Vec<_> = (0..jobs.len()).map(|number| hold_of(&gateway, &id(number))).collect();
    let deletion = |number: usize| {
        let target = format!("/contextcapture/jobs/{}", id(number));
        gateway.send((head("DELETE", &target, "") + "\r\n").as_bytes()).status
    };
    for (number, (_, after)) in jobs.iter().enumerate() {
        for status in [404, 409] {
            upstream.script([Act::Answer(answer(status, "{}"))]);
            assert_eq!(deletion(number), status);
            assert_eq!(hold_of(&gateway, &id(number)), before[number], "{status}");
        }
        upstream.script([Act::Answer(b"HTTP/1.1 204 X\r\n\r\n".to_vec())]);
        assert_eq!((deletion(number), hold_of(&gateway, &id(number)).0.as_str()), (204, *after));
    }
    assert_eq!(sums(&gateway), sum("3.5", "0"));
}

/// A year later: what was never submitted has lapsed; what runs, and what nobody knows of, is held.
#[test]
fn time_gives_back_only_what_was_never_submitted() {
    let folder = Folder::new("a-year");
    let jobs: [(&[Event], HoldState); 5] = [
        (&[Event::Bind], HoldState::Lapsed),
        (&[Event::Bind, Event::Submit], HoldState::Submitted),
        (&[Event::Bind, Event::Doubt], HoldState::InDoubt),
        // Under way when the gateway was killed, which nobody has looked after since.
        (&[], HoldState::InDoubt),
        (&[Event::Bind, Event::Change], HoldState::InDoubt),
    ];
    let (_, gateway) = with(&folder, 365 * DAY, &jobs.map(|(events, _)| events));
    while sums(&gateway) != sum("0", "14") {
        thread::yield_now();
    }
    for (number, (_, after)) in jobs.iter().enumerate() {
        assert_eq!(hold_of(&gateway, &id(number)).0, after.as_str(), "{number}");
    }
}
