//! Upstream at its worst: what the client is told, whether the job may exist, and that nothing is ever sent twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;
#[path = "support/warnings.rs"]
mod warnings;

use std::io::{Read, Write};
use std::net::TcpListener;

use support::{Act, CREATED, JOB, Recorder, Running, answer, get, job_of, post, request};

const QUICK: &str = "upstream.response_timeout = '3s'\nupstream.connect_timeout = '3s'";

fn outcome(reply: &support::Reply) -> (u16, String, String) {
    let outcome = reply.json()["error"]["details"][0]["outcome"].as_str().unwrap().to_owned();
    (reply.status, reply.code(), outcome)
}

#[test]
fn each_fault_has_its_answer_and_one_try() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, QUICK);
    let whole = answer(201, CREATED);
    let cut = &whole[..whole.len() - 10];
    let mut client = gateway.client();
    let unavailable = |outcome: &str| (502, "UpstreamUnavailable".to_owned(), outcome.to_owned());
    for (act, want) in [
        (Act::Close, unavailable("unknown")),
        (Act::Answer(b"BLAH blah\r\n\r\n".to_vec()), unavailable("unknown")),
        (
            Act::Answer(b"HTTP/1.1 201 C\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}".to_vec()),
            unavailable("unknown"),
        ),
        (Act::AnswerAndClose(cut.to_vec()), unavailable("unknown")),
        (
            Act::AnswerAndClose(b"HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab".to_vec()),
            unavailable("unknown"),
        ),
        (Act::Answer(answer(201, &"x".repeat((1 << 20) + 1))), unavailable("unknown")),
        (
            Act::Answer(b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_vec()),
            unavailable("unknown"),
        ),
        (Act::AnswerAndClose(b"HTTP/1.1 103 E\r\n\r\n".repeat(20)), unavailable("unknown")),
        (Act::Silence, (504, "UpstreamTimeout".to_owned(), "unknown".to_owned())),
        (Act::Answer(cut.to_vec()), unavailable("unknown")),
    ] {
        upstream.script([act.clone()]);
        let before = upstream.seen().len();
        let reply = client.send(&post(JOB));
        assert_eq!(outcome(&reply), want, "{act:?}");
        assert_eq!(reply.header("x-jobgate-decision"), Some("failed"));
        assert!(!reply.closes(), "the client's connection is not at fault");
        assert_eq!(upstream.seen().len(), before + 1, "{act:?}");
    }
    assert_eq!(client.send(&post(JOB)).status, 201);
    let lines = gateway.log.lines(11);
    assert_eq!(lines[0]["code"], "UpstreamUnavailable");
    assert_eq!(lines[3]["upstream_status"], 201, "the job exists, though its answer was cut off");
}

/// What it means needs no body: nothing was done, and there is nothing to look for.
#[test]
fn a_refusal_that_is_cut_off_is_told_as_one() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "upstream.nothing_done = [503]");
    for (number, status) in [422, 401, 429, 503].into_iter().enumerate() {
        let torn = format!("HTTP/1.1 {status} X\r\nContent-Length: 99\r\n\r\n{{");
        upstream.script([Act::AnswerAndClose(torn.into_bytes())]);
        let keyed = String::from_utf8(post(JOB)).unwrap().replacen("Host:", "Idempotency-Key: k\r\nHost:", 1);
        let reply = gateway.send(keyed.as_bytes());
        assert_eq!((reply.status, reply.code().as_str()), (status, "AnswerCutOff"), "{reply:?}");
        assert_eq!(reply.header("x-jobgate-decision"), Some("failed"));
        let error = reply.json()["error"].clone();
        let said = error["message"].as_str().unwrap();
        assert!(said.contains(&format!("refused the request with status {status}")), "{said}");
        assert_eq!(error["details"], serde_json::json!([{"code": "AnswerCutOff", "message": said}]));
        assert_eq!(upstream.seen().len(), number + 1, "its key was free");
    }
    let lines = gateway.log.lines(4);
    assert_eq!((&lines[0]["upstream_status"], &lines[0]["code"]), (&422.into(), &"AnswerCutOff".into()));
}

#[test]
fn nobody_there_means_not_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = Running::start(closed, QUICK);
    let reply = gateway.send(&post(JOB));
    assert_eq!(outcome(&reply), (502, "UpstreamUnavailable".to_owned(), "not-sent".to_owned()));
    let reply = gateway.send(&get("/contextcapture/jobs"));
    assert_eq!(outcome(&reply), (502, "UpstreamUnavailable".to_owned(), "not-sent".to_owned()));
    let text = gateway.operator().send(&get("/metrics")).body;
    assert!(text.contains(r#"jobgate_upstream_errors_total{kind="connect"} 2"#), "{text}");
}

/// Whoever takes connections and says nothing on them has not been sent anything before there is TLS.
#[test]
fn a_connection_that_took_too_long_means_not_sent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = silent.local_addr().unwrap();
    let gateway = Running::configured(&format!(
        "upstream.url = 'https://{upstream}'\nupstream.connect_timeout = '200ms'"
    ));
    for asked in [post(JOB), get("/contextcapture/jobs"), get("/contextcapture/workspaces/w")] {
        let reply = gateway.send(&asked);
        assert_eq!(outcome(&reply), (504, "UpstreamTimeout".to_owned(), "not-sent".to_owned()));
    }
}

