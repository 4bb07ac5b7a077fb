//! A gateway in a process of its own between a client and a sandbox, started again and again on one ledger; and what must hold
//! between the sandbox's jobs, the ledger's holds and what the client was told.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use admission::HoldState;
use ledger::{HoldRow, Ledger, Url};
use sandbox::{Running, Sandbox};
use serde_json::{Value, json};

/// What is to happen, in the words of `shim.c`.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) arm: Option<&'static str>,
    pub(crate) at: String,
    pub(crate) act: &'static str,
}

impl Fault {
    pub(crate) fn kill(arm: Option<&'static str>, at: impl Into<String>) -> Self {
        Self { arm, at: at.into(), act: "kill" }
    }
}

/// What a client got.
#[derive(Debug)]
pub(crate) enum Answer {
    Created(String),
    Refused(u16, Value),
    /// Nothing, or not all of it.
    Nothing,
}

pub(crate) struct Rig {
    pub(crate) folder: PathBuf,
    pub(crate) upstream: Running,
    shim: PathBuf,
    /// Jobs so far; each has a size of its own, by which its hold is known.
    count: u32,
    acknowledged: BTreeMap<u32, String>,
}

/// A gateway that serves, or that ended before it did.
pub(crate) struct Gate {
    child: Child,
    address: Option<SocketAddr>,
    said: Option<JoinHandle<String>>,
}

/// What there is in the end.
#[derive(Debug)]
pub(crate) struct Sums {
    pub(crate) jobs: usize,
    pub(crate) holds: BTreeMap<u32, HoldState>,
}

pub(crate) fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer)
}

impl Rig {
    pub(crate) fn new(name: &str) -> Self {
        // Tests of one process may have the same name.
        static RIGS: AtomicUsize = AtomicUsize::new(0);
        let number = RIGS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("jobgate-{name}-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("durable")).unwrap();
        let shim = folder.join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source).arg("-ldl");
        assert!(compile.status().unwrap().success(), "the compiler that the build needs, too");
        // No job comes to its end while it is looked at, however slow the machine is.
        let upstream = Sandbox::builder().journal_keeps(1).run_time(Duration::from_secs(86_400));
        let upstream = upstream.start_blocking(([127, 0, 0, 1], 0).into()).unwrap();
        let rig = Self { folder, upstream, shim, count: 0, acknowledged: BTreeMap::new() };
        rig.configure("book.db");
        rig
    }

