//! Writes the configuration in force as TOML that reads back as the same configuration.

use std::path::Path;
use std::time::Duration;

use job_model::Rule;
use toml::{Table, Value};

use super::cards::ILLUSTRATIVE;
use super::keys::{KEYS, SEVERITY, split};
use super::running::Running;
use super::sections::{MEMORY, SQLITE};
use super::types::{CardSource, Config, Identity, KeySource, Ledger};
use super::url::bracketed;
use super::value::{show_duration, show_size};

impl Config {
    /// Every key with the value in force, as TOML, behind the fingerprints of what it decides by. It holds no secrets.
    pub fn effective(&self) -> String {
        let values = values(self);
        let Running { rule_set, rule_set_sha256, rate_card, rate_card_sha256 } = Running::of(self);
        let mut lines = vec![
            format!("# Rule set {rule_set}: {rule_set_sha256}"),
            format!("# Rate card {rate_card}: {rate_card_sha256}"),
        ];
        let mut open = "";
        for (path, _) in KEYS {
            let (section, key) = split(path);
            if section != open {
                let absent = section == "listen.tls" && self.listen.tls.is_none();
                lines.push(String::new());
                lines.push(format!("{}[{section}]", if absent { "# " } else { "" }));
                open = section;
            }
            lines.push(match values.get(*path) {
                Some(value) => format!("{key} = {value}"),
                None => format!("# {key} is not set"),
            });
        }
        lines.extend([String::new(), format!("[{SEVERITY}]")]);
        let changeable = Rule::ALL.iter().filter(|rule| !rule.is_fixed());
        lines.extend(changeable.map(|rule| format!("{rule} = \"{}\"", self.policy.severity(*rule))));
        lines.extend(super::budgets::shown(&self.budgets, &self.cards));
        lines.extend(super::sinks::shown(&self.event_sinks));
        lines.extend(super::rates::shown(&self.rate_limits));
        lines.push(String::new());
        lines.join("\n").trim_start().to_owned()
    }
}

/// The value of every key that has one, under its whole path.
fn values(config: &Config) -> Table {
    let ledger = match &config.ledger {
        Ledger::Memory => MEMORY.to_owned(),
        Ledger::Sqlite(file) => format!("{SQLITE}{}", file.display()),
    };
    let mut all = listeners(config);
    all.extend(upstream(config));
    all.extend(limits(config));
    all.extend(pair("validation.profile", text(config.profile.as_str())));
    all.extend(pair("validation.mode", text(config.policy.mode().as_str())));
    if let Some(cards) = cards(&config.card_sources) {
        all.extend(pair("pricing.rate_card", cards));
    }
    all.extend(pair("pricing.settle", text(config.holds.settle.as_str())));
    all.extend(pair("ledger.url", text(ledger)));
    all.extend(pair("holds.unsubmitted", duration(config.holds.unsubmitted)));
    let unknown = if config.holds.admit_unknown { "admit" } else { "refuse" };
    all.extend(pair("holds.unknown_job", text(unknown)));
    all.extend(identity(&config.identity));
    all.extend(pair("log.format", text("json")));
    all.extend(pair("log.level", text(config.log.level.as_str())));
    all.extend(pair("shutdown.lead", duration(config.shutdown.lead)));
    all.extend(pair("shutdown.grace", duration(config.shutdown.grace)));
    all
}

fn pair(path: &str, value: Value) -> [(String, Value); 1] {
    [(path.to_owned(), value)]
}

fn listeners(config: &Config) -> Table {
    let mut values = Table::new();
    values.extend(pair("listen.address", text(config.listen.address.to_string())));
    values.extend(pair("listen.h2c", Value::Boolean(config.listen.h2c)));
    if let Some(tls) = &config.listen.tls {
        values.extend(pair("listen.tls.certificate", file(&tls.certificate)));
        values.extend(pair("listen.tls.key", file(&tls.key)));
    }
    values.extend(pair("admin.address", text(config.admin.to_string())));
    values
}

