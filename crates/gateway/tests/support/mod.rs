//! A gateway on free ports, an upstream that records and misbehaves on request, and a client that writes raw bytes.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "each test file uses its own part"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

pub mod answers;
pub mod exchange;
pub mod folder;
pub mod logs;
pub mod money;
mod recorder;
pub mod strict;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use gateway::{Config, Gateway, StopHandle};

#[allow(unused_imports, reason = "each test file uses its own part")]
pub use recorder::{Act, Recorder, Seen, answer};

/// The published example.
pub const JOB: &str = r#"{"type":"Full","name":"My first job","costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5,"meshQuality":"Extra"},"workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photos"}],"settings":{"quality":"Extra","processingEngines":5,"outputs":["OBJ","3MX"]}}"#;
/// What the recorder answers to everything unless told otherwise.
pub const CREATED: &str = r#"{"job":{"id":"cc3d35cc-416a-4262-9714-b359da70b419","estimatedCost":3.5}}"#;
/// Nothing in a test takes this long unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What was written to the access log.
#[derive(Clone, Default)]
pub struct Log(Arc<(Mutex<Vec<u8>>, Condvar)>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.lock().unwrap().extend_from_slice(bytes);
        self.0.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().clone()).unwrap()
    }

    /// Waits for that many lines; in the order in which the requests came, whichever was written first.
    pub fn lines(&self, count: usize) -> Vec<serde_json::Value> {
        let lines = |bytes: &Vec<u8>| bytes.split(|byte| *byte == b'\n').count() - 1;
        let guard = self.0.0.lock().unwrap();
        let (bytes, late) =
            self.0.1.wait_timeout_while(guard, PATIENCE, |bytes| lines(bytes) < count).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(!late.timed_out(), "{count} lines were expected in the log:\n{text}");
        let mut lines: Vec<_> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.sort_by_key(|line: &serde_json::Value| {
            line["time"].as_str().unwrap().trim_end_matches('Z').to_owned()
        });
        lines
    }
}

/// A gateway that runs, and stops when dropped.
pub struct Running {
    pub address: SocketAddr,
    pub admin: SocketAddr,
    pub log: Log,
    stop: StopHandle,
    thread: Option<thread::JoinHandle<usize>>,
}

impl Running {
    /// In front of an upstream, with more configuration behind the usual one.
    pub fn start(upstream: SocketAddr, more: &str) -> Self {
        Self::configured(&format!("upstream.url = 'http://{upstream}'\n{more}"))
    }

    pub fn configured(text: &str) -> Self {
        let log = Log::default();
        let mut running = Self::logging(text, Box::new(log.clone()));
        running.log = log;
        running
    }

    /// With another reader of the access log.
    pub fn logging(text: &str, destination: Box<dyn Write + Send>) -> Self {
        let mut text = format!("admin.address = '127.0.0.1:0'\nlog.level = 'warn'\n{text}");
        if !text.contains("listen.address") {
            text.insert_str(0, "listen.address = '127.0.0.1:0'\n");
        }
        if !text.contains("ledger") {
            text.insert_str(0, "ledger.url = 'memory:'\n");
        }
        let config =
            Config::parse(&text, Path::new("."), []).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
        Self::run(Gateway::bind(config, Some(destination)).unwrap())
    }

    /// Waits until a gateway that has just stopped lets go of its ledger: the lock goes with the last task that holds it.
    pub fn start_patiently(upstream: SocketAddr, more: &str) -> Self {
        Self::configured_patiently(&format!("upstream.url = 'http://{upstream}'\n{more}"))
    }

    pub fn configured_patiently(more: &str) -> Self {
        let text = format!(
            "listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\nlog.level = 'warn'\n{more}"
        );
        let config = Config::parse(&text, Path::new("."), []).unwrap();
        loop {
            match Gateway::bind(config.clone(), None) {
                Ok(gateway) => return Self::run(gateway),
                Err(_) => thread::yield_now(),
            }
        }
    }

    fn run(gateway: Gateway) -> Self {
        let (address, admin, stop) = (gateway.address(), gateway.admin(), gateway.stop_handle());
        let thread = Some(thread::spawn(move || gateway.run().unwrap()));
        Self { address, admin, log: Log::default(), stop, thread }
    }

