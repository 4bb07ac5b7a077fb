//! Reads a rate card: walks the whole of it and collects every problem.

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use rust_decimal::Decimal;
use serde_json::Value;

use super::problems::{CardProblem, CardProblems};
use super::{Content, Prices, RateCard, RoundingMode, Row, Surcharge};
use crate::amount::Amount;
use crate::format::OutputFormat;
use crate::kind::JobType;
use crate::quality::Quality;
use crate::wire::suggest;

/// The largest rate, flat, minimum and step.
const LARGEST: Decimal = Decimal::from_parts(10_000, 0, 0, false, 0);
/// The most digits that such a number has before the point.
const WHOLE_DIGITS: usize = 5;
/// The most decimal places of a rate; the proof in `price` needs a bound.
const RATE_PLACES: usize = 12;
/// The finest step, and what every step is a multiple of.
const FINEST: Amount = Amount::from_micros(1);
/// The most surcharges; the proof in `price` needs a bound.
const SURCHARGES: usize = 40;

/// What is said of what is no date.
const NO_DATE: &str = "must be a date and time with offset, as \"2026-11-01T00:00:00Z\"";

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

pub(super) fn card(root: &Value) -> Result<RateCard, CardProblems> {
    let mut reader = Reader { problems: Vec::new() };
    let content = reader.content(root);
    match CardProblems::of(reader.problems) {
        Some(problems) => Err(problems),
        None => Ok(RateCard::of(content)),
    }
}

/// Reads values and remembers what is wrong. A value that is refused reads as a harmless one: the card is refused anyway.
struct Reader {
    problems: Vec<CardProblem>,
}

impl Reader {
    fn refuse(&mut self, key: impl Into<String>, what: impl Into<String>) {
        self.problems.push(CardProblem::new(key, what));
    }

