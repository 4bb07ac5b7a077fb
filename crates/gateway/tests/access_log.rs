//! The access log under readers that fail: no request waits for it, and what is lost is counted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, channel};

use support::{Recorder, Running, get};

/// A reader that does not read until it is let go.
struct Stuck(Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An error means that the test is over.
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk without space.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

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
