//! The one form of a card that all notations of it share.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::Content;
use crate::format::OutputFormat;

/// RFC 8785 wants members sorted, no white space and the shortest escapes. All names are ASCII and all values strings, so
/// it is enough to insert in order.
pub(super) fn form(card: &Content) -> Value {
    let number = |number: Decimal| Value::from(number.normalize().to_string());
    let rates = card.rates.iter().map(|rate| {
        object([
            ("minimum", number(rate.prices.minimum)),
            ("per_gigapixel", number(rate.prices.per_gigapixel)),
            ("per_megapoint", number(rate.prices.per_megapoint)),
            ("quality", rate.qualities.iter().map(|quality| quality.as_str()).collect()),
            ("type", rate.types.iter().map(|job_type| job_type.as_str()).collect()),
        ])
    });
    let surcharges = card.surcharges.iter().map(|surcharge| {
        object([
            ("flat", number(surcharge.flat)),
            ("output", surcharge.output.iter().map(OutputFormat::as_str).collect()),
            ("per_gigapixel", number(surcharge.per_gigapixel)),
            ("per_megapoint", number(surcharge.per_megapoint)),
        ])
    });
    let date = |date: Option<Timestamp>| date.map_or(Value::Null, |date| Value::from(date.to_string()));
    object([
        ("basis", Value::from(card.basis.as_str())),
        ("currency", Value::from(card.currency.as_str())),
        ("effective_from", date(card.effective_from)),
        ("effective_until", date(card.effective_until)),
        ("name", Value::from(card.name.as_str())),
        ("rate", rates.collect()),
        (
            "rounding",
            object([("mode", Value::from(card.mode.as_str())), ("step", number(card.step.to_decimal()))]),
        ),
        ("surcharge", surcharges.collect()),
        ("version", Value::from(card.version.as_str())),
    ])
}

/// An object with these members in this order, without those that are null.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}
