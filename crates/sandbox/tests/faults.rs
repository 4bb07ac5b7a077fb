//! Each fault as it is seen on the wire, how often it strikes, and what the journal says of it.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may stop")]

mod wire;

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sandbox::{Fault, Injection, Running, Sandbox, Sent, StatusFault};
use serde_json::json;
use wire::{Seen, TOKEN, call, exchange, finish, get, job, request, rest, start};

const LIMITS: &str = "/limits/engines";

fn with(fault: impl Into<Injection>) -> Running {
    start(Sandbox::builder().fault(fault))
}

fn post(running: &Running) -> Seen {
    exchange(running.addr(), &request("POST", "/jobs", &[TOKEN], job().to_string().as_bytes()))
}

/// What the journal says of the only request: the length of its body, and what was sent.
fn only(running: &Running) -> (usize, Sent) {
    let requests = running.journal().requests();
    assert_eq!(requests.len(), 1);
    (requests[0].body.len(), requests[0].sent)
}

#[test]
fn refuse_resets_the_connection_before_any_request() {
    let running = with(Fault::Refuse.times(2));
    for _ in 0..2 {
        let stream = TcpStream::connect(running.addr()).unwrap();
        let seen = rest(stream);
        assert!(seen.reset && seen.bytes.is_empty(), "{seen:?}");
    }
    let journal = running.journal();
    assert_eq!((journal.connections(), journal.refused(), journal.total()), (2, 2, 0));
    assert_eq!(get(&running, LIMITS).status, 200);
}

#[test]
fn reset_before_does_not_wait_for_the_body() {
    let running = with(Fault::ResetBefore);
    let whole = request("POST", "/jobs", &[TOKEN], job().to_string().as_bytes());
    let head = whole.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let seen = exchange(running.addr(), &whole[..head]);
    assert!(seen.reset && seen.bytes.is_empty(), "{seen:?}");
    assert_eq!(only(&running), (0, Sent::Nothing));
    assert_eq!(running.journal().jobs(), 0);
}

#[test]
fn reset_after_leaves_a_job_nobody_was_told_of() {
    let running = with(Fault::ResetAfter);
    let seen = post(&running);
    assert!(seen.reset && seen.bytes.is_empty(), "{seen:?}");
    assert_eq!(only(&running), (job().to_string().len(), Sent::Nothing));
    assert_eq!(running.journal().jobs(), 1);
}

#[test]
fn a_status_is_answered_and_nothing_done() {
    let fault = StatusFault::new(503).unwrap().retry_after(7);
    let fault = fault.header("x-any".parse().unwrap(), "text".parse().unwrap());
    let running = with(Fault::Status(fault));
    let answer = post(&running).answer();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!(answer.header("x-any"), Some("text"));
    assert_eq!(answer.json()["error"]["code"], "ServiceUnavailable");
    assert_eq!(only(&running).1, Sent::Whole(503));
    assert_eq!(running.journal().jobs(), 0);
}

#[test]
fn cut_ends_in_order_after_half_the_body() {
    let running = with(Fault::Cut);
    let seen = post(&running);
    assert!(!seen.reset);
    half(&seen);
    assert_eq!(only(&running).1, Sent::Part(201));
    assert_eq!(running.journal().jobs(), 1);
}

#[test]
fn cut_leaves_half_a_head_where_there_is_no_body() {
    let running = start(Sandbox::builder());
    let path = wire::created(&running);
    running.set_fault(Fault::Cut);
    let seen = exchange(running.addr(), &request("DELETE", &path, &[TOKEN], b""));
    assert!(seen.bytes.starts_with(b"HTTP/1.1 204 No Content\r\n"));
    assert!(!seen.bytes.windows(4).any(|four| four == b"\r\n\r\n"), "the head has no end");
}

#[test]
fn torn201_strikes_only_a_created_job() {
    let running = with(Fault::Torn201.times(1));
    assert_eq!(get(&running, LIMITS).status, 200, "and is not spent on others");
    let seen = post(&running);
    assert!(seen.reset);
    half(&seen);
    assert_eq!(running.journal().jobs(), 1);
    assert_eq!(post(&running).answer().status, 201);
}

