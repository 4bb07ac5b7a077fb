//! Readers of the access log that are no good, and one of what else a gateway has to say.

use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::mpsc::Receiver;

/// What gateways of this process have said.
static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listener;

impl log::Log for Listener {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            SAID.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// From here on warnings are heard.
pub fn listen() {
    // Another test may have begun it.
    let _ = log::set_logger(&Listener);
    log::set_max_level(log::LevelFilter::Warn);
}

/// Warnings so far that have a word in them.
pub fn said(word: &str) -> Vec<String> {
    SAID.lock().unwrap().iter().filter(|line| line.contains(word)).cloned().collect()
}

/// A reader that does not read until it is let go.
pub struct Stuck(pub Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An error means that the test is over.
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk without space.
pub struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}
