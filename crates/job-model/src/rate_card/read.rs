//! Reads a rate card from TOML or JSON: walks the whole of it and collects every problem.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use super::problems::{CardProblem, CardProblems};
use super::{Rate, RateCard, RoundingMode, Surcharge};
use crate::format::OutputFormat;
use crate::kind::JobType;
use crate::quality::Quality;
use crate::quote::CardRef;

/// The largest rate, flat, minimum and step.
const LARGEST: Decimal = Decimal::from_parts(10_000, 0, 0, false, 0);
/// The most decimal places of a rate; the proof in `price` needs a bound.
const RATE_PLACES: u32 = 12;
/// The finest step, and what every step is a multiple of.
const FINEST: Decimal = Decimal::from_parts(1, 0, 0, false, 6);
/// The most surcharges; the proof in `price` needs a bound.
const SURCHARGES: usize = 40;

const CARD_KEYS: &[&str] = &[
    "name",
    "version",
    "currency",
    "basis",
    "effective_from",
    "effective_until",
    "rounding",
    "rate",
    "surcharge",
];
const ROUNDING_KEYS: &[&str] = &["step", "mode"];
const RATE_KEYS: &[&str] = &["type", "quality", "per_gigapixel", "per_megapoint", "minimum"];
const SURCHARGE_KEYS: &[&str] = &["output", "per_gigapixel", "per_megapoint", "flat"];

pub(super) fn from_toml(text: &str) -> Result<RateCard, CardProblems> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let place = error.span().map_or_else(String::new, |span| {
            let before = text.get(..span.start).unwrap_or(text);
            format!("line {}: ", before.split('\n').count())
        });
        CardProblems::one(CardProblem::new("", format!("{place}not TOML: {}", error.message())))
    })?;
    read(&from_table(toml::Value::Table(table)))
}

pub(super) fn from_json(text: &str) -> Result<RateCard, CardProblems> {
    let value = serde_json::from_str(text)
        .map_err(|error| CardProblems::one(CardProblem::new("", format!("not JSON: {error}"))))?;
    read(&value)
}

/// TOML's dates become texts; its floats stay floats, and are refused below as JSON's are.
fn from_table(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(word) => word.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(list) => list.into_iter().map(from_table).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, from_table(value))).collect())
        }
    }
}

fn read(root: &Value) -> Result<RateCard, CardProblems> {
    let mut reader = Reader { problems: Vec::new() };
    reader.known(root, "", CARD_KEYS);
    let name = reader.text(root, "name");
    let version = reader.text(root, "version");
    let currency = reader.text(root, "currency");
    let basis = reader.text(root, "basis");
    let effective_from = reader.date(root, "effective_from");
    let effective_until = reader.date(root, "effective_until");
    if effective_from.is_some_and(|from| effective_until.is_some_and(|until| until <= from)) {
        reader.refuse("effective_until", "must be later than effective_from");
    }
    let (step, mode) = reader.rounding(root);
    let rates: Vec<_> = reader
        .rows(root, "rate")
        .map(|(path, row)| reader_rate(&mut reader.problems, row, &path, step))
        .collect();
    if rates.is_empty() && root.get("rate").is_none() {
        reader.refuse("rate", "missing; a card needs at least one [[rate]]");
    }
    reader.overlaps(&rates);
    let rows: Vec<_> = reader.rows(root, "surcharge").collect();
    if rows.len() > SURCHARGES {
        reader.refuse("surcharge", format!("more than {SURCHARGES} rows"));
    }
    let surcharges = rows.iter().map(|(path, row)| reader.surcharge(row, path)).collect();
    if let Some(problems) = CardProblems::of(reader.problems) {
        return Err(problems);
    }
    let none = CardRef {
        name: String::new(),
        version: String::new(),
        sha256: String::new(),
        currency: String::new(),
    };
    let card = RateCard {
        card: Arc::new(none),
        basis,
        effective_from,
        effective_until,
        step,
        mode,
        rates,
        surcharges,
        json: Value::Null,
    };
    Ok(card.seal(name, version, currency))
}

