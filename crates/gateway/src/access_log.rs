//! Writes one JSON line per request from a thread of its own. A slow or full reader never holds a request up: lines that
//! find no place are dropped, and counted.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use crate::clock;
use crate::metrics::Metrics;

/// Lines that may wait.
const WAITING: usize = 8192;

/// How long a stopping gateway waits for the reader.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way to the writer.
#[derive(Debug)]
pub(crate) struct AccessLog {
    sender: Option<SyncSender<Message>>,
}

enum Message {
    Line(Vec<u8>),
    /// Answered when all before it is written.
    Flush(SyncSender<()>),
}

impl AccessLog {
    /// Starts the writer; without a destination nothing is written.
    ///
    /// # Errors
    /// When no thread is to be had.
    pub(crate) fn start(destination: Option<Box<dyn Write + Send>>) -> io::Result<Self> {
        let Some(destination) = destination else { return Ok(Self { sender: None }) };
        let (sender, receiver) = sync_channel(WAITING);
        thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_all(&receiver, destination))?;
        Ok(Self { sender: Some(sender) })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.sender.is_some()
    }

    pub(crate) fn write(&self, line: &impl Serialize, metrics: &Metrics) {
        let Some(sender) = &self.sender else { return };
        let Ok(mut bytes) = serde_json::to_vec(line) else { return metrics.log_line_dropped() };
        bytes.push(b'\n');
        match sender.try_send(Message::Line(bytes)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => metrics.log_line_dropped(),
        }
    }

    /// Waits until everything so far is written, but not for a reader that does not read.
    pub(crate) fn flush(&self) {
        let Some(sender) = &self.sender else { return };
        let began = clock::now();
        let (done, written) = sync_channel(1);
        let mut message = Message::Flush(done);
        loop {
            let left = PATIENCE.saturating_sub(clock::now().saturating_duration_since(began));
            message = match sender.try_send(message) {
                Ok(()) => {
                    // An error means that the writer has ended or is too slow: there is nothing more to wait for.
                    let _ = written.recv_timeout(left);
                    break;
                }
                Err(TrySendError::Full(message)) if !left.is_zero() => message,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => break,
            };
            thread::park_timeout(Duration::from_millis(1));
        }
    }
}

fn write_all(receiver: &Receiver<Message>, destination: Box<dyn Write + Send>) {
    let mut destination = io::BufWriter::new(destination);
    while let Ok(message) = receiver.recv() {
        let mut next = Some(message);
        // What is there already leaves together; then the reader gets to see it.
        while let Some(message) = next {
            let result = match message {
                Message::Line(bytes) => destination.write_all(&bytes),
                Message::Flush(done) => {
                    let flushed = destination.flush();
                    let _ = done.send(());
                    flushed
                }
            };
            if let Err(error) = result {
                return lost(&error);
            }
            next = receiver.try_recv().ok();
        }
        if let Err(error) = destination.flush() {
            return lost(&error);
        }
    }
}

/// From here on every line is counted as dropped.
fn lost(error: &io::Error) {
    log::error!("the access log cannot be written any more: {error}");
}
