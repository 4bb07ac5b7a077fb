//! What the gateway says on stderr: nothing that it was sent, and nobody waits until somebody reads it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::Duration;

const CANARY: &str = "c4nary";
const JOB: &str = r#"{"type":"Full","name":"c4nary","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"]},"costEstimationParameters":{"gigaPixels":2}}"#;

/// An upstream that answers everything with these bytes and closes.
fn upstream(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).unwrap_or(0) > 2 {
                length = line
                    .to_lowercase()
                    .strip_prefix("content-length:")
                    .map_or(length, |n| n.trim().parse().unwrap());
                line.clear();
            }
            let _ = reader.read_exact(&mut vec![0; length]);
            let _ = stream.write_all(answer);
        }
    });
    address
}

struct Gate {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
    admin: SocketAddr,
    said: String,
    stderr: BufReader<ChildStderr>,
}

impl Gate {
    fn start(name: &str, upstream: SocketAddr, level: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("jobgate-says-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let config = folder.join("jobgate.toml");
        let text = format!(
            "listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\nupstream.url = 'http://{upstream}'\n\
             pricing.rate_card = 'builtin:illustrative'\nlog.level = '{level}'\n"
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobgate"));
        command.args(["serve", "--config"]).arg(&config).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let (address, admin) = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "{said}");
            said += &line;
            let Some((_, listening)) = line.split_once("listening on ") else { continue };
            let (address, admin) = listening.split_once(", for operators on ").unwrap();
            let admin = admin.split(['"', '\\', ' ', ',']).next().unwrap();
            break (address.parse().unwrap(), admin.parse().unwrap());
        };
        Self { child, folder, address, admin, said, stderr }
    }

    /// The first line of the answer, nothing where there is none.
    fn send(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("the gateway answers");
        line
    }

    fn post(&self) -> String {
        let head = "POST /contextcapture/jobs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer c4nary\r\nConnection: close\r\n";
        let length = JOB.len();
        let head = format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        Self::send(self.address, &(head + JOB))
    }

    /// Returns when SIGTERM would not end it at once any more.
    fn watches_signals(&self) {
        const TERMINATE: u64 = 1 << (15 - 1);
        loop {
            let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
            if u64::from_str_radix(caught.trim(), 16).unwrap() & TERMINATE != 0 {
                return;
            }
            thread::yield_now();
        }
    }

    /// All that it has said, once it was asked to end.
    fn end(mut self) -> String {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        self.stderr.read_to_string(&mut self.said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{}", self.said);
        fs::remove_dir_all(&self.folder).unwrap();
        self.said.clone()
    }
}

/// Where the library underneath cannot read an answer or a request, it would say what it has read.
#[test]
fn nothing_that_was_sent_is_said_on_stderr() {
    let mut said = String::new();
    for (number, answer) in [
        &b"{\"job\":{\"email\":\"c4nary@example.com\"}}\r\n\r\n"[..],
        b"HTTP/1.1 201 Created\r\nc4nary c4nary: \x01c4nary\r\n\r\n",
        b"HTTP/1.1 c4nary\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: c4nary\r\n\r\nc4nary",
    ]
    .into_iter()
    .enumerate()
    {
        let gate = Gate::start(&format!("canary-{number}"), upstream(answer), "debug");
        let token = "Host: a\r\nAuthorization: Bearer c4nary\r\nConnection: close\r\n";
        assert!(gate.post().contains(" 502 "));
        Gate::send(gate.address, &format!("GET /contextcapture/jobs?$filter=c4nary HTTP/1.1\r\n{token}\r\n"));
        for address in [gate.address, gate.admin] {
            let _ = Gate::send(address, &format!("GET /c4nary c4nary HTTP/1.1\r\n{token}\r\n"));
            let _ = Gate::send(
                address,
                &format!("GET /c4nary HTTP/1.1\r\n{token}c4nary\x01: \x01c4nary\r\n\r\n"),
            );
        }
        said += &gate.end();
    }
    assert!(said.contains("\"level\":\"warn\""), "{said}");
    let told: Vec<_> = said.lines().filter(|line| line.contains(CANARY)).collect();
    assert!(told.is_empty(), "{told:#?}");
    for line in said.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["message"].as_str().unwrap().len() < 1100);
    }
}

/// A hold without a job is one that an operator has to resolve: it must not take a look at the list of holds to learn of it.
#[test]
fn a_success_that_names_no_job_is_told_with_its_hold() {
    let body = r#"{"job":{"email":"c4nary@example.com"}}"#;
    let answer = format!(
        "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let gate = Gate::start("no-job", upstream(answer.leak().as_bytes()), "info");
    assert!(gate.post().contains(" 201 "));
    let said = gate.end();
    let mut told = said.lines().filter(|line| line.contains("names no job"));
    let line: serde_json::Value = serde_json::from_str(told.next().expect(&said)).unwrap();
    assert_eq!(line["level"], "warn");
    assert!(line["message"].as_str().unwrap().contains("hold 0"), "{line}");
    assert!(told.next().is_none() && !said.contains(CANARY), "{said}");
}

/// There is nothing to read or to open anew; whoever asks for it, or closes the terminal, must not cut requests off.
#[test]
fn signals_that_ask_for_something_else_end_nothing() {
    let gate = Gate::start("hangup", upstream(b""), "info");
    gate.watches_signals();
    for name in ["HUP", "USR1", "USR2", "HUP"] {
        let id = gate.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
        assert!(gate.post().contains(" 502 "), "{name}");
    }
    let said = gate.end();
    assert!(["SIGHUP", "SIGUSR1", "SIGUSR2"].iter().all(|name| said.contains(name)), "{said}");
}

#[test]
fn quit_is_a_stop_like_any_other() {
    let mut gate = Gate::start("quit", upstream(b""), "info");
    gate.watches_signals();
    let id = gate.child.id().to_string();
    assert!(Command::new("kill").args(["-QUIT", &id]).status().unwrap().success());
    assert!(gate.child.wait().unwrap().success(), "{}", gate.end());
}

/// Each answer that upstream does not give is a line, and a pipe that nobody reads takes some hundred of them.
#[test]
fn stderr_that_nobody_reads_keeps_no_request_waiting() {
    let gate = Gate::start("unread", upstream(b""), "info");
    for _ in 0..2000 {
        assert!(gate.post().contains(" 502 "));
    }
    let said = gate.end();
    assert!(said.len() > 2 * 65536, "{} bytes", said.len());
}

/// Whoever looks after the process starts it again when it has failed, and takes an end with 0 for one that somebody asked for.
#[test]
fn a_server_that_panics_has_failed() {
    let folder = std::env::temp_dir().join(format!("jobgate-says-panic-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let config = folder.join("jobgate.toml");
    let text = "listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\nlimits.threads = 1\nupstream.url = 'http://127.0.0.1:9'\n";
    fs::write(&config, text).unwrap();
    let ran = Command::new("sh")
        // Enough to listen, and not for what the threads of the server wait with.
        .args(["-c", "ulimit -n 16; exec \"$0\" serve --config \"$1\"", env!("CARGO_BIN_EXE_jobgate")])
        .arg(&config)
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("listening on ") && said.contains(" panicked at "), "{said}");
    assert_eq!(ran.status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap();
    assert!(
        last.starts_with("jobgate: the server ended by a panic") && last.contains("LimitNOFILE"),
        "{said}"
    );
    assert!(!said.contains("nothing was under way"), "{said}");
    fs::remove_dir_all(&folder).unwrap();
}
