//! A bare client over one socket per request: it sees bytes, resets and early ends as they are.
#![allow(dead_code, reason = "not every test file needs all of it")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test may stop")]
#![allow(unreachable_pub, reason = "shared by the test files")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use sandbox::{Builder, ManualClock, Running, Sandbox};
use serde_json::{Value, json};

pub const WORKSPACE: &str = "6881117d-9fd2-4900-870b-9b721dc90f25";
pub const INPUT: &str = "58e0c0ca-f730-4e5b-808d-1c8cacacb4d4";
pub const TOKEN: (&str, &str) = ("authorization", "Bearer anyone");

/// What came back on a connection until it ended.
#[derive(Debug)]
pub struct Seen {
    pub bytes: Vec<u8>,
    /// Whether it ended with a reset.
    pub reset: bool,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Seen {
    /// Reads it as a whole answer.
    pub fn answer(&self) -> Answer {
        let (head, body) = self.split();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let answer = Answer { status, headers, body: body.to_vec() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        assert_eq!(answer.body.len(), length, "the body is whole");
        answer
    }

    /// The head as text, and what follows it.
    pub fn split(&self) -> (&str, &[u8]) {
        let end = self.bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        (std::str::from_utf8(&self.bytes[..end]).unwrap(), &self.bytes[end + 4..])
    }
}

pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let named: String = headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
    let length = body.len();
    let text = format!(
        "{method} {target} HTTP/1.1\r\nhost: sandbox.test\r\nconnection: close\r\n{named}content-length: {length}\r\n\r\n"
    );
    [text.as_bytes(), body].concat()
}

/// Sends bytes and reads until the connection ends.
pub fn exchange(addr: SocketAddr, bytes: &[u8]) -> Seen {
    let mut stream = TcpStream::connect(addr).unwrap();
    // A connection that is reset at once may refuse the bytes already.
    let _ = stream.write_all(bytes);
    rest(stream)
}

pub fn rest(mut stream: TcpStream) -> Seen {
    let mut seen = Seen { bytes: Vec::new(), reset: false };
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return seen,
            Ok(count) => seen.bytes.extend_from_slice(&buffer[..count]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                seen.reset = true;
                return seen;
            }
        }
    }
}

/// Says that no more will be sent.
pub fn finish(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).unwrap();
}

/// An authorized request and its whole answer.
pub fn call(running: &Running, method: &str, target: &str, body: &Value) -> Answer {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    exchange(running.addr(), &request(method, target, &[TOKEN], &body)).answer()
}

pub fn get(running: &Running, target: &str) -> Answer {
    call(running, "GET", target, &Value::Null)
}

pub fn start(builder: Builder) -> Running {
    builder.start_blocking(([127, 0, 0, 1], 0).into()).unwrap()
}

/// A sandbox whose time stands still at 2026-03-02T09:00:00Z.
pub fn still() -> (Running, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at("2026-03-02T09:00:00Z".parse().unwrap()));
    (start(Sandbox::builder().clock(clock.clone())), clock)
}

pub fn job() -> Value {
    json!({
        "type": "Full",
        "name": "Bridge 7",
        "workspaceId": WORKSPACE,
        "inputs": [{ "id": INPUT, "description": "Drone ImageCollection" }],
        "settings": { "quality": "Extra", "outputs": ["OBJ", "3MX"], "processingEngines": 5 },
        "costEstimationParameters": { "gigaPixels": 2.1, "megaPoints": 1.5, "meshQuality": "Extra" },
    })
}

/// Creates a job and gives its path.
pub fn created(running: &Running) -> String {
    let answer = call(running, "POST", "/jobs", &job());
    assert_eq!(answer.status, 201, "{answer:?}");
    format!("/jobs/{}", answer.json()["job"]["id"].as_str().unwrap())
}

/// The published example of an answer.
pub fn documented(operation: &str, status: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../data/v1-documented-examples.json")).unwrap();
    let examples = all["examples"].as_array().unwrap();
    let found = examples.iter().find(|example| example["op"] == operation).unwrap();
    found["responses"][status].clone()
}
