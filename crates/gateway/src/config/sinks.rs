//! Reads `[[event_sink]]`: where usage events go, a file or a server, and with which secret.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use toml::Value;

use super::reader::Reader;
use super::rows::{self, Row};
use super::types::{EventSink, Ledger, Secret, SinkTo, Upstream};
use super::url;

/// The section's name.
pub(super) const KEY: &str = "event_sink";

/// What a ledger's file and those beside it end with.
const LEDGERS: [&str; 8] = ["", "-wal", "-shm", "-journal", ".lock", ".mark", ".clock", ".reserve"];
const KEYS: [&str; 4] = ["name", "file", "url", "token"];

/// How long a server may take for one batch.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(3);
const IDLE: Duration = Duration::from_secs(30);

/// Every sink that is sound; what is wrong with the others.
pub(super) fn read(reader: &mut Reader<'_>, ledger: &Ledger) -> Vec<EventSink> {
    let (base, variables) = (reader.base, &reader.variables);
    rows::read(reader.table, KEY, &mut reader.problems, |row, others: &[EventSink]| {
        row.refuse_unknown(KEYS);
        let name = row.name();
        let to = match (row.keys.get("file"), row.keys.get("url")) {
            (Some(_), None) => file(row, base),
            (None, Some(_)) => {
                let token = token(row, base, |name| variables.get(name).cloned());
                let server = server(row);
                server.map(|(server, target, url)| SinkTo::Server {
                    server: Box::new(server),
                    target,
                    url,
                    token,
                })
            }
            _ => {
                row.refuse_all("needs either file or url: where events go");
                None
            }
        };
        let sink = EventSink { name: name?, to: to? };
        if others.iter().any(|other| other.name == sink.name) {
            row.refuse("name", "is another sink's name, too");
        }
        if let Some((key, what)) = clash(&sink.to, others, ledger) {
            row.refuse(key, what);
        }
        Some(sink)
    })
}

/// Where events cannot go, because something else is there.
fn clash(to: &SinkTo, others: &[EventSink], ledger: &Ledger) -> Option<(&'static str, &'static str)> {
    match to {
        SinkTo::File(file) => {
            let file = plain(file);
            let taken = |other: &EventSink| matches!(&other.to, SinkTo::File(other) if plain(other) == file);
            if let Ledger::Sqlite(book) = ledger
                && LEDGERS.iter().any(|end| plain(Path::new(&format!("{}{end}", book.display()))) == file)
            {
                // What is no whole line at the end of a sink's file is cut off.
                return Some(("file", "is the ledger's own file"));
            }
            let what = "is another sink's file, too: each event would be in it twice";
            others.iter().any(taken).then_some(("file", what))
        }
        SinkTo::Server { url, .. } => {
            let taken =
                |other: &EventSink| matches!(&other.to, SinkTo::Server { url: other, .. } if other == url);
            let what = "is another sink's url, too: each event would come to it twice";
            others.iter().any(taken).then_some(("url", what))
        }
    }
}

/// A path without the parts that lead nowhere.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

fn file(row: &mut Row<'_>, base: &Path) -> Option<SinkTo> {
    if row.keys.contains_key("token") {
        row.refuse("token", "is for a url; a file needs none");
    }
    let Some(name) = row.text("file").filter(|name| !name.is_empty()) else {
        let not = row.shown("file");
        row.refuse("file", format!("must be the path of a file in quotes, not {not}"));
        return None;
    };
    let joined = base.join(name);
    Some(SinkTo::File(std::path::absolute(&joined).unwrap_or(joined)))
}

/// The server, the path on it, and the URL as it is written.
fn server(row: &mut Row<'_>) -> Option<(Upstream, String, String)> {
    let Some(text) = row.text("url").map(str::to_owned) else {
        row.refuse("url", "must be a URL in quotes that starts with https:// or http://");
        return None;
    };
    match split(&text) {
        Ok((server, target)) => Some((server, target, text)),
        Err(fault) => {
            row.refuse("url", fault);
            None
        }
    }
}

/// A server and a target on it, of a URL.
pub(super) fn split(text: &str) -> Result<(Upstream, String), String> {
    let authority = text.find("://").map_or(0, |at| at + 3);
    let (_, rest) = text.split_at_checked(authority).unwrap_or((text, ""));
    let end = rest.find('/').map_or(text.len(), |at| authority + at);
    let (origin, target) = text.split_at_checked(end).unwrap_or((text, ""));
    if !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err("must have a path of visible ASCII characters, without a fragment".to_owned());
    }
    let origin = url::origin(origin)?;
    let authority = origin.authority();
    let server = Upstream {
        tls: origin.tls,
        host: origin.host,
        port: origin.port,
        authority,
        connect_timeout: CONNECT,
        response_timeout: PATIENCE,
        ca_file: None,
        pool_size: 1,
        pool_idle: IDLE,
        public_only: false,
        back_off: Duration::ZERO,
        nothing_done: Vec::new(),
    };
    Ok((server, if target.is_empty() { "/".to_owned() } else { target.to_owned() }))
}

/// The token, where there is one that can be had.
fn token(
    row: &mut Row<'_>,
    base: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<(String, Secret)> {
    let reference = row.keys.get("token")?.as_str().unwrap_or_default().to_owned();
    let found = if let Some(name) = reference.strip_prefix("env:") {
        variable(name).ok_or_else(|| format!("there is no environment variable {name:?}"))
    } else if let Some(name) = reference.strip_prefix("file:") {
        let file = base.join(name);
        std::fs::read_to_string(&file).map_err(|fault| format!("{} cannot be read: {fault}", file.display()))
    } else {
        // It is not repeated: it may be the secret itself.
        Err("must be \"env:NAME\" or \"file:PATH\"; secrets do not stand in this file".to_owned())
    };
    let good = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    match found.map(|text| text.trim().to_owned()) {
        Ok(secret) if good(&secret) => return Some((reference, Secret(secret))),
        Ok(_) => row.refuse("token", "leads to what is empty or has other than visible ASCII characters"),
        Err(fault) => row.refuse("token", fault),
    }
    None
}

/// The sinks as they are written, secrets by their references.
pub(super) fn shown(sinks: &[EventSink]) -> impl Iterator<Item = String> {
    let text = |text: &str| Value::String(text.to_owned());
    sinks.iter().map(move |sink| {
        let to = match &sink.to {
            SinkTo::File(path) => format!("file = {}", text(&path_text(path))),
            SinkTo::Server { url, token, .. } => {
                let token = token.as_ref().map(|(reference, _)| format!("\ntoken = {}", text(reference)));
                format!("url = {}{}", text(url), token.unwrap_or_default())
            }
        };
        format!("\n[[{KEY}]]\nname = {}\n{to}", text(&sink.name))
    })
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}
