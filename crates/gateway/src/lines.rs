//! Writes lines from a thread of its own. A slow or full reader never holds anybody up: lines wait for it, those that find no place
//! are dropped, and whoever wrote them is told.
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
/// How long until a write that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// The same for a pipe that takes nothing at the moment.
const SOON: Duration = Duration::from_millis(10);

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
    /// Nobody reads any more: nothing will be written.
    ended: bool,
}

/// What is told of a destination.
#[derive(Debug)]
pub(crate) enum News<'a> {
    /// It takes nothing; it is tried again.
    Fails(&'a io::Error),
    /// It takes lines again.
    Mended,
    /// Nobody reads any more, and so many lines that were on their way are lost.
    Ended(&'a io::Error, u64),
}

impl Lines {
    /// Starts a writer, which gathers lines for so long before it writes them, and tells of its destination.
    ///
    /// # Errors
    /// When no thread is to be had.
    pub(crate) fn start(
        name: &str,
        gather: Duration,
        destination: Box<dyn Write + Send>,
        tell: impl Fn(News<'_>) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::<Mutex<Shared>>::default();
        let also = Arc::clone(&shared);
        let thread = thread::Builder::new().name(name.to_owned());
        let writer = thread.spawn(move || {
            if let Err((error, mut lost)) = write_all(&also, gather, destination, &tell) {
                let mut shared = lock(&also);
                shared.ended = true;
                lost.append(&mut shared.waiting);
                drop(shared);
                tell(News::Ended(&error, count(&lost)));
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

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).fold(0, |count, _| count.saturating_add(1))
}

/// Until nobody reads any more; then with what was not written.
fn write_all(
    shared: &Mutex<Shared>,
    gather: Duration,
    mut destination: Box<dyn Write + Send>,
    tell: impl Fn(News<'_>),
) -> Result<(), (io::Error, Vec<u8>)> {
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
        write(&lines, &mut destination, &tell)
            .map_err(|(error, rest)| (error, lines.split_off(lines.len().saturating_sub(rest))))?;
        lock(shared).writing = false;
        if !gather.is_zero() {
            thread::park_timeout(gather);
        }
    }
}

/// Writes all of it, and goes on where it was when the destination takes something again: no line is torn by a disk that was full.
///
/// # Errors
/// When nobody reads any more; with how many bytes are left.
fn write(
    lines: &[u8],
    destination: &mut dyn Write,
    tell: &impl Fn(News<'_>),
) -> Result<(), (io::Error, usize)> {
    let (mut rest, mut failed) = (lines, false);
    loop {
        let whole = rest.is_empty();
        let taken = if whole { destination.flush().map(|()| 0) } else { destination.write(rest) };
        let error = match taken {
            Ok(0) if !whole => io::ErrorKind::WriteZero.into(),
            Ok(taken) => {
                if std::mem::take(&mut failed) {
                    tell(News::Mended);
                }
                if whole {
                    return Ok(());
                }
                rest = rest.get(taken..).unwrap_or_default();
                continue;
            }
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::Interrupted => {}
            io::ErrorKind::WouldBlock => thread::park_timeout(SOON),
            io::ErrorKind::BrokenPipe => return Err((error, rest.len())),
            _ => {
                if !std::mem::replace(&mut failed, true) {
                    tell(News::Fails(&error));
                }
                thread::park_timeout(AGAIN);
            }
        }
    }
}
