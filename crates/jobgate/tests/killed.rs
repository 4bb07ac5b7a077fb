//! A gateway that is killed under load, again and again: nothing acknowledged is lost, nothing is doubled, all re-derives.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and may look at the environment"
)]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use admission::HoldState;
use ledger::{HoldRow, Ledger, Url};
use sandbox::Sandbox;

/// How often it is killed; `JOBGATE_KILLS=10000 cargo test -p jobgate --test killed` is the longer run.
const KILLS: usize = 200;
const CLIENTS: usize = 8;
const TWO: i64 = 2_000_000;
const FIVE: i64 = 5_000_000;
const JOB: &str = r#"{"type":"Full","name":"n","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"]},"costEstimationParameters":{"gigaPixels":2}}"#;

fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start(config: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobgate"));
    command.args(["serve", "--config"]).arg(config);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// What was answered, if it was, and with this status.
fn ask(address: SocketAddr, line: &str, body: &str, status: u16) -> Option<serde_json::Value> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer t\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with(&format!("HTTP/1.1 {status}")).then(|| serde_json::from_str(body).unwrap())
}

/// The id of a job that was created, if that is what was answered.
fn post(address: SocketAddr) -> Option<String> {
    let whole = ask(address, "POST /contextcapture/jobs", JOB, 201)?;
    Some(whole["job"]["id"].as_str().unwrap().to_owned())
}

/// Whether a job was changed in this way, if that is what was answered.
fn change(address: SocketAddr, job: &str, to: &str) -> bool {
    ask(address, &format!("PATCH /contextcapture/jobs/{job}"), to, 200).is_some()
}

/// Deletes a job; its answer has no body and tells nothing more.
fn delete(address: SocketAddr, job: &str) {
    ask(address, &format!("DELETE /contextcapture/jobs/{job}"), "", 200);
}

/// What a client was told of a job that it created, of 2 units.
struct Acknowledged {
    job: String,
    /// To 5 units.
    is_changed: bool,
    is_submitted: bool,
    is_deleted: bool,
}

