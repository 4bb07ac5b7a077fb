//! The one thread that writes: it takes every order that waits, carries them out in one transaction, and answers when that is
//! on the disk. Many requests share one flush.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::Book;
use super::journal::Journal;
use super::mark::Mark;
use super::reserve::Reserve;
use super::watch::Watch;
use crate::ledger::{Failing, Unavailable};
use crate::store::Write;

/// Orders in one transaction at most.
const BATCH: usize = 512;

/// How long nobody asks for anything before the journal is brought in.
const REST: Duration = Duration::from_millis(50);

/// How long a disk that did not take a transaction is left alone, before the next one is tried.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells whoever waits, once it is known whether the transaction stands.
pub(super) type Tell = Box<dyn FnOnce(Option<Unavailable>) + Send>;
/// What is to be done within the transaction, and how it ended; or why there is no transaction.
pub(super) type Order = Box<dyn FnOnce(Result<&mut Book, Unavailable>) -> (Tell, End) + Send>;

/// How an order ended, before its transaction did.
pub(super) enum End {
    /// It is to stand.
    Stands,
    /// It said no, or failed.
    Undone,
    /// The disk or the file is at fault: nothing of the transaction may stand, and none may follow a fault that is final.
    Broken(Unavailable),
}

/// An order, and where it is answered.
pub(super) fn order<T: Send + 'static, E: Failing + Send + 'static>(
    decide: impl Fn(&mut dyn Write) -> Result<T, E> + Send + 'static,
) -> (Order, oneshot::Receiver<Result<T, E>>) {
    let (send, receive) = oneshot::channel();
    let order: Order = Box::new(move |book| {
        let done = book.map_err(E::from).and_then(|book| decide(book));
        let end = match &done {
            Ok(_) => End::Stands,
            Err(error) => match error.fault().filter(|fault| fault.breaks_off()) {
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
    (order, receive)
}

/// The writer's own: what it decides by, and what it keeps in order beside that.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) book: Book,
    pub(super) mark: Option<Mark>,
    /// None for who writes beside the one that brings it in.
    pub(super) journal: Option<Journal>,
    pub(super) reserve: Reserve,
}

impl Writer {
    /// Until nobody can ask any more, or nothing may be written any more.
    pub(super) fn write_all(&mut self, waiting: &Receiver<Order>, watch: &Watch) {
        let mut paused: Option<(Instant, Unavailable)> = None;
        while let Some(first) = self.next(waiting, watch) {
            let began = Watch::now();
            let orders = std::iter::once(first).chain(waiting.try_iter().take(BATCH));
            if watch.has_ended() {
                // The reader has found what nobody can decide by, or the journal must not be brought in.
                return refuse(orders, &Unavailable::ended());
            }
            if let Some((since, fault)) = &paused
                && began.saturating_duration_since(*since) < PAUSE
            {
                refuse(orders, fault);
                continue;
            }
            let fault = self.carry_out(orders, began, watch);
            if fault.as_ref().is_some_and(|fault| fault.is_final) {
                // What cannot be read, or is damaged on the disk, may look whole in memory. Only a restart reads it anew.
                return;
            }
            paused = fault.filter(|fault| fault.is_unwritten).map(|fault| (Watch::now(), fault));
        }
    }

    /// The next order. Where none comes for a while the journal is brought in, so that fewer have to wait for that.
    fn next(&mut self, waiting: &Receiver<Order>, watch: &Watch) -> Option<Order> {
        if !watch.is_short() {
            match waiting.recv_timeout(REST) {
                Ok(order) => return Some(order),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.keep(watch, Journal::rests),
            }
        }
        self.reserve.next(waiting)
    }

    /// All of them in one transaction; gives the fault for which it does not stand.
    fn carry_out(
        &mut self,
        orders: impl Iterator<Item = Order>,
        began: Instant,
        watch: &Watch,
    ) -> Option<Unavailable> {
        let book = &mut self.book;
        if let Err(fault) = book.begin() {
            watch.fail(&fault.to_string());
            refuse(orders, &fault);
            return fault.is_final.then_some(fault);
        }
        let before = book.changes();
        let mut broken = None;
        let told: Vec<Tell> = orders.map(|order| within(book, order, &mut broken)).collect();
        let is_changed = book.changes() != before;
        let done = broken.map_or_else(|| book.commit(is_changed).map_err(Unavailable::from), Err);
        if let (Ok(Some(reached)), Some(mark)) = (&done, &mut self.mark) {
            // A mark that cannot be written stays behind, and what it says stays true.
            let _ = mark.set(reached);
        }
        let fault = done.err();
        if fault.is_some() {
            book.roll_back();
        }
        if fault.as_ref().is_some_and(|fault| fault.is_full) {
            // Before anybody hears of it: what has happened is sent here once more.
            self.reserve.give_back();
        }
        match &fault {
            None => watch.tell(told.len(), began),
            Some(fault) => watch.fail(&fault.to_string()),
        }
        for tell in told {
            tell(fault.clone());
        }
        if is_changed {
            // Whoever has asked does not wait for it.
            self.keep(watch, |journal, db| journal.grown(db, watch.is_short()));
        }
        fault
    }

    /// Brings the journal in where that is due. Where it fails, what was acknowledged stands; a fault that is final ends the ledger.
    fn keep(&mut self, watch: &Watch, how: impl Fn(&mut Journal, &Connection) -> Result<(), Unavailable>) {
        let Some(journal) = &mut self.journal else { return };
        let Err(fault) = how(journal, &self.book.db) else { return };
        watch.fail(&format!("the ledger's journal is not brought in: {}", fault.what()));
        if fault.is_final {
            watch.end();
        }
    }
}

/// Tells all that there is no transaction for them.
fn refuse(orders: impl Iterator<Item = Order>, fault: &Unavailable) {
    orders.for_each(|order| order(Err(fault.clone())).0(Some(fault.clone())));
}

/// One order, all of it or nothing. An order says no before it writes anything, so there is nothing to take back; one that fails
/// in its midst takes the whole transaction with it. A savepoint for each would cost a fifth of the writer's time.
fn within(book: &mut Book, order: Order, broken: &mut Option<Unavailable>) -> Tell {
    // A full disk ends the whole transaction in its midst. What came behind it would stand by itself, and be told as if it did
    // not.
    if broken.is_some() || book.db.is_autocommit() {
        let earlier = || Unavailable::new("an earlier write of the same transaction failed");
        let fault = broken.get_or_insert_with(earlier).clone();
        let (tell, _) = order(Err(fault.clone()));
        return Box::new(move |_| tell(Some(fault)));
    }
    let changes = book.changes();
    let (tell, end) = order(Ok(book));
    match end {
        End::Stands => {}
        End::Undone if book.changes() == changes => {}
        End::Undone => {
            *broken = Some(Unavailable::new("a write of the same transaction failed in its midst"));
        }
        End::Broken(fault) => *broken = Some(fault),
    }
    tell
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use super::*;

    fn book() -> Book {
        let tables = "CREATE TABLE kept (what TEXT); CREATE TABLE batch (number INTEGER); INSERT INTO batch VALUES (0)";
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(tables).unwrap();
        Book::new(connection)
    }

    fn written(book: Book, waiting: &Receiver<Order>) -> Book {
        let watch = Arc::<Watch>::default();
        let mut writer = Writer { book, mark: None, journal: None, reserve: Reserve::none(&watch) };
        writer.write_all(waiting, &watch);
        writer.book
    }

    fn kept(book: &Book) -> i64 {
        book.db.query_row("SELECT count(*) FROM kept", [], |row| row.get(0)).unwrap()
    }

    /// As when a disk is full in the midst of a batch: what came before is gone, and nothing behind it may stand by itself.
    #[test]
    fn when_a_transaction_breaks_off_nothing_of_its_batch_stands() {
        let (orders, waiting) = channel();
        let (told, faults) = channel();
        for statement in
            ["INSERT INTO kept VALUES ('before')", "ROLLBACK", "INSERT INTO kept VALUES ('behind')"]
        {
            let told = told.clone();
            let order: Order = Box::new(move |book| {
                let stands = book.is_ok_and(|book| book.db.execute_batch(statement).is_ok());
                let end = if stands { End::Stands } else { End::Undone };
                (Box::new(move |fault| told.send(fault.is_some()).unwrap()), end)
            });
            orders.send(order).unwrap();
        }
        drop(orders);
        let book = written(book(), &waiting);
        assert_eq!(faults.try_iter().collect::<Vec<_>>(), [true; 3]);
        assert_eq!(kept(&book), 0);
    }

    /// There is no savepoint: what failed after it had written takes its batch along, and the next batch goes on.
    #[test]
    fn an_order_that_fails_in_its_midst_takes_its_batch_along() {
        let (orders, waiting) = channel();
        let (told, faults) = channel();
        // What says no before it writes is in nobody's way.
        for (writes, stands) in [(true, true), (false, false), (true, false), (true, true)] {
            let told = told.clone();
            let order: Order = Box::new(move |book| {
                if let (Ok(book), true) = (&book, writes) {
                    book.db.execute_batch("INSERT INTO kept VALUES ('all')").unwrap();
                }
                let end = if stands { End::Stands } else { End::Undone };
                (Box::new(move |fault| told.send(fault.is_some()).unwrap()), end)
            });
            orders.send(order).unwrap();
        }
        drop(orders);
        let book = written(book(), &waiting);
        assert_eq!(faults.try_iter().collect::<Vec<_>>(), [true; 4]);
        assert_eq!(kept(&book), 0);
    }

    /// As when a page cannot be read: the order's own failure ends the writing, and takes with it what was to stand.
    #[test]
    fn after_a_fault_of_the_disk_within_a_transaction_nothing_stands_and_nothing_follows() {
        let (orders, waiting) = channel();
        let (told, faults) = channel();
        for is_broken in [false, true, false] {
            let told = told.clone();
            let order: Order = Box::new(move |book| {
                let done = book.map(|book| book.db.execute_batch("INSERT INTO kept VALUES ('all')").is_ok());
                let fault = Unavailable::for_good("disk I/O error");
                let end = if is_broken && done.is_ok() { End::Broken(fault) } else { End::Stands };
                (Box::new(move |fault| told.send(fault.is_some()).unwrap()), end)
            });
            orders.send(order).unwrap();
        }
        let book = written(book(), &waiting);
        assert_eq!(faults.try_iter().collect::<Vec<_>>(), [true; 3]);
        assert_eq!(kept(&book), 0);
        drop(orders);
    }
}
