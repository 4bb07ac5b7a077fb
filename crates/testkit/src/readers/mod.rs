//! Readers of jobs as upstream may have one, each careless in its own way: they keep the first or the last of two members, fold
//! letter case, or take what is no JSON. Whatever the model accepts, all of them must read as it does.

mod lenient;
mod understood;

use serde_json::{Map, Value};

pub use understood::alike;

/// A value as its text has it: members in order, also those that are there twice.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// Reads a job in the form in which the model writes one; `None` where it refuses the text.
pub type Reader = fn(&[u8]) -> Option<Value>;

/// Every reader with its name.
pub const READERS: [(&str, Reader); 5] = [
    ("serde_json keeps the last", |body| {
        Some(understood::read(&serde_json::from_slice(body).ok()?, understood::Scalars::Plain))
    }),
    ("the first counts", |body| strict(body, str::to_owned, false)),
    ("upper case, the last counts", |body| strict(body, upper, true)),
    ("lower case, the first counts", |body| strict(body, lower, false)),
    ("lenient", |body| {
        let tree = lenient::parse(body)?;
        Some(understood::read(&settled(&tree, upper, true), understood::Scalars::Coerced))
    }),
];

/// The names that a reader looks for.
const NAMES: [&str; 17] = [
    "type",
    "name",
    "costEstimationParameters",
    "gigaPixels",
    "megaPoints",
    "meshQuality",
    "workspaceId",
    "inputs",
    "id",
    "description",
    "settings",
    "quality",
    "processingEngines",
    "outputs",
    "cacheSettings",
    "createCache",
    "useCache",
];

/// A reader that takes JSON only.
fn strict(body: &[u8], fold: fn(&str) -> String, last: bool) -> Option<Value> {
    serde_json::from_slice::<Value>(body).ok()?;
    Some(understood::read(&settled(&lenient::parse(body)?, fold, last), understood::Scalars::Plain))
}

/// One member of each name, under the name that the reader takes it for.
fn settled(tree: &Tree, fold: fn(&str) -> String, last: bool) -> Value {
    match tree {
        Tree::Null => Value::Null,
        Tree::Bool(value) => Value::Bool(*value),
        Tree::Number(value) => serde_json::json!(value),
        Tree::Text(text) => Value::String(text.clone()),
        Tree::List(elements) => elements.iter().map(|one| settled(one, fold, last)).collect(),
        Tree::Object(members) => {
            let mut found = Map::new();
            for (name, value) in members {
                let known = NAMES.iter().find(|known| fold(known) == fold(name));
                let name = known.map_or_else(|| name.clone(), |known| (*known).to_owned());
                if last || !found.contains_key(&name) {
                    found.insert(name, settled(value, fold, last));
                }
            }
            Value::Object(found)
        }
    }
}

/// As .NET compares names without case: character by character, each by its one upper case.
fn upper(name: &str) -> String {
    name.chars().map(|c| one(c.to_uppercase(), c)).collect()
}

fn lower(name: &str) -> String {
    name.chars().map(|c| one(c.to_lowercase(), c)).collect()
}

fn one(mut characters: impl Iterator<Item = char>, c: char) -> char {
    match (characters.next(), characters.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each reader says of the size.
    fn sizes(cost: &str) -> Vec<Option<f64>> {
        let body = format!("{{\"costEstimationParameters\":{cost}}}");
        let size = |value: Value| value["costEstimationParameters"]["gigaPixels"].as_f64();
        READERS.iter().map(|(_, read)| read(body.as_bytes()).and_then(size)).collect()
    }

    #[test]
    fn the_readers_differ_where_real_ones_do() {
        let twice = sizes(r#"{"gigaPixels":1,"gigaPixels":2}"#);
        assert_eq!(twice, [Some(2.0), Some(1.0), Some(2.0), Some(1.0), Some(2.0)]);
        let folded = sizes(r#"{"gigaPixels":1,"GigaPixels":2}"#);
        assert_eq!(folded, [Some(1.0), Some(1.0), Some(2.0), Some(1.0), Some(2.0)]);
        let long_s = sizes("{\"gigaPixels\":1,\"gigaPixel\u{17f}\":2}");
        assert_eq!(long_s, [Some(1.0), Some(1.0), Some(2.0), Some(1.0), Some(2.0)]);
    }

    #[test]
    fn only_the_lenient_one_takes_what_is_no_json() {
        for (cost, size) in [
            ("{'gigaPixels':1}", 1.0),
            ("{gigaPixels:1,}", 1.0),
            ("{/* c */\"gigaPixels\":1//\n}", 1.0),
            (r#"{"gigaPixels":010}"#, 8.0),
            (r#"{"gigaPixels":0x10}"#, 16.0),
            (r#"{"gigaPixels":.5}"#, 0.5),
        ] {
            assert_eq!(sizes(cost), [None, None, None, None, Some(size)], "{cost}");
        }
        assert_eq!(sizes(r#"{"gigaPixels":1}}{"x":"#)[4], Some(1.0));
        assert_eq!(sizes(r#"{"gigaPixels":"2,5"}"#)[4], Some(25.0));
        assert_eq!(sizes(r#"{"gigaPixels":true}"#)[4], Some(1.0));
    }
}
