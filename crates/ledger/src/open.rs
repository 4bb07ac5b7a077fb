//! Opens a ledger: the file, the lock against a second gateway, the schema and its version, and what a killed process left open.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

/// The version of the tables below. An unknown one is refused, never converted by guess.
const VERSION: i64 = 2;

const TABLES: &str = "
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, hold TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
    held INTEGER NOT NULL, settled INTEGER NOT NULL, amount INTEGER NOT NULL, accounts TEXT NOT NULL,
    time INTEGER NOT NULL, note TEXT NOT NULL, sum BLOB NOT NULL
) STRICT;
CREATE TABLE hold (
    id TEXT PRIMARY KEY, job TEXT, state TEXT NOT NULL, amount INTEGER NOT NULL, priced INTEGER NOT NULL,
    workspace TEXT NOT NULL, principal TEXT NOT NULL, workload TEXT NOT NULL, card TEXT NOT NULL,
    currency TEXT NOT NULL, upstream_estimate TEXT, upstream_units TEXT, accounts TEXT NOT NULL,
    opened INTEGER NOT NULL, changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_job ON hold(job) WHERE job IS NOT NULL;
CREATE INDEX hold_state ON hold(state, opened);
CREATE TABLE account (
    id INTEGER PRIMARY KEY, budget TEXT NOT NULL, key TEXT NOT NULL, period TEXT NOT NULL,
    settled INTEGER NOT NULL, held INTEGER NOT NULL, UNIQUE (budget, key, period)
) STRICT;
";

/// What version 2 has beyond version 1.
const SECOND: &str = "
CREATE TABLE request (
    name BLOB PRIMARY KEY, request BLOB NOT NULL, hold TEXT, at INTEGER NOT NULL, status INTEGER, headers TEXT, body BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX request_at ON request(at);
CREATE TABLE outbox (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, event TEXT NOT NULL) STRICT;
CREATE TABLE sink (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE dead_letter (
    sink TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, why TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (sink, seq)
) STRICT, WITHOUT ROWID;
";

/// Where a ledger is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// In the process, and gone with it.
    Memory,
    /// In a file of `SQLite`.
    Sqlite(PathBuf),
}

/// Why there is no ledger: one line, what and what to do.
#[derive(Debug)]
pub struct OpenError(pub(crate) String);

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OpenError {}

/// A connection that decides, and the lock that nobody else does.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    _lock: Option<File>,
}

/// Opens for deciding, alone; makes the tables where there is nothing yet.
pub(crate) fn open(url: &Url) -> Result<Opened, OpenError> {
    let Url::Sqlite(path) = url else {
        let connection = Connection::open_in_memory().map_err(|error| OpenError(error.to_string()))?;
        prepare(&connection, true).map_err(|error| OpenError(format!("ledger in memory: {error}")))?;
        return Ok(Opened { connection, _lock: None });
    };
    let lock = locked(path)?;
    Ok(Opened { _lock: Some(lock), ..connected(path, true)? })
}

/// Opens beside whoever decides.
pub(crate) fn visit(url: &Url) -> Result<Opened, OpenError> {
    match url {
        Url::Memory => Err(OpenError("a ledger in memory can only be asked through its gateway".to_owned())),
        Url::Sqlite(path) if !path.exists() => {
            Err(OpenError(format!("ledger {}: there is no such file", path.display())))
        }
        Url::Sqlite(path) => connected(path, false),
    }
}

fn connected(path: &Path, new: bool) -> Result<Opened, OpenError> {
    let failed = |error: String| OpenError(format!("ledger {}: {error}", path.display()));
    let connection = Connection::open(path).map_err(|error| failed(error.to_string()))?;
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(|error| failed(error.to_string()))?;
    prepare(&connection, new).map_err(failed)?;
    Ok(Opened { connection, _lock: None })
}

fn locked(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let failed = |what: String| OpenError(format!("ledger {}: {what}", path.display()));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(|error| failed(format!("{} cannot be opened: {error}", name.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(failed(
            "another gateway is using it; stop that one or configure another ledger.url".to_owned(),
        )),
        Err(TryLockError::Error(error)) => Err(failed(format!("cannot be locked: {error}"))),
    }
}

fn prepare(connection: &Connection, new: bool) -> Result<(), String> {
    let text = |error: rusqlite::Error| error.to_string();
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(text)?;
    let empty = connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0));
    match version {
        0 if new && empty.map_err(text)? => connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE; {TABLES} {SECOND} PRAGMA user_version = {VERSION}; COMMIT;"
            ))
            .map_err(|error| format!("cannot be written: {error}"))?,
        // Nothing of it is altered, only put beside; and only by a gateway, which has the lock.
        1 if new => connection
            .execute_batch(&format!("BEGIN IMMEDIATE; {SECOND} PRAGMA user_version = {VERSION}; COMMIT;"))
            .map_err(|error| format!("cannot be written: {error}"))?,
        0 => return Err("is no ledger; configure another ledger.url".to_owned()),
        VERSION => {}
        other => {
            return Err(format!(
                "has version {other}, this program knows version {VERSION}; use the program that wrote it"
            ));
        }
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(text)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(text)
}

/// Milliseconds of an instant.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}
