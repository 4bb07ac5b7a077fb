//! Opens a ledger: the file, the lock against a second gateway, the schema and its version; and only one that is whole.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OptionalExtension};

use super::carrier::{self, Tools};
use super::journal::Journal;
use super::mark::{self, Mark};
use super::{Book, is_full, verify};
use crate::ledger::{OpenError, Unavailable};
use crate::store::Write;
use crate::sweep;
use crate::verify::Faults;

/// The version of the tables below. An unknown one is refused, never converted by guess.
const VERSION: i64 = 6;

/// Statements that are kept parsed: all of them. The library would keep sixteen.
const STATEMENTS: usize = 64;

/// The journal's file is cut off to so much once it is begun anew; somebody who looked at the ledger may have let it grow.
const LIMIT: i64 = 16 << 20;

/// So much of the journal is written again at a time.
const PIECE: usize = 1 << 20;

const TABLES: &str = "
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, hold TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
    held INTEGER NOT NULL, settled INTEGER NOT NULL, amount INTEGER NOT NULL, accounts TEXT NOT NULL,
    terms INTEGER NOT NULL, time INTEGER NOT NULL, note TEXT NOT NULL, sum BLOB NOT NULL
) STRICT;
CREATE TABLE terms (
    id INTEGER PRIMARY KEY, card TEXT NOT NULL, rules TEXT NOT NULL, sum BLOB NOT NULL DEFAULT x'', UNIQUE (card, rules)
) STRICT;
CREATE TABLE hold (
    id TEXT PRIMARY KEY, job TEXT, state TEXT NOT NULL, amount INTEGER NOT NULL, priced INTEGER NOT NULL,
    workspace TEXT NOT NULL, principal TEXT NOT NULL, workload TEXT NOT NULL, terms INTEGER NOT NULL,
    currency TEXT NOT NULL, upstream_estimate TEXT, upstream_units TEXT, overdraft INTEGER NOT NULL DEFAULT 0,
    found INTEGER NOT NULL DEFAULT 0, accounts TEXT NOT NULL,
    opened INTEGER NOT NULL, changed INTEGER NOT NULL, sum BLOB NOT NULL DEFAULT x''
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_job ON hold(job, state = 'released', opened DESC, id DESC) WHERE job IS NOT NULL;
CREATE INDEX hold_state ON hold(state, opened);
CREATE TABLE account (
    id INTEGER PRIMARY KEY, budget TEXT NOT NULL, key TEXT NOT NULL, period TEXT NOT NULL,
    settled INTEGER NOT NULL, held INTEGER NOT NULL, sum BLOB NOT NULL DEFAULT x'', UNIQUE (budget, period, key)
) STRICT;
CREATE TABLE batch (number INTEGER NOT NULL) STRICT;
INSERT INTO batch VALUES (0);
CREATE TABLE request (
    name BLOB PRIMARY KEY, request BLOB NOT NULL, hold TEXT, at INTEGER NOT NULL, status INTEGER, headers TEXT, body BLOB,
    sum BLOB NOT NULL DEFAULT x''
) STRICT, WITHOUT ROWID;
CREATE INDEX request_at ON request(at);
CREATE TABLE outbox (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, event TEXT NOT NULL, sum BLOB NOT NULL DEFAULT x'') STRICT;
CREATE TABLE sink (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, sum BLOB NOT NULL DEFAULT x'') STRICT, WITHOUT ROWID;
CREATE TABLE dead_letter (
    sink TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, why TEXT NOT NULL, at INTEGER NOT NULL,
    sum BLOB NOT NULL DEFAULT x'',
    PRIMARY KEY (sink, seq)
) STRICT, WITHOUT ROWID;
";

/// What decides, what reads beside it, what reports, the mark of how far it came, and the journal with the lock that nobody else
/// decides.
pub(super) struct Opened {
    pub(super) book: Book,
    pub(super) reader: Book,
    pub(super) reporter: Book,
    pub(super) mark: Option<Mark>,
    pub(super) journal: Option<(Journal, Tools)>,
    pub(super) last_written: Option<Timestamp>,
}

/// Opens for deciding, alone, what is whole; makes the tables where there is nothing yet.
pub(super) fn open(path: &Path, sinks: &[String], now: Timestamp) -> Result<Opened, OpenError> {
    let failed = |what: &dyn std::fmt::Display| OpenError::of(path, what);
    let damaged = |what: &dyn std::fmt::Display| {
        failed(&format_args!(
            "is damaged: {what}; nothing was changed: keep the files, see `jobgate ledger verify`, restore a backup"
        ))
    };
    let lock = locked(path)?;
    let reached = mark::read(path)?;
    let is_empty = std::fs::metadata(path).map_or(true, |file| file.len() == 0);
    if let Some(mark) = reached.as_ref().filter(|_| is_empty) {
        // Before SQLite sees it: it would take the journal beside an empty file for a leftover, and remove it.
        return Err(failed(&mark::lost(mark, path.to_str())));
    }
    let connection = connected(path, reached.is_none())?;
    // Before it is added up: what is in the journal alone would be found missing.
    let (carrier, tools) = carrier::new(path, beside(path)?)?;
    let journal = Journal::of(&connection, lock, carrier).map_err(|error| failed(&error))?;
    match verify::at_one_time(&connection) {
        Ok(Ok(_)) => {}
        Ok(Err(Faults(faults))) => return Err(damaged(&faults.join(", "))),
        Err(error) => return Err(damaged(&error)),
    }
    let last_written = last_written(&connection).map_err(|error| damaged(&error))?;
    let now = last_written.map_or(now, |last| now.max(last));
    let mut book = Book::new(connection);
    recover(&mut book, path, sinks, now).map_err(|error| {
        failed(&format_args!("what was left open cannot be taken over: {error}")).full(error.is_full)
    })?;
    // Now that it is whole, whoever closes it last may tidy up.
    book.db
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
        .map_err(|error| failed(&error))?;
    let mark = marked(path, &book.db).map_err(|error| failed(&format_args!("its mark: {error}")))?;
    let (reader, reporter) = (Book::new(beside(path)?), Book::new(beside(path)?));
    Ok(Opened { book, reader, reporter, mark: Some(mark), journal: Some((journal, tools)), last_written })
}

/// Opens beside whoever decides, damaged or not: to look, and to say what became of a hold.
pub(super) fn visit(path: &Path) -> Result<Opened, OpenError> {
    let reached = mark::read(path).ok().flatten();
    let mut book = Book::new(beside(path)?);
    // Where its gateway has ended, nobody else has done it.
    book.found = Some(path.to_owned());
    // One that has lost its end keeps the mark that tells of it.
    let whole = reached.is_some_and(|mark| mark::is_reached(&book.db, &mark).unwrap_or(false));
    let mark = if whole { marked(path, &book.db).ok() } else { None };
    let (reader, reporter) = (Book::new(beside(path)?), Book::new(beside(path)?));
    let last_written = last_written(&book.db).ok().flatten();
    Ok(Opened { book, reader, reporter, mark, journal: None, last_written })
}

/// A connection to a ledger that is there.
pub(super) fn beside(path: &Path) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::of(path, &"there is no such file"));
    }
    connected(path, false)
}

