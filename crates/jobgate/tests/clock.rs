//! The gateway on a machine whose clock is set by an hour or a year, forwards and backwards, while it serves and between two
//! starts: no window of a budget is gained, no hold lapses, no answer is forgotten; tokens are judged by the clock as it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and waits no longer than to a deadline"
)]
#![allow(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use sandbox::Sandbox;
use serde_json::{Value, json};

const JOB: &str = r#"{"type":"Full","name":"n","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"]},"costEstimationParameters":{"gigaPixels":2}}"#;
const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;
/// By how many seconds the clock is set.
const JUMPS: [i64; 4] = [HOUR, -HOUR, YEAR, -YEAR];

/// A folder with a configuration, an upstream, and a clock that can be set.
struct Machine {
    folder: PathBuf,
    upstream: sandbox::Running,
}

/// A gateway in a process of its own.
struct Gate {
    child: Child,
    address: SocketAddr,
    admin: SocketAddr,
}

/// Status, head and body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Machine {
    fn new(name: &str, more: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("jobgate-clock-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let upstream =
            Sandbox::builder().journal_keeps(1).start_blocking(([127, 0, 0, 1], 0).into()).unwrap();
        let text = format!(
            "listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\nupstream.url = 'http://{}'\n\
             pricing.rate_card = 'builtin:illustrative'\nledger.url = 'sqlite:book.db'\nlimits.threads = 1\n{more}",
            upstream.addr()
        );
        fs::write(folder.join("jobgate.toml"), text).unwrap();
        let machine = Self { folder, upstream };
        machine.set_clock(0);
        machine
    }

    /// By so many seconds from the true time.
    fn set_clock(&self, by: i64) {
        let part = self.folder.join("clock.part");
        fs::write(&part, format!("{by:+}\n")).unwrap();
        fs::rename(part, self.folder.join("clock")).unwrap();
    }

    fn start(&self) -> Gate {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobgate"));
        command.arg("serve").arg("--config").arg(self.folder.join("jobgate.toml"));
        // Elapsed time goes on as it does on a machine whose clock is set.
        command.env("LD_PRELOAD", library()).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command.env("FAKETIME_TIMESTAMP_FILE", self.folder.join("clock")).env("FAKETIME_NO_CACHE", "1");
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let found = loop {
            let from = said.len();
            assert!(lines.read_line(&mut said).unwrap() > 0, "it does not start: {said}");
            if let Some((_, found)) = said.split_at(from).1.split_once("listening on ") {
                break found.split('"').next().unwrap().to_owned();
            }
        };
        // Somebody has to read on, or the gateway would wait for it.
        thread::spawn(move || lines.read_to_string(&mut String::new()));
        let (address, admin) = found.split_once(", for operators on ").unwrap();
        Gate { child, address: address.parse().unwrap(), admin: admin.parse().unwrap() }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where Debian puts it.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let found = folders
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .chain([PathBuf::from("/usr/lib/faketime/libfaketimeMT.so.1")])
        .find(|file| file.exists());
    found.expect("libfaketime, of the package faketime, is installed by `cargo xtask test`")
}

impl Gate {
    fn ask(&self, method: &str, path: &str, more: &str, body: &str) -> Answer {
        exchange(self.address, method, path, more, body)
    }

    fn post(&self, more: &str) -> Answer {
        self.ask("POST", "/contextcapture/jobs", more, JOB)
    }

    fn told(&self, path: &str) -> String {
        exchange(self.admin, "GET", path, "", "").body
    }

    /// Waits until the gateway sees the clock as it was set.
    fn sees(&self, by: i64) {
        let away = || -> f64 {
            let metrics = self.told("/metrics");
            let line = metrics.lines().find_map(|line| line.strip_prefix("jobgate_clock_skew_seconds "));
            line.unwrap().parse().unwrap()
        };
        let by = f64::from(i32::try_from(by).unwrap());
        let deadline = Instant::now() + Duration::from_secs(20);
        while (away() - by).abs() > 60.0 {
            assert!(Instant::now() < deadline, "{} s away from what is counted by, not {by} s", away());
            thread::yield_now();
        }
    }

    fn killed(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn exchange(address: SocketAddr, method: &str, path: &str, more: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let more = if more.contains("Authorization") {
        more.to_owned()
    } else {
        format!("Authorization: Bearer t\r\n{more}")
    };
    let more = if body.is_empty() {
        more
    } else {
        format!("{more}Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
    };
    let request = format!("{method} {path} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n{more}\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// A budget of one job a day, one of one job a month, and one request a day for each token.
const LIMITS: &str = "[[budget]]\nname = 'day'\nscope = 'global'\nlimit = '2'\nwindow = 'day'\ntime_zone = 'UTC'\n\
    [[budget]]\nname = 'month'\nscope = 'global'\nlimit = '2'\nwindow = 'month'\ntime_zone = 'UTC'\n";
const KEYED: &str = "Idempotency-Key: once\r\n";

/// One job fits, and nothing that the clock says makes room for another, ends its hold or forgets its answer.
fn gained_nothing(gate: &Gate, upstream: u64, machine: &Machine, what: &str) {
    assert_eq!(gate.post("").status, 402, "{what}: a window was gained");
    let again = gate.post(KEYED);
    assert_eq!(again.status, 201, "{what}: {}", again.body);
    assert!(again.head.contains("idempotency-replayed: true"), "{what}: the answer was forgotten");
    let holds: Value = serde_json::from_str(&gate.told("/v1/holds")).unwrap();
    let states: Vec<&str> =
        holds["holds"].as_array().unwrap().iter().map(|hold| hold["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["bound"], "{what}");
    let budgets: Value = serde_json::from_str(&gate.told("/v1/budgets")).unwrap();
    let rows = budgets["budgets"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{what}: a window was opened: {budgets}");
    assert!(rows.iter().all(|row| row["held"] == "2"), "{what}: {budgets}");
    assert_eq!(machine.upstream.journal().jobs(), upstream, "{what}");
}

#[test]
fn a_clock_that_is_set_while_it_serves_gains_nothing() {
    let limit = "[[rate_limit]]\nscope = 'token'\nrequests = 50\nper = '1d'\n";
    let machine = Machine::new("serving", &format!("{LIMITS}{limit}"));
    let gate = machine.start();
    assert_eq!(gate.post(KEYED).status, 201);
    let list = || {
        gate.ask(
            "GET",
            "/contextcapture/jobs?$filter=type%20eq%20Full&$top=1",
            "Authorization: Bearer u\r\n",
            "",
        )
        .status
    };
    while list() != 429 {}
    for by in JUMPS {
        machine.set_clock(by);
        gate.sees(by);
        gained_nothing(&gate, 1, &machine, &format!("set by {by} s"));
        assert_eq!(list(), 429, "set by {by} s: a request was gained");
    }
}

/// A killed gateway, so that what is in doubt or left to be done is done again under another clock, too.
#[test]
fn a_clock_that_is_set_between_two_starts_gains_nothing() {
    let machine = Machine::new("restarts", LIMITS);
    let gate = machine.start();
    assert_eq!(gate.post(KEYED).status, 201);
    gate.killed();
    // There and back, each from where the last one left it.
    for by in JUMPS.into_iter().chain([0]) {
        machine.set_clock(by);
        let gate = machine.start();
        gate.sees(by);
        gained_nothing(&gate, 1, &machine, &format!("started with the clock set by {by} s"));
        gate.killed();
    }
}

/// What operators write beside the gateway, under a clock a year ahead, does not take the gateway along.
#[test]
fn a_hold_that_is_resolved_under_a_clock_ahead_moves_no_window() {
    let machine = Machine::new("resolved", LIMITS);
    let gate = machine.start();
    let created = gate.post(KEYED);
    assert_eq!(created.status, 201);
    let holds: Value = serde_json::from_str(&gate.told("/v1/holds")).unwrap();
    let id = holds["holds"][0]["id"].as_str().unwrap().to_owned();
    machine.set_clock(YEAR);
    let mut resolve = Command::new(env!("CARGO_BIN_EXE_jobgate"));
    resolve.args(["holds", "resolve", &id, "--as", "settled", "--config"]);
    resolve.arg(machine.folder.join("jobgate.toml")).env("LD_PRELOAD", library());
    resolve.env("FAKETIME_TIMESTAMP_FILE", machine.folder.join("clock")).env("FAKETIME_NO_CACHE", "1");
    let output = resolve.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    gate.killed();
    machine.set_clock(0);
    let gate = machine.start();
    gate.sees(0);
    assert_eq!(gate.post("").status, 402, "what is settled stays in its window");
}

/// Whether a token has ended is a matter of dates: there the clock is right, however far it was set.
#[test]
fn tokens_are_judged_by_the_clock_as_it_is() {
    let issuer = issuer();
    let machine = Machine::new("tokens", "");
    let keys = machine.folder.join("keys.json");
    fs::write(&keys, key_set(&issuer)).unwrap();
    let section = "[identity]\nmode = 'jwt'\nissuer = 'i'\naudience = 'a'\njwks_file = 'keys.json'\n";
    let config = machine.folder.join("jobgate.toml");
    fs::write(&config, fs::read_to_string(&config).unwrap() + section).unwrap();
    let gate = machine.start();
    let token = token(&issuer);
    for (by, expected) in [(0, 200), (HOUR, 401), (0, 200), (-HOUR, 401), (YEAR, 401), (-YEAR, 401), (0, 200)]
    {
        machine.set_clock(by);
        gate.sees(by);
        let answer = gate.ask("GET", "/contextcapture/jobs?$filter=type%20eq%20Full&$top=1", &token, "");
        assert_eq!(answer.status, expected, "set by {by} s: {}", answer.body);
    }
}

fn issuer() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap()
}

fn key_set(issuer: &EcdsaKeyPair) -> String {
    let (x, y) = issuer.public_key().as_ref()[1..].split_at(32);
    json!({"keys": [{"kty": "EC", "crv": "P-256", "x": BASE64.encode(x), "y": BASE64.encode(y)}]}).to_string()
}

/// One that holds for half an hour before and behind now, in a header.
fn token(issuer: &EcdsaKeyPair) -> String {
    let now = jiff::Timestamp::now().as_second();
    let claims =
        json!({"iss": "i", "aud": "a", "sub": "s", "nbf": now - HOUR / 2, "exp": now + HOUR / 2}).to_string();
    let message = format!("{}.{}", BASE64.encode(r#"{"alg":"ES256"}"#), BASE64.encode(claims));
    let signature = issuer.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    format!("Authorization: Bearer {message}.{}\r\n", BASE64.encode(signature))
}
