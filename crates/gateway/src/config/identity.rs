//! Reads how the gateway learns who a request is from; each mode has its own keys and none of another's.

use http::HeaderName;
use toml::Value;

use super::reader::{Reader, show};
use super::sinks;
use super::types::{Identity, Jwt, KeySource};
use super::url::is_loopback;
use crate::identity::KeySet;

/// Where the keys are: one of these.
const FILE: &str = "identity.jwks_file";
const URL: &str = "identity.jwks_url";
const JWT: [&str; 6] =
    ["identity.issuer", "identity.audience", FILE, URL, "identity.scopes", "identity.principal_claim"];
const HEADER: [&str; 1] = ["identity.header"];
const MODES: [&str; 3] = ["none", "jwt", "header"];

/// Headers that mean something else; whoever sets them is not the proxy.
const TAKEN: [&str; 22] = [
    "authorization",
    "host",
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "accept",
    "accept-encoding",
    "accept-language",
    "cookie",
    "expect",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "te",
    "traceparent",
    "tracestate",
    "upgrade",
    "user-agent",
    "x-correlation-id",
    "x-request-id",
];
/// Ours, and in answers only.
const OURS: &str = "x-jobgate-";

/// Whether requests have principals, as far as the mode is one.
pub(super) fn is_verified(reader: &Reader<'_>) -> bool {
    matches!(reader.get("identity.mode").and_then(Value::as_str), Some("jwt" | "header"))
}

pub(super) fn read(reader: &mut Reader<'_>) -> Identity {
    let mode = reader.word("identity.mode", &MODES, |text| MODES.into_iter().find(|mode| *mode == text));
    let jwt = jwt(reader, mode == Some("jwt"));
    let header = header(reader, mode == Some("header"));
    // What is set for a mode that is misspelt is not held against the file, too.
    if mode.is_some() || !reader.is_set("identity.mode") {
        let mode = mode.unwrap_or("none");
        foreign(reader, &JWT, "jwt", mode);
        foreign(reader, &HEADER, "header", mode);
    }
    let jwt = jwt.map(|jwt| Identity::Jwt(Box::new(jwt)));
    jwt.or(header.map(Identity::Header)).unwrap_or(Identity::None)
}

/// Nothing would act on these.
fn foreign(reader: &mut Reader<'_>, keys: &[&str], owner: &str, mode: &str) {
    for key in keys.iter().filter(|_| mode != owner) {
        if reader.is_set(key) {
            reader.refuse(
                key,
                format!(
                    "is only for identity.mode \"{owner}\"; the mode is \"{mode}\", nothing would act on it"
                ),
            );
        }
    }
}

/// The keys are judged in every mode: a value that is none is told at once.
fn jwt(reader: &mut Reader<'_>, on: bool) -> Option<Jwt> {
    let issuer = required(reader, "identity.issuer", on);
    let audience = required(reader, "identity.audience", on);
    let keys = key_source(reader, on);
    let scopes = scopes(reader);
    let claim = required(reader, "identity.principal_claim", false).unwrap_or("sub");
    on.then_some(Jwt {
        issuer: issuer?.to_owned(),
        audience: audience?.to_owned(),
        keys: keys?,
        scopes: scopes?,
        principal_claim: claim.to_owned(),
    })
}

fn header(reader: &mut Reader<'_>, on: bool) -> Option<HeaderName> {
    let text = required(reader, "identity.header", on)?;
    let name = text.parse::<HeaderName>().ok().filter(|name| {
        let name = name.as_str();
        !TAKEN.contains(&name) && !name.starts_with(OURS)
    });
    if name.is_none() {
        reader.refuse(
            "identity.header",
            format!("must be the name of a header of its own, such as \"x-principal\", not {text:?}"),
        );
    }
    name.filter(|_| on)
}

/// A text that is not empty; missing only where it may be.
fn required<'a>(reader: &mut Reader<'a>, key: &str, needed: bool) -> Option<&'a str> {
    if needed && !reader.is_set(key) {
        let mode = if HEADER.contains(&key) { "header" } else { "jwt" };
        let or = if key == FILE { format!(", or {URL}") } else { String::new() };
        reader.refuse(key, format!("missing; identity.mode \"{mode}\" needs it{or}"));
    }
    let text = reader.text(key)?;
    if text.is_empty() {
        reader.refuse(key, "must not be empty");
        return None;
    }
    Some(text)
}

/// Where the keys are: a file or a URL.
fn key_source(reader: &mut Reader<'_>, on: bool) -> Option<KeySource> {
    if reader.is_set(FILE) && reader.is_set(URL) {
        reader.refuse(URL, format!("stands beside {FILE}; the keys come from one of them"));
    }
    if !reader.is_set(URL) {
        let name = required(reader, FILE, on).filter(|_| on)?;
        return keys(reader, name).map(|(file, keys)| KeySource::File(file, keys));
    }
    let text = required(reader, URL, false)?;
    match sinks::split(text) {
        // Whoever can change them on the way can sign any token.
        Ok((server, _)) if !server.tls && !is_loopback(&server.host) => {
            reader.refuse(URL, "must start with https://, unless it is on this machine");
            None
        }
        Ok((server, target)) => {
            Some(KeySource::Server { server: Box::new(server), target, url: text.to_owned() })
        }
        Err(fault) => {
            reader.refuse(URL, fault);
            None
        }
    }
}

fn keys(reader: &mut Reader<'_>, name: &str) -> Option<(std::path::PathBuf, KeySet)> {
    let (file, bytes) = reader.open(FILE, name)?;
    match KeySet::parse(&bytes) {
        Ok(keys) => Some((file, keys)),
        Err(fault) => {
            reader.refuse(FILE, format!("{} {fault}", file.display()));
            None
        }
    }
}

fn scopes(reader: &mut Reader<'_>) -> Option<Vec<String>> {
    const KEY: &str = "identity.scopes";
    let one = |value: &Value| {
        let word = value.as_str()?;
        let good = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
        good.then(|| word.to_owned())
    };
    let value = reader.get(KEY);
    let found = match value {
        None => Some(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(one).collect(),
        Some(value) => one(value).map(|scope| vec![scope]),
    };
    if let (None, Some(value)) = (&found, value) {
        let not = show(value);
        reader.refuse(
            KEY,
            format!("must be a scope in quotes or a list of them, each without spaces, not {not}"),
        );
    }
    found
}
