//! An upstream that records what it hears, takes nothing but what a gate may send, and misbehaves on request.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use super::{CREATED, PATIENCE, strict};

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
    /// What no gate may write.
    faults: Vec<String>,
    connections: usize,
    script: VecDeque<Act>,
    /// For requests of a method alone.
    of_method: Vec<(&'static str, Act)>,
    held: usize,
    released: usize,
}

impl State {
    fn next(&mut self, line: &str) -> Option<Act> {
        let own = self.of_method.iter().position(|(method, _)| line.starts_with(method));
        own.map(|at| self.of_method.remove(at).1).or_else(|| self.script.pop_front())
    }
}

/// An upstream.
#[derive(Clone)]
pub struct Recorder {
    pub address: SocketAddr,
    /// Whoever asks is no gate that forwards.
    of_anybody: bool,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Recorder {
    pub fn start() -> Self {
        Self::begin(false)
    }

    /// One that is asked by others than a gate, or by a gate for itself, and takes any header.
    pub fn of_anybody() -> Self {
        Self::begin(true)
    }

    fn begin(of_anybody: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let recorder = Self { address: listener.local_addr().unwrap(), of_anybody, state: Arc::default() };
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

    /// What is done with one request of that method, whatever others come before it.
    pub fn script_for(&self, method: &'static str, act: Act) {
        self.state.0.lock().unwrap().of_method.push((method, act));
    }

    /// Forgets what is left of the script.
    pub fn unscript(&self) {
        self.state.0.lock().unwrap().script.clear();
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.since(0)
    }

    /// How many requests were seen.
    pub fn count(&self) -> usize {
        self.sound().seen.len()
    }

    /// What was seen behind the first so many.
    pub fn since(&self, count: usize) -> Vec<Seen> {
        self.sound().seen.get(count..).unwrap_or_default().to_vec()
    }

    /// What was seen since the last time.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.sound().seen)
    }

    /// Whoever looks at what was seen learns of what was none.
    fn sound(&self) -> MutexGuard<'_, State> {
        let state = self.state.0.lock().unwrap();
        let faults = state.faults.clone();
        if !faults.is_empty() {
            drop(state);
            panic!("upstream was sent what no gate may send: {faults:?}");
        }
        state
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
        if reader.fill_buf()?.first() == Some(&0x16) {
            // A client of TLS, which would wait for an answer.
            return Ok(false);
        }
        let mut raw = Vec::new();
        while !raw.ends_with(b"\r\n\r\n") {
            // Cut off before its end it is no request; a gate may be, too.
            if reader.read_until(b'\n', &mut raw)? == 0 {
                return Ok(false);
            }
        }
        let mut seen = match strict::seen(connection, &raw, self.of_anybody) {
            Ok(seen) => seen,
            Err(fault) => {
                self.state.0.lock().unwrap().faults.push(fault);
                return Ok(false);
            }
        };
        let act = self.state.0.lock().unwrap().next(&seen.line);
        if !matches!(act, Some(Act::CloseBeforeBody)) {
            let length = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
            seen.body.resize(length, 0);
            reader.read_exact(&mut seen.body)?;
            if !reader.buffer().is_empty() {
                // Nothing is ever sent before the answer to what was sent before it.
                let more = format!("more than a request: {:?}", String::from_utf8_lossy(reader.buffer()));
                self.state.0.lock().unwrap().faults.push(more);
            }
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
