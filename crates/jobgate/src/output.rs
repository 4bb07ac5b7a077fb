//! The one place that writes: data to stdout, talk to stderr, and what the exit codes mean.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// Shown behind every help.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 ok, 1 the thing checked is bad or what was asked for failed, 2 wrong usage, or a job or rate card that cannot be read, 78 bad configuration.";

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Ok,
    Bad,
    Usage,
    Configuration,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(match ending {
            Ending::Ok => 0,
            Ending::Bad => 1,
            Ending::Usage => 2,
            Ending::Configuration => 78,
        })
    }
}

/// Why a command ends early: what to say, and how it ends.
#[derive(Debug)]
pub(crate) struct Failure {
    ending: Ending,
    what: Option<String>,
}

impl Failure {
    pub(crate) fn new(ending: Ending, what: impl fmt::Display) -> Self {
        Self { ending, what: Some(what.to_string()) }
    }
}

/// A reader that has gone is no failure: `jobgate rules | head` ends quietly.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { ending: Ending::Ok, what: None };
        }
        Self::new(Ending::Bad, format!("cannot write: {error}"))
    }
}

impl From<Failure> for Ending {
    fn from(failure: Failure) -> Self {
        for line in failure.what.iter().flat_map(|what| what.lines()) {
            say(format_args!("jobgate: {}", printable(line)));
        }
        failure.ending
    }
}

/// What every command gives back.
pub(crate) type Result<T = Ending> = std::result::Result<T, Failure>;

/// Where data goes: buffered, without colours where nobody sees them.
#[derive(Debug)]
pub(crate) struct Data(io::BufWriter<anstream::AutoStream<io::Stdout>>);

impl Data {
    pub(crate) fn new() -> Self {
        Self(io::BufWriter::with_capacity(1 << 16, anstream::stdout()))
    }

    /// Writes one line.
    ///
    /// # Errors
    /// When stdout is gone.
    pub(crate) fn line(&mut self, line: impl fmt::Display) -> io::Result<()> {
        writeln!(self.0, "{line}")
    }

    /// Ends the data.
    ///
    /// # Errors
    /// When stdout is gone.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Says something to the person at the terminal.
pub(crate) fn say(line: impl fmt::Display) {
    // There is nowhere left to report that stderr is gone.
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// What a terminal would act on, such as in a file's name, is shown as a replacement character.
pub(crate) fn printable(text: &str) -> String {
    let shown = |character: char| character == '\t' || !character.is_control();
    text.chars().map(|character| if shown(character) { character } else { '\u{fffd}' }).collect()
}

/// A line of CSV. A principal or a currency may have anything in it: it is quoted as RFC 4180 says, and what a spreadsheet would take
/// for a formula and carry out has a ' before it.
pub(crate) fn csv(cells: &[impl AsRef<str>]) -> String {
    let quoted = |cell: &str| {
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(cell);
        let cell = if formula { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) };
        if cell.contains(['"', ',', '\r', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.into_owned()
        }
    };
    cells.iter().map(|cell| quoted(cell.as_ref())).collect::<Vec<_>>().join(",")
}

/// An amount, which may be below zero: digits, and a point among them.
fn is_number(cell: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let amount = cell.strip_prefix('-').unwrap_or(cell);
    amount.split_once('.').map_or_else(|| digits(amount), |(whole, rest)| digits(whole) && digits(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_read_as_it_was() {
        assert_eq!(csv(&[r"plain", r#"a,"b""#, ""]), r#"plain,"a,""b""","#);
    }

    /// Who sends a job chooses what stands there, and somebody else opens the table.
    #[test]
    fn a_text_is_no_formula() {
        for (text, written) in [
            ("=1+2", "'=1+2"),
            ("=HYPERLINK(\"http://a\",\"b\")", "\"'=HYPERLINK(\"\"http://a\"\",\"\"b\"\")\""),
            ("+49 30", "'+49 30"),
            ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("-", "'-"),
            ("-1e9", "'-1e9"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(csv(&[text]), written, "{text:?}");
        }
    }

    #[test]
    fn a_number_stays_one() {
        for number in ["0", "-3.5", "3.5", "-12", "-0.000001"] {
            assert_eq!(csv(&[number]), number);
        }
    }
}