    fn content(&mut self, root: &Value) -> Content {
        self.known(root, "", CARD_KEYS);
        let name = self.text(root, "name");
        let version = self.text(root, "version");
        let currency = self.text(root, "currency");
        if !currency.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.refuse("currency", "must be printable ASCII, as \"EUR\": it is sent in a header");
        }
        let basis = self.text(root, "basis");
        let effective_from = self.date(root, "effective_from");
        let effective_until = self.date(root, "effective_until");
        if effective_from.is_some_and(|from| effective_until.is_some_and(|until| until <= from)) {
            self.refuse("effective_until", "must be later than effective_from");
        }
        let (step, mode) = self.rounding(root);
        let rates = self.rates(root, step);
        let surcharges = self.surcharges(root);
        let step = step.unwrap_or(FINEST);
        Content {
            name,
            version,
            currency,
            basis,
            effective_from,
            effective_until,
            step,
            mode,
            rates,
            surcharges,
        }
    }

    /// Refuses what is no object, and keys that mean nothing.
    fn known(&mut self, value: &Value, path: &str, keys: &'static [&'static str]) {
        let Some(object) = value.as_object() else {
            return self.refuse(path, "must be a table");
        };
        for key in object.keys().filter(|key| !keys.contains(&key.as_str())) {
            let what = format!("unknown key; known are {}{}", keys.join(", "), meant(key, keys));
            self.refuse(join(path, key), what);
        }
    }

    fn text(&mut self, root: &Value, key: &str) -> String {
        match root.get(key) {
            Some(Value::String(text)) if !text.trim().is_empty() && !text.chars().any(char::is_control) => {
                return text.clone();
            }
            Some(_) => self.refuse(key, "must be a text, not empty, without control characters"),
            // What is no table has no keys to miss.
            None if root.is_object() => self.refuse(key, "missing; a text is needed"),
            None => {}
        }
        String::new()
    }

    fn date(&mut self, root: &Value, key: &str) -> Option<Timestamp> {
        if root.get(key).and_then(Value::as_str).is_some_and(|text| !is_rfc_3339(text)) {
            self.refuse(key, NO_DATE);
            return None;
        }
        let value = root.get(key)?;
        let date = value.as_str().and_then(instant);
        if date.is_none() {
            self.refuse(key, NO_DATE);
        }
        date
    }

    /// A number that may be left out, and is then 0.
    fn price(&mut self, row: &Value, path: &str, key: &str) -> Decimal {
        row.get(key).and_then(|value| self.number(value, &join(path, key))).unwrap_or_default()
    }

    fn number(&mut self, value: &Value, path: &str) -> Option<Decimal> {
        match decimal(value) {
            Ok(number) => Some(number),
            Err(what) => {
                self.refuse(path, what);
                None
            }
        }
    }

    fn rounding(&mut self, root: &Value) -> (Option<Amount>, RoundingMode) {
        let none = (None, RoundingMode::HalfEven);
        let Some(value) = root.get("rounding") else {
            if root.is_object() {
                self.refuse("rounding", "missing; step and mode are needed");
            }
            return none;
        };
        self.known(value, "rounding", ROUNDING_KEYS);
        if !value.is_object() {
            return none;
        }
        let mode = value.get("mode").and_then(Value::as_str);
        let mode = RoundingMode::WORDS.into_iter().find(|(word, _)| Some(*word) == mode);
        if mode.is_none() {
            self.refuse("rounding.mode", "must be \"half-even\", \"up\" or \"down\"");
        }
        let step = value.get("step");
        if step.is_none() {
            self.refuse("rounding.step", "missing; a number in quotes is needed");
        }
        let step = step.and_then(|step| self.step(step));
        (step, mode.map_or(RoundingMode::HalfEven, |(_, mode)| mode))
    }

    fn step(&mut self, value: &Value) -> Option<Amount> {
        let number = self.number(value, "rounding.step")?;
        let step = Amount::from_decimal(number).filter(|step| *step >= FINEST);
        if step.is_none() {
            self.refuse("rounding.step", format!("must be a multiple of {FINEST}, and not 0"));
        }
        step
    }

    /// The rows of an array of tables, with their paths.
    fn rows<'a>(
        &mut self,
        root: &'a Value,
        key: &'static str,
        keys: &'static [&'static str],
    ) -> Vec<(String, &'a Value)> {
        let list = match root.get(key) {
            None => &[][..],
            Some(Value::Array(list)) => list.as_slice(),
            Some(_) => {
                self.refuse(key, format!("must be an array of tables, written [[{key}]]"));
                &[]
            }
        };
        let rows = list.iter().enumerate().map(|(index, row)| (format!("{key}[{index}]"), row));
        rows.inspect(|(path, row)| self.known(row, path, keys)).filter(|(_, row)| row.is_object()).collect()
    }

    fn rates(&mut self, root: &Value, step: Option<Amount>) -> Vec<Row> {
        let missing = match root.get("rate") {
            None => root.is_object(),
            Some(rows) => rows.as_array().is_some_and(Vec::is_empty),
        };
        if missing {
            self.refuse("rate", "missing; a card needs at least one [[rate]]");
        }
        let rows = self.rows(root, "rate", RATE_KEYS);
        let rates: Vec<_> = rows.into_iter().map(|(path, row)| (self.rate(row, &path, step), path)).collect();
        self.overlaps(&rates);
        rates.into_iter().map(|(row, _)| row).collect()
    }

    fn rate(&mut self, row: &Value, path: &str, step: Option<Amount>) -> Row {
        let types = self.words(row, path, "type", JobType::from_wire, &JobType::ALL, &JobType::WORDS);
        let qualities = self.words(row, path, "quality", Quality::from_wire, &Quality::ALL, &Quality::WORDS);
        let per_gigapixel = self.price(row, path, "per_gigapixel");
        let per_megapoint = self.price(row, path, "per_megapoint");
        let minimum = self.price(row, path, "minimum");
        // Of a step that is refused itself, nothing need be a multiple.
        if let Some(step) = step
            && minimum.checked_rem(step.to_decimal()).is_none_or(|rest| !rest.is_zero())
        {
            self.refuse(join(path, "minimum"), format!("must be a multiple of rounding.step, {step}"));
        }
        Row { types, qualities, prices: Prices { per_gigapixel, per_megapoint, minimum } }
    }

    fn surcharges(&mut self, root: &Value) -> Vec<Surcharge> {
        let rows = self.rows(root, "surcharge", SURCHARGE_KEYS);
        if rows.len() > SURCHARGES {
            self.refuse(
                "surcharge",
                format!("has more than {SURCHARGES} rows; put formats of one price in one row"),
            );
        }
        rows.into_iter().map(|(path, row)| self.surcharge(row, &path)).collect()
    }

    fn surcharge(&mut self, row: &Value, path: &str) -> Surcharge {
        let (known, all, words) = (OutputFormat::from_wire, &OutputFormat::ALL, &OutputFormat::WORDS);
        let output = if row.get("output").is_some() {
            self.words(row, path, "output", known, all, words)
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
        expected: &'static [&'static str],
    ) -> Vec<T> {
        let path = join(path, key);
        let Some(value) = row.get(key) else { return all.to_vec() };
        let Some(list) = value.as_array().filter(|list| !list.is_empty()) else {
            self.refuse(path, "must be a list of words, not empty");
            return Vec::new();
        };
        let mut words = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let text = value.as_str().unwrap_or_default();
            match known(text) {
                Some(word) if words.contains(&word) => {
                    self.refuse(format!("{path}[{index}]"), format!("{word} is there twice"));
                }
                Some(word) => words.push(word),
                None => {
                    let what = format!("must be one of {}{}", expected.join(", "), meant(text, expected));
                    self.refuse(format!("{path}[{index}]"), what);
                }
            }
        }
        words.sort_unstable();
        words
    }

    /// Two rows for one type and quality would make the price depend on their order.
    fn overlaps(&mut self, rates: &[(Row, String)]) {
        for (index, (row, path)) in rates.iter().enumerate() {
            for (other, before) in rates.iter().take(index) {
                let shared = row.pairs().find(|pair| other.pairs().any(|taken| taken == *pair));
                if let Some((job_type, quality)) = shared {
                    let what = format!(
                        "prices {job_type} at {quality}, as {before} does; each pair may have one row"
                    );
                    self.refuse(path.as_str(), what);
                }
            }
        }
    }
}

