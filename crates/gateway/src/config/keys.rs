//! Every key there is, in the order in which it is documented, checked and shown.

use toml::{Table, Value};

use super::problems::ConfigProblem;
use super::suggest;

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Texts,
    Whole,
    Size,
    Duration,
    Flag,
}

/// The one section whose keys are not listed here: they are the ids of rules.
pub(super) const SEVERITY: &str = "validation.severity";

pub(super) const KEYS: &[(&str, Kind)] = &[
    ("listen.address", Kind::Text),
    ("listen.h2c", Kind::Flag),
    ("listen.tls.certificate", Kind::Text),
    ("listen.tls.key", Kind::Text),
    ("admin.address", Kind::Text),
    ("upstream.url", Kind::Text),
    ("upstream.connect_timeout", Kind::Duration),
    ("upstream.response_timeout", Kind::Duration),
    ("upstream.ca_file", Kind::Text),
    ("upstream.pool_size", Kind::Whole),
    ("upstream.pool_idle", Kind::Duration),
    ("upstream.public_only", Kind::Flag),
    ("upstream.back_off", Kind::Duration),
    ("upstream.nothing_done", Kind::Texts),
    ("limits.body_bytes", Kind::Size),
    ("limits.head_bytes", Kind::Size),
    ("limits.head_fields", Kind::Whole),
    ("limits.target_bytes", Kind::Size),
    ("limits.head_timeout", Kind::Duration),
    ("limits.body_timeout", Kind::Duration),
    ("limits.keep_alive", Kind::Duration),
    ("limits.requests_per_connection", Kind::Whole),
    ("limits.requests_per_http2_connection", Kind::Whole),
    ("limits.buffered_bytes", Kind::Size),
    ("limits.in_flight", Kind::Whole),
    ("limits.connections", Kind::Whole),
    ("limits.connections_per_address", Kind::Whole),
    ("limits.threads", Kind::Whole),
    ("limits.inputs", Kind::Whole),
    ("limits.name_chars", Kind::Whole),
    ("limits.string_bytes", Kind::Size),
    ("limits.engines", Kind::Whole),
    ("validation.profile", Kind::Text),
    ("validation.mode", Kind::Text),
    ("pricing.rate_card", Kind::Texts),
    ("pricing.settle", Kind::Text),
    ("ledger.url", Kind::Text),
    ("holds.unsubmitted", Kind::Duration),
    ("holds.unknown_job", Kind::Text),
    ("identity.mode", Kind::Text),
    ("identity.issuer", Kind::Text),
    ("identity.audience", Kind::Text),
    ("identity.jwks_file", Kind::Text),
    ("identity.jwks_url", Kind::Text),
    ("identity.scopes", Kind::Texts),
    ("identity.principal_claim", Kind::Text),
    ("identity.header", Kind::Text),
    ("log.format", Kind::Text),
    ("log.level", Kind::Text),
    ("shutdown.lead", Kind::Duration),
    ("shutdown.grace", Kind::Duration),
];

/// The path without its last part, and the last part.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

/// The sections, sub-sections after their parents.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let mut seen = Vec::new();
    KEYS.iter().map(|(path, _)| split(path).0).chain([SEVERITY]).filter(move |section| {
        let new = !seen.contains(section);
        seen.push(section);
        new
    })
}

/// Reports every key that is not listed, and every section that is not one.
pub(super) fn check(table: &Table, problems: &mut Vec<ConfigProblem>) {
    check_section("", table, problems);
}

fn check_section(section: &str, table: &Table, problems: &mut Vec<ConfigProblem>) {
    for (name, value) in table {
        let path = if section.is_empty() { name.clone() } else { format!("{section}.{name}") };
        if [super::rates::KEY, super::budgets::KEY, super::sinks::KEY].contains(&path.as_str()) {
            // An array of tables; its rows are judged where they are read.
        } else if sections().any(|known| known == path) {
            match value {
                Value::Table(_) if path == SEVERITY => {}
                Value::Table(inner) => check_section(&path, inner, problems),
                _ => problems.push(ConfigProblem::new(&path, format!("must be one section [{path}]"))),
            }
        } else if name.contains('.') || !KEYS.iter().any(|(known, _)| *known == path) {
            problems.push(unknown(section, name, value));
        }
    }
}

fn unknown(section: &str, name: &str, value: &Value) -> ConfigProblem {
    let shown = if name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) && !name.is_empty() {
        name.to_owned()
    } else {
        format!("{name:?}")
    };
    let path = if section.is_empty() { shown } else { format!("{section}.{shown}") };
    let paths = || KEYS.iter().map(|(path, _)| *path).chain(sections());
    let here = paths().filter(|path| split(path).0 == section).map(|path| split(path).1);
    let hint = match suggest::nearest(name, here) {
        Some(near) => format!("; did you mean \"{near}\"?"),
        None => paths()
            .find(|path| split(path).1 == name)
            .map_or_else(String::new, |path| format!("; did you mean \"{path}\"?")),
    };
    let what = if matches!(value, Value::Table(_)) { "section" } else { "key" };
    ConfigProblem::new(path, format!("unknown {what}{hint}"))
}