/// Holds that a 201 came with half of the body it announced.
fn half(seen: &Seen) {
    let (head, body) = seen.split();
    assert!(head.starts_with("HTTP/1.1 201 Created\r\n"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let length: usize = length.parse().unwrap();
    assert!(length > 100, "a whole job was announced");
    assert_eq!(body.len(), length / 2);
}

#[test]
fn garbage_is_no_http() {
    let running = with(Fault::Garbage);
    let seen = post(&running);
    assert!(!seen.reset && !seen.bytes.is_empty());
    assert!(!seen.bytes.starts_with(b"HTTP"));
    assert_eq!(running.journal().jobs(), 0);
    assert_eq!(only(&running).1, Sent::Nothing);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_lasts_until_the_client_gives_up() {
    let running = Sandbox::builder().fault(Fault::Silence).start(([127, 0, 0, 1], 0).into()).await.unwrap();
    let mut stream = TcpStream::connect(running.addr()).unwrap();
    stream.write_all(&request("POST", "/jobs", &[TOKEN], job().to_string().as_bytes())).unwrap();
    running.journal().until(|journal| journal.requests().iter().any(|entry| entry.complete)).await;
    finish(&stream);
    let seen = tokio::task::spawn_blocking(|| rest(stream)).await.unwrap();
    assert!(!seen.reset && seen.bytes.is_empty(), "{seen:?}");
    assert_eq!(only(&running).1, Sent::Nothing);
    running.stop().await;
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
fn latency_comes_before_the_answer_and_with_other_faults() {
    let running = with(Fault::Latency(Duration::from_millis(30)));
    running.set_fault(Fault::Latency(Duration::from_millis(20)));
    running.set_fault(Fault::Cut);
    let began = Instant::now();
    half(&post(&running));
    // A lower bound only: a slow machine cannot break it.
    assert!(began.elapsed() >= Duration::from_millis(50));
}

#[test]
fn a_drip_is_a_whole_answer() {
    let running = with(Fault::Drip(Duration::from_micros(1)));
    let answer = get(&running, LIMITS);
    assert_eq!(answer.json(), json!({ "enginesLimit": { "maxEngines": 25 } }));
    assert_eq!(answer.header("connection"), Some("close"));
}

#[test]
fn a_fault_lasts_as_often_as_it_says() {
    let running = with("503*2".parse::<Injection>().unwrap());
    running.set_fault("status=502".parse::<Fault>().unwrap());
    let statuses = |count: usize| -> Vec<u16> { (0..count).map(|_| get(&running, LIMITS).status).collect() };
    assert_eq!(statuses(4), [503, 503, 502, 502], "one at a time, in the order they were set");
    running.clear_faults();
    assert_eq!(statuses(1), [200]);
}

#[test]
fn a_header_asks_for_one_fault_and_spends_none() {
    let running = with(Fault::Garbage.times(1));
    let ask = |fault: &str| {
        let headers = [TOKEN, ("x-sandbox-fault", fault)];
        exchange(running.addr(), &request("GET", LIMITS, &headers, b""))
    };
    assert_eq!(ask("status=500").answer().status, 500);
    assert!(ask("refuse").reset, "too late to refuse, so it is reset");
    assert_eq!(ask("cutt").answer().status, 400);
    assert!(!exchange(running.addr(), &request("GET", LIMITS, &[TOKEN], b"")).bytes.starts_with(b"HTTP"));
    assert_eq!(get(&running, LIMITS).status, 200);
}

#[test]
fn faults_are_set_listed_and_cleared_over_http() {
    let running = start(Sandbox::builder());
    let set = call(&running, "POST", "/sandbox/faults", &json!(["503*2", "latency=1ms"]));
    assert_eq!((set.status, set.json()), (200, json!(["status=503*2", "latency=1ms"])));
    assert_eq!(get(&running, LIMITS).status, 503);
    assert_eq!(get(&running, "/sandbox/faults").json(), json!(["status=503*1", "latency=1ms"]));
    for wrong in [json!(["cut", "cutt"]), json!("cut")] {
        assert_eq!(call(&running, "POST", "/sandbox/faults", &wrong).status, 400, "{wrong}");
    }
    assert_eq!(get(&running, "/sandbox/faults").json(), json!(["status=503*1", "latency=1ms"]));
    assert_eq!(call(&running, "DELETE", "/sandbox/faults", &json!(null)).status, 204);
    assert_eq!(get(&running, LIMITS).status, 200);
}

#[test]
fn the_journal_tells_what_came_but_no_token() {
    let running = start(Sandbox::builder());
    post(&running);
    let text = String::from_utf8(get(&running, "/sandbox/journal").body).unwrap();
    assert!(!text.contains("anyone"), "{text}");
    let journal: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&journal["total"], &journal["jobs"]), (&json!(1), &json!(1)));
    let entry = &journal["requests"][0];
    assert_eq!(entry["method"], "POST");
    assert_eq!(entry["target"], "/jobs");
    assert_eq!(entry["body"], job().to_string());
    assert_eq!(entry["sent"], json!({ "whole": 201 }));
    assert!(entry["headers"].as_array().unwrap().contains(&json!(["authorization", "***"])));
    let kept = &running.journal().requests()[0];
    assert_eq!(kept.headers["authorization"], "Bearer anyone", "a test may see it");
}

#[test]
fn the_journal_forgets_the_oldest() {
    let running = start(Sandbox::builder().journal_keeps(2));
    for number in 0..3 {
        get(&running, &format!("{LIMITS}?number={number}"));
    }
    let journal = running.journal();
    let targets: Vec<String> = journal.requests().into_iter().map(|entry| entry.target).collect();
    assert_eq!(targets, ["/limits/engines?number=1", "/limits/engines?number=2"]);
    assert_eq!(journal.total(), 3);
    assert!(journal.requests().iter().all(|entry| entry.sent == Sent::Whole(200)));
}

#[test]
fn requests_on_one_connection_share_its_number() {
    let running = start(Sandbox::builder());
    let once = request("GET", LIMITS, &[TOKEN], b"");
    let kept = String::from_utf8(once.clone()).unwrap().replace("connection: close\r\n", "");
    exchange(running.addr(), &[kept.as_bytes(), &once].concat());
    exchange(running.addr(), &once);
    let numbers: Vec<u64> = running.journal().requests().into_iter().map(|entry| entry.connection).collect();
    assert_eq!(numbers, [1, 1, 2]);
}

#[test]
fn a_body_that_breaks_off_creates_nothing() {
    let running = start(Sandbox::builder());
    let whole = request("POST", "/jobs", &[TOKEN], job().to_string().as_bytes());
    let mut stream = TcpStream::connect(running.addr()).unwrap();
    stream.write_all(&whole[..whole.len() - 10]).unwrap();
    finish(&stream);
    assert!(rest(stream).bytes.is_empty());
    assert_eq!(running.journal().jobs(), 0);
    let entry = &running.journal().requests()[0];
    assert_eq!((entry.complete, entry.sent), (false, Sent::Nothing));
}

#[test]
fn dropping_it_ends_its_connections_and_frees_its_address() {
    let running = with(Fault::Silence);
    let addr = running.addr();
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(&request("GET", LIMITS, &[TOKEN], b"")).unwrap();
    drop(running);
    assert!(rest(stream).bytes.is_empty());
    assert!(TcpStream::connect(addr).is_err());
}

#[tokio::test]
async fn stopping_it_ends_everything_before_it_returns() {
    let running = Sandbox::builder().start(([127, 0, 0, 1], 0).into()).await.unwrap();
    let addr = running.addr();
    let stream = TcpStream::connect(addr).unwrap();
    running.journal().until(|journal| journal.connections() == 1).await;
    running.stop().await;
    assert!(rest(stream).bytes.is_empty());
    assert!(TcpStream::connect(addr).is_err());
}
