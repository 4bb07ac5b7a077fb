//! A ledger in a file of `SQLite`: one thread that writes, many orders to a flush; one that reads beside it what requests need,
//! so that nobody who pays waits for somebody who looks; one for reports, which may go through all of it; and one that brings the
//! journal in.

mod carrier;
mod chain;
mod journal;
mod mark;
mod open;
mod places;
mod read;
mod reader;
mod reserve;
mod seal;
mod verify;
mod watch;
mod write;
mod writer;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use crate::ledger::{Failing, OpenError, Unavailable};
use crate::store::{Read, Write};
use crate::wanted::Terms;
use journal::Journal;
use mark::Reached;
use open::Opened;
use places::Places;
use reader::Question;
use reserve::Reserve;
use watch::Watch;
use writer::{Order, Writer};

pub(crate) use verify::verify_file;

/// A way to the threads; cheap to clone. They end when nobody has one any more.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    orders: Sender<Order>,
    questions: Sender<Question>,
    reports: Sender<Question>,
    watch: Arc<Watch>,
    last_written: Option<Timestamp>,
}

/// A connection, and what is known of the transaction that is under way on it.
#[derive(Debug)]
struct Book {
    db: Connection,
    /// The number and the sum of the last entry; none where it has to be looked up.
    last: Option<(i64, [u8; 32])>,
    /// Whether any sink is to hear of events; none where it has to be looked up.
    has_sinks: Option<bool>,
    /// Terms that are in the file, by number; they are never changed there.
    terms: Vec<(i64, Terms)>,
    /// None where each is read and written as it is asked for.
    places: RefCell<Option<Places>>,
    /// Whose journal is to be written once more before anything is written behind it; none once that is done.
    found: Option<PathBuf>,
}

impl Book {
    fn new(db: Connection) -> Self {
        Self { db, last: None, has_sinks: None, terms: Vec::new(), places: RefCell::new(None), found: None }
    }

    /// Begins a transaction, of which nothing is known yet: another process may have written meanwhile.
    fn begin(&mut self) -> Result<(), Unavailable> {
        (self.last, self.has_sinks) = (None, None);
        self.places = RefCell::new(Some(Places::default()));
        self.step("BEGIN IMMEDIATE")?;
        // Nobody else appends to the journal meanwhile.
        if let Some(Err(error)) = self.found.as_deref().map(open::written_again) {
            self.roll_back();
            return Err(error.into());
        }
        self.found = None;
        Ok(())
    }

    /// Ends it; tells how far the ledger has come, where anything was written.
    fn commit(&mut self, changed: bool) -> rusqlite::Result<Option<Reached>> {
        let is_whole = !self.db.is_autocommit();
        let reached = if changed && is_whole {
            self.write_places()?;
            Some(mark::advance(self)?)
        } else {
            None
        };
        self.step("COMMIT")?;
        Ok(reached)
    }

    /// Takes back whatever the transaction has written. One that is over already says so, and that is all.
    fn roll_back(&mut self) {
        let _ = self.step("ROLLBACK");
        self.terms.clear();
        self.places = RefCell::new(None);
    }

    /// One statement, parsed once.
    fn step(&self, statement: &str) -> rusqlite::Result<()> {
        self.db.prepare_cached(statement)?.execute([]).map(drop)
    }

    /// How much has been written, places that the file is not told of yet included.
    fn changes(&self) -> u64 {
        let moves = self.places.borrow().as_ref().map_or(0, Places::moves);
        self.db.total_changes().saturating_add(moves)
    }
}

impl Sqlite {
    /// As [`crate::Ledger::open`].
    pub(crate) fn open(path: &Path, sinks: &[String], now: Timestamp) -> Result<Self, OpenError> {
        let opened = match open::open(path, sinks, now) {
            // What was under way when it ended is written into what was kept for it.
            Err(error) if error.is_full && reserve::given_back(path) => open::open(path, sinks, now)?,
            opened => opened?,
        };
        reserve::check(path)?;
        let watch = Arc::default();
        let reserve = Reserve::of(path, &watch);
        Self::start(opened, reserve, watch)
    }

    /// As [`crate::Ledger::visit`].
    pub(crate) fn visit(path: &Path) -> Result<Self, OpenError> {
        let (opened, watch) = (open::visit(path)?, Arc::default());
        let reserve = Reserve::none(&watch);
        Self::start(opened, reserve, watch)
    }

    /// The writer keeps the lock for as long as it has the connection, and outlives the readers: who closes the file last tidies
    /// it up, and that is only for who can write it.
    fn start(opened: Opened, reserve: Reserve, watch: Arc<Watch>) -> Result<Self, OpenError> {
        let (orders, waiting) = channel();
        let Opened { book, reader, reporter, mark, journal, last_written } = opened;
        let (questions, reading) = answering("ledger-reader", reader, &watch)?;
        let (reports, reporting) = answering("ledger-reports", reporter, &watch)?;
        let (journal, tools) = journal.unzip();
        let carry = |tools| {
            let work = |_: &Watch| {
                carrier::carry_all(&tools);
                tools.file
            };
            on_thread("ledger-journal", &watch, work)
        };
        let carrying = tools.map(carry).transpose()?;
        on_thread("ledger", &watch, move |watch| {
            let mut writer = Writer { book, mark, journal, reserve };
            writer.write_all(&waiting, watch);
            // Nobody is to wait for a writer that has ended.
            watch.end();
            drop(waiting);
            // One that has panicked has ended, too.
            let _ = (reading.join(), reporting.join());
            let Writer { book, journal, .. } = writer;
            let lock = journal.map(Journal::ended);
            let file = carrying.map(JoinHandle::join);
            drop(book);
            drop((file, lock));
        })?;
        Ok(Self { orders, questions, reports, watch, last_written })
    }