/// What a killed process left open is in doubt from now on.
fn recover(book: &mut Book, path: &Path, sinks: &[String], now: Timestamp) -> Result<(), Unavailable> {
    book.db.execute_batch("BEGIN IMMEDIATE")?;
    // Nobody else appends to the journal meanwhile.
    written_again(path)?;
    book.register(sinks)?;
    let doubtful = sweep::recover(book, now)?.max(book.recover_requests()?);
    if doubtful > 0 {
        mark::advance(book)?;
    }
    book.db.execute_batch("COMMIT")?;
    Ok(())
}

/// Writes the journal once more as it is, and flushes it. What a flush failed for in the process before may be in the system's memory
/// alone, which takes it for written: it is read from there, and no later flush would bring it to the disk. Whatever is written
/// behind it would be lost with it in a power cut.
pub(super) fn written_again(ledger: &Path) -> io::Result<()> {
    let mut name = OsString::from(ledger);
    name.push("-wal");
    let file = match File::options().read(true).write(true).open(name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut piece = vec![0; PIECE];
    let mut at: u64 = 0;
    loop {
        let count = file.read_at(&mut piece, at)?;
        let read = piece.get(..count).unwrap_or_default();
        if read.is_empty() {
            return file.sync_all();
        }
        file.write_all_at(read, at)?;
        at = at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

fn last_written(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let last = connection
        .query_row("SELECT time FROM entry ORDER BY seq DESC LIMIT 1", [], |row| row.get(0))
        .optional()?;
    Ok(last.and_then(|last| Timestamp::from_millisecond(last).ok()))
}

fn marked(path: &Path, connection: &Connection) -> Result<Mark, String> {
    let reached = mark::reached(connection).map_err(|error| error.to_string())?;
    let mut mark = Mark::open(path).map_err(|error| error.to_string())?;
    mark.set(&reached).map_err(|error| error.to_string())?;
    Ok(mark)
}

fn connected(path: &Path, new: bool) -> Result<Connection, OpenError> {
    let text = |error: rusqlite::Error| told(path, "", &error);
    let connection = Connection::open(path).map_err(text)?;
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(text)?;
    // Whoever finds it damaged leaves it as it is.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(text)?;
    // Who keeps the journal short looks at what comes of it.
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(text)?;
    connection.pragma_update(None, "journal_size_limit", LIMIT).map_err(text)?;
    prepare(&connection, path, new)?;
    Ok(connection)
}

/// What `SQLite` says, and what to do about it.
fn told(path: &Path, what: &str, error: &rusqlite::Error) -> OpenError {
    let advice = match error.sqlite_error_code() {
        _ if path.is_dir() => "; it is a folder, and ledger.url must name a file",
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "; see that its folder is there and that the gateway may read and write in it"
        }
        Some(ErrorCode::ReadOnly) => "; see that the gateway may write to it and to its folder",
        Some(ErrorCode::NotADatabase) => {
            "; see that ledger.url names the ledger; if it does, it was written over: restore a backup"
        }
        _ => "",
    };
    OpenError::of(path, &format_args!("{what}{error}{advice}")).full(is_full(error))
}

fn locked(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let failed = |what: String| OpenError::of(path, &what);
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(|error| {
        let what = "see that its folder is there and that the gateway may write to it";
        failed(format!("{} cannot be opened: {error}; {what}", name.display()))
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(failed(
            "another gateway is using it; stop that one or configure another ledger.url".to_owned(),
        )),
        Err(TryLockError::Error(error)) => Err(failed(format!("cannot be locked: {error}"))),
    }
}

fn prepare(connection: &Connection, path: &Path, new: bool) -> Result<(), OpenError> {
    let failed = |what: &dyn std::fmt::Display| OpenError::of(path, what);
    let text = |error: rusqlite::Error| told(path, "", &error);
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(text)?;
    let empty = connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0));
    match version {
        0 if new && empty.map_err(text)? => connection
            .execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"))
            .map_err(|error| told(path, "cannot be written: ", &error))?,
        0 => return Err(failed(&"is no ledger; configure another ledger.url")),
        VERSION => {}
        other => {
            return Err(failed(&format_args!(
                "has version {other}, this program knows version {VERSION}; use the program that wrote it"
            )));
        }
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "WAL").map_err(text)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests may run as somebody who can write everywhere.
    #[test]
    fn a_ledger_that_cannot_be_written_is_told_with_what_to_do() {
        let error =
            rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY), None);
        let line = told(Path::new("/nowhere/book.db"), "", &error).to_string();
        assert!(line.ends_with("; see that the gateway may write to it and to its folder"), "{line}");
    }

    /// However many changes of a job were refused and given back.
    #[test]
    fn the_hold_of_a_job_is_found_without_sorting_its_holds() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(TABLES).unwrap();
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {}", super::super::read::HOLD_OF)).unwrap();
        let steps = plan.query_map([""], |row| row.get::<_, String>(3)).unwrap();
        let steps = steps.collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(steps, ["SEARCH hold USING INDEX hold_job (job=?)"]);
    }
}
