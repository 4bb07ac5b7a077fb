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

use support::logs::{Full, Stuck};
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
    let text = format!("upstream.url = 'http://{}'", upstream.address);
    let gateway = Running::logging(&text, Box::new(Full));
    let mut client = gateway.client();
    // The writer ends at its first failure; from then on every line is counted.
    while dropped(&gateway) == 0 {
        assert_eq!(client.send(&get("/nowhere")).status, 404);
    }
    assert_eq!(client.send(&get("/contextcapture/jobs")).status, 200);
}
