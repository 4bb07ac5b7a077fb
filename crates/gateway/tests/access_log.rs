//! The access log under readers that fail: no request waits for it, and what is lost is counted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::sync::mpsc::channel;

use support::logs::{Disk, Full, Stuck};
use support::{JOB, Recorder, Running, get, post};

const RUNBOOK: &str = include_str!("../../../deploy/runbook.md");

fn dropped(gateway: &Running) -> u64 {
    let text = gateway.operator().send(&get("/metrics")).body;
    let line = text.lines().find(|line| line.starts_with("jobgate_log_lines_dropped_total ")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// The steps of a request that its line has times of.
fn steps(line: &serde_json::Value) -> Vec<&str> {
    let names = line.as_object().unwrap().keys();
    names.filter_map(|name| name.strip_prefix("seconds_")).filter(|name| *name != "total").collect()
}

#[test]
fn a_line_tells_how_long_each_step_took() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    for (number, (request, all)) in [
        (post(JOB), &["body", "head", "reserve", "upstream", "validate"][..]),
        (post("{}"), &["body", "head", "validate"]),
        (get("/contextcapture/jobs"), &["head", "upstream"]),
        (get("/nowhere"), &["head"]),
    ]
    .into_iter()
    .enumerate()
    {
        gateway.send(&request);
        let lines = gateway.log.lines(number + 1);
        let line = lines.last().unwrap();
        assert_eq!(steps(line), all, "{line}");
        let parts: f64 = all.iter().map(|step| line[format!("seconds_{step}")].as_f64().unwrap()).sum();
        for key in line.as_object().unwrap().keys() {
            assert!(RUNBOOK.contains(&format!("`{key}`")), "the runbook does not tell of {key}");
        }
        // Each is rounded to the microsecond.
        assert!(parts <= line["seconds_total"].as_f64().unwrap() + 1e-5, "{line}");
    }
}

#[test]
fn a_header_that_comes_slowly_is_a_step_that_takes_long() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "limits.head_timeout = '100ms'");
    assert_eq!(gateway.send(b"GET /contextcapture/jobs HTTP/1.1\r\n").status, 408);
    let line = gateway.log.lines(1).remove(0);
    assert!(line["seconds_head"].as_f64().unwrap() >= 0.1, "{line}");
    assert!(line["seconds_total"].as_f64() >= line["seconds_head"].as_f64(), "{line}");
}

/// However short a connection without a request may last: one has begun, and is told of.
#[test]
fn a_slow_header_is_no_idle_connection() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "limits.head_timeout = '2s'\nlimits.keep_alive = '1s'");
    assert_eq!(gateway.send(b"GET /contextcapture/jobs HTTP/1.1\r\n").status, 408);
    let mut client = gateway.client();
    assert_eq!(client.send(&get("/contextcapture/jobs")).status, 200);
    assert_eq!(client.send(b"GET /contextcapture/jobs HTTP/1.1\r\n").status, 408);
}

#[test]
fn a_stuck_reader_holds_nobody_up() {
    let (release, stuck) = channel();
    let upstream = Recorder::start();
    let text =
        format!("upstream.url = 'http://{}'\nlimits.requests_per_connection = 1000000", upstream.address);
    let gateway = Running::logging(&text, Box::new(Stuck(stuck)));
    let mut client = gateway.client();
    let request = get("/nowhere");
    // More than may wait for the writer: 4 MiB of lines of some 190 bytes.
    for _ in 0..450 {
        client.write(&request.repeat(100));
        for _ in 0..100 {
            assert_eq!(client.read().status, 404);
        }
    }
    assert!(dropped(&gateway) > 0);
    assert_eq!(gateway.stop(), 0, "nor does it hold up the end");
    drop(release);
}

#[test]
fn a_full_disk_loses_lines_and_no_request() {
    let upstream = Recorder::start();
    let text =
        format!("upstream.url = 'http://{}'\nlimits.requests_per_connection = 1000000", upstream.address);
    let gateway = Running::logging(&text, Box::new(Full));
    let mut client = gateway.client();
    // As many lines as may wait, and more.
    let burst = get("/nowhere").repeat(100);
    while dropped(&gateway) == 0 {
        client.write(&burst);
        assert!((0..100).all(|_| client.read().status == 404));
    }
    assert_eq!(client.send(&get("/contextcapture/jobs")).status, 200);
    assert_eq!(gateway.stop(), 0, "nor does it hold up the end");
}

/// It is full in the middle of a line, twice.
#[test]
fn a_disk_that_has_room_again_gets_every_line_whole() {
    let upstream = Recorder::start();
    let disk = Disk::default();
    let text = format!("upstream.url = 'http://{}'", upstream.address);
    let gateway = Running::logging(&text, Box::new(disk.clone()));
    for room in [250, 300] {
        disk.make_room(room);
        for _ in 0..5 {
            assert_eq!(gateway.send(&get("/nowhere")).status, 404);
        }
        disk.wait_until_full();
    }
    disk.make_room(1 << 20);
    assert_eq!(dropped(&gateway), 0);
    assert_eq!(gateway.stop(), 0);
    let written = disk.text();
    assert!(written.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{written}");
    assert_eq!(written.lines().count(), 10, "{written}");
}

#[test]
fn a_reader_that_is_gone_costs_lines_that_are_counted() {
    let upstream = Recorder::start();
    let text = format!("upstream.url = 'http://{}'", upstream.address);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let gateway = Running::logging(&text, Box::new(writer));
    let mut sent = 0;
    while dropped(&gateway) == 0 {
        assert_eq!(gateway.send(&get("/nowhere")).status, 404);
        sent += 1;
    }
    for _ in 0..5 {
        assert_eq!(gateway.send(&get("/nowhere")).status, 404);
    }
    // Those that were on their way are counted, too; the last line comes behind its answer.
    while dropped(&gateway) < sent + 5 {}
    assert_eq!(dropped(&gateway), sent + 5);
}
