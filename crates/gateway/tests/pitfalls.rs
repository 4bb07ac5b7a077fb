//! What has gone wrong in gates and meters elsewhere, and must not here. What other tests show already is not shown again: those
//! of `budgets.rs` for overspending, of `money.rs` for leaks, of `events.rs` for lost and doubled events.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::{Path, PathBuf};
use std::{fs, thread};

use gateway::Config;
use support::{JOB, Recorder, Running, get, head, post, request};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("jobgate-pitfalls-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const EACH: &str = "identity = { mode = 'header', header = 'x-who' }\npricing.rate_card = 'builtin:illustrative'\n[[budget]]\nname = 'each'\nscope = 'principal'\nlimit = '7'\nwindow = 'total'\n";

fn by(who: &str, request: &[u8]) -> Vec<u8> {
    let plain = String::from_utf8(request.to_vec()).unwrap();
    plain.replacen("Host: gate", &format!("Host: gate\r\nx-who: {who}"), 1).into_bytes()
}

/// A budget holds from the first request of somebody who was never seen before, however many of them come at once.
#[test]
fn who_was_never_seen_before_has_the_same_budget_from_the_first_request_on() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, EACH);
    let admitted: usize = thread::scope(|scope| {
        let one = |n: usize| {
            let request = by(&format!("somebody-{}", n % 8), &post(JOB));
            scope.spawn(|| usize::from(gateway.send(&{ request }).status == 201))
        };
        let all: Vec<_> = (0..80).map(one).collect();
        all.into_iter().map(|client| client.join().unwrap()).sum()
    });
    assert_eq!((admitted, upstream.seen().len()), (16, 16), "two each");
}

/// What is refused costs nobody anything: no budget, no row, and no file that grows under somebody's scan.
#[test]
fn what_is_refused_leaves_nothing_in_the_ledger() {
    let folder = Folder::new("refused");
    let file = folder.0.join("book.db");
    let upstream = Recorder::start();
    let text = format!("ledger.url = 'sqlite:{}'\n{EACH}", file.display());
    let gateway = Running::start(upstream.address, &text);
    let journal = folder.0.join("book.db-wal");
    let size = || fs::metadata(&file).unwrap().len() + fs::metadata(&journal).map_or(0, |file| file.len());
    assert_eq!(gateway.send(&by("a", &post(JOB))).status, 201);
    assert_eq!(gateway.send(&by("a", &post(JOB))).status, 201);
    let before = size();
    let without_a_token =
        String::from_utf8(post(JOB)).unwrap().replace("Authorization: Bearer t0k-en\r\n", "");
    for round in 0..100 {
        let broken = JOB.replace("Extra", "Best");
        let new = format!("never-seen-{round}");
        for (request, status) in [
            (without_a_token.as_bytes().to_vec(), 401),
            (post(JOB), 401),
            (by(&new, &post(&broken)), 422),
            (by("a", &post(JOB)), 402),
            (by(&new, &post(&JOB.replace("2.1", "99"))), 402),
            (by(&new, &request("POST", "/jobgate/v1/estimate", JOB)), 200),
        ] {
            assert_eq!(gateway.send(&request).status, status);
        }
    }
    assert_eq!((size(), upstream.seen().len()), (before, 2));
    let rows = gateway.operator().send(&get("/v1/budgets")).json();
    assert_eq!(rows["budgets"].as_array().unwrap().len(), 1, "{rows}");
}

/// The books are read by auditors: they have no token, no name, no description and no email in them.
#[test]
fn nothing_secret_and_nothing_personal_is_in_the_books() {
    let folder = Folder::new("secrets");
    let file = folder.0.join("book.db");
    let events = folder.0.join("events.ndjson");
    let upstream = Recorder::start();
    let text = format!(
        "ledger.url = 'sqlite:{}'\npricing.rate_card = 'builtin:illustrative'\n[[event_sink]]\nname = 'file'\nfile = '{}'\n",
        file.display(),
        events.display()
    );
    let gateway = Running::start(upstream.address, &text);
    let job = JOB.replace("My first job", "canary-name").replace("photos", "canary-text");
    let more = format!(
        "Content-Type: application/json\r\nIdempotency-Key: canary-key\r\nx-correlation-id: canary-id\r\nContent-Length: {}\r\n\r\n{job}",
        job.len()
    );
    let request = head("POST", "/contextcapture/jobs", &more).replace("t0k-en", "canary-token");
    assert_eq!(gateway.send(request.as_bytes()).status, 201);
    gateway.stop();
    for file in [file, folder.0.join("book.db-wal"), folder.0.join("book.db.mark"), events] {
        let bytes = fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("canary"), "{}", file.display());
    }
}

/// A ledger that goes with its process says so before anybody counts on it, and in what operators watch.
#[test]
fn budgets_that_are_gone_with_the_process_are_announced() {
    let config = Config::parse(EACH, Path::new("."), []).unwrap();
    let warnings = config.warnings();
    assert!(warnings.iter().any(|warning| warning.contains("memory:")), "{warnings:?}");
    let file = Config::parse(&format!("ledger.url = 'sqlite:a.db'\n{EACH}"), Path::new("."), []).unwrap();
    assert!(!file.warnings().iter().any(|warning| warning.contains("memory:")));
}
