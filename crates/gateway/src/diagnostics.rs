//! What the gateway and the libraries below it have to say, as JSON lines on stderr; requests are in the access log. Nobody waits
//! for whoever reads it: clients can make lines, by leaving in the midst of a body. Lines that find no place are counted, and
//! the next one that does says how many there were.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record};
use serde_json::json;

use crate::clock;
use crate::config;
use crate::lines::{Lines, News};

/// Behind this the library underneath writes out what it has read of a peer, which may be anybody's data.
const READ: &str = "buf:";
/// The most of a message that is written.
const MOST: usize = 1000;

struct Stderr {
    lines: OnceLock<Lines>,
    dropped: AtomicU64,
}

static STDERR: Stderr = Stderr { lines: OnceLock::new(), dropped: AtomicU64::new(0) };

/// Sends everything from `level` up to stderr.
///
/// # Errors
/// When that was done before, or no thread is to be had.
pub fn start(level: config::Level) -> io::Result<()> {
    // There is nowhere to report to that stderr fails or is gone.
    let tell = |_: News<'_>| ();
    let lines = Lines::start("diagnostics", Duration::ZERO, Box::new(io::stderr()), tell)?;
    log::set_logger(&STDERR).map_err(|error| io::Error::other(error.to_string()))?;
    let _ = STDERR.lines.set(lines);
    log::set_max_level(match level {
        config::Level::Error => LevelFilter::Error,
        config::Level::Warn => LevelFilter::Warn,
        config::Level::Info => LevelFilter::Info,
        config::Level::Debug => LevelFilter::Debug,
    });
    Ok(())
}

/// Waits until everything so far is written, but not for a reader that does not read.
pub fn flush() {
    STDERR.flush();
}

impl Stderr {
    fn write(&self, level: Level, target: &str, message: &str) -> bool {
        let line = json!({
            "time": clock::date().to_string(),
            "level": level.as_str().to_ascii_lowercase(),
            "target": target,
            "message": message,
        });
        self.lines.get().is_some_and(|lines| lines.put(format!("{line}\n").as_bytes()))
    }
}

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Below a warning only our own lines are of use to an operator.
        let is_ours = ["gateway", "jobgate"].iter().any(|ours| metadata.target().starts_with(ours));
        metadata.level() <= Level::Warn || is_ours
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let lost = self.dropped.swap(0, Ordering::Relaxed);
        let said = lost == 0
            || self.write(Level::Warn, module_path!(), &format!("{lost} lines found no place and are lost"));
        let line = self.write(record.level(), record.target(), &safe(&record.args().to_string()));
        let lost = if said { 0 } else { lost };
        self.dropped.fetch_add(lost.saturating_add(u64::from(!line)), Ordering::Relaxed);
    }

    fn flush(&self) {
        self.lines.get().into_iter().for_each(Lines::flush);
    }
}

/// A message without what was read of a peer, and not without end.
fn safe(message: &str) -> String {
    let (said, read) =
        message.split_once(READ).map_or((message, ""), |(said, _)| (said, "what was read is left out"));
    let cut: String = said.chars().take(MOST).collect();
    cut + read
}