fn upstream(config: &Config) -> Table {
    let upstream = &config.upstream;
    let scheme = if upstream.tls { "https" } else { "http" };
    let url = format!("{scheme}://{}:{}", bracketed(&upstream.host), upstream.port);
    let mut values = Table::new();
    values.extend(pair("upstream.url", text(url)));
    values.extend(pair("upstream.connect_timeout", duration(upstream.connect_timeout)));
    values.extend(pair("upstream.response_timeout", duration(upstream.response_timeout)));
    if let Some(roots) = &upstream.ca_file {
        values.extend(pair("upstream.ca_file", file(roots)));
    }
    values.extend(pair("upstream.pool_size", whole(upstream.pool_size)));
    values.extend(pair("upstream.pool_idle", duration(upstream.pool_idle)));
    values.extend(pair("upstream.public_only", Value::Boolean(upstream.public_only)));
    values.extend(pair("upstream.back_off", duration(upstream.back_off)));
    if !upstream.nothing_done.is_empty() {
        let statuses = upstream.nothing_done.iter().map(|status| Value::Integer(i64::from(*status)));
        values.extend(pair("upstream.nothing_done", Value::Array(statuses.collect())));
    }
    values
}

fn limits(config: &Config) -> Table {
    let limits = &config.limits;
    let of_rules = config.policy.limits();
    let pairs = [
        pair("limits.body_bytes", size(limits.body_bytes)),
        pair("limits.head_bytes", size(limits.head_bytes)),
        pair("limits.head_fields", whole(limits.head_fields)),
        pair("limits.target_bytes", size(limits.target_bytes)),
        pair("limits.head_timeout", duration(limits.head_timeout)),
        pair("limits.body_timeout", duration(limits.body_timeout)),
        pair("limits.keep_alive", duration(limits.keep_alive)),
        pair("limits.requests_per_connection", whole(limits.requests_per_connection)),
        pair("limits.requests_per_http2_connection", whole(limits.requests_per_http2_connection)),
        pair("limits.buffered_bytes", size(limits.buffered_bytes)),
        pair("limits.in_flight", whole(limits.in_flight)),
        pair("limits.connections", whole(limits.connections)),
        pair("limits.connections_per_address", whole(limits.connections_per_address)),
        pair("limits.threads", whole(config.threads)),
        pair("limits.inputs", whole(of_rules.inputs)),
        pair("limits.name_chars", whole(of_rules.name_chars)),
        pair("limits.string_bytes", size(of_rules.string_bytes)),
    ];
    let engines = of_rules.engines.map(|engines| pair("limits.engines", Value::Integer(engines.into())));
    pairs.into_iter().chain(engines).flatten().collect()
}

fn identity(identity: &Identity) -> Table {
    let mut values = Table::new();
    match identity {
        Identity::None => values.extend(pair("identity.mode", text("none"))),
        Identity::Header(name) => {
            values.extend(pair("identity.mode", text("header")));
            values.extend(pair("identity.header", text(name.as_str())));
        }
        Identity::Jwt(jwt) => {
            let scopes = jwt.scopes.iter().map(text).collect();
            values.extend(pair("identity.mode", text("jwt")));
            values.extend(pair("identity.issuer", text(&jwt.issuer)));
            values.extend(pair("identity.audience", text(&jwt.audience)));
            values.extend(match &jwt.keys {
                KeySource::File(path, _) => pair("identity.jwks_file", file(path)),
                KeySource::Server { url, .. } => pair("identity.jwks_url", text(url)),
            });
            values.extend(pair("identity.scopes", Value::Array(scopes)));
            values.extend(pair("identity.principal_claim", text(&jwt.principal_claim)));
        }
    }
    values
}

fn cards(sources: &[CardSource]) -> Option<Value> {
    let values = sources.iter().map(|source| match source {
        CardSource::Illustrative => text(ILLUSTRATIVE),
        CardSource::File(path) => file(path),
    });
    let values: Vec<Value> = values.collect();
    if values.len() > 1 { Some(Value::Array(values)) } else { values.into_iter().next() }
}

fn text(value: impl Into<String>) -> Value {
    Value::String(value.into())
}

fn file(path: &Path) -> Value {
    text(path.display().to_string())
}

fn duration(value: Duration) -> Value {
    text(show_duration(value))
}

fn size(value: usize) -> Value {
    text(show_size(u64::try_from(value).unwrap_or(u64::MAX)))
}

fn whole(value: usize) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}