#[test]
fn a_name_without_an_address_is_not_ready_and_not_sent() {
    let gateway = Running::configured("upstream.url = 'http://no-such-host.invalid:80'");
    assert_eq!(gateway.operator().send(&get("/readyz")).status, 503);
    for asked in [post(JOB), get("/contextcapture/jobs")] {
        let reply = gateway.send(&asked);
        assert_eq!(outcome(&reply), (502, "UpstreamUnavailable".to_owned(), "not-sent".to_owned()));
    }
    let text = gateway.operator().send(&get("/metrics")).body;
    assert!(text.contains(r#"jobgate_upstream_errors_total{kind="unresolved"} 2"#), "{text}");
}

/// The body is more than the kernel takes in, so that the answer comes in the middle of it; what is left unread makes the close a reset.
#[test]
fn an_early_refusal_of_a_large_body_reaches_the_client() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = Running::start(upstream.local_addr().unwrap(), "limits.body_bytes = '16MiB'");
    let refusing = std::thread::spawn(move || {
        let (mut stream, _) = upstream.accept().unwrap();
        stream.read_exact(&mut [0; 1024]).unwrap();
        stream.write_all(&answer(413, r#"{"error":{"code":"TooLarge","message":"m"}}"#)).unwrap();
    });
    let reply = gateway.send(&post(&job_of(12_000_000)));
    assert_eq!((reply.status, reply.code().as_str()), (413, "TooLarge"), "{reply:?}");
    refusing.join().unwrap();
}

#[test]
fn a_connection_that_upstream_closed_while_idle_is_not_used() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    let mut client = gateway.client();
    for _ in 0..20 {
        upstream.script([Act::AnswerAndClose(
            b"HTTP/1.1 201 C\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
        )]);
        assert_eq!(client.send(&post(JOB)).status, 201);
    }
    assert_eq!(upstream.seen().len(), 20);
}

/// A connection may be closed just as it is used again. Whoever only asks is not to hear of that; all else is sent once.
#[test]
fn what_only_asks_is_asked_again_on_a_connection_that_turns_out_to_be_closed() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, QUICK);
    let deletion = request("DELETE", "/contextcapture/workspaces/6881117d-9fd2-4900-870b-9b721dc90f25", "");
    for (asked, status, seen) in [(get("/contextcapture/jobs"), 200, 3), (deletion, 502, 2)] {
        let good = || Act::Answer(b"HTTP/1.1 200 O\r\nContent-Length: 2\r\n\r\n{}".to_vec());
        upstream.script([good(), Act::Close, good()]);
        assert_eq!(gateway.send(&get("/contextcapture/jobs")).status, 200);
        assert_eq!(gateway.send(&asked).status, status);
        assert_eq!(upstream.take().len(), seen);
        upstream.unscript();
    }
    // A new one is not tried again: upstream has heard it, and said nothing.
    upstream.script([Act::Close, Act::Close]);
    assert_eq!(gateway.send(&get("/contextcapture/jobs")).status, 502);
}

/// What came of an answer is passed on, though that is its header only: a bare close would say that nobody had answered.
#[test]
fn an_answer_that_ends_behind_its_header_is_passed_on_as_far_as_it_came() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    upstream.script([Act::AnswerAndClose(b"HTTP/1.1 200 O\r\nContent-Length: 100\r\n\r\n".to_vec())]);
    let mut client = gateway.client();
    client.write(&get("/contextcapture/jobs"));
    let mut came = String::new();
    client.stream.read_to_string(&mut came).unwrap();
    assert!(came.starts_with("HTTP/1.1 200") && came.ends_with("\r\n\r\n"), "{came:?}");
}

#[test]
fn streamed_answers_that_break_off_are_not_ended_as_if_whole() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, QUICK);
    warnings::listen();
    upstream.script([Act::AnswerAndClose(b"HTTP/1.1 200 O\r\nContent-Length: 100\r\n\r\nhalf".to_vec())]);
    let mut client = gateway.client();
    client.write(&get("/contextcapture/jobs"));
    assert!(client.try_read().is_err());
    // Nobody is to look for the fault at the client.
    let id = gateway.log.lines(1)[0]["request_id"].as_str().unwrap().to_owned();
    let said = warnings::said(&id);
    assert!(said.len() == 1 && said[0].contains("Upstream") && !said[0].contains("Downstream"), "{said:?}");
    upstream.script([Act::Silence]);
    let reply = gateway.send(&get("/contextcapture/jobs"));
    assert_eq!(outcome(&reply), (504, "UpstreamTimeout".to_owned(), "unknown".to_owned()));
}
