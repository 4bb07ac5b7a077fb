//! Where findings go, each in the format that was asked for.

use std::io;

use jobgate::judge::Finding;

use super::{Format, human, machine};
use crate::output::Data;

/// One document after another; `first` and the brackets make an array of them.
#[derive(Debug)]
pub(super) struct Sink {
    format: Format,
    data: Data,
    first: bool,
}

impl Sink {
    /// Begins the data.
    ///
    /// # Errors
    /// When stdout is gone, as everywhere here.
    pub(super) fn new(format: Format) -> io::Result<Self> {
        let mut data = Data::new();
        if format == Format::Json {
            data.line("[")?;
        }
        Ok(Self { format, data, first: true })
    }

    /// One document; `line` counts from 1 in a file with one document a line.
    pub(super) fn document(
        &mut self,
        name: &str,
        line: Option<u64>,
        body: &[u8],
        finding: Option<&Finding>,
    ) -> io::Result<()> {
        let separator = if std::mem::take(&mut self.first) { "" } else { "," };
        match (self.format, finding) {
            (Format::Human, None) => Ok(()),
            (Format::Human, Some(Finding::Report(report))) => {
                self.data.line(human::rendered(name, line, body, report))
            }
            (Format::Human, Some(Finding::TooLong)) => self.data.line(human::too_long(name, line)),
            (Format::Json, finding) => {
                self.data.line(format_args!("{separator}{}", machine::document(name, line, finding)))
            }
            (Format::Ndjson, finding) => self.data.line(machine::document(name, line, finding)),
        }
    }

    /// Ends the data.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.format == Format::Json {
            self.data.line("]")?;
        }
        self.data.finish()
    }
}
