//! What the gateway and the libraries below it have to say, as JSON lines on stderr; requests are in the access log.

use std::io::Write;

use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};
use serde_json::json;

use crate::clock;
use crate::config::Level;

struct Stderr;

/// Sends everything from `level` up to stderr.
///
/// # Errors
/// When that was done before.
pub fn start(level: Level) -> Result<(), SetLoggerError> {
    static LOGGER: Stderr = Stderr;
    log::set_logger(&LOGGER)?;
    log::set_max_level(match level {
        Level::Error => LevelFilter::Error,
        Level::Warn => LevelFilter::Warn,
        Level::Info => LevelFilter::Info,
        Level::Debug => LevelFilter::Debug,
    });
    Ok(())
}

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Below a warning only our own lines are of use to an operator.
        let is_ours = ["gateway", "jobgate"].iter().any(|ours| metadata.target().starts_with(ours));
        metadata.level() <= log::Level::Warn || is_ours
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = json!({
            "time": clock::date().to_string(),
            "level": record.level().as_str().to_ascii_lowercase(),
            "target": record.target(),
            "message": record.args().to_string(),
        });
        // There is nowhere left to report that stderr is gone.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    fn flush(&self) {}
}
