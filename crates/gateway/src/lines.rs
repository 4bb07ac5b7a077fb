//! Writes lines from a thread of its own. A slow or full reader never holds anybody up: lines that find no place are dropped, and
//! whoever wrote them is told.
//!
//! Lines are put into a shared buffer and the writer takes all of it at once. A channel that wakes the writer for each line of a
//! request costs more than everything else that the gateway does for one.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::clock;

/// Bytes of lines that may wait.
const WAITING: usize = 4 << 20;
/// How long a stopping gateway waits for the reader.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way to a writer.
#[derive(Debug)]
pub(crate) struct Lines {
    shared: Arc<Mutex<Shared>>,
    writer: Thread,
}

/// What the writer shares with those who have lines.
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

impl Lines {
    /// Starts a writer, which gathers lines for so long before it writes them, and tells of its destination's end.
    ///
    /// # Errors
    /// When no thread is to be had.
    pub(crate) fn start(
        name: &str,
        gather: Duration,
        destination: Box<dyn Write + Send>,
        ended: fn(&io::Error),
    ) -> io::Result<Self> {
        let shared = Arc::<Mutex<Shared>>::default();
        let also = Arc::clone(&shared);
        let thread = thread::Builder::new().name(name.to_owned());
        let writer = thread.spawn(move || {
            if let Err(error) = write_all(&also, gather, destination) {
                ended(&error);
            }
        })?;
        Ok(Self { shared, writer: writer.thread().clone() })
    }

    /// Whether there was a place for a line; one that is longer than all that may wait has none.
    #[must_use]
    pub(crate) fn put(&self, line: &[u8]) -> bool {
        let mut shared = lock(&self.shared);
        if shared.ended || shared.waiting.len().saturating_add(line.len()) > WAITING {
            return false;
        }
        shared.waiting.extend_from_slice(line);
        if std::mem::take(&mut shared.asleep) {
            drop(shared);
            self.writer.unpark();
        }
        true
    }

    /// Waits until everything so far is written, but not for a reader that does not read.
    pub(crate) fn flush(&self) {
        let began = clock::now();
        while clock::now().saturating_duration_since(began) < PATIENCE {
            let shared = lock(&self.shared);
            if shared.ended || (shared.waiting.is_empty() && !shared.writing) {
                return;
            }
            drop(shared);
            self.writer.unpark();
            thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// A panic while it was held can have spoilt no more than a line.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Until the destination fails.
fn write_all(
    shared: &Mutex<Shared>,
    gather: Duration,
    mut destination: Box<dyn Write + Send>,
) -> io::Result<()> {
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
        now.ended = written.is_err();
        drop(now);
        written?;
        if !gather.is_zero() {
            thread::park_timeout(gather);
        }
    }
}
