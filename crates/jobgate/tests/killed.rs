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
use ledger::{Ledger, Url};
use sandbox::Sandbox;

/// How often it is killed; `JOBGATE_KILLS=10000 cargo test -p jobgate --test killed` is the longer run.
const KILLS: usize = 200;
const CLIENTS: usize = 8;
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

/// Whether a job was submitted, if that is what was answered.
fn submit(address: SocketAddr, job: &str) -> bool {
    let line = format!("PATCH /contextcapture/jobs/{job}");
    ask(address, &line, r#"{"state":"Active"}"#, 200).is_some()
}

/// What a client was told of a job that it created.
struct Acknowledged {
    job: String,
    is_submitted: bool,
}

/// Lets clients ask until so many jobs are created, and kills the gateway in the midst of it.
fn round(gateway: &mut Child, address: SocketAddr, wanted: usize) -> Vec<Acknowledged> {
    let (over, created) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let client = || {
            let mut jobs = Vec::new();
            while !over.load(Ordering::Relaxed) {
                if let Some(job) = post(address) {
                    created.fetch_add(1, Ordering::Relaxed);
                    let is_submitted = submit(address, &job);
                    jobs.push(Acknowledged { job, is_submitted });
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
    let known = count(HoldState::Bound) + count(HoldState::Submitted);
    let doubtful = count(HoldState::InDoubt);
    assert_eq!(known + doubtful, holds.len(), "nothing is under way, nothing was given back");
    let mut of_job: HashMap<String, HoldState> = HashMap::new();
    for (job, state) in holds.iter().filter_map(|hold| Some((hold.job?, hold.state))) {
        assert_eq!(of_job.insert(job.to_string(), state), None, "a job has one hold");
    }
    for Acknowledged { job, is_submitted } in &acknowledged {
        let state = of_job.get(job).expect("each job that a client was told of has a hold");
        assert!(!is_submitted || *state == HoldState::Submitted, "{job} was submitted, and is {state:?}");
    }
    let jobs = usize::try_from(upstream.journal().jobs()).unwrap();
    assert!((known..=known + doubtful).contains(&jobs), "{jobs} jobs, {known} known, {doubtful} in doubt");
    let (running, uncertain) = submitted(upstream.addr(), &of_job);
    println!("{jobs} jobs, {known} known, {doubtful} in doubt; {running} run, {uncertain} of them in doubt");
    told_at_least_once(&book, &folder.join("events.ndjson"));
    std::fs::remove_dir_all(folder).unwrap();
}

/// Every job that runs upstream is submitted in the ledger or in doubt: nothing of it lapses. Tells how many, and how many doubts.
fn submitted(upstream: SocketAddr, of_job: &HashMap<String, HoldState>) -> (usize, usize) {
    let (mut running, mut uncertain) = (0, 0);
    for (job, state) in of_job {
        let told = ask(upstream, &format!("GET /contextcapture/jobs/{job}"), "", 200).unwrap();
        if told["job"]["state"] == "unsubmitted" {
            continue;
        }
        running += 1;
        match state {
            HoldState::Submitted => {}
            HoldState::InDoubt => uncertain += 1,
            other => panic!("job {job} runs, and its hold is {}", other.as_str()),
        }
    }
    assert!(running > 0);
    (running, uncertain)
}

/// Each entry of the ledger that moves anything is an event of the sink, under its own id, and nothing else is; what came twice is
/// the same.
fn told_at_least_once(book: &Ledger, file: &Path) {
    let mut events: HashMap<String, String> = HashMap::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let before = events.insert(event["id"].as_str().unwrap().to_owned(), line.to_owned());
        assert!(before.is_none_or(|before| before == line), "{line}");
    }
    let mut entries = wait(book.entries(0, u32::MAX)).unwrap();
    entries.retain(|entry| entry.kind != "change" && entry.kind != "keep");
    let missing: Vec<_> = entries.iter().filter(|entry| !events.contains_key(&entry.id)).collect();
    assert!(missing.is_empty(), "{} of {} entries were told nobody", missing.len(), entries.len());
    assert_eq!(events.len(), entries.len());
}