fn reader_rate(problems: &mut Vec<CardProblem>, row: &Value, path: &str, step: Decimal) -> Rate {
    let mut reader = Reader { problems: std::mem::take(problems) };
    let rate = reader.rate(row, path, step);
    *problems = reader.problems;
    rate
}

/// Reads values and remembers what is wrong. A value that is refused reads as a harmless one: the card is refused anyway.
struct Reader {
    problems: Vec<CardProblem>,
}

impl Reader {
    fn refuse(&mut self, key: impl Into<String>, what: impl Into<String>) {
        self.problems.push(CardProblem::new(key, what));
    }

    /// Refuses what is no object, and keys that mean nothing.
    fn known(&mut self, value: &Value, path: &str, keys: &[&str]) {
        let Some(object) = value.as_object() else {
            return self.refuse(path, "must be a table");
        };
        for key in object.keys().filter(|key| !keys.contains(&key.as_str())) {
            let what = format!("unknown key; known are {}", keys.join(", "));
            self.refuse(join(path, key), what);
        }
    }

    fn text(&mut self, root: &Value, key: &str) -> String {
        match root.get(key) {
            Some(Value::String(text)) if !text.trim().is_empty() && !text.chars().any(char::is_control) => {
                text.clone()
            }
            None => {
                self.refuse(key, "missing; a text is needed");
                String::new()
            }
            Some(_) => {
                self.refuse(key, "must be a text, not empty, without control characters");
                String::new()
            }
        }
    }

    fn date(&mut self, root: &Value, key: &str) -> Option<Timestamp> {
        let value = root.get(key)?;
        let date = value.as_str().and_then(|text| text.parse().ok());
        if date.is_none() {
            self.refuse(key, "must be a date and time with offset, as \"2026-11-01T00:00:00Z\"");
        }
        date
    }

