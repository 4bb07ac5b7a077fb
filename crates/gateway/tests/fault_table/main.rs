//! Whatever upstream or the client does to one exchange: what the client sees, and where the hold stands afterwards. One test for
//! each row of the table.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod clients;
mod unsent;

use std::net::TcpListener;
use std::thread;

use serde_json::Value;
use support::{Act, CREATED, Client, JOB, Recorder, Reply, Running, answer, get, head, post, request};

const MONEY: &str = "pricing.rate_card = 'builtin:illustrative'\n[[budget]]\nname = 'all'\nscope = 'global'\nlimit = '1000'\nwindow = 'total'\n";

fn gate() -> (Recorder, Running) {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, MONEY);
    (upstream, gateway)
}

fn holds(gateway: &Running) -> Vec<Value> {
    gateway.operator().send(&get("/v1/holds")).json()["holds"].as_array().unwrap().clone()
}

/// The one hold, where it stands.
#[track_caller]
fn state(gateway: &Running) -> String {
    let holds = holds(gateway);
    assert_eq!(holds.len(), 1, "{holds:?}");
    holds[0]["state"].as_str().unwrap().to_owned()
}

/// One job against one act of upstream.
#[track_caller]
fn after(act: Act) -> (Reply, String, usize) {
    let (upstream, gateway) = gate();
    upstream.script([act]);
    let reply = gateway.send(&post(JOB));
    (reply, state(&gateway), upstream.seen().len())
}

#[track_caller]
fn unknown(reply: &Reply, status: u16) {
    let detail = &reply.json()["error"]["details"][0];
    assert_eq!((reply.status, detail["outcome"].as_str()), (status, Some("unknown")), "{reply:?}");
    assert!(detail["hold"].is_string(), "{reply:?}");
}

#[test]
fn i1_no_connection_gives_the_hold_back() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = Running::start(nobody, MONEY);
    let reply = gateway.send(&post(JOB));
    let detail = &reply.json()["error"]["details"][0];
    assert_eq!((reply.status, detail["outcome"].as_str()), (502, Some("not-sent")));
    assert_eq!(state(&gateway), "released");
}

#[test]
fn i2_a_connection_that_breaks_before_a_status_leaves_the_hold_in_doubt() {
    for act in [Act::Close, Act::CloseBeforeBody, Act::AnswerAndClose(b"HTTP/1.1 2".to_vec())] {
        let (reply, state, _) = after(act);
        unknown(&reply, 502);
        assert_eq!(state, "in-doubt");
    }
}

#[test]
fn i3_silence_until_the_deadline_leaves_the_hold_in_doubt() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &format!("upstream.response_timeout = '300ms'\n{MONEY}"));
    upstream.script([Act::Silence]);
    unknown(&gateway.send(&post(JOB)), 504);
    assert_eq!(state(&gateway), "in-doubt");
}

#[test]
fn i4_a_created_job_binds_the_hold_and_its_answer_passes_byte_for_byte() {
    let (reply, state, asked) = after(Act::Answer(answer(201, CREATED)));
    assert_eq!((reply.status, reply.body.as_str(), state.as_str(), asked), (201, CREATED, "bound", 1));
}

/// The job may be there, and nothing is known to bind its hold to.
#[test]
fn i5_an_answer_that_is_cut_off_or_unreadable_leaves_the_hold_in_doubt() {
    let cut = b"HTTP/1.1 201 X\r\nContent-Length: 99\r\n\r\n{\"job\":".to_vec();
    let (reply, state, _) = after(Act::AnswerAndClose(cut));
    unknown(&reply, 502);
    assert_eq!(state, "in-doubt");
    let (reply, state, _) = after(Act::Answer(answer(201, "<html>")));
    assert_eq!((reply.status, reply.body.as_str(), state.as_str()), (201, "<html>", "in-doubt"));
}

#[test]
fn i6_a_success_that_names_no_job_passes_and_leaves_the_hold_in_doubt() {
    for status in [200, 202] {
        let (reply, state, _) = after(Act::Answer(answer(status, "{}")));
        assert_eq!((reply.status, state.as_str()), (status, "in-doubt"));
    }
    let (reply, state, _) = after(Act::Answer(b"HTTP/1.1 204 X\r\n\r\n".to_vec()));
    assert_eq!((reply.status, state.as_str()), (204, "in-doubt"));
    let (reply, state, _) = after(Act::Answer(answer(200, CREATED)));
    assert_eq!((reply.status, state.as_str()), (200, "bound"), "it names the job");
}