    /// Waits until it says that it is ready.
    pub fn wait_ready(&self) {
        let mut operator = self.operator();
        while operator.send(&get("/readyz")).status != 200 {
            thread::yield_now();
        }
    }

    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Stops it and tells how many requests were cut off.
    pub fn stop(mut self) -> usize {
        self.stop.stop();
        self.thread.take().unwrap().join().unwrap()
    }

    /// Waits for its end, of which somebody has told it, and tells how many requests were cut off.
    pub fn end(mut self) -> usize {
        self.thread.take().unwrap().join().unwrap()
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    pub fn operator(&self) -> Client {
        Client::connect(self.admin)
    }

    /// One request on a connection of its own.
    pub fn send(&self, request: &[u8]) -> Reply {
        self.client().send(request)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The second word ends it at once, whatever a test left open.
        if let Some(thread) = self.thread.take() {
            while !thread.is_finished() {
                self.stop.stop();
                thread::park_timeout(Duration::from_millis(1));
            }
        }
    }
}

/// A connection.
pub struct Client {
    pub stream: TcpStream,
    reader: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} twice: {self:?}");
        value
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|fault| panic!("{fault}: {self:?}"))
    }

    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl Client {
    /// Waits for a gateway that is still starting: its socket is bound, so this never fails.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { reader: BufReader::new(stream.try_clone().unwrap()), stream }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub fn send(&mut self, request: &[u8]) -> Reply {
        self.write(request);
        self.read()
    }

    pub fn try_send(&mut self, request: &[u8]) -> io::Result<Reply> {
        self.stream.write_all(request)?;
        self.try_read()
    }

    pub fn read(&mut self) -> Reply {
        self.try_read().unwrap()
    }

    pub fn try_read(&mut self) -> io::Result<Reply> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let mut field = String::new();
            if self.reader.read_line(&mut field)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some((name, value)) = field.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply { status, headers, body: String::new() };
        if let Some(length) = reply.header("content-length") {
            let mut body = vec![0; length.parse().unwrap()];
            self.reader.read_exact(&mut body)?;
            reply.body = String::from_utf8(body).unwrap();
        } else if reply.header("transfer-encoding").is_some() {
            loop {
                let mut size = String::new();
                if self.reader.read_line(&mut size)? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
                let mut piece = vec![0; size + 2];
                self.reader.read_exact(&mut piece)?;
                if size == 0 {
                    break;
                }
                reply.body.push_str(std::str::from_utf8(&piece[..size]).unwrap());
            }
        }
        Ok(reply)
    }

    /// All that is left until the other side closes; and whether it does.
    pub fn read_to_the_end(&mut self) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        let read = self.reader.read_to_end(&mut bytes);
        let waits =
            |fault: io::Error| matches!(fault.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        // A reset ends a connection as well.
        (bytes, !read.is_err_and(waits))
    }

    /// Whether the other side has closed, with nothing left to read.
    pub fn is_closed(&mut self) -> bool {
        match self.reader.read(&mut [0]) {
            Ok(read) => read == 0,
            // It is open, and nothing comes.
            Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }
}

/// The head of a request with a token and a media type.
pub fn head(method: &str, target: &str, more: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer t0k-en\r\n{more}")
}

/// A whole request with a JSON body.
pub fn request(method: &str, target: &str, body: &str) -> Vec<u8> {
    let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    head(method, target, &more).into_bytes()
}

/// The same in chunks of a size.
pub fn chunked(method: &str, target: &str, body: &str, size: usize) -> Vec<u8> {
    let mut bytes =
        head(method, target, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes();
    for piece in body.as_bytes().chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

pub fn post(body: &str) -> Vec<u8> {
    request("POST", "/contextcapture/jobs", body)
}

pub fn get(target: &str) -> Vec<u8> {
    head("GET", target, "\r\n").into_bytes()
}

/// The published example with inputs until it has about that many bytes.
pub fn job_of(bytes: usize) -> String {
    let filler = "x".repeat(bytes.saturating_sub(JOB.len()) % 15_000);
    let mut inputs = format!(r#"{{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"{filler}"}}"#);
    let rest = bytes.saturating_sub(JOB.len() + filler.len()) / 15_000;
    for n in 0..rest {
        let text = "y".repeat(15_000 - 66);
        inputs.extend(
            [
                ",{\"id\":\"58e0c0ca-f730-4e5b-808d-",
                &format!("{n:012x}"),
                "\",\"description\":\"",
                &text,
                "\"}",
            ]
            .map(str::to_owned),
        );
    }
    JOB.replace(r#"{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photos"}"#, &inputs)
}
