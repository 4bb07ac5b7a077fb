//! Clients at their worst: slow, gone, half-closed, too many.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::{ErrorKind, Write};
use std::net::Shutdown;

use support::{Act, JOB, Recorder, Running, chunked, get, head, post};

#[test]
fn a_client_that_leaves_does_not_stop_the_exchange() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    for leave in [Shutdown::Write, Shutdown::Both] {
        upstream.script([Act::Hold]);
        let mut client = gateway.client();
        client.write(&post(JOB));
        upstream.wait_held(upstream.seen().len().max(1));
        client.stream.shutdown(leave).unwrap();
        upstream.release();
        if leave == Shutdown::Write {
            assert_eq!(client.read().status, 201, "half-closed clients still hear");
        }
    }
    let lines = gateway.log.lines(2);
    assert!(
        lines.iter().all(|line| line["upstream_status"] == 201 && line["decision"] == "admitted"),
        "{lines:?}"
    );
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn a_client_that_leaves_in_its_body_leaves_nothing() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    let mut client = gateway.client();
    let bytes = post(JOB);
    client.write(&bytes[..bytes.len() - 5]);
    client.stream.shutdown(Shutdown::Both).unwrap();
    let line = &gateway.log.lines(1)[0];
    assert_eq!((&line["status"], &line["route"]), (&0.into(), &"jobs-create".into()));
    assert_eq!(line.get("decision"), None, "nothing was decided");
    assert_eq!(upstream.connections(), 0);
}

/// A body whose last bytes never come.
fn a_body_that_stalls_is_given_up(configuration: &str) {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, configuration);
    let mut client = gateway.client();
    let bytes = post(JOB);
    let reply = client.send(&bytes[..bytes.len() - 5]);
    assert_eq!((reply.status, reply.code().as_str()), (408, "RequestTimeout"));
    assert!(reply.closes() && client.is_closed());
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_slow_body_is_given_up_and_the_connection_closed() {
    a_body_that_stalls_is_given_up("limits.body_timeout = '300ms'");
}

#[test]
fn a_slow_header_is_given_up_on_the_first_and_on_a_later_request() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "limits.head_timeout = '300ms'");
    for requests_before in 0..2 {
        let mut client = gateway.client();
        for _ in 0..requests_before {
            assert_eq!(client.send(&post(JOB)).status, 201);
        }
        let reply = client.send(b"POST /contextcapture/jobs HTT");
        assert_eq!((reply.status, reply.code().as_str()), (408, "RequestTimeout"));
        assert!(client.is_closed());
    }
    let text = gateway.operator().send(&get("/metrics")).body;
    assert!(text.contains(r#"jobgate_refusals_total{code="RequestTimeout"} 2"#), "{text}");
}

#[test]
fn a_body_behind_a_slow_upstream_is_not_a_slow_header() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "limits.head_timeout = '100ms'");
    upstream.script([Act::Hold]);
    let mut client = gateway.client();
    let (first, second) = (post(JOB), post(JOB));
    let (begun, rest) = first.split_at(first.len() - 5);
    client.write(begun);
    // The body's rest comes when the header's time is long over.
    let other = Running::start(upstream.address, "limits.head_timeout = '200ms'");
    assert_eq!(other.send(b"GET /").status, 408);
    client.write(rest);
    upstream.wait_held(1);
    upstream.release();
    assert_eq!(client.read().status, 201);
    assert_eq!(client.send(&second).status, 201);
}

#[test]
fn what_is_no_request_is_answered_counted_and_logged() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    let secret = "Authorization: Bearer t0k-en\r\n";
    for (bytes, status, code) in [
        (format!("POST / HTTP/1.1\r\nHost: h\r\n{secret}Bad Name: x\r\n\r\n"), 400, "BadRequest"),
        (format!("POST / HTTP/1.1\r\nHost: h\r\n{secret}Content-Length: abc\r\n\r\n"), 400, "BadRequest"),
        (format!("POST / HTTP/9.1\r\n{secret}\r\n"), 400, "BadRequest"),
        (format!("GET / HTTP/1.1\r\nHost: h\r\n{secret}{}\r\n", "a: b\r\n".repeat(300)), 400, "BadRequest"),
        (format!("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n{secret}\r\n"), 405, "MethodNotAllowed"),
    ] {
        let mut client = gateway.client();
        // A good request before it: the connection is one that was used.
        assert_eq!(client.send(&post(JOB)).status, 201);
        let reply = client.send(bytes.as_bytes());
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{bytes:?}");
        assert_eq!(reply.header("x-jobgate-decision"), Some("refused"));
        assert!(reply.header("x-request-id").is_some() && reply.closes() && client.is_closed());
    }
    let lines = gateway.log.lines(10);
    assert_eq!((&lines[1]["code"], &lines[9]["status"]), (&"BadRequest".into(), &405.into()));
    assert!(!gateway.log.text().contains("t0k-en"));
    let text = gateway.operator().send(&get("/metrics")).body;
    assert!(text.contains(r#"jobgate_refusals_total{code="BadRequest"} 4"#), "{text}");
    assert!(
        text.contains(r#"jobgate_requests_total{outcome="refused",route="none",status="405"} 1"#),
        "{text}"
    );
    assert_eq!(upstream.seen().len(), 5);
}

#[test]
fn requests_in_one_write_do_not_start_the_clock_of_the_next() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "limits.head_timeout = '300ms'");
    let clock = Running::start(upstream.address, "limits.head_timeout = '400ms'");
    let mut client = gateway.client();
    for _ in 0..2 {
        client.write(&[post(JOB), post(JOB)].concat());
        assert_eq!([client.read().status, client.read().status], [201, 201]);
        assert_eq!(clock.send(b"GET /").status, 408, "the time of a header passes");
    }
    assert_eq!(client.send(&post(JOB)).status, 201);
}