#[test]
fn i7_a_refusal_by_upstream_passes_and_gives_the_hold_back() {
    for status in [400, 401, 403, 404, 409, 413, 415, 422] {
        let body = r#"{"error":{"code":"X","message":"m"}}"#;
        let (reply, state, _) = after(Act::Answer(answer(status, body)));
        assert_eq!((reply.status, reply.body.as_str(), state.as_str()), (status, body, "released"));
    }
}

#[test]
fn i8_a_rate_limit_of_upstream_passes_with_its_wait_and_gives_the_hold_back() {
    let limited = b"HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}".to_vec();
    let (reply, state, _) = after(Act::Answer(limited));
    assert_eq!((reply.status, reply.header("retry-after"), state.as_str()), (429, Some("7"), "released"));
}

/// Whom upstream has told to wait is kept from it with new jobs until then; nobody else is, and nothing else.
#[test]
fn i8_who_is_told_to_wait_sends_upstream_no_new_job_meanwhile() {
    let (upstream, gateway) = gate();
    let limited = |wait: &str| {
        Act::Answer(
            format!("HTTP/1.1 429 X\r\nRetry-After: {wait}\r\nContent-Length: 2\r\n\r\n{{}}").into_bytes(),
        )
    };
    upstream.script([limited("59")]);
    assert_eq!(gateway.send(&post(JOB)).body, "{}", "it is upstream's own answer");
    let kept = gateway.send(&post(JOB));
    assert_eq!((kept.status, kept.code().as_str()), (429, "TooManyRequests"));
    let wait: u64 = kept.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=59).contains(&wait), "{wait}");
    assert_eq!((upstream.seen().len(), holds(&gateway).len()), (1, 1), "nothing is held for it");
    let stranger = String::from_utf8(post(JOB)).unwrap().replace("t0k-en", "an0ther");
    assert_eq!(gateway.send(stranger.as_bytes()).status, 201);
    let patch = request(
        "PATCH",
        "/contextcapture/jobs/cc3d35cc-416a-4262-9714-b359da70b419",
        r#"{"state":"Active"}"#,
    );
    assert_eq!(gateway.send(&patch).status, 200, "who waits may still submit and cancel");
    assert_eq!(gateway.send(&get("/contextcapture/jobs")).status, 200);
    let lines = gateway.log.lines(5);
    let mut told: Vec<_> =
        lines.iter().map(|line| (line["status"].as_u64(), line["upstream_status"].as_u64())).collect();
    told.retain(|(status, _)| *status == Some(429));
    told.sort();
    assert_eq!(told, [(Some(429), None), (Some(429), Some(429))]);
    assert_eq!(backed_off(&gateway), 1, "upstream's own refusal is not one of ours");
}

/// How many jobs were refused because upstream had told their sender to wait.
fn backed_off(gateway: &Running) -> u64 {
    let metrics = gateway.operator().send(&get("/metrics")).body;
    let count = metrics.lines().find_map(|line| line.strip_prefix("jobgate_backed_off_total "));
    count.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

/// Upstream may say until when instead of how long; by its own clock, whatever ours is.
#[test]
fn i8_who_is_told_to_wait_until_a_date_sends_upstream_no_new_job_until_then() {
    for (until, date, longest) in [
        ("Sun, 29 Nov 2026 12:00:59 GMT", Some("Sun, 29 Nov 2026 12:00:00 GMT"), 59),
        ("Sun, 29 Nov 2026 18:00:00 GMT", Some("Sun, 29 Nov 2026 12:00:00 GMT"), 60),
        // Without a date of its own, ours; far ahead of it is no longer than is allowed.
        ("Sun, 29 Nov 2099 12:00:00 GMT", None, 60),
    ] {
        let (upstream, gateway) = gate();
        let date = date.map(|date| format!("Date: {date}\r\n")).unwrap_or_default();
        let limited =
            format!("HTTP/1.1 429 X\r\n{date}Retry-After: {until}\r\nContent-Length: 2\r\n\r\n{{}}");
        upstream.script([Act::Answer(limited.into_bytes())]);
        let told = gateway.send(&post(JOB));
        assert_eq!((told.status, told.header("retry-after")), (429, Some(until)), "it passes as it came");
        let kept = gateway.send(&post(JOB));
        assert_eq!((kept.status, kept.code().as_str()), (429, "TooManyRequests"), "{until}");
        let wait: u64 = kept.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=longest).contains(&wait), "{until}: {wait}");
        assert_eq!((upstream.seen().len(), backed_off(&gateway)), (1, 1), "{until}");
    }
}

