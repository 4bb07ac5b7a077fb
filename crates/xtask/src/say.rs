//! The one place that prints: results to stdout, talk to stderr.
#![expect(clippy::print_stdout, reason = "the output module of a command line program")]

/// A result, or a line passed on from a child's stdout.
pub(crate) fn out(line: &str) {
    println!("{line}");
}

/// Talk, or a line passed on from a child's stderr.
pub(crate) fn err(line: &str) {
    eprintln!("{line}");
}
