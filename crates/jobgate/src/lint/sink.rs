//! Where findings go, each in the format that was asked for.

use std::fmt::Display;
use std::io;

use jobgate::judge::Finding;

use super::{Format, human, machine};
use crate::output::Data;

/// One document after another; `first` and the brackets make an array of them.
///
/// A reader that goes away (`jobgate lint FILE | head`) gets nothing more, but the documents are still judged: what is counted, and the
/// exit code, are the truth about all of them.
#[derive(Debug)]
pub(super) struct Sink {
    format: Format,
    data: Data,
    first: bool,
    is_read: bool,
}

impl Sink {
    /// Begins the data.
    ///
    /// # Errors
    /// When stdout cannot be written, as everywhere here.
    pub(super) fn new(format: Format) -> io::Result<Self> {
        let mut sink = Self { format, data: Data::new(), first: true, is_read: true };
        if format == Format::Json {
            sink.line("[")?;
        }
        Ok(sink)
    }

    /// One document; `line` counts from 1 in a file with one document a line.
    pub(super) fn document(
        &mut self,
        name: &str,
        line: Option<u64>,
        body: &[u8],
        finding: Option<&Finding>,
    ) -> io::Result<()> {
        if !self.is_read {
            return Ok(());
        }
        let separator = if std::mem::take(&mut self.first) { "" } else { "," };
        match (self.format, finding) {
            (Format::Human, None) => Ok(()),
            (Format::Human, Some(Finding::Report(report))) => {
                self.line(human::rendered(name, line, body, report))
            }
            (Format::Human, Some(Finding::TooLong)) => self.line(human::too_long(name, line)),
            (Format::Json, finding) => {
                self.line(format_args!("{separator}{}", machine::document(name, line, finding)))
            }
            (Format::Ndjson, finding) => self.line(machine::document(name, line, finding)),
        }
    }

    /// Ends the data.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.format == Format::Json {
            self.line("]")?;
        }
        if self.is_read { unless_gone(self.data.finish()).map(drop) } else { Ok(()) }
    }

    fn line(&mut self, line: impl Display) -> io::Result<()> {
        if self.is_read {
            self.is_read = unless_gone(self.data.line(line))?;
        }
        Ok(())
    }
}

/// Whether somebody still reads; that nobody does is no fault.
fn unless_gone(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}
