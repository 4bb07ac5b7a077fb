//! What a reader understands of a job whose members are told apart: it unquotes scalars, and one of the two makes scalars of others.

use serde_json::{Map, Value, json};

/// What becomes of scalars of another kind than is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalars {
    /// Numbers in quotes are numbers; all else stays.
    Plain,
    /// Also `true` is 1, `2,5` is 25, 7 is a text, and words and ids are found in any dress.
    Coerced,
}

/// The words that mean something.
const WORDS: [&str; 3] = ["Full", "Calibration", "Reconstruction"];

/// Reads a job and writes down what it understood, in the form in which the model writes a job.
pub(super) fn read(body: &Value, scalars: Scalars) -> Value {
    let coerced;
    let body = if scalars == Scalars::Coerced {
        coerced = self::coerced(body);
        &coerced
    } else {
        body
    };
    let settings = member(body, "settings");
    let cost = member(body, "costEstimationParameters");
    let cache = member(&settings, "cacheSettings");
    let inputs = member(body, "inputs");
    let inputs = inputs.as_array().cloned().unwrap_or_default();
    let inputs: Vec<_> = inputs
        .iter()
        .map(|input| known([("id", id(&member(input, "id"))), ("description", member(input, "description"))]))
        .collect();
    known([
        ("type", member(body, "type")),
        ("name", member(body, "name")),
        (
            "costEstimationParameters",
            within(
                &cost,
                [
                    ("gigaPixels", number(&member(&cost, "gigaPixels"))),
                    ("megaPoints", number(&member(&cost, "megaPoints"))),
                    ("meshQuality", placeholder(&member(&cost, "meshQuality"))),
                ],
            ),
        ),
        ("workspaceId", id(&member(body, "workspaceId"))),
        ("inputs", Value::Array(inputs)),
        (
            "settings",
            known([
                ("quality", member(&settings, "quality")),
                ("processingEngines", number(&member(&settings, "processingEngines"))),
                ("outputs", member(&settings, "outputs")),
                (
                    "cacheSettings",
                    within(
                        &cache,
                        [
                            ("createCache", flag(&member(&cache, "createCache"))),
                            ("useCache", id(&member(&cache, "useCache"))),
                        ],
                    ),
                ),
            ]),
        ),
    ])
}

/// Whether two jobs are the same, numbers as far as a float tells them apart.
pub fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap_or(f64::NAN), other.as_f64().unwrap_or(f64::NAN));
            // The model keeps 28 decimals and rounds up; serde_json's own floats may be off in the last bit.
            (one - other).abs() <= 1e-27_f64.max(one.abs() * 1e-15)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| alike(value, other)))
        }
        _ => one == other,
    }
}

/// Every scalar as what it can be taken for.
fn coerced(body: &Value) -> Value {
    let Some(members) = body.as_object() else { return body.clone() };
    let dressed = |(name, value): (&String, &Value)| {
        let value = match (name.as_str(), value) {
            ("gigaPixels" | "megaPoints" | "processingEngines", Value::Bool(flag)) => json!(u8::from(*flag)),
            ("gigaPixels" | "megaPoints" | "processingEngines", Value::String(text)) => {
                json!(text.trim().replace(',', ""))
            }
            ("name" | "description", Value::Number(number)) => json!(number.to_string()),
            ("type", Value::String(text)) => {
                let last = text.rsplit(',').next().unwrap_or_default().trim();
                json!(WORDS.iter().find(|word| word.eq_ignore_ascii_case(last)).copied().unwrap_or(last))
            }
            ("id" | "workspaceId" | "useCache", Value::String(text)) => {
                json!(text.trim().trim_matches(['{', '}']))
            }
            (_, Value::Array(list)) => list.iter().map(coerced).collect(),
            (_, other) => coerced(other),
        };
        (name.clone(), value)
    };
    Value::Object(members.iter().map(dressed).collect())
}

fn member(object: &Value, name: &str) -> Value {
    object.get(name).cloned().unwrap_or(Value::Null)
}

fn id(value: &Value) -> Value {
    value.as_str().filter(|id| !id.is_empty()).map_or(Value::Null, |id| json!(id.to_lowercase()))
}

fn placeholder(value: &Value) -> Value {
    if value == "Unknown" { Value::Null } else { value.clone() }
}

fn number(value: &Value) -> Value {
    match value {
        Value::String(text) => text.parse::<f64>().map_or(Value::Null, |number| json!(number)),
        other => other.clone(),
    }
}

fn flag(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text.eq_ignore_ascii_case("true")),
        other => other.clone(),
    }
}

/// The members that say something.
fn known<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// The same of an object that may be absent.
fn within<const N: usize>(object: &Value, members: [(&str, Value); N]) -> Value {
    if object.is_object() { known(members) } else { Value::Null }
}
