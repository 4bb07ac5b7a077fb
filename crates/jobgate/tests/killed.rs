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

/// The id of a job that was created, if that is what was answered.
fn post(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!(
        "POST /contextcapture/jobs HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer t\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{JOB}",
        JOB.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let whole: serde_json::Value = serde_json::from_str(body).ok()?;
    head.starts_with("HTTP/1.1 201").then(|| whole["job"]["id"].as_str().unwrap().to_owned())
}

/// Lets clients ask until so many jobs are created, and kills the gateway in the midst of it.
fn round(gateway: &mut Child, address: SocketAddr, wanted: usize) -> Vec<String> {
    let (over, created) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let client = || {
            let mut ids = Vec::new();
            while !over.load(Ordering::Relaxed) {
                if let Some(id) = post(address) {
                    created.fetch_add(1, Ordering::Relaxed);
                    ids.push(id);
                }
                thread::yield_now();
            }
            ids
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
    let (bound, doubtful) = (count(HoldState::Bound), count(HoldState::InDoubt));
    assert_eq!(bound + doubtful, holds.len(), "nothing is open, nothing was given back");
    let mut of_job: HashMap<String, usize> = HashMap::new();
    for job in holds.iter().filter_map(|hold| hold.job) {
        *of_job.entry(job.to_string()).or_default() += 1;
    }
    for id in &acknowledged {
        assert_eq!(of_job.get(id), Some(&1), "each job that a client was told of has one hold");
    }
    let jobs = usize::try_from(upstream.journal().jobs()).unwrap();
    assert!((bound..=bound + doubtful).contains(&jobs), "{jobs} jobs, {bound} bound, {doubtful} in doubt");
    told_at_least_once(&book, &folder.join("events.ndjson"));
    std::fs::remove_dir_all(folder).unwrap();
}

/// Each entry of the ledger is an event of the sink, under its own id, and nothing else is; what came twice is the same.
fn told_at_least_once(book: &Ledger, file: &Path) {
    let mut events: HashMap<String, String> = HashMap::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let before = events.insert(event["id"].as_str().unwrap().to_owned(), line.to_owned());
        assert!(before.is_none_or(|before| before == line), "{line}");
    }
    let entries = wait(book.entries(0, u32::MAX)).unwrap();
    let missing: Vec<_> = entries.iter().filter(|entry| !events.contains_key(&entry.id)).collect();
    assert!(missing.is_empty(), "{} of {} entries were told nobody", missing.len(), entries.len());
    assert_eq!(events.len(), entries.len());
}