#[test]
fn too_many_at_once_are_told_to_come_again() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "limits.in_flight = 1");
    upstream.script([Act::Hold]);
    let mut first = gateway.client();
    first.write(&post(JOB));
    upstream.wait_held(1);
    let reply = gateway.send(&post(JOB));
    assert_eq!(
        (reply.status, reply.code().as_str(), reply.header("retry-after")),
        (503, "Overloaded", Some("1"))
    );
    upstream.release();
    assert_eq!(first.read().status, 201);
    gateway.log.lines(2);
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn one_connection_too_many_is_closed_and_counted() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "limits.connections = 1");
    let mut first = gateway.client();
    assert_eq!(first.send(&post(JOB)).status, 201);
    assert!(gateway.client().is_closed());
    assert_eq!(first.send(&post(JOB)).status, 201, "those that are there stay");
    let text = gateway.operator().send(&get("/metrics")).body;
    assert!(text.contains("jobgate_connections_refused_total 1"), "{text}");
    drop(first);
    // The place is free as soon as the gateway has seen that the client left.
    while gateway.client().try_send(&post(JOB)).is_err() {}
}

#[test]
fn bodies_share_the_room_there_is() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "[limits]\nbody_bytes = '1KiB'\nbuffered_bytes = '1KiB'");
    upstream.script([Act::Hold]);
    let mut first = gateway.client();
    first.write(&post(&format!("{JOB}{}", " ".repeat(1000 - JOB.len()))));
    upstream.wait_held(1);
    assert_eq!(gateway.send(&post(JOB)).status, 503);
    upstream.release();
    assert_eq!(first.read().status, 201);
    gateway.log.lines(2);
    assert_eq!(gateway.send(&post(JOB)).status, 201);
}

#[test]
fn old_clients_are_served_and_closed() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    let mut client = gateway.client();
    let text = String::from_utf8(post(JOB)).unwrap().replacen("HTTP/1.1", "HTTP/1.0", 1);
    let reply = client.send(text.as_bytes());
    assert_eq!(reply.status, 201);
    assert!(client.is_closed());
}

#[test]
fn no_client_word_becomes_a_label_or_reaches_the_log() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    let canary = "c4n4ry";
    let job = JOB.replace("My first job", canary).replace("photos", canary);
    let mut client = gateway.client();
    assert_eq!(client.send(&post(&job)).status, 201);
    assert_eq!(client.send(&post(&job.replace("Full", canary))).status, 422);
    assert_eq!(
        client
            .send(&get(&format!("/contextcapture/jobs?$filter=email eq '{canary}'").replace(' ', "%20")))
            .status,
        200
    );
    let odd = format!("{canary} /contextcapture/jobs HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.send(odd.as_bytes()).status, 405);
    let token = head("GET", &format!("/{canary}"), "\r\n").replace("t0k-en", canary);
    assert_eq!(client.send(token.as_bytes()).status, 404);
    gateway.log.lines(5);
    let metrics = gateway.operator().send(&get("/metrics")).body;
    assert!(!gateway.log.text().contains(canary), "{}", gateway.log.text());
    assert!(!metrics.contains(canary), "{metrics}");
}

#[test]
fn a4_a_connection_closes_after_a_body_in_chunks() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    for (body, status) in [(JOB, 201), ("{}", 422)] {
        let mut client = gateway.client();
        client.write(&[chunked("POST", "/contextcapture/jobs", body, 100), post(JOB)].concat());
        let reply = client.read();
        assert!(reply.status == status && reply.closes() && client.is_closed(), "{reply:?}");
    }
    assert_eq!(upstream.seen().len(), 1, "what follows chunks is not read");
}

#[test]
fn b3_a_body_that_trickles_is_given_up_long_before_its_time_is_over() {
    a_body_that_stalls_is_given_up("limits.body_timeout = '1h'");
}

#[test]
fn b4_a_client_that_takes_nothing_of_its_answer_is_let_go() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    let body = "x".repeat(32 << 20);
    upstream.script([Act::Answer(support::answer(200, &body))]);
    let mut client = gateway.client();
    client.write(&get("/contextcapture/jobs"));
    // The line is written when the request is over, though nothing was read.
    assert_eq!(gateway.log.lines(1)[0]["status"], 200);
    assert!(client.try_read().is_err(), "the answer was cut off");
}

/// Answers without a body, one behind the other, to whoever takes none: each is written by itself.
#[test]
fn b4_a_client_that_takes_no_header_is_let_go() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "limits.requests_per_connection = 1000000");
    let mut client = gateway.client();
    client.stream.set_write_timeout(Some(support::PATIENCE)).unwrap();
    let many = head("HEAD", "/contextcapture/jobs", "\r\n").repeat(100);
    let end = (0..10_000).find_map(|_| client.stream.write_all(many.as_bytes()).err()).unwrap();
    // Not the end of our own patience: the gateway has closed, with requests unread.
    assert!(matches!(end.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{end}");
    assert_eq!(gateway.log.lines(1)[0]["status"], 405);
}
