//! A reader as careless as any upstream may be: it ignores letter case, keeps the last duplicate and unquotes scalars.

use serde_json::{Map, Value, json};

/// Reads a job and writes down what it understood, in the form in which the model writes a job.
pub(crate) fn read(body: &Value) -> Value {
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

/// Whether two values are the same, numbers as far as a float tells them apart.
pub(crate) fn alike(one: &Value, other: &Value) -> bool {
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

/// The last of the members with this name in whatever letter case.
fn member(object: &Value, name: &str) -> Value {
    let members = object.as_object().into_iter().flatten();
    let mut alike = members.filter(|(member, _)| folded(member) == folded(name));
    alike.next_back().map_or(Value::Null, |(_, value)| value.clone())
}

fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
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
