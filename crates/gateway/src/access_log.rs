//! One JSON line per request. Lines that find no place are counted.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::lines::{Lines, News};
use crate::metrics::Metrics;

/// The usual line has not more.
const USUAL: usize = 640;
/// How long lines are gathered before they are written.
const GATHER: Duration = Duration::from_millis(20);

/// The way to the writer.
#[derive(Debug)]
pub(crate) struct AccessLog(Option<Lines>);

impl AccessLog {
    /// Starts the writer; without a destination nothing is written.
    ///
    /// # Errors
    /// When no thread is to be had.
    pub(crate) fn start(
        destination: Option<Box<dyn Write + Send>>,
        metrics: &Arc<Metrics>,
    ) -> io::Result<Self> {
        let metrics = Arc::clone(metrics);
        let tell = move |news: News<'_>| match news {
            News::Fails(error) => log::error!(
                "the access log cannot be written: {error}; lines wait and it is tried again each second: make room where stdout goes"
            ),
            News::Mended => log::info!("the access log is written again"),
            News::Ended(error, lost) => {
                metrics.log_lines_dropped(lost);
                log::error!(
                    "nobody reads the access log any more: {error}; restart jobgate with a reader of its stdout"
                );
            }
        };
        let start = |destination| Lines::start("access-log", GATHER, destination, tell);
        destination.map(start).transpose().map(Self)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn write(&self, line: &impl Serialize, metrics: &Metrics) {
        let Some(lines) = &self.0 else { return };
        let mut bytes = Vec::with_capacity(USUAL);
        let is_whole = serde_json::to_writer(&mut bytes, line).is_ok();
        bytes.push(b'\n');
        if !is_whole || !lines.put(&bytes) {
            metrics.log_lines_dropped(1);
        }
    }

    /// Waits until everything so far is written, but not for a reader that does not read.
    pub(crate) fn flush(&self) {
        self.0.iter().for_each(Lines::flush);
    }
}
