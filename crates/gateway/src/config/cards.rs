//! Loads the rate cards that a configuration names.

use std::path::Path;

use job_model::{RateCard, RateCards};
use toml::Value;

use super::reader::{Reader, show};
use super::types::CardSource;

const KEY: &str = "pricing.rate_card";

/// The name of the built-in card. It is spelt like this so that nobody prices real jobs with it by accident.
pub(super) const ILLUSTRATIVE: &str = "builtin:illustrative";

pub(super) fn read(reader: &mut Reader<'_>) -> (Vec<CardSource>, RateCards) {
    let mut sources = Vec::new();
    let mut cards = Vec::new();
    for name in names(reader) {
        if let Some((source, card)) = load(reader, name) {
            if sources.contains(&source) {
                reader.refuse(KEY, format!("names {name:?} twice"));
                continue;
            }
            sources.push(source);
            cards.push(card);
        }
    }
    let cards = RateCards::new(cards).unwrap_or_else(|problems| {
        for problem in &problems {
            reader.refuse(KEY, problem.to_string());
        }
        RateCards::default()
    });
    (sources, cards)
}

/// The card in a file: in JSON where its name ends so, in whatever case, and else in TOML.
///
/// # Errors
/// What is wrong with it, one problem a line.
pub fn read_card(file: &Path, bytes: Vec<u8>) -> Result<RateCard, String> {
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    let is_json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let card = if is_json { RateCard::from_json(&text) } else { RateCard::from_toml(&text) };
    card.map_err(|problems| problems.to_string())
}

fn names<'a>(reader: &mut Reader<'a>) -> Vec<&'a str> {
    let value = reader.get(KEY);
    match value {
        None => Vec::new(),
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(list)) if !list.is_empty() && list.iter().all(Value::is_str) => {
            list.iter().filter_map(Value::as_str).collect()
        }
        Some(Value::Array(_)) => {
            reader.refuse(
                KEY,
                "must be a list of files in quotes, with at least one; leave the key out to price nothing",
            );
            Vec::new()
        }
        Some(other) => {
            reader.refuse(KEY, format!("must be a file in quotes or a list of files, not {}", show(other)));
            Vec::new()
        }
    }
}

fn load(reader: &mut Reader<'_>, name: &str) -> Option<(CardSource, RateCard)> {
    if name == ILLUSTRATIVE {
        return Some((CardSource::Illustrative, RateCard::illustrative()));
    }
    if name.starts_with("builtin:") || name.eq_ignore_ascii_case("illustrative") {
        reader.refuse(
            KEY,
            format!("{name:?} is no card; the built-in one is \"{ILLUSTRATIVE}\", made up for demonstration"),
        );
        return None;
    }
    let (file, bytes) = reader.open(KEY, name)?;
    match read_card(&file, bytes) {
        Ok(card) => Some((CardSource::File(file), card)),
        Err(problems) => {
            for line in problems.lines() {
                reader.refuse(KEY, format!("{name}: {line}"));
            }
            None
        }
    }
}
