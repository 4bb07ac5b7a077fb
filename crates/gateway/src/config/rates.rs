//! Reads `[[rate_limit]]`: who may send how many requests in which time.

use std::num::NonZeroU32;
use std::time::Duration;

use admission::RateLimit;
use toml::{Table, Value};

use super::problems::ConfigProblem;
use super::reader::{one_of, show};
use super::suggest;
use super::types::{RateRule, Scope};
use super::value::{duration, show_duration};

/// The section's name.
pub(super) const KEY: &str = "rate_limit";

const KEYS: [&str; 4] = ["scope", "requests", "per", "mode"];
const MOST: i64 = 1_000_000;

/// Every limit that is sound; what is wrong with the others.
pub(super) fn read(table: &Table, verified: bool, problems: &mut Vec<ConfigProblem>) -> Vec<RateRule> {
    let rows = match table.get(KEY) {
        None => return Vec::new(),
        Some(Value::Array(rows)) => rows,
        Some(_) => {
            problems.push(ConfigProblem::new(KEY, "must be an array of tables, written [[rate_limit]]"));
            return Vec::new();
        }
    };
    let mut rules: Vec<RateRule> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let path = format!("{KEY}[{index}]");
        let Some(row) = row.as_table() else {
            problems.push(ConfigProblem::new(path, "must be a table, written [[rate_limit]]"));
            continue;
        };
        if let Some(rule) = (Row { keys: row, path: &path, verified, problems }).rule() {
            if rules.contains(&rule) {
                problems.push(ConfigProblem::new(&path, "is there twice"));
            }
            rules.push(rule);
        }
    }
    rules
}

/// One `[[rate_limit]]`.
struct Row<'a> {
    keys: &'a Table,
    path: &'a str,
    /// Whether there are principals.
    verified: bool,
    problems: &'a mut Vec<ConfigProblem>,
}

impl Row<'_> {
    fn refuse(&mut self, key: &str, what: impl Into<String>) {
        self.problems.push(ConfigProblem::new(format!("{}.{key}", self.path), what));
    }

    fn rule(mut self) -> Option<RateRule> {
        for key in self.keys.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let hint = suggest::hint(key, KEYS);
            self.refuse(key, format!("unknown key{hint}"));
        }
        let (scope, requests, per, enforce) = (self.scope(), self.requests(), self.per(), self.enforce());
        Some(RateRule { scope: scope?, limit: RateLimit::new(requests?, per?)?, enforce: enforce? })
    }

    fn scope(&mut self) -> Option<Scope> {
        let words = Scope::ALL.map(Scope::as_str);
        let text = self.keys.get("scope").and_then(Value::as_str);
        let found = Scope::ALL.into_iter().find(|scope| Some(scope.as_str()) == text);
        match (found, text) {
            (Some(Scope::Principal), _) if !self.verified => self.refuse(
                "scope",
                "\"principal\" needs identity.mode \"jwt\" or \"header\"; \"token\" tells tokens apart without verifying them",
            ),
            (Some(_), _) => {}
            (None, Some(text)) => {
                let hint = suggest::hint(text, words);
                self.refuse("scope", format!("{}, not {text:?}{hint}", one_of(&words)));
            }
            (None, None) => self.refuse("scope", format!("missing; {}", one_of(&words))),
        }
        found
    }

    fn requests(&mut self) -> Option<NonZeroU32> {
        let value = self.keys.get("requests");
        let number = value.and_then(Value::as_integer).filter(|number| (1..=MOST).contains(number));
        let number = number.and_then(|number| NonZeroU32::new(u32::try_from(number).ok()?));
        if number.is_none() {
            let not = value.map_or_else(|| "missing".to_owned(), show);
            self.refuse("requests", format!("must be a whole number, 1 to {MOST}, not {not}"));
        }
        number
    }

    fn per(&mut self) -> Option<Duration> {
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(31 * 24 * 3600));
        let value = self.keys.get("per");
        let found =
            value.and_then(Value::as_str).and_then(duration).filter(|per| (least..=most).contains(per));
        if found.is_none() {
            let (least, most) = (show_duration(least), show_duration(most));
            let not = value.map_or_else(|| "missing".to_owned(), show);
            self.refuse("per", format!("must be a duration such as \"1m\", {least} to {most}, not {not}"));
        }
        found
    }

    fn enforce(&mut self) -> Option<bool> {
        match self.keys.get("mode").map(|value| value.as_str().unwrap_or_default()) {
            None | Some("enforce") => Some(true),
            Some("shadow") => Some(false),
            Some(_) => {
                self.refuse("mode", one_of(&["enforce", "shadow"]));
                None
            }
        }
    }
}

/// The limits as they are written.
pub(super) fn shown(rules: &[RateRule]) -> impl Iterator<Item = String> {
    rules.iter().map(|RateRule { scope, limit, enforce }| {
        let mode = if *enforce { "enforce" } else { "shadow" };
        format!(
            "\n[[{KEY}]]\nscope = \"{}\"\nrequests = {}\nper = \"{}\"\nmode = \"{mode}\"",
            scope.as_str(),
            limit.requests(),
            show_duration(limit.per())
        )
    })
}
