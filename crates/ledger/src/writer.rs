//! The one thread that writes: it takes every order that waits, carries them out in one transaction, and answers when that is
//! on the disk. Many requests share one flush.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::mark::{self, Mark, Reached};
use crate::open::{OpenError, Opened, Url, open, visit};
use crate::watch::Watch;

/// Orders in one transaction at most.
const BATCH: usize = 512;

/// The ledger cannot say or do it now: nothing was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    what: String,
    /// Whether nothing may be asked of it any more.
    is_final: bool,
}

impl Unavailable {
    /// For the reason given, which may pass.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), is_final: false }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the ledger is not available: {}", self.what)
    }
}

impl std::error::Error for Unavailable {}

/// Tells whoever waits, once it is known whether the transaction stands.
type Tell = Box<dyn FnOnce(Option<Unavailable>) + Send>;
/// What is to be done within the transaction, and how it ended; or why there is no transaction.
type Order = Box<dyn FnOnce(Result<&Connection, Unavailable>) -> (Tell, End) + Send>;

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

/// How an order ended, before its transaction did.
enum End {
    /// It is to stand.
    Stands,
    /// It said no, or failed.
    Undone,
    /// The disk or the file is at fault: nothing of the transaction may stand, and none may follow.
    Broken(Unavailable),
}

/// A way to the book; cheap to clone.
#[derive(Clone, Debug)]
pub struct Ledger {
    orders: Sender<Order>,
    watch: Arc<Watch>,
    last_written: Option<Timestamp>,
}

impl Ledger {
    /// Opens the ledger for a gateway: nobody else may, what a killed process left open is in doubt from now on, and events
    /// are written for these sinks.
    ///
    /// # Errors
    /// One line: what is wrong with it, and what to do.
    pub fn open(url: &Url, sinks: &[String], now: Timestamp) -> Result<Self, OpenError> {
        open(url, sinks, now).and_then(Self::start)
    }

    /// Opens a ledger beside a gateway, to look or to resolve.
    ///
    /// # Errors
    /// As [`Ledger::open`]; and where there is none.
    pub fn visit(url: &Url) -> Result<Self, OpenError> {
        visit(url).and_then(Self::start)
    }

    /// The writer keeps the lock for as long as it has the connection.
    fn start(opened: Opened) -> Result<Self, OpenError> {
        let (orders, waiting) = channel();
        let last_written = opened.last_written;
        let watch = Arc::<Watch>::default();
        let watched = Arc::clone(&watch);
        thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || {
                // All of it: a closure takes only the parts that it names.
                let mut opened = opened;
                write_all(&opened.connection, opened.mark.as_mut(), &waiting, &watched);
                watched.end();
            })
            .map_err(|error| OpenError(format!("ledger: no thread is to be had: {error}")))?;
        Ok(Self { orders, watch, last_written })
    }

    /// When the last entry was written that was there when the ledger was opened.
    pub fn last_written(&self) -> Option<Timestamp> {
        self.last_written
    }

    /// Whether nothing can be asked of it any more: the disk failed it, and only a restart reads it anew.
    pub fn has_ended(&self) -> bool {
        self.watch.has_ended()
    }

    /// Tells of every transaction that stands: its orders, and how long it took. Who watches first is told.
    pub fn watch(&self, told: impl Fn(usize, Duration) + Send + Sync + 'static) {
        self.watch.by(told);
    }

    /// Carries something out and waits until it stands.
    pub(crate) async fn run<T: Send + 'static, E: Failing + Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (send, receive) = oneshot::channel::<Result<T, E>>();
        let order: Order = Box::new(move |connection| {
            let done = connection.map_err(E::from).and_then(work);
            let end = match &done {
                Ok(_) => End::Stands,
                Err(error) => match error.fault().filter(|fault| fault.is_final) {
                    Some(fault) => End::Broken(fault.clone()),
                    None => End::Undone,
                },
            };
            let tell: Tell = Box::new(move |fault| {
                // Whoever asked may be gone.
                let _ = send.send(fault.map_or(done, |fault| Err(fault.into())));
            });
            (tell, end)
        });
        let gone = || Unavailable::new("its writer has ended; restart the gateway");
        self.orders.send(order).map_err(|_| gone())?;
        receive.await.unwrap_or_else(|_| Err(gone().into()))
    }
}

fn write_all(connection: &Connection, mut mark: Option<&mut Mark>, waiting: &Receiver<Order>, watch: &Watch) {
    while let Ok(first) = waiting.recv() {
        let began = Watch::now();
        let orders = std::iter::once(first).chain(waiting.try_iter().take(BATCH));
        if let Err(error) = step(connection, "BEGIN IMMEDIATE") {
            let fault = unavailable(&error);
            orders.for_each(|order| order(Err(fault.clone())).0(Some(fault.clone())));
            if fault.is_final {
                return;
            }
            continue;
        }
        let changes = connection.total_changes();
        let mut broken = None;
        let told: Vec<Tell> = orders.map(|order| within(connection, order, &mut broken)).collect();
        let done = match broken {
            Some(fault) => Err(fault),
            None => {
                commit(connection, connection.total_changes() != changes).map_err(|error| unavailable(&error))
            }
        };
        if let (Ok(Some(reached)), Some(mark)) = (&done, &mut mark) {
            // A mark that cannot be written stays behind, and what it says stays true.
            let _ = mark.set(reached);
        }
        let fault = done.err();
        if fault.is_some() {
            // A transaction that is over already says so here, and that is all.
            let _ = step(connection, "ROLLBACK");
        }
        if fault.is_none() {
            watch.tell(told.len(), began);
        }
        for tell in told {
            tell(fault.clone());
        }
        if fault.is_some_and(|fault| fault.is_final) {
            // A second flush after a failed one may lie about what the first one lost, and what is damaged on the disk may look
            // whole in memory. Only a restart reads it anew.
            return;
        }
    }
}

