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
use support::{Recorder, Running, get};

fn dropped(gateway: &Running) -> u64 {
    let text = gateway.operator().send(&get("/metrics")).body;
    let line = text.lines().find(|line| line.starts_with("jobgate_log_lines_dropped_total ")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
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
