//! A line of JSON that is written member by member. What its values are is known: a number and an id are written as they are, and
//! only a text that needs it is escaped, by the JSON library. With that alone a line cost as much as judging its job.

use std::fmt::{self, Write};
use std::time::Duration;

/// The usual line has not more.
const USUAL: usize = 640;

/// A line under way.
#[derive(Debug)]
pub(crate) struct LogLine(String);

impl LogLine {
    pub(crate) fn new() -> Self {
        let mut line = String::with_capacity(USUAL);
        line.push('{');
        Self(line)
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &'static str, text: &str) {
        self.name(name);
        self.value(text);
    }

    /// A text that is there or not.
    pub(crate) fn text_if(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// Texts, one after the other.
    pub(crate) fn texts<'a>(&mut self, name: &'static str, texts: impl Iterator<Item = &'a str>) {
        let mut opening = '[';
        for text in texts {
            if opening == '[' {
                self.name(name);
            }
            self.0.push(opening);
            self.value(text);
            opening = ',';
        }
        if opening == ',' {
            self.0.push(']');
        }
    }

    /// What is shown as digits, letters, points, colons and hyphens: ids, instants, exact numbers.
    pub(crate) fn shown(&mut self, name: &'static str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.name(name);
            // A string takes whatever is written into it.
            let _ = write!(self.0, "\"{value}\"");
        }
    }

    /// A number.
    pub(crate) fn number(&mut self, name: &'static str, value: Option<u16>) {
        if let Some(value) = value {
            self.name(name);
            let _ = write!(self.0, "{value}");
        }
    }

    /// A duration in seconds, to the microsecond.
    pub(crate) fn seconds(&mut self, name: &'static str, took: Option<Duration>) {
        if let Some(took) = took {
            self.name(name);
            let _ = write!(self.0, "{}.{:06}", took.as_secs(), took.subsec_micros());
        }
    }

    /// The whole line, its end included.
    pub(crate) fn end(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }

    fn name(&mut self, name: &'static str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    fn value(&mut self, text: &str) {
        let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
        if text.bytes().fold(true, |all, byte| all & plain(byte)) {
            self.0.push('"');
            self.0.push_str(text);
            self.0.push('"');
        } else {
            // INVARIANT: a text is always JSON.
            self.0.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(line: LogLine) -> Value {
        let text = line.end();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn every_text_is_read_back() {
        let all: String = (0..=0x300_u32).filter_map(char::from_u32).collect();
        for text in ["", "plain", "\"", "\\", "\n", "\u{7f}\u{2028}\u{1f600}", &all] {
            let mut line = LogLine::new();
            line.text("a", text);
            line.texts("b", [text, "x", text].into_iter());
            assert_eq!(read(line), json!({"a": text, "b": [text, "x", text]}));
        }
    }

    #[test]
    fn each_kind_of_value_is_written_and_what_is_not_there_is_not() {
        let mut line = LogLine::new();
        line.text_if("absent", None);
        line.texts("none", [].into_iter());
        line.number("status", Some(201));
        line.seconds("took", Some(Duration::from_nanos(1_000_012_999)));
        line.seconds("short", Some(Duration::from_micros(12)));
        line.shown("estimate", Some("3.5"));
        line.shown("nothing", None::<&str>);
        let wanted = json!({"status": 201, "took": 1.000_012, "short": 0.000_012, "estimate": "3.5"});
        assert_eq!(read(line), wanted);
        assert_eq!(read(LogLine::new()), json!({}));
    }
}
