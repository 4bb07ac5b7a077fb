//! `JOBGATE_SECTION__KEY` variables, put over the file before anything is checked.

use std::collections::BTreeMap;

use job_model::Rule;
use toml::{Table, Value};

use super::keys::{self, KEYS, Kind, SEVERITY};
use super::problems::ConfigProblem;
use super::suggest;

const PREFIX: &str = "JOBGATE_";

/// Puts the variables over the table and says which key came from which variable.
///
/// Only names with `__`, and names that can only be meant as a key, are ours to judge: Kubernetes sets `JOBGATE_PORT`,
/// `JOBGATE_SERVICE_HOST` and the like in every pod beside a service called jobgate.
pub(super) fn apply(
    table: &mut Table,
    variables: &BTreeMap<String, String>,
    problems: &mut Vec<ConfigProblem>,
) -> BTreeMap<String, String> {
    let known = names();
    let mut origin = BTreeMap::new();
    for (name, text) in variables.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        if let Some((path, kind)) = known.get(name) {
            put(table, path, value(text, *kind));
            origin.insert(path.clone(), name.clone());
        } else if let Some(problem) = judge(name, &known) {
            problems.push(ConfigProblem::new(name, problem));
        }
    }
    origin
}

/// The variable of every key.
fn names() -> BTreeMap<String, (String, Kind)> {
    let listed = KEYS.iter().map(|(path, kind)| ((*path).to_owned(), *kind));
    let rules = Rule::ALL.iter().map(|rule| (format!("{SEVERITY}.{}", rule.id()), Kind::Text));
    listed.chain(rules).map(|key| (variable(&key.0), key)).collect()
}

fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").replace('-', "_").to_ascii_uppercase())
}

/// What is wrong with a variable that sets no key; nothing where it is not ours.
fn judge(name: &str, known: &BTreeMap<String, (String, Kind)>) -> Option<String> {
    let path = name.strip_prefix(PREFIX)?.to_ascii_lowercase().replace("__", ".");
    for rows in [super::rates::KEY, super::budgets::KEY, super::sinks::KEY] {
        if path.strip_prefix(rows).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
            return Some(format!("cannot be set by a variable; [[{rows}]] belongs in the file"));
        }
    }
    if sections().any(|section| section == name) {
        return Some(format!("names a section; write {name}__ and the key"));
    }
    if let Some(meant) = known.keys().find(|key| key.replace("__", "_").eq_ignore_ascii_case(name)) {
        return Some(format!("sets no key; did you mean \"{meant}\"?"));
    }
    name.contains("__")
        .then(|| format!("sets no key{}", suggest::hint(name, known.keys().map(String::as_str))))
}

fn sections() -> impl Iterator<Item = String> {
    keys::sections().map(variable)
}

/// A TOML value where the text is one of the kind that the key takes, else the text itself.
fn value(text: &str, kind: Kind) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().filter(|table| table.len() == 1);
    let fits = |value: &Value| match kind {
        Kind::Text | Kind::Duration => value.is_str(),
        Kind::Texts => value.is_str() || value.is_array(),
        Kind::Whole => value.is_integer(),
        Kind::Size => value.is_str() || value.is_integer(),
        Kind::Flag => value.is_bool(),
    };
    let parsed = parsed.and_then(|mut table| table.remove("value")).filter(fits);
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Sets a key. Where the file has something other than a section on the way, the key check tells.
fn put(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(table.insert(path.to_owned(), value)),
        Some((section, rest)) => {
            let inner = table.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}