/// The wait is the truth: who has waited is let through.
#[test]
fn i8_who_has_waited_is_let_through() {
    let (upstream, gateway) = gate();
    upstream
        .script([Act::Answer(b"HTTP/1.1 429 X\r\nRetry-After: 2\r\nContent-Length: 2\r\n\r\n{}".to_vec())]);
    let mut kept = 0;
    while gateway.send(&post(JOB)).status == 429 {
        kept += 1;
        thread::yield_now();
    }
    assert!(kept > 1, "{kept}");
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn i9_a_failure_of_upstream_passes_and_leaves_the_hold_in_doubt() {
    for status in [500, 502, 503, 504] {
        let (reply, state, asked) = after(Act::Answer(answer(status, "{}")));
        assert_eq!((reply.status, state.as_str(), asked), (status, "in-doubt", 1), "and is never sent again");
    }
}

#[test]
fn i10_what_is_no_http_is_too_much_or_has_no_end_is_a_bad_gateway() {
    let endless = b"HTTP/1.1 102 Processing\r\n\r\n".repeat(1000);
    let mut long = format!("HTTP/1.1 201 X\r\nContent-Length: {}\r\n\r\n", 4 << 20).into_bytes();
    long.resize(long.len() + (4 << 20), b' ');
    for bytes in [b"SSH-2.0-x\r\n".to_vec(), b"<html>".repeat(100), endless, long] {
        let (reply, state, _) = after(Act::AnswerAndClose(bytes));
        unknown(&reply, 502);
        assert_eq!(state, "in-doubt");
    }
}

/// The client may leave at any moment after its last byte: the exchange ends as if it had stayed.
#[test]
fn i11_a_client_that_leaves_after_its_body_changes_nothing() {
    let (upstream, gateway) = gate();
    // While upstream has the request, and before it has.
    upstream.script([Act::Hold]);
    let mut client = gateway.client();
    client.write(&post(JOB));
    upstream.wait_held(1);
    drop(client);
    upstream.release();
    for _ in 0..20 {
        let mut client = gateway.client();
        client.write(&post(JOB));
        drop(client);
    }
    let is_over = || {
        let holds = holds(&gateway);
        let bound = holds.iter().filter(|hold| hold["state"] == "bound").count();
        bound == holds.len() && bound == upstream.seen().len() && bound > 0
    };
    while !is_over() {
        thread::yield_now();
    }
}

#[test]
fn i12_a_client_that_leaves_before_its_body_is_whole_leaves_no_trace() {
    let (upstream, gateway) = gate();
    let whole = post(JOB);
    for part in [1, 40, whole.len() - JOB.len(), whole.len() - 1] {
        let mut client: Client = gateway.client();
        client.write(&whole[..part]);
        drop(client);
    }
    let large = head(
        "POST",
        "/contextcapture/jobs",
        "Content-Type: application/json\r\nContent-Length: 200000\r\n\r\n",
    );
    let mut client = gateway.client();
    client.write(large.as_bytes());
    client.write(&vec![b' '; 100_000]);
    drop(client);
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!((holds(&gateway).len(), upstream.seen().len()), (1, 1));
}

/// Rows 13 and 14, the ones with a key, are told in `repeat.rs`, and in `clients.rs`.
#[test]
fn i15_without_a_key_each_job_stands_alone() {
    let (upstream, gateway) = gate();
    for _ in 0..3 {
        assert_eq!(gateway.send(&post(JOB)).status, 201);
    }
    assert_eq!((holds(&gateway).len(), upstream.seen().len()), (3, 3));
}
