//! The way to the book, wherever it is kept.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use crate::memory::Shared;
use crate::sqlite::Sqlite;
use crate::store::{Read, Write};

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
pub struct OpenError {
    line: String,
    /// Whether the disk had no room for what had to be written.
    pub(crate) is_full: bool,
}

impl OpenError {
    pub(crate) fn of(ledger: &Path, what: &dyn fmt::Display) -> Self {
        // SQLite may quote a statement of many lines.
        let line = what.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self::line(format!("ledger {}: {line}", ledger.display()))
    }

    pub(crate) fn line(line: String) -> Self {
        Self { line, is_full: false }
    }

    pub(crate) fn full(self, is_full: bool) -> Self {
        Self { is_full, ..self }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for OpenError {}

/// The ledger cannot say or do it now: nothing was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    what: String,
    /// Whether nothing may be asked of it any more.
    pub(crate) is_final: bool,
    /// Whether the disk has no room for it.
    pub(crate) is_full: bool,
    /// Whether the disk did not take what was to be written or flushed: what is tried next is written anew.
    pub(crate) is_unwritten: bool,
}

impl Unavailable {
    /// For the reason given, which may pass.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), is_final: false, is_full: false, is_unwritten: false }
    }

    /// Because the disk has no room for it.
    pub(crate) fn full(what: impl Into<String>) -> Self {
        Self { is_full: true, ..Self::new(what) }
    }

    /// Because the disk did not take it.
    pub(crate) fn unwritten(why: impl fmt::Display) -> Self {
        let what = format!("the disk did not take what was written: {why}; it is tried again each second");
        Self { is_unwritten: true, ..Self::new(what) }
    }

    /// What room there is was kept for something else.
    pub(crate) fn short() -> Self {
        Self::new(
            "the disk is full, and the room that is left is for what has happened already; make room on it",
        )
    }

    /// What is at fault.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Whether nothing of a transaction stands in which it came up.
    pub(crate) fn breaks_off(&self) -> bool {
        self.is_final || self.is_full || self.is_unwritten
    }

    /// For the reason given, until somebody opens the ledger anew.
    pub(crate) fn for_good(what: impl Into<String>) -> Self {
        Self { is_final: true, ..Self::new(what) }
    }

    /// What is asked of a ledger that has ended.
    pub(crate) fn ended() -> Self {
        Self::for_good("it has ended after a fault; restart the gateway")
    }
}

impl From<io::Error> for Unavailable {
    fn from(error: io::Error) -> Self {
        let is_full = error.kind() == io::ErrorKind::StorageFull;
        Self { is_full, ..Self::new(error.to_string()) }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the ledger is not available: {}", self.what)
    }
}

impl std::error::Error for Unavailable {}

/// What an order can fail with.
pub(crate) trait Failing: From<Unavailable> {
    /// The ledger's fault, where it is one.
    fn fault(&self) -> Option<&Unavailable>;
}

impl Failing for Unavailable {
    fn fault(&self) -> Option<&Unavailable> {
        Some(self)
    }
}

/// A way to the book; cheap to clone.
#[derive(Clone, Debug)]
pub struct Ledger(Store);

#[derive(Clone, Debug)]
enum Store {
    Memory(Shared),
    Sqlite(Sqlite),
}

impl Ledger {
    /// Opens the ledger for a gateway: nobody else may, what a killed process left open is in doubt from now on, and events
    /// are written for these sinks.
    ///
    /// # Errors
    /// One line: what is wrong with it, and what to do.
    pub fn open(url: &Url, sinks: &[String], now: Timestamp) -> Result<Self, OpenError> {
        Ok(Self(match url {
            Url::Memory => Store::Memory(Shared::new(sinks)),
            Url::Sqlite(path) => Store::Sqlite(Sqlite::open(path, sinks, now)?),
        }))
    }

    /// Opens a ledger beside a gateway, to look or to resolve.
    ///
    /// # Errors
    /// As [`Ledger::open`]; and where there is none.
    pub fn visit(url: &Url) -> Result<Self, OpenError> {
        Ok(Self(Store::Sqlite(Sqlite::visit(file(url)?)?)))
    }

    /// When the last entry was written that was there when the ledger was opened.
    pub fn last_written(&self) -> Option<Timestamp> {
        match &self.0 {
            Store::Memory(_) => None,
            Store::Sqlite(sqlite) => sqlite.last_written(),
        }
    }

    /// Whether nothing can be asked of it any more: the disk failed it, and only a restart reads it anew.
    pub fn has_ended(&self) -> bool {
        match &self.0 {
            Store::Memory(shared) => shared.has_ended(),
            Store::Sqlite(sqlite) => sqlite.has_ended(),
        }
    }

    /// Whether its disk has room only for what has happened already: nothing new is begun until there is more.
    pub fn is_short(&self) -> bool {
        match &self.0 {
            Store::Memory(_) => false,
            Store::Sqlite(sqlite) => sqlite.is_short(),
        }
    }

    /// Tells of every transaction that stands: its orders, and how long it took; and of what the disk has failed: a transaction, or
    /// to bring the journal into the main file. Who watches first is told. In memory nothing has to be waited for, nor can fail.
    pub fn watch(
        &self,
        told: impl Fn(usize, Duration) + Send + Sync + 'static,
        failed: impl Fn(&str) + Send + Sync + 'static,
    ) {
        match &self.0 {
            Store::Memory(_) => {}
            Store::Sqlite(sqlite) => sqlite.watch(told, failed),
        }
    }

    /// Carries an order out and waits until it stands; refused while room is short.
    pub(crate) async fn decide<T: Send + 'static, E: Failing + Send + 'static>(
        &self,
        order: impl Fn(&mut dyn Write) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        match &self.0 {
            Store::Memory(shared) => shared.decide(order),
            Store::Sqlite(sqlite) => sqlite.decide(order).await,
        }
    }

    /// Writes down what has happened already, and waits until that stands: on a full disk in the room that is kept for it.
    pub(crate) async fn record<T: Send + 'static, E: Failing + Send + 'static>(
        &self,
        order: impl Fn(&mut dyn Write) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<T, E> {
        match &self.0 {
            Store::Memory(shared) => shared.decide(order),
            Store::Sqlite(sqlite) => sqlite.record(order).await,
        }
    }

    /// Asks what stands and is found at once, as requests need it; nobody who writes waits for it.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&dyn Read) -> Result<T, Unavailable> + Send + 'static,
    ) -> Result<T, Unavailable> {
        match &self.0 {
            Store::Memory(shared) => shared.ask(question),
            Store::Sqlite(sqlite) => sqlite.ask(question).await,
        }
    }

    /// Asks what stands and may take as long as the ledger is large, as operators want it; neither who writes nor who asks for a
    /// request waits for it.
    pub(crate) async fn report<T: Send + 'static>(
        &self,
        question: impl Fn(&dyn Read) -> Result<T, Unavailable> + Send + 'static,
    ) -> Result<T, Unavailable> {
        match &self.0 {
            Store::Memory(shared) => shared.ask(question),
            Store::Sqlite(sqlite) => sqlite.report(question).await,
        }
    }
}

/// The file of a ledger that can be looked at from outside its gateway.
pub(crate) fn file(url: &Url) -> Result<&Path, OpenError> {
    match url {
        Url::Memory => {
            Err(OpenError::line("a ledger in memory can only be asked through its gateway".to_owned()))
        }
        Url::Sqlite(path) => Ok(path),
    }
}
