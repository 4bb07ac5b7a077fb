//! Reads `[[rate_limit]]`: who may send how many requests in which time.

use std::num::NonZeroU32;
use std::time::Duration;

use admission::RateLimit;
use toml::{Table, Value};

use super::problems::ConfigProblem;
use super::reader::one_of;
use super::rows::{self, Row};
use super::suggest;
use super::types::{Counts, RateRule, Scope};
use super::value::{duration, show_duration};

/// The section's name.
pub(super) const KEY: &str = "rate_limit";

const KEYS: [&str; 5] = ["scope", "counts", "requests", "per", "mode"];
const MOST: i64 = 1_000_000;

/// Every limit that is sound; what is wrong with the others. Principals are only known where requests are verified.
pub(super) fn read(table: &Table, verified: bool, problems: &mut Vec<ConfigProblem>) -> Vec<RateRule> {
    rows::read(table, KEY, problems, |row, others| {
        let rule = rule(row, verified)?;
        if others.contains(&rule) {
            row.refuse_all("is there twice");
        }
        Some(rule)
    })
}

fn rule(row: &mut Row<'_>, verified: bool) -> Option<RateRule> {
    row.refuse_unknown(KEYS);
    let (scope, requests, per) = (scope(row, verified), requests(row), per(row));
    let enforce = row.word("mode", [("enforce", true), ("shadow", false)], Some(true));
    let words = [Counts::Requests, Counts::Unauthorized].map(|counts| (counts.as_str(), counts));
    let counts = row.word("counts", words, Some(Counts::Requests));
    if let (Some(scope @ (Scope::Workspace | Scope::Global)), Some(Counts::Unauthorized)) = (scope, counts) {
        // Of everybody's together, anybody could use them up.
        let what = format!("\"unauthorized\" is counted by sender, not by scope \"{}\"", scope.as_str());
        row.refuse("counts", what);
    }
    Some(RateRule {
        scope: scope?,
        counts: counts?,
        limit: RateLimit::new(requests?, per?)?,
        enforce: enforce?,
    })
}

fn scope(row: &mut Row<'_>, verified: bool) -> Option<Scope> {
    let words = Scope::ALL.map(Scope::as_str);
    let text = row.text("scope");
    let found = Scope::ALL.into_iter().find(|scope| Some(scope.as_str()) == text);
    let what = match (found, text) {
        (Some(Scope::Principal), _) if !verified => {
            "\"principal\" needs identity.mode \"jwt\" or \"header\"; \"token\" tells tokens apart without verifying them".to_owned()
        }
        (Some(_), _) => return found,
        (None, Some(text)) => format!("{}, not {text:?}{}", one_of(&words), suggest::hint(text, words)),
        (None, None) => format!("missing; {}", one_of(&words)),
    };
    row.refuse("scope", what);
    None
}

fn requests(row: &mut Row<'_>) -> Option<NonZeroU32> {
    let number = row.keys.get("requests").and_then(Value::as_integer);
    let number = number.filter(|number| (1..=MOST).contains(number));
    let number = number.and_then(|number| NonZeroU32::new(u32::try_from(number).ok()?));
    if number.is_none() {
        let not = row.shown("requests");
        row.refuse("requests", format!("must be a whole number, 1 to {MOST}, not {not}"));
    }
    number
}

fn per(row: &mut Row<'_>) -> Option<Duration> {
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(31 * 24 * 3600));
    let found = row.text("per").and_then(duration).filter(|per| (least..=most).contains(per));
    if found.is_none() {
        let (least, most, not) = (show_duration(least), show_duration(most), row.shown("per"));
        row.refuse("per", format!("must be a duration such as \"1m\", {least} to {most}, not {not}"));
    }
    found
}

/// The limits as they are written.
pub(super) fn shown(rules: &[RateRule]) -> impl Iterator<Item = String> {
    rules.iter().map(|RateRule { scope, counts, limit, enforce }| {
        let mode = if *enforce { "enforce" } else { "shadow" };
        format!(
            "\n[[{KEY}]]\nscope = \"{}\"\ncounts = \"{}\"\nrequests = {}\nper = \"{}\"\nmode = \"{mode}\"",
            scope.as_str(),
            counts.as_str(),
            limit.requests(),
            show_duration(limit.per())
        )
    })
}