impl Acknowledged {
    /// Changes a job, and submits or deletes it, or leaves it alone.
    fn follow(address: SocketAddr, job: String, turn: usize) -> Self {
        let is_changed = turn.is_multiple_of(2)
            && change(address, &job, r#"{"costEstimationParameters":{"gigaPixels":5}}"#);
        let is_deleted = turn % 5 == 4;
        if is_deleted {
            delete(address, &job);
        }
        let is_submitted = turn % 5 < 3 && change(address, &job, r#"{"state":"Active"}"#);
        Self { job, is_changed, is_submitted, is_deleted }
    }
}

/// Lets clients ask until so many jobs are created, and kills the gateway in the midst of it.
fn round(gateway: &mut Child, address: SocketAddr, wanted: usize) -> Vec<Acknowledged> {
    let (over, created) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let client = || {
            let mut jobs = Vec::new();
            while !over.load(Ordering::Relaxed) {
                if let Some(job) = post(address) {
                    let turn = created.fetch_add(1, Ordering::Relaxed);
                    jobs.push(Acknowledged::follow(address, job, turn));
                }
                thread::yield_now();
            }
            jobs
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        while created.load(Ordering::Relaxed) < wanted {
            assert!(gateway.try_wait().unwrap().is_none(), "the gateway ended by itself");
            thread::yield_now();
        }
        gateway.kill().unwrap();
        gateway.wait().unwrap();
        over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

#[test]
fn killed_at_any_instant_the_ledger_still_adds_up() {
    let folder = std::env::temp_dir().join(format!("jobgate-killed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let upstream = Sandbox::builder().journal_keeps(1).start_blocking(([127, 0, 0, 1], 0).into()).unwrap();
    let address: SocketAddr = ([127, 0, 0, 1], free_port()).into();
    let config = folder.join("jobgate.toml");
    let text = format!(
        "listen.address = '{address}'\nadmin.address = '127.0.0.1:{}'\nupstream.url = 'http://{}'\n\
         pricing.rate_card = 'builtin:illustrative'\nledger.url = 'sqlite:book.db'\nlog.level = 'error'\n\
         [[budget]]\nname = 'all'\nscope = 'global'\nlimit = '1000000'\nwindow = 'total'\n\
         [[event_sink]]\nname = 'file'\nfile = 'events.ndjson'\n",
        free_port(),
        upstream.addr()
    );
    std::fs::write(&config, text).unwrap();
    let kills = std::env::var("JOBGATE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let mut acknowledged = Vec::new();
    for kill in 0..kills {
        let mut gateway = start(&config);
        // Not the same number each time: the kill falls into other steps of the jobs under way.
        acknowledged.extend(round(&mut gateway, address, 1 + kill * 7 % 23));
        let book = Ledger::visit(&Url::Sqlite(folder.join("book.db"))).unwrap();
        wait(book.verify()).unwrap().unwrap();
    }
    let mut last = start(&config);
    while post(address).is_none() {
        assert!(last.try_wait().unwrap().is_none(), "the gateway does not start again");
        thread::yield_now();
    }
    // Asked to end, it sends what is left.
    assert!(Command::new("kill").arg(last.id().to_string()).status().unwrap().success());
    assert!(last.wait().unwrap().success());
    let book = Ledger::visit(&Url::Sqlite(folder.join("book.db"))).unwrap();
    wait(book.verify()).unwrap().unwrap();
    let holds = wait(book.holds(None, None, u32::MAX)).unwrap();
    let count = |state| holds.iter().filter(|hold| hold.state == state).count();
    let known = count(HoldState::Bound) + count(HoldState::Submitted) + count(HoldState::Released);
    let doubtful = count(HoldState::InDoubt);
    assert_eq!(known + doubtful, holds.len(), "nothing is under way");
    let mut of_job: HashMap<String, &HoldRow> = HashMap::new();
    for (job, hold) in holds.iter().filter_map(|hold| Some((hold.job?, hold))) {
        assert!(of_job.insert(job.to_string(), hold).is_none(), "a job has one hold");
    }
    for Acknowledged { job, is_changed, is_submitted, is_deleted } in &acknowledged {
        let hold = of_job.get(job).expect("each job that a client was told of has a hold");
        assert!(!is_submitted || hold.state == HoldState::Submitted, "{job} was submitted: {hold:?}");
        assert!(*is_deleted || hold.state != HoldState::Released, "{job} was given back: {hold:?}");
        let (amount, told) = (hold.amount.micros(), if *is_changed { FIVE } else { TWO });
        assert!(amount == told || (amount == FIVE && !is_changed), "{job} costs {told}: {hold:?}");
    }
    let jobs = usize::try_from(upstream.journal().jobs()).unwrap();
    assert!((known..=known + doubtful).contains(&jobs), "{jobs} jobs, {known} known, {doubtful} in doubt");
    let [running, uncertain, gone] = as_upstream_has_them(upstream.addr(), &of_job);
    println!(
        "{jobs} jobs, {known} known, {doubtful} in doubt; {running} run, {uncertain} of them in doubt; {gone} are gone"
    );
    told_at_least_once(&book, &folder.join("events.ndjson"));
    std::fs::remove_dir_all(folder).unwrap();
}

/// Every job that runs upstream is submitted in the ledger or in doubt: nothing of it lapses; one that waits is bound or in doubt; and
/// none costs there what is not held for it. Tells how many run, how many of them are in doubt, and how many are gone.
fn as_upstream_has_them(upstream: SocketAddr, of_job: &HashMap<String, &HoldRow>) -> [usize; 3] {
    let [mut running, mut uncertain, mut gone] = [0; 3];
    for (job, hold) in of_job {
        let Some(told) = ask(upstream, &format!("GET /contextcapture/jobs/{job}"), "", 200) else {
            // Where its end was not answered it is held until it lapses.
            assert!(
                matches!(hold.state, HoldState::Released | HoldState::Bound | HoldState::InDoubt),
                "{hold:?}"
            );
            gone += 1;
            continue;
        };
        let price = told["job"]["costEstimationParameters"]["gigaPixels"].as_f64().unwrap();
        let price = if price > 3.0 { FIVE } else { TWO };
        let amount = hold.amount.micros();
        assert!(amount == price || (hold.state == HoldState::InDoubt && amount > price), "{price}: {hold:?}");
        match (told["job"]["state"].as_str(), hold.state) {
            (Some("unsubmitted"), HoldState::Bound | HoldState::InDoubt) => {}
            (Some("active" | "success"), HoldState::Submitted) => running += 1,
            (Some("active" | "success"), HoldState::InDoubt) => {
                running += 1;
                uncertain += 1;
            }
            (state, _) => panic!("{state:?}: {hold:?}"),
        }
    }
    assert!(running > 0 && gone > 0);
    [running, uncertain, gone]
}

/// Each entry of the ledger that moves anything is an event of the sink, under its own id, and what is no entry is none; what came twice
/// is the same.
fn told_at_least_once(book: &Ledger, file: &Path) {
    let mut events: HashMap<String, String> = HashMap::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let before = events.insert(event["id"].as_str().unwrap().to_owned(), line.to_owned());
        assert!(before.is_none_or(|before| before == line), "{line}");
    }
    let mut entries = wait(book.entries(0, u32::MAX)).unwrap();
    entries.retain(|entry| entry.kind != "change");
    // The end of a change moves nothing; it is told where it has made another job of it.
    let moving = entries.iter().filter(|entry| entry.kind != "keep");
    let missing = moving.filter(|entry| !events.contains_key(&entry.id)).count();
    assert_eq!(missing, 0, "of {} entries were told nobody", entries.len());
    entries.retain(|entry| events.contains_key(&entry.id));
    assert_eq!(events.len(), entries.len(), "each event is of an entry");
}