/// An instant. Of the last day of year 9999, which the library numbers no further, it is the last one that there is.
fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let date = Pieces::parse(text).ok()?;
        date.time().and(date.offset())?;
        (date.date().year() == 9999).then_some(Timestamp::MAX)
    })
}

/// A decimal in quotes, or a whole number; else what is wrong with it.
fn decimal(value: &Value) -> Result<Decimal, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        Value::Number(number) => {
            return Err(format!("is a float, which is not exact; write it in quotes: \"{number}\""));
        }
        _ => String::new(),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.strip_prefix('-').is_some_and(digits) && digits(fraction) {
        return Err("must not be negative".to_owned());
    }
    if !digits(whole) || !digits(fraction) {
        return Err("must be a decimal number in quotes, as \"0.25\"".to_owned());
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if fraction.len() > RATE_PLACES {
        return Err(format!("must have at most {RATE_PLACES} decimal places"));
    }
    let too_large = || format!("must be at most {LARGEST}");
    if whole.len() > WHOLE_DIGITS {
        return Err(too_large());
    }
    // At most 17 digits, so neither of these can fail.
    let scale = u32::try_from(fraction.len()).map_err(|_| too_large())?;
    let mantissa = format!("0{whole}{fraction}").parse().map_err(|_| too_large())?;
    let number = Decimal::new(mantissa, scale);
    if number > LARGEST { Err(too_large()) } else { Ok(number) }
}

/// Whether a text has the form of RFC 3339. The library reads more, and what is more is most often a slip: hours left out, or an offset
/// of 25 of them.
fn is_rfc_3339(text: &str) -> bool {
    let form: String = text.chars().map(|digit| if digit.is_ascii_digit() { '0' } else { digit }).collect();
    let form = form.to_ascii_uppercase();
    let forms = ["0000-00-00T00:00:00", "0000-00-00 00:00:00"];
    let Some(rest) = forms.iter().find_map(|whole| form.strip_prefix(whole)) else { return false };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) if fraction.starts_with('0') => fraction.trim_start_matches('0'),
        Some(_) => return false,
        None => rest,
    };
    let within = || {
        let (_, offset) = text.rsplit_once(['+', '-'])?;
        offset.split_once(':').map(|(hours, minutes)| hours <= "23" && minutes <= "59")
    };
    offset == "Z" || matches!(offset, "+00:00" | "-00:00") && within() == Some(true)
}

/// What was probably meant, for the end of a message.
fn meant(text: &str, known: &'static [&'static str]) -> String {
    suggest(text, known).map_or_else(String::new, |word| format!("; did you mean {word}?"))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