    pub(crate) fn last_written(&self) -> Option<Timestamp> {
        self.last_written
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.watch.has_ended()
    }

    pub(crate) fn is_short(&self) -> bool {
        self.watch.is_short()
    }

    pub(crate) fn watch(
        &self,
        told: impl Fn(usize, Duration) + Send + Sync + 'static,
        failed: impl Fn(&str) + Send + Sync + 'static,
    ) {
        self.watch.by(told, failed);
    }

    /// As [`crate::Ledger::decide`].
    pub(crate) async fn decide<T: Send + 'static, E: Failing + Send + 'static>(
        &self,
        order: impl Fn(&mut dyn Write) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let watch = Arc::clone(&self.watch);
        // Asked when its turn comes, not when it is sent: what is before it may have found the disk full.
        let order = move |book: &mut dyn Write| {
            if watch.is_short() { Err(Unavailable::short().into()) } else { order(book) }
        };
        self.carry_out(order).await
    }

    /// As [`crate::Ledger::record`].
    pub(crate) async fn record<T: Send + 'static, E: Failing + Send + 'static>(
        &self,
        order: impl Fn(&mut dyn Write) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<T, E> {
        let order = Arc::new(order);
        let once = || {
            let order = Arc::clone(&order);
            self.carry_out(move |book| order(book))
        };
        match once().await {
            // By now the writer has given back what was kept for this.
            Err(error) if error.fault().is_some_and(|fault| fault.is_full) => once().await,
            done => done,
        }
    }

    async fn carry_out<T: Send + 'static, E: Failing + Send + 'static>(
        &self,
        order: impl Fn(&mut dyn Write) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (order, answer) = writer::order(order);
        self.orders.send(order).map_err(|_| Unavailable::ended())?;
        answer.await.unwrap_or_else(|_| Err(Unavailable::ended().into()))
    }

    /// As [`crate::Ledger::ask`].
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&dyn Read) -> Result<T, Unavailable> + Send + 'static,
    ) -> Result<T, Unavailable> {
        reader::ask(&self.questions, question).await
    }

    /// As [`crate::Ledger::report`].
    pub(crate) async fn report<T: Send + 'static>(
        &self,
        question: impl Fn(&dyn Read) -> Result<T, Unavailable> + Send + 'static,
    ) -> Result<T, Unavailable> {
        reader::ask(&self.reports, question).await
    }
}

/// A thread that answers from a connection of its own, and the way to it.
fn answering(
    name: &str,
    book: Book,
    watch: &Arc<Watch>,
) -> Result<(Sender<Question>, JoinHandle<()>), OpenError> {
    let (questions, asked) = channel();
    let thread = on_thread(name, watch, move |watch| reader::answer_all(&book, &asked, watch))?;
    Ok((questions, thread))
}

/// A thread without which the ledger has ended: when it is over, by a panic, too, everybody is told.
fn on_thread<T: Send + 'static>(
    name: &str,
    watch: &Arc<Watch>,
    work: impl FnOnce(&Watch) -> T + Send + 'static,
) -> Result<JoinHandle<T>, OpenError> {
    let watch = Arc::clone(watch);
    let all = move || {
        let over = Over(&watch);
        work(over.0)
    };
    let thread = thread::Builder::new().name(name.to_owned()).spawn(all);
    thread.map_err(|error| OpenError::line(format!("ledger: no thread is to be had: {error}")))
}

struct Over<'a>(&'a Watch);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Whether the disk refused to take something. It is not final. What failed with it is in the journal behind what stands, where
/// nobody reads it; the next transaction is written over it, byte for byte anew, and stands only once a flush of its own has said
/// so. What was acknowledged before has had such a flush. So nothing is believed that a failed flush may have lost, though the
/// system takes it for written from then on. A restart is where it would be: see `open::written_again`.
fn is_unwritten(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC, SQLITE_IOERR_WRITE};
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(SQLITE_IOERR_FSYNC | SQLITE_IOERR_DIR_FSYNC | SQLITE_IOERR_WRITE))
}

/// Whether there is no room on the disk: for what is written, or for the list of what is in the journal, which is in a file, too.
fn is_full(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(rusqlite::ffi::SQLITE_FULL | rusqlite::ffi::SQLITE_IOERR_SHMSIZE))
}

/// Whether nothing may be written after it. A full disk is not final: it can be cured while we run.
fn is_final(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(SystemIoFailure | DatabaseCorrupt | NotADatabase))
}

impl From<rusqlite::Error> for Unavailable {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            // So rows are refused that do not stand under their seal.
            rusqlite::Error::InvalidQuery => {
                Self::new("a row is not what was written; see `jobgate ledger verify`")
            }
            error if is_full(&error) => Self::full(error.to_string()),
            error if is_unwritten(&error) => Self::unwritten(error),
            error if is_final(&error) => Self::for_good(error.to_string()),
            error => Self::new(error.to_string()),
        }
    }
}
