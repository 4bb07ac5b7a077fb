//! One document a line, by the million: constant memory, no copy per line but the buffer's, progress on a terminal.

use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

/// The longest line. No gate takes a job this long; a file without line ends must not fill the memory.
const LONGEST: u64 = 16 << 20;

/// Lines of a stream, without the empty ones.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    line: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, line: 0, buffer: Vec::with_capacity(4096) }
    }

    /// The next line that is not empty, with its number from 1.
    ///
    /// # Errors
    /// When the stream breaks off, or a line is longer than any job.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        loop {
            self.buffer.clear();
            let read = self.reader.by_ref().take(LONGEST).read_until(b'\n', &mut self.buffer)?;
            if read == 0 {
                return Ok(None);
            }
            self.line = self.line.saturating_add(1);
            if !self.buffer.ends_with(b"\n") && u64::try_from(read).is_ok_and(|read| read == LONGEST) {
                let what = format!("line {} is longer than {LONGEST} bytes", self.line);
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        Ok(Some((self.line, line.strip_suffix(b"\r").unwrap_or(line))))
    }
}

/// A bar on a terminal; nothing elsewhere.
#[derive(Debug)]
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(super) fn over(path: &Path) -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let length = std::fs::metadata(path).map(|file| file.len()).ok();
        let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let style = "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self(Some(bar))
    }

    pub(super) fn advance(&self, bytes: usize) {
        if let Some(bar) = &self.0 {
            // The line end was read, too.
            bar.inc(u64::try_from(bytes).unwrap_or(u64::MAX).saturating_add(1));
        }
    }

    /// Writes while the bar is out of the way.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