    /// Where the ledger is to be.
    pub(crate) fn configure(&self, ledger: &str) {
        let text = format!(
            "listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\nupstream.url = 'http://{}'\n\
             pricing.rate_card = 'builtin:illustrative'\nledger.url = 'sqlite:{ledger}'\nlimits.threads = 1\n\
             [[budget]]\nname = 'all'\nscope = 'global'\nlimit = '1000000000'\nwindow = 'total'\n",
            self.upstream.addr()
        );
        fs::write(self.folder.join("jobgate.toml"), text).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str], fault: Option<&Fault>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobgate"));
        command.args(args).arg("--config").arg(self.folder.join("jobgate.toml")).stdin(Stdio::null());
        let _ = fs::remove_file(self.told());
        if let Some(Fault { arm, at, act }) = fault {
            command.env("LD_PRELOAD", &self.shim).env("FAULT_LEDGER", "book.db");
            command.env("FAULT_UPSTREAM", self.upstream.addr().port().to_string());
            command.env("FAULT_AT", at).env("FAULT_DO", act).env("FAULT_TOLD", self.told());
            command.env("FAULT_DURABLE", self.durable());
            arm.map(|arm| command.env("FAULT_ARM", arm));
        }
        command
    }

    /// Where what was flushed is kept.
    pub(crate) fn durable(&self) -> PathBuf {
        self.folder.join("durable")
    }

    /// Takes away what was never flushed, as a power cut may: files that were removed stay so, and of the mark, which is never
    /// flushed, either all is left or nothing. The gateway must have run under a fault from its first start on.
    pub(crate) fn cut_power(&self, with_mark: bool) {
        for end in ["", "-wal", "-shm", "-journal"] {
            let name = format!("book.db{end}");
            let (live, durable) = (self.folder.join(&name), self.durable().join(&name));
            if live.exists() {
                fs::remove_file(&live).unwrap();
                if durable.exists() {
                    fs::copy(durable, live).unwrap();
                }
            }
        }
        if !with_mark {
            let _ = fs::remove_file(self.folder.join("book.db.mark"));
        }
    }

    fn told(&self) -> PathBuf {
        self.folder.join("it-happened")
    }

    /// Whether the fault of the last start has happened.
    pub(crate) fn happened(&self) -> bool {
        self.told().exists()
    }

    pub(crate) fn start(&self, fault: Option<&Fault>) -> Gate {
        let mut command = self.command(&["serve"], fault);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let mut address = None;
        let mut from = 0;
        while address.is_none() && lines.read_line(&mut said).unwrap() > 0 {
            let found = said[from..].split_once("listening on ").and_then(|(_, rest)| rest.split_once(','));
            address = found.map(|(address, _)| address.parse().unwrap());
            from = said.len();
        }
        let rest = thread::spawn(move || {
            let _ = lines.read_to_string(&mut said);
            said
        });
        Gate { child, address, said: Some(rest) }
    }

    /// What clients were told of: size and id of each job.
    pub(crate) fn acknowledged(&self) -> &BTreeMap<u32, String> {
        &self.acknowledged
    }

    /// Asks for the next job.
    pub(crate) fn post(&mut self, gate: &Gate) -> Answer {
        self.count += 1;
        let answer = gate.address.map_or(Answer::Nothing, |address| create(address, self.count));
        if let Answer::Created(id) = &answer {
            self.acknowledged.insert(self.count, id.clone());
        }
        answer
    }

    pub(crate) fn jobs(&self) -> u64 {
        self.upstream.journal().jobs()
    }

    fn place(&self) -> PathBuf {
        let small = self.folder.join("small/book.db");
        if small.exists() { small } else { self.folder.join("book.db") }
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::visit(&Url::Sqlite(self.place())).unwrap()
    }

    /// Starts it as if nothing had been, creates one more job, and compares everything with everything. Where `exact`, a job that
    /// was acknowledged is bound; else it may be in doubt, because the ledger could not be written when upstream had answered.
    pub(crate) fn recovered(&mut self, exact: bool, what: &str) -> Sums {
        let mut gate = self.start(None);
        let answer = self.post(&gate);
        assert!(matches!(answer, Answer::Created(_)), "{what}: {answer:?} {}", gate.killed());
        gate.killed();
        let book = self.ledger();
        wait(book.verify()).unwrap().unwrap_or_else(|faults| panic!("{what}: {faults:?}"));
        let mut holds: BTreeMap<u32, HoldRow> = BTreeMap::new();
        for hold in wait(book.holds(None, None, u32::MAX)).unwrap() {
            let size = hold.workload.to_json()["gigaPixels"].as_str().unwrap().parse().unwrap();
            assert!(holds.insert(size, hold).is_none(), "{what}: job {size} has two holds");
        }
        let jobs = self.created();
        for (size, id) in &jobs {
            let hold = holds.get(size).unwrap_or_else(|| panic!("{what}: job {size} has no hold"));
            match hold.state {
                HoldState::Bound => assert_eq!(hold.job.unwrap().to_string(), *id, "{what}"),
                HoldState::InDoubt => {}
                other => panic!("{what}: job {size} was created, and its hold is {}", other.as_str()),
            }
        }
        for (size, hold) in holds.iter().filter(|(_, hold)| hold.state == HoldState::Bound) {
            assert!(jobs.contains_key(size), "{what}: hold {} is bound to no job", hold.id);
        }
        for (size, id) in &self.acknowledged {
            assert_eq!(jobs.get(size), Some(id), "{what}: a client was told of it");
            assert!(
                !exact || holds[size].state == HoldState::Bound,
                "{what}: a client was told of job {size}"
            );
        }
        let states: BTreeSet<_> = holds.values().map(|hold| hold.state.as_str()).collect();
        assert!(!states.contains("open"), "{what}");
        Sums { jobs: jobs.len(), holds: holds.into_iter().map(|(size, hold)| (size, hold.state)).collect() }
    }

    /// What the sandbox itself answers to a question.
    pub(crate) fn asked_upstream(&self, path: &str) -> Option<(u16, Value)> {
        exchange(self.upstream.addr(), "GET", &format!("{path} HTTP/1.1\r\n"), "")
    }

    /// Every job that is in the sandbox now.
    pub(crate) fn listed(&self) -> Vec<Value> {
        let path = "/contextcapture/jobs?$filter=type%20eq%20Full&$top=1000";
        let list = self.asked_upstream(path).unwrap().1;
        list["jobs"].as_array().unwrap().clone()
    }

    /// Size and id of every job in the sandbox.
    fn created(&self) -> BTreeMap<u32, String> {
        let all: BTreeMap<u32, String> = self
            .listed()
            .iter()
            .map(|job| {
                let name = job["name"].as_str().unwrap();
                (name[1..].parse().unwrap(), job["id"].as_str().unwrap().to_owned())
            })
            .collect();
        assert_eq!(u64::try_from(all.len()).unwrap(), self.jobs(), "each job once, and all of them");
        all
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Gate {
    /// Status and body of an answer to this client, with more in its header.
    pub(crate) fn exchange(&self, method: &str, path: &str, more: &str, body: &str) -> Option<(u16, Value)> {
        exchange(self.address?, method, &format!("{path} HTTP/1.1\r\n{more}"), body)
    }

    pub(crate) fn serves(&self) -> bool {
        self.address.is_some()
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        (self.child.wait().unwrap().code(), self.said.take().unwrap().join().unwrap())
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        let status = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Ends it where it has not ended yet.
    pub(crate) fn killed(&mut self) -> &'static str {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        "(ended)"
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.killed();
    }
}

/// The body of a job of a size.
pub(crate) fn job(size: u32) -> String {
    let job = json!({
        "type": "Full", "name": format!("n{size}"), "workspaceId": "6881117d-9fd2-4900-870b-9b721dc90f25",
        "inputs": [{"id": "58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],
        "settings": {"quality": "Extra", "outputs": ["OBJ"]}, "costEstimationParameters": {"gigaPixels": size},
    });
    job.to_string()
}

fn create(address: SocketAddr, size: u32) -> Answer {
    match exchange(address, "POST", "/contextcapture/jobs HTTP/1.1\r\n", &job(size)) {
        Some((201, body)) => Answer::Created(body["job"]["id"].as_str().unwrap().to_owned()),
        Some((status, body)) => Answer::Refused(status, body),
        None => Answer::Nothing,
    }
}

/// Status and body, where all of it came. The line is the rest of the first one and more fields.
fn exchange(address: SocketAddr, method: &str, line: &str, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!(
        "{method} {line}Host: gate\r\nAuthorization: Bearer t\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).ok()?))
}