    /// A decimal in quotes, or a whole number.
    fn number(&mut self, value: &Value, path: &str) -> Option<Decimal> {
        let number = match value {
            Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
                Decimal::from_str_exact(text).ok()
            }
            Value::Number(number) => number.as_u64().map(Decimal::from),
            _ => None,
        };
        match number {
            None => {
                self.refuse(path, "must be a decimal number in quotes, as \"0.25\": a float is not exact");
            }
            Some(number) if number > LARGEST => self.refuse(path, format!("must be at most {LARGEST}")),
            Some(number) if number.normalize().scale() > RATE_PLACES => {
                self.refuse(path, format!("must have at most {RATE_PLACES} decimal places"));
            }
            Some(number) => return Some(number.normalize()),
        }
        None
    }

    /// A number that may be left out, and is then 0.
    fn price(&mut self, row: &Value, path: &str, key: &str) -> Decimal {
        row.get(key).and_then(|value| self.number(value, &join(path, key))).unwrap_or_default()
    }

    fn rounding(&mut self, root: &Value) -> (Decimal, RoundingMode) {
        let fallback = (FINEST, RoundingMode::HalfEven);
        let Some(value) = root.get("rounding") else {
            self.refuse("rounding", "missing; step and mode are needed");
            return fallback;
        };
        self.known(value, "rounding", ROUNDING_KEYS);
        let mode = value.get("mode").and_then(Value::as_str);
        let known = RoundingMode::WORDS.into_iter().find(|(word, _)| Some(*word) == mode);
        if known.is_none() {
            self.refuse("rounding.mode", "must be \"half-even\", \"up\" or \"down\"");
        }
        let step = if let Some(step) = value.get("step") {
            self.number(step, "rounding.step")
        } else {
            self.refuse("rounding.step", "missing; a number in quotes is needed");
            None
        };
        let step = step.filter(|step| {
            let sound = *step >= FINEST && step.scale() <= FINEST.scale();
            if !sound {
                self.refuse("rounding.step", "must be a multiple of 0.000001, and not 0");
            }
            sound
        });
        (step.unwrap_or(fallback.0), known.map_or(fallback.1, |(_, mode)| mode))
    }

    /// The rows of an array of tables, with their paths.
    fn rows<'a>(
        &mut self,
        root: &'a Value,
        key: &'static str,
    ) -> impl Iterator<Item = (String, &'a Value)> + use<'a> {
        let list = match root.get(key) {
            None => &[][..],
            Some(Value::Array(list)) => list.as_slice(),
            Some(_) => {
                self.refuse(key, format!("must be an array of tables, written [[{key}]]"));
                &[]
            }
        };
        list.iter().enumerate().map(move |(index, row)| (format!("{key}[{index}]"), row))
    }

    fn rate(&mut self, row: &Value, path: &str, step: Decimal) -> Rate {
        self.known(row, path, RATE_KEYS);
        let minimum = self.price(row, path, "minimum");
        if minimum.checked_rem(step).is_none_or(|rest| !rest.is_zero()) {
            self.refuse(join(path, "minimum"), format!("must be a multiple of rounding.step, {step}"));
        }
        Rate {
            types: self.words(row, path, "type", JobType::from_wire, &JobType::ALL),
            qualities: self.words(row, path, "quality", Quality::from_wire, &Quality::ALL),
            per_gigapixel: self.price(row, path, "per_gigapixel"),
            per_megapoint: self.price(row, path, "per_megapoint"),
            minimum,
        }
    }

    fn surcharge(&mut self, row: &Value, path: &str) -> Surcharge {
        self.known(row, path, SURCHARGE_KEYS);
        let output = if row.get("output").is_some() {
            self.words(row, path, "output", OutputFormat::from_wire, &OutputFormat::ALL)
        } else {
            self.refuse(join(path, "output"), "missing; a list of output formats is needed");
            Vec::new()
        };
        Surcharge {
            output: output.into_iter().collect(),
            per_gigapixel: self.price(row, path, "per_gigapixel"),
            per_megapoint: self.price(row, path, "per_megapoint"),
            flat: self.price(row, path, "flat"),
        }
    }

    /// A list of published words, in their published order; all of them where the key is absent.
    fn words<T: Copy + Ord + std::fmt::Display>(
        &mut self,
        row: &Value,
        path: &str,
        key: &str,
        known: fn(&str) -> Option<T>,
        all: &[T],
    ) -> Vec<T> {
        let path = join(path, key);
        let Some(value) = row.get(key) else { return all.to_vec() };
        let Some(list) = value.as_array().filter(|list| !list.is_empty()) else {
            self.refuse(path, "must be a list of words, not empty");
            return Vec::new();
        };
        let mut words = Vec::new();
        for (index, value) in list.iter().enumerate() {
            match value.as_str().and_then(known) {
                Some(word) if words.contains(&word) => {
                    self.refuse(format!("{path}[{index}]"), format!("{word} is there twice"));
                }
                Some(word) => words.push(word),
                None => {
                    let expected: Vec<_> = all.iter().map(ToString::to_string).collect();
                    self.refuse(
                        format!("{path}[{index}]"),
                        format!("must be one of {}", expected.join(", ")),
                    );
                }
            }
        }
        words.sort_unstable();
        words
    }

    /// Two rows for one type and quality would make the price depend on their order.
    fn overlaps(&mut self, rates: &[Rate]) {
        for (index, rate) in rates.iter().enumerate() {
            for (before, other) in rates.iter().enumerate().take(index) {
                let shared = rate.types.iter().find_map(|job_type| {
                    let quality = rate.qualities.iter().find(|quality| other.covers(*job_type, **quality))?;
                    Some((job_type, quality))
                });
                if let Some((job_type, quality)) = shared {
                    self.refuse(
                        format!("rate[{index}]"),
                        format!("prices {job_type} at {quality}, as rate[{before}] does; each pair may have one row"),
                    );
                }
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
