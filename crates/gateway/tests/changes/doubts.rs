//! Jobs of which nobody knows what a change has made: what ends such a doubt, what does not, and what an operator makes of a hold.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use admission::Event;
use ledger::{Ledger, Note, Url};

use crate::support::folder::Folder;
use crate::support::money::{budget, gate, holds, states, sum, sums};
use crate::support::{Act, CREATED, JOB, Recorder, Running, answer, get, post};
use crate::{JOB_ID, made_elsewhere, patch, pixels, submission};

/// What an unanswered change may have made of a job is not forgotten when the job is submitted.
#[test]
fn a_hold_in_doubt_is_not_lowered_by_what_was_known_before() {
    let (upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    upstream.script([Act::Close]);
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":8}}"#)).status, 502);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "8"), vec!["in-doubt".to_owned()]));
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 200);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "8"), vec!["submitted".to_owned()]));
}

/// That the job is there is not to say what the change made of it; the whole job is.
#[test]
fn a_doubt_is_ended_by_a_look_at_the_whole_job_and_not_by_less() {
    let (upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let less = format!(r#"{{"job":{{"id":"{JOB_ID}","state":"unsubmitted","estimatedCost":3.5}}}}"#);
    upstream.script([Act::Close, Act::Answer(answer(200, &less)), made_elsewhere("unsubmitted", 6)]);
    assert_eq!(gateway.send(&pixels(8)).status, 502);
    let look = get(&format!("/contextcapture/jobs/{JOB_ID}"));
    assert_eq!(gateway.send(&look).status, 200);
    // What that one told is noted before the next is asked for.
    while holds(&gateway)[0]["upstreamEstimate"] != "3.5" {
        thread::yield_now();
    }
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "8"), vec!["in-doubt".to_owned()]));
    // One of the same millisecond may be from before.
    loop {
        assert_eq!(gateway.send(&look).status, 200);
        if states(&gateway) == ["bound"] {
            break;
        }
        upstream.script([made_elsewhere("unsubmitted", 6)]);
    }
    upstream.unscript();
    assert_eq!(sums(&gateway), sum("0", "7.5"));
}

/// A change goes on top of what upstream made of the one before it, which was not answered, and not of what was known before.
#[test]
fn a_change_after_a_doubtful_one_is_priced_by_what_upstream_says_the_job_is() {
    let (upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    upstream.script([Act::Close, made_elsewhere("unsubmitted", 60)]);
    assert_eq!(gateway.send(&pixels(60)).status, 502);
    let quality = r#"{"settings":{"quality":"Extra","outputs":["OBJ"]}}"#;
    assert_eq!(gateway.send(&patch(quality)).status, 200);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "61.5"), vec!["bound".to_owned()]));
    assert_eq!(gateway.send(&submission()).status, 200);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "61.5"), vec!["submitted".to_owned()]));
}

/// While upstream does not tell what the job is, the dearest that it may be stays held, and the doubt stays.
#[test]
fn a_doubt_that_upstream_does_not_clear_up_outlives_the_next_change() {
    let (upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    upstream.script([Act::Close, Act::Close]);
    assert_eq!(gateway.send(&pixels(60)).status, 502);
    assert_eq!(gateway.send(&pixels(3)).status, 200);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "60"), vec!["in-doubt".to_owned()]));
}

/// Reads one request of an upstream that the test plays itself.
fn heard(upstream: &TcpListener, method: &str) -> TcpStream {
    let (mut stream, _) = upstream.accept().unwrap();
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).unwrap();
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            assert!(head.starts_with(method), "{head}");
            return stream;
        }
    }
}

/// An answer behind which the connection is closed.
fn closing(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap().replace("Connection: keep-alive, x-hop", "Connection: close")
}

