//! Findings for people: the line, a caret under the member, what to write instead.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use job_model::{Position, Report, Severity, Violation};

use super::{message, too_long_message, unlisted};
use crate::output::{self, printable};

/// Of a very long line this many bytes around the caret are shown.
const AROUND: usize = 120;
/// The renderer crops a line itself, with the columns kept, but reads all of it: so far before the caret it may.
const BEFORE: usize = 16 << 10;

/// The stream that it is written to takes the colours out again where nobody sees them.
const RENDERER: Renderer = Renderer::styled();

/// Shows what is wrong with a document on stderr.
pub(crate) fn show(name: &str, body: &[u8], report: &Report) {
    output::say(rendered(name, None, body, report));
}

/// All findings of a document.
pub(super) fn rendered(name: &str, line: Option<u64>, body: &[u8], report: &Report) -> String {
    let (name, mut text) = (printable(name), String::new());
    for violation in report.violations() {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&one(&name, line, body, violation));
    }
    let unlisted = unlisted(report);
    if unlisted > 0 {
        let problems = if unlisted == 1 { "problem is" } else { "problems are" };
        let rest = format!("{unlisted} more {problems} not listed");
        let rest = Group::with_title(Level::NOTE.primary_title(rest.as_str()));
        text.push_str("\n\n");
        text.push_str(&RENDERER.render(&[rest]));
    }
    text.push('\n');
    text
}

/// A document of which nothing can be shown.
pub(super) fn too_long(name: &str, line: Option<u64>) -> String {
    let (name, message) = (printable(name), too_long_message());
    let origin = Origin::path(name.as_str());
    let origin = match line.and_then(|line| usize::try_from(line).ok()) {
        Some(line) => origin.line(line),
        None => origin,
    };
    let text = RENDERER.render(&[Level::ERROR.primary_title(message.as_str()).element(origin)]);
    format!("{text}\n")
}

fn one(name: &str, line: Option<u64>, body: &[u8], violation: &Violation) -> String {
    let level = match violation.severity() {
        Severity::Deny => Level::ERROR,
        Severity::Warn => Level::WARNING,
        Severity::Audit | Severity::Off => Level::NOTE,
    };
    let message = message(violation, line);
    let label = violation.suggestion().map_or_else(String::new, |word| format!("did you mean '{word}'?"));
    let help = format!("`jobgate rules {}` explains this rule", violation.rule().id());
    let span = violation.span();
    let position = Position::of(body, span.start);
    // A document that is one line of a file stands on that line.
    let line = line.and_then(|line| usize::try_from(line).ok()).unwrap_or(position.line);
    let excerpt = Excerpt::around(body, span.start, span.end);
    let snippet = Snippet::source(excerpt.text.as_str())
        .line_start(line)
        .annotation(AnnotationKind::Primary.span(excerpt.start..excerpt.end).label(label));
    let title = level.primary_title(message.as_str()).id(violation.rule().id());
    let titled = if excerpt.cut {
        // The columns of what is left are not those of the file: they are told apart from it.
        title.element(Origin::path(name).line(line).char_column(position.column)).element(snippet)
    } else {
        title.element(snippet.path(name))
    };
    let report = [titled.element(Level::HELP.message(help.as_str()))];
    RENDERER.render(&report)
}

/// The line of a fault, safe to print; cut at its beginning where it is very long.
#[derive(Debug)]
struct Excerpt {
    text: String,
    start: usize,
    end: usize,
    cut: bool,
}

impl Excerpt {
    fn around(body: &[u8], start: usize, end: usize) -> Self {
        let start = start.min(body.len());
        let before = body.get(..start).unwrap_or_default();
        let line_start =
            before.iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index.saturating_add(1));
        let line = body.get(line_start..).unwrap_or_default();
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        // Where lines end as on Windows, what ends them is no part of them either.
        let line_end = line.strip_suffix(b"\r").unwrap_or(line).len().saturating_add(line_start);
        let start = start.min(line_end);
        let end = end.clamp(start, line_end).min(start.saturating_add(AROUND));
        let cut = start.saturating_sub(line_start) > BEFORE;
        let from = if cut { start.saturating_sub(AROUND) } else { line_start };
        let to = line_end.min(end.saturating_add(AROUND)).max(end);
        // What is no text is shown as a replacement character, too.
        let piece = |range: std::ops::Range<usize>| {
            printable(&String::from_utf8_lossy(body.get(range).unwrap_or_default()))
        };
        let mut text = String::new();
        if cut {
            text.push('…');
        }
        text.push_str(&piece(from..start));
        let caret = text.len();
        text.push_str(&piece(start..end));
        let caret_end = text.len();
        text.push_str(&piece(end..to));
        if to < line_end {
            text.push('…');
        }
        Self { start: caret, end: caret_end, cut, text }
    }
}
