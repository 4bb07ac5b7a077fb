//! Takes one key after another out of the table, notes what is wrong and goes on with the default.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use super::problems::ConfigProblem;
use super::suggest;
use super::value::{duration, show_duration, show_size, size};

pub(super) struct Reader<'a> {
    pub(super) table: &'a Table,
    pub(super) base: &'a Path,
    /// The environment, for secrets.
    pub(super) variables: BTreeMap<String, String>,
    /// Which key was set by which environment variable.
    pub(super) origin: BTreeMap<String, String>,
    pub(super) problems: Vec<ConfigProblem>,
}

impl<'a> Reader<'a> {
    pub(super) fn get(&self, path: &str) -> Option<&'a Value> {
        let mut parts = path.split('.');
        let first = self.table.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.as_table()?.get(part))
    }

    pub(super) fn is_set(&self, path: &str) -> bool {
        self.get(path).is_some()
    }

    pub(super) fn refuse(&mut self, path: &str, text: impl Into<String>) {
        self.refuse_as(path, path, text);
    }

    /// The same for a key that is shown otherwise than it is looked up.
    pub(super) fn refuse_as(&mut self, path: &str, shown: &str, text: impl Into<String>) {
        let key = match self.origin.get(path) {
            Some(variable) => format!("{shown} (set by {variable})"),
            None => shown.to_owned(),
        };
        self.problems.push(ConfigProblem::new(key, text));
    }

    pub(super) fn text(&mut self, path: &str) -> Option<&'a str> {
        self.text_as(path, path)
    }

    fn text_as(&mut self, path: &str, shown: &str) -> Option<&'a str> {
        let value = self.get(path)?;
        if value.as_str().is_none() {
            self.refuse_as(path, shown, format!("must be a text in quotes, not {}", show(value)));
        }
        value.as_str()
    }

    pub(super) fn flag(&mut self, path: &str, default: bool) -> bool {
        let Some(value) = self.get(path) else { return default };
        if value.as_bool().is_none() {
            self.refuse(path, format!("must be true or false, not {}", show(value)));
        }
        value.as_bool().unwrap_or(default)
    }

    pub(super) fn whole(&mut self, path: &str, default: u64, range: &RangeInclusive<u64>) -> usize {
        let number = self.optional_whole(path, range).unwrap_or(default);
        usize::try_from(number).unwrap_or(usize::MAX)
    }

    pub(super) fn optional_whole(&mut self, path: &str, range: &RangeInclusive<u64>) -> Option<u64> {
        let value = self.get(path)?;
        let Value::Integer(number) = value else {
            self.refuse(path, format!("must be a whole number, not {}", show(value)));
            return None;
        };
        let found = u64::try_from(*number).ok().filter(|number| range.contains(number));
        if found.is_none() {
            self.refuse(path, format!("must be {} to {}, not {number}", range.start(), range.end()));
        }
        found
    }

    pub(super) fn size(&mut self, path: &str, default: u64, range: &RangeInclusive<u64>) -> usize {
        let bytes = self.optional_size(path, range).unwrap_or(default);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    fn optional_size(&mut self, path: &str, range: &RangeInclusive<u64>) -> Option<u64> {
        let value = self.get(path)?;
        let bytes = match value {
            Value::Integer(number) => Some(u64::try_from(*number).unwrap_or(0)),
            Value::String(text) => size(text),
            _ => None,
        };
        let Some(bytes) = bytes else {
            let advice = "must be a whole number of bytes or a size in B, KiB, MiB or GiB such as \"256KiB\"";
            self.refuse(path, format!("{advice}, not {}", show(value)));
            return None;
        };
        if !range.contains(&bytes) {
            let (least, most) = (show_size(*range.start()), show_size(*range.end()));
            self.refuse(path, format!("must be {least} to {most}, not {}", show(value)));
            return None;
        }
        Some(bytes)
    }

    pub(super) fn duration(
        &mut self,
        path: &str,
        default: Duration,
        range: &RangeInclusive<Duration>,
    ) -> Duration {
        let Some(value) = self.get(path) else { return default };
        let Some(found) = value.as_str().and_then(duration) else {
            let advice = "must be a whole number with a unit, ms, s, m, h or d, such as \"10s\"";
            self.refuse(path, format!("{advice}, not {}", show(value)));
            return default;
        };
        if !range.contains(&found) {
            let (least, most) = (show_duration(*range.start()), show_duration(*range.end()));
            self.refuse(path, format!("must be {least} to {most}, not {}", show(value)));
            return default;
        }
        found
    }

    pub(super) fn address(&mut self, path: &str, default: SocketAddr) -> SocketAddr {
        let Some(text) = self.text(path) else { return default };
        let Ok(address) = text.parse() else {
            let advice = "must be an IP address and a port such as \"127.0.0.1:8080\" or \"[::1]:8080\"";
            self.refuse(path, format!("{advice}, not {text:?}"));
            return default;
        };
        address
    }

    /// One of some words.
    pub(super) fn word<T>(
        &mut self,
        path: &str,
        words: &[&str],
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.word_as(path, path, words, read)
    }

    /// The same for a key that is shown otherwise than it is looked up.
    pub(super) fn word_as<T>(
        &mut self,
        path: &str,
        shown: &str,
        words: &[&str],
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text_as(path, shown)?;
        let found = read(text);
        if found.is_none() {
            let hint = suggest::hint(text, words.iter().copied());
            self.refuse_as(path, shown, format!("{}, not {text:?}{hint}", one_of(words)));
        }
        found
    }

    /// A file, seen from the folder of the configuration, and what is in it.
    pub(super) fn open(&mut self, path: &str, name: &str) -> Option<(PathBuf, Vec<u8>)> {
        if name.is_empty() {
            self.refuse(path, "must be the path of a file, not empty; leave the key out where there is none");
            return None;
        }
        let joined = self.base.join(name);
        let file = std::path::absolute(&joined).unwrap_or(joined);
        match std::fs::read(&file) {
            Ok(bytes) => Some((file, bytes)),
            Err(fault) => {
                self.refuse(path, format!("{} cannot be read: {fault}", file.display()));
                None
            }
        }
    }
}

/// `must be "a", "b" or "c"`.
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("must be {} or {last}", rest.join(", ")),
        _ => format!("must be {}", quoted.concat()),
    }
}

/// A value as written, unless it is long.
pub(super) fn show(value: &Value) -> String {
    let text = match value {
        Value::Array(_) => return "a list".to_owned(),
        Value::Table(_) => return "a section".to_owned(),
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    };
    if text.chars().count() <= 60 {
        text
    } else {
        format!("{}...", text.chars().take(60).collect::<String>())
    }
}