/// A price that a job never had is not its own because a change that was not made would have given it one.
#[test]
fn a_job_without_a_price_has_none_where_the_change_that_told_its_size_was_not_made() {
    let without = |size: &str| {
        let job = format!(
            r#"{{"job":{{"id":"{JOB_ID}","type":"Full","state":"unsubmitted","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
            "jobSettings":{{"quality":"Extra","outputs":[{{"format":"OBJ"}},{{"format":"3MX"}}]}}{size}}}}}"#
        );
        Act::Answer(answer(200, &job))
    };
    let sizes = r#""costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5,"meshQuality":"Extra"},"#;
    let (upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(&JOB.replace(sizes, ""))).status, 201);
    upstream.script([Act::Close, without("")]);
    assert_eq!(gateway.send(&pixels(3)).status, 502);
    let submitted = gateway.send(&submission());
    assert_eq!(
        (submitted.status, submitted.header("x-jobgate-estimate")),
        (200, Some("unpriced; no-quantities"))
    );
    assert_eq!((sums(&gateway), &holds(&gateway)[0]["amount"]), (sum("0", "0"), &serde_json::Value::Null));
    // What has had one keeps it: else a job could be made free before it is submitted.
    let (upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{"meshQuality":"Extra"}}"#)).status, 200);
    upstream.script([Act::Close, without("")]);
    assert_eq!(gateway.send(&pixels(3)).status, 502);
    assert_eq!(gateway.send(&submission()).status, 200);
    assert_eq!(sums(&gateway), sum("0", "3.5"));
}

/// A job made elsewhere that is seen to run while a change of it is refused runs: somebody has submitted it.
#[test]
fn a_job_that_is_seen_to_run_is_held_though_its_first_change_is_refused() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = Running::start(upstream.local_addr().unwrap(), &budget("100", ""));
    let told = |state: &str| {
        let Act::Answer(told) = made_elsewhere(state, 2) else { panic!() };
        closing(&told)
    };
    thread::scope(|scope| {
        let change = scope.spawn(|| gateway.send(&submission()).status);
        heard(&upstream, "GET").write_all(told("unsubmitted").as_bytes()).unwrap();
        let mut late = heard(&upstream, "PATCH");
        let look = scope.spawn(|| gateway.send(&get(&format!("/contextcapture/jobs/{JOB_ID}"))).status);
        heard(&upstream, "GET").write_all(told("active").as_bytes()).unwrap();
        assert_eq!(look.join().unwrap(), 200);
        while states(&gateway) != ["submitted"] {
            thread::yield_now();
        }
        late.write_all(closing(&answer(422, "{}")).as_bytes()).unwrap();
        assert_eq!(change.join().unwrap(), 422);
    });
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "3.5"), vec!["submitted".to_owned()]));
}

/// Who asked before a change was sent may be told of the job as it was before.
#[test]
fn a_look_from_before_a_change_does_not_end_its_doubt() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = Running::start(upstream.local_addr().unwrap(), &budget("100", ""));
    let Act::Answer(before) = made_elsewhere("unsubmitted", 2) else { panic!() };
    thread::scope(|scope| {
        let created = scope.spawn(|| gateway.send(&post(JOB)).status);
        heard(&upstream, "POST").write_all(closing(&answer(201, CREATED)).as_bytes()).unwrap();
        assert_eq!(created.join().unwrap(), 201);
        let look = scope.spawn(|| gateway.send(&get(&format!("/contextcapture/jobs/{JOB_ID}"))).status);
        let mut late = heard(&upstream, "GET");
        let change = scope.spawn(|| gateway.send(&pixels(8)).status);
        drop(heard(&upstream, "PATCH"));
        assert_eq!(change.join().unwrap(), 502);
        assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "8"), vec!["in-doubt".to_owned()]));
        late.write_all(closing(&before).as_bytes()).unwrap();
        assert_eq!(look.join().unwrap(), 200);
    });
    while holds(&gateway)[0]["upstreamEstimate"] != "3.6" {
        thread::yield_now();
    }
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "8"), vec!["in-doubt".to_owned()]));
}

/// A doubtful job that is seen to run has cost what it costs: it is submitted from there on, by whatever way that is seen.
#[test]
fn a_doubtful_job_that_is_seen_to_run_is_submitted_and_not_given_back() {
    for before_a_change in [true, false] {
        let (upstream, gateway) = gate("100");
        assert_eq!(gateway.send(&post(JOB)).status, 201);
        upstream.script([Act::Close, made_elsewhere("active", 60), Act::Answer(answer(422, "{}"))]);
        assert_eq!(gateway.send(&pixels(60)).status, 502);
        assert_eq!(states(&gateway), ["in-doubt"]);
        if before_a_change {
            assert_eq!(gateway.send(&submission()).status, 422, "it runs already");
        } else {
            assert_eq!(gateway.send(&get(&format!("/contextcapture/jobs/{JOB_ID}"))).status, 200);
            while states(&gateway) != ["submitted"] {
                thread::yield_now();
            }
        }
        assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "60"), vec!["submitted".to_owned()]));
    }
}

