//! Takes the rows of an array of tables apart: `[[budget]]`, `[[event_sink]]`, `[[rate_limit]]`. What a row means is read elsewhere.

use toml::{Table, Value};

use super::problems::ConfigProblem;
use super::reader::{one_of, show};
use super::suggest;

/// One row, and where its problems go.
pub(super) struct Row<'a> {
    pub(super) keys: &'a Table,
    path: String,
    problems: &'a mut Vec<ConfigProblem>,
}

/// What is made of every row that is a table and sound.
pub(super) fn read<T>(
    table: &Table,
    section: &str,
    problems: &mut Vec<ConfigProblem>,
    mut sound: impl FnMut(&mut Row<'_>, &[T]) -> Option<T>,
) -> Vec<T> {
    let rows = match table.get(section) {
        None => return Vec::new(),
        Some(Value::Array(rows)) => rows,
        Some(_) => {
            let what = format!("must be an array of tables, written [[{section}]]");
            problems.push(ConfigProblem::new(section, what));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let path = format!("{section}[{index}]");
        let Some(keys) = row.as_table() else {
            problems.push(ConfigProblem::new(path, format!("must be a table, written [[{section}]]")));
            continue;
        };
        let mut row = Row { keys, path, problems: &mut *problems };
        if let Some(value) = sound(&mut row, &found) {
            found.push(value);
        }
    }
    found
}

impl Row<'_> {
    pub(super) fn refuse(&mut self, key: &str, what: impl Into<String>) {
        self.problems.push(ConfigProblem::new(format!("{}.{key}", self.path), what));
    }

    /// The row as a whole is wrong.
    pub(super) fn refuse_all(&mut self, what: &str) {
        self.problems.push(ConfigProblem::new(&self.path, what));
    }

    pub(super) fn refuse_unknown<const N: usize>(&mut self, known: [&str; N]) {
        let keys = self.keys;
        for key in keys.keys().filter(|key| !known.contains(&key.as_str())) {
            let hint = suggest::hint(key, known);
            self.refuse(key, format!("unknown key{hint}"));
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.keys.get(key).and_then(Value::as_str)
    }

    /// A name that can be a label of metrics.
    pub(super) fn name(&mut self) -> Option<String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let found =
            self.text("name").filter(|name| (1..=64).contains(&name.len()) && name.bytes().all(plain));
        let found = found.map(str::to_owned);
        if found.is_none() {
            self.refuse("name", "must be 1 to 64 letters, digits, '-', '_' or '.'; it is a label of metrics");
        }
        found
    }

    /// What is not there, in the words of a refusal.
    pub(super) fn shown(&self, key: &str) -> String {
        self.keys.get(key).map_or_else(|| "missing".to_owned(), show)
    }

    /// One of some words; `default` where the key is not there.
    pub(super) fn word<T: Copy, const N: usize>(
        &mut self,
        key: &str,
        words: [(&str, T); N],
        default: Option<T>,
    ) -> Option<T> {
        let value = self.keys.get(key);
        let text = value.and_then(Value::as_str);
        let found = words.iter().find(|(word, _)| Some(*word) == text).map(|(_, value)| *value);
        match (found, value, default) {
            (Some(found), _, _) | (None, None, Some(found)) => Some(found),
            _ => {
                let not = value.map_or_else(|| "missing".to_owned(), |value| format!("not {}", show(value)));
                self.refuse(key, format!("{}, {not}", one_of(&words.map(|(word, _)| word))));
                None
            }
        }
    }
}