/// Ends a transaction; tells how far the ledger has come, where anything was written.
fn commit(connection: &Connection, changed: bool) -> rusqlite::Result<Option<Reached>> {
    let reached =
        if changed && !connection.is_autocommit() { Some(mark::advance(connection)?) } else { None };
    step(connection, "COMMIT")?;
    Ok(reached)
}

/// Whether nothing may be written after it. A full disk is not final: it can be cured while we run.
fn is_final(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(SystemIoFailure | DatabaseCorrupt | NotADatabase))
}

/// One order, all of it or nothing. An order says no before it writes anything, so there is nothing to take back; one that fails
/// in its midst takes the whole transaction with it. A savepoint for each would cost a fifth of the writer's time.
fn within(connection: &Connection, order: Order, broken: &mut Option<Unavailable>) -> Tell {
    // A full disk ends the whole transaction in its midst. What came behind it would stand by itself, and be told as if it did
    // not.
    if broken.is_some() || connection.is_autocommit() {
        let fault = Unavailable::new("an earlier write of the same transaction failed");
        let (tell, _) = order(Err(fault.clone()));
        broken.get_or_insert_with(|| fault.clone());
        return Box::new(move |_| tell(Some(fault)));
    }
    let changes = connection.total_changes();
    let (tell, end) = order(Ok(connection));
    match end {
        End::Stands => {}
        End::Undone if connection.total_changes() == changes => {}
        End::Undone => {
            *broken = Some(Unavailable::new("a write of the same transaction failed in its midst"));
        }
        End::Broken(fault) => *broken = Some(fault),
    }
    tell
}

/// One statement of a transaction, parsed once.
fn step(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

fn unavailable(error: &rusqlite::Error) -> Unavailable {
    Unavailable { what: error.to_string(), is_final: is_final(error) }
}

impl From<rusqlite::Error> for Unavailable {
    fn from(error: rusqlite::Error) -> Self {
        unavailable(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> Connection {
        let tables = "CREATE TABLE kept (what TEXT); CREATE TABLE batch (number INTEGER); INSERT INTO batch VALUES (0)";
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(tables).unwrap();
        connection
    }

    fn kept(connection: &Connection) -> i64 {
        connection.query_row("SELECT count(*) FROM kept", [], |row| row.get(0)).unwrap()
    }

    /// As when a disk is full in the midst of a batch: what came before is gone, and nothing behind it may stand by itself.
    #[test]
    fn when_a_transaction_breaks_off_nothing_of_its_batch_stands() {
        let connection = book();
        let (orders, waiting) = channel();
        let (told, faults) = channel();
        for statement in
            ["INSERT INTO kept VALUES ('before')", "ROLLBACK", "INSERT INTO kept VALUES ('behind')"]
        {
            let told = told.clone();
            let order: Order = Box::new(move |connection| {
                let stands = connection.is_ok_and(|connection| connection.execute_batch(statement).is_ok());
                let end = if stands { End::Stands } else { End::Undone };
                (Box::new(move |fault| told.send(fault.is_some()).unwrap()), end)
            });
            orders.send(order).unwrap();
        }
        drop(orders);
        write_all(&connection, None, &waiting, &Watch::default());
        assert_eq!(faults.try_iter().collect::<Vec<_>>(), [true; 3]);
        assert_eq!(kept(&connection), 0);
    }

    /// There is no savepoint: what failed after it had written takes its batch along, and the next batch goes on.
    #[test]
    fn an_order_that_fails_in_its_midst_takes_its_batch_along() {
        let connection = book();
        let (orders, waiting) = channel();
        let (told, faults) = channel();
        // What says no before it writes is in nobody's way.
        for (writes, stands) in [(true, true), (false, false), (true, false), (true, true)] {
            let told = told.clone();
            let order: Order = Box::new(move |connection| {
                if let (Ok(db), true) = (&connection, writes) {
                    db.execute_batch("INSERT INTO kept VALUES ('all')").unwrap();
                }
                let end = if stands { End::Stands } else { End::Undone };
                (Box::new(move |fault| told.send(fault.is_some()).unwrap()), end)
            });
            orders.send(order).unwrap();
        }
        drop(orders);
        write_all(&connection, None, &waiting, &Watch::default());
        assert_eq!(faults.try_iter().collect::<Vec<_>>(), [true; 4]);
        assert_eq!(kept(&connection), 0);
    }

    /// As when a page cannot be read: the order's own failure ends the writing, and takes with it what was to stand.
    #[test]
    fn after_a_fault_of_the_disk_within_a_transaction_nothing_stands_and_nothing_follows() {
        let connection = book();
        let (orders, waiting) = channel();
        let (told, faults) = channel();
        for is_broken in [false, true, false] {
            let told = told.clone();
            let order: Order = Box::new(move |connection| {
                let done = connection.map(|db| db.execute_batch("INSERT INTO kept VALUES ('all')").is_ok());
                let fault = Unavailable { what: "disk I/O error".to_owned(), is_final: true };
                let end = if is_broken && done.is_ok() { End::Broken(fault) } else { End::Stands };
                (Box::new(move |fault| told.send(fault.is_some()).unwrap()), end)
            });
            orders.send(order).unwrap();
        }
        write_all(&connection, None, &waiting, &Watch::default());
        assert_eq!(faults.try_iter().collect::<Vec<_>>(), [true; 3]);
        assert_eq!(kept(&connection), 0);
        drop(orders);
    }
}