/// What an operator gave back while its job was still there is held anew before the job is submitted, by what upstream says that it
/// is, if that fits.
#[test]
fn a_job_whose_hold_an_operator_has_released_is_held_anew_when_it_is_submitted() {
    for (pixels, status, held, states_then) in
        [(2, 200, "3.5", vec!["released", "submitted"]), (60, 402, "0", vec!["released"])]
    {
        let folder = Folder::new("resolved");
        let upstream = Recorder::start();
        let gateway = Running::start_patiently(upstream.address, &budget("5", &folder.ledger()));
        assert_eq!(gateway.send(&post(JOB)).status, 201);
        let book = Ledger::visit(&Url::Sqlite(folder.0.join("book.db"))).unwrap();
        let operator = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let hold = operator.block_on(book.holds(None, None, 9)).unwrap()[0].id;
        let note = Note { events: vec![Event::Release], ..Note::default() };
        operator.block_on(book.note(hold, note, jiff::Timestamp::now())).unwrap();
        assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "0"), vec!["released".to_owned()]));
        upstream.script([made_elsewhere("unsubmitted", pixels)]);
        assert_eq!(gateway.send(&submission()).status, status);
        assert_eq!(
            (sums(&gateway), states(&gateway)),
            (sum("0", held), states_then.iter().map(ToString::to_string).collect())
        );
        let lines: Vec<_> = upstream.seen().into_iter().map(|seen| seen.line).collect();
        assert!(lines[1].starts_with("GET ") && lines.len() == 1 + states_then.len(), "{lines:?}");
    }
}

/// What a doubtful job is dearer than what is held for it was never asked of the budgets: it is before the job is submitted.
#[test]
fn a_doubtful_job_that_turns_out_dearer_is_submitted_only_if_that_fits() {
    for (limit, status, held, state) in [("10", 402, "8", "bound"), ("100", 200, "61.5", "submitted")] {
        for looks_first in [false, true] {
            let (upstream, gateway) = gate(limit);
            assert_eq!(gateway.send(&post(JOB)).status, 201);
            // Somebody has changed it past this gateway.
            upstream.script([Act::Close, made_elsewhere("unsubmitted", 60)]);
            assert_eq!(gateway.send(&pixels(8)).status, 502);
            let look = get(&format!("/contextcapture/jobs/{JOB_ID}"));
            while looks_first && states(&gateway) != ["bound"] {
                assert_eq!(gateway.send(&look).status, 200);
                upstream.script([made_elsewhere("unsubmitted", 60)]);
            }
            upstream.unscript();
            if !looks_first {
                upstream.script([made_elsewhere("unsubmitted", 60)]);
            }
            let submitted = gateway.send(&submission());
            assert_eq!(submitted.status, status, "{submitted:?}");
            assert_eq!((sums(&gateway), states(&gateway)), (sum("0", held), vec![state.to_owned()]));
            assert_eq!(holds(&gateway)[0]["overdraft"], "0");
        }
    }
}

/// Whose token upstream does not take when it is asked for the job is told so, and not that the job is unknown.
#[test]
fn a_token_that_upstream_does_not_take_is_no_unknown_job() {
    let (upstream, gateway) = gate("100");
    upstream.script([Act::Answer(answer(401, r#"{"error":{"code":"InvalidToken","message":"m"}}"#))]);
    let reply = gateway.send(&submission());
    assert_eq!((reply.status, reply.code().as_str()), (401, "InvalidToken"));
    assert_eq!(upstream.seen().len(), 1, "the change was not sent");
    upstream
        .script([Act::Answer(answer(403, r#"{"error":{"code":"InsufficientPermissions","message":"m"}}"#))]);
    assert_eq!(gateway.send(&submission()).status, 402);
}
