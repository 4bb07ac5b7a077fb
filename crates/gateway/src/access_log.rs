//! Writes one JSON line per request from a thread of its own. A slow or full reader never holds a request up: lines that
//! find no place are dropped, and counted.
//!
//! Requests put their lines into a shared buffer and the writer takes all of it a few times a second. A channel that
//! wakes the writer for each line costs more than everything else that the gateway does for a request.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use serde::Serialize;

use crate::clock;
use crate::metrics::Metrics;

/// Bytes of lines that may wait.
const WAITING: usize = 4 << 20;
/// The usual line has not more.
const USUAL: usize = 640;
/// How long lines are gathered before they are written.
const GATHER: Duration = Duration::from_millis(20);
/// How long a stopping gateway waits for the reader.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way to the writer.
#[derive(Debug)]
pub(crate) struct AccessLog(Option<Way>);

#[derive(Debug)]
struct Way {
    shared: Arc<Mutex<Shared>>,
    writer: Thread,
}

/// What writer and requests share.
#[derive(Debug, Default)]
struct Shared {
    waiting: Vec<u8>,
    /// The writer waits to be woken; else it looks again by itself.
    asleep: bool,
    /// The writer has taken lines and is not through with them.
    writing: bool,
    /// The destination has failed: nothing will be written any more.
    ended: bool,
}

impl AccessLog {
    /// Starts the writer; without a destination nothing is written.
    ///
    /// # Errors
    /// When no thread is to be had.
    pub(crate) fn start(destination: Option<Box<dyn Write + Send>>) -> io::Result<Self> {
        let Some(destination) = destination else { return Ok(Self(None)) };
        let shared = Arc::<Mutex<Shared>>::default();
        let also = Arc::clone(&shared);
        let thread = thread::Builder::new().name("access-log".to_owned());
        let writer = thread.spawn(move || write_all(&also, destination))?.thread().clone();
        Ok(Self(Some(Way { shared, writer })))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn write(&self, line: &impl Serialize, metrics: &Metrics) {
        let Some(way) = &self.0 else { return };
        let mut bytes = Vec::with_capacity(USUAL);
        if serde_json::to_writer(&mut bytes, line).is_err() {
            return metrics.log_line_dropped();
        }
        bytes.push(b'\n');
        let mut shared = lock(&way.shared);
        if shared.ended || shared.waiting.len().saturating_add(bytes.len()) > WAITING {
            return metrics.log_line_dropped();
        }
        shared.waiting.extend_from_slice(&bytes);
        if std::mem::take(&mut shared.asleep) {
            drop(shared);
            way.writer.unpark();
        }
    }

    /// Waits until everything so far is written, but not for a reader that does not read.
    pub(crate) fn flush(&self) {
        let Some(way) = &self.0 else { return };
        let began = clock::now();
        while clock::now().saturating_duration_since(began) < PATIENCE {
            let shared = lock(&way.shared);
            if shared.ended || (shared.waiting.is_empty() && !shared.writing) {
                return;
            }
            drop(shared);
            way.writer.unpark();
            thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// A panic while it was held can have spoilt no more than a line.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_all(shared: &Mutex<Shared>, mut destination: Box<dyn Write + Send>) {
    let mut lines = Vec::new();
    loop {
        let mut now = lock(shared);
        if now.waiting.is_empty() {
            now.asleep = true;
            drop(now);
            thread::park();
            continue;
        }
        lines.clear();
        std::mem::swap(&mut lines, &mut now.waiting);
        now.writing = true;
        drop(now);
        let written = destination.write_all(&lines).and_then(|()| destination.flush());
        let mut now = lock(shared);
        now.writing = false;
        if let Err(error) = written {
            now.ended = true;
            drop(now);
            log::error!("the access log cannot be written any more: {error}");
            return;
        }
        drop(now);
        thread::park_timeout(GATHER);
    }
}
