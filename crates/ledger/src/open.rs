//! Opens a ledger: the file, the lock against a second gateway, the schema and its version, and what a killed process left open.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

/// The version of the tables below. An unknown one is refused, never converted by guess.
const VERSION: i64 = 1;

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
    pub(crate) lock: Option<File>,
}

/// Opens for deciding.
pub(crate) fn open(url: &Url, exclusive: bool) -> Result<Opened, OpenError> {
    match url {
        Url::Memory => {
            let connection = Connection::open_in_memory().map_err(|error| OpenError(error.to_string()))?;
            prepare(&connection).map_err(|error| OpenError(format!("ledger in memory: {error}")))?;
            Ok(Opened { connection, lock: None })
        }
        Url::Sqlite(path) => {
            let lock = if exclusive { Some(locked(path)?) } else { None };
            let name = path.display();
            let failed = |error: rusqlite::Error| OpenError(format!("ledger {name}: {error}"));
            let connection = Connection::open(path).map_err(failed)?;
            connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(failed)?;
            prepare(&connection).map_err(|error| OpenError(format!("ledger {name}: {error}")))?;
            Ok(Opened { connection, lock })
        }
    }
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

fn prepare(connection: &Connection) -> Result<(), String> {
    let text = |error: rusqlite::Error| error.to_string();
    connection.pragma_update(None, "journal_mode", "WAL").map_err(text)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(text)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(text)?;
    match version {
        0 => connection
            .execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"))
            .map_err(|error| format!("is no ledger, or cannot be written: {error}")),
        VERSION => Ok(()),
        other => Err(format!(
            "has version {other}, this program knows version {VERSION}; use the program that wrote it"
        )),
    }
}

/// Milliseconds of an instant.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}
