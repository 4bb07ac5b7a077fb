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

pub mod exchange;
pub mod folder;
pub mod logs;
pub mod money;

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use gateway::{Config, Gateway, StopHandle};

/// The published example.
pub const JOB: &str = r#"{"type":"Full","name":"My first job","costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5,"meshQuality":"Extra"},"workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photos"}],"settings":{"quality":"Extra","processingEngines":5,"outputs":["OBJ","3MX"]}}"#;
/// What the recorder answers to everything unless told otherwise.
pub const CREATED: &str = r#"{"job":{"id":"cc3d35cc-416a-4262-9714-b359da70b419","estimatedCost":3.5}}"#;
/// Nothing in a test takes this long unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A request as the recorder read it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub connection: usize,
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} twice: {self:?}");
        value
    }
}

/// What the recorder does with the next request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Writes these bytes.
    Answer(Vec<u8>),
    /// Writes these bytes and closes.
    AnswerAndClose(Vec<u8>),
    /// Writes these bytes again and again, until the gateway closes.
    Endless(Vec<u8>),
    /// Closes without a word.
    Close,
    /// Reads no further than the header and closes.
    CloseBeforeBody,
    /// Says nothing until the gateway closes.
    Silence,
    /// Waits for [`Recorder::release`], then answers as usual.
    Hold,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    connections: usize,
    script: VecDeque<Act>,
    held: usize,
    released: usize,
}

/// An upstream.
#[derive(Clone)]
pub struct Recorder {
    pub address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Recorder {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let recorder = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let accepting = recorder.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let recorder = accepting.clone();
                thread::spawn(move || recorder.serve(stream.unwrap()));
            }
        });
        recorder
    }

    pub fn script(&self, acts: impl IntoIterator<Item = Act>) {
        self.state.0.lock().unwrap().script.extend(acts);
    }

    /// Forgets what is left of the script.
    pub fn unscript(&self) {
        self.state.0.lock().unwrap().script.clear();
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.0.lock().unwrap().seen.clone()
    }

    /// What was seen since the last time.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.0.lock().unwrap().seen)
    }

    pub fn connections(&self) -> usize {
        self.state.0.lock().unwrap().connections
    }

    /// Waits until a request is held.
    pub fn wait_held(&self, count: usize) {
        let guard = self.state.0.lock().unwrap();
        let (_state, late) =
            self.state.1.wait_timeout_while(guard, PATIENCE, |state| state.held < count).unwrap();
        assert!(!late.timed_out(), "no request was held");
    }

    pub fn release(&self) {
        self.state.0.lock().unwrap().released += 1;
        self.state.1.notify_all();
    }

    fn serve(&self, stream: TcpStream) {
        let connection = {
            let mut state = self.state.0.lock().unwrap();
            state.connections += 1;
            state.connections
        };
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        while self.one(connection, &mut reader, &mut writer).unwrap_or(false) {}
        let _ = writer.shutdown(Shutdown::Both);
    }

    fn one(
        &self,
        connection: usize,
        reader: &mut BufReader<TcpStream>,
        writer: &mut TcpStream,
    ) -> io::Result<bool> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        let mut headers = Vec::new();
        loop {
            let mut field = String::new();
            reader.read_line(&mut field)?;
            let Some((name, value)) = field.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut seen = Seen { connection, line: line.trim_end().to_owned(), headers, body: Vec::new() };
        assert!(seen.header("transfer-encoding").is_none(), "{seen:?}");
        let act = self.state.0.lock().unwrap().script.pop_front();
        if !matches!(act, Some(Act::CloseBeforeBody)) {
            let length = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
            seen.body.resize(length, 0);
            reader.read_exact(&mut seen.body)?;
        }
        let method = seen.line.split(' ').next().unwrap().to_owned();
        self.state.0.lock().unwrap().seen.push(seen);
        let usual = match method.as_str() {
            "POST" => answer(201, CREATED),
            "DELETE" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            _ => answer(200, CREATED),
        };
        match act {
            None => writer.write_all(&usual)?,
            Some(Act::Answer(bytes)) => writer.write_all(&bytes)?,
            Some(Act::AnswerAndClose(bytes)) => {
                writer.write_all(&bytes)?;
                return Ok(false);
            }
            Some(Act::Endless(bytes)) => loop {
                writer.write_all(&bytes)?;
            },
            Some(Act::Close | Act::CloseBeforeBody) => return Ok(false),
            Some(Act::Silence) => {
                let _ = reader.read(&mut [0]);
                return Ok(false);
            }
            Some(Act::Hold) => {
                let mut state = self.state.0.lock().unwrap();
                state.held += 1;
                let turn = state.held;
                self.state.1.notify_all();
                drop(self.state.1.wait_while(state, |state| state.released < turn).unwrap());
                writer.write_all(&usual)?;
            }
        }
        Ok(true)
    }
}

pub fn answer(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nx-correlation-id: c-1\r\nConnection: keep-alive, x-hop\r\nx-hop: 1\r\nx-jobgate-decision: forged\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

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

    /// Waits for that many lines.
    pub fn lines(&self, count: usize) -> Vec<serde_json::Value> {
        let lines = |bytes: &Vec<u8>| bytes.split(|byte| *byte == b'\n').count() - 1;
        let guard = self.0.0.lock().unwrap();
        let (bytes, late) =
            self.0.1.wait_timeout_while(guard, PATIENCE, |bytes| lines(bytes) < count).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(!late.timed_out(), "{count} lines were expected in the log:\n{text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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
        let text = format!(
            "listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\nlog.level = 'warn'\nupstream.url = 'http://{upstream}'\n{more}"
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
        let thread = Some(thread::spawn(move || gateway.run()));
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

    /// Whether the other side has closed, with nothing left to read.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.reader.read(&mut [0]), Ok(0) | Err(_))
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
