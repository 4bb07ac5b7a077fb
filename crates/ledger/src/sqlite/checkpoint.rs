//! Moves what stands in the journal into the file, beside the writer: done by the writer, as the library would, one commit in
//! fifty would wait for a thousand pages and two flushes more.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rusqlite::Connection;

use super::watch::Watch;
use crate::ledger::Unavailable;

/// Rows that change between two checkpoints: of small transactions that is a journal of some 12 MB, of large ones less.
const CHANGES: u64 = 2000;

/// Pages of a journal that the writer itself brings to its end, so that it begins anew: written to without a pause it is never
/// at its end otherwise, and would grow for ever.
const LONG: i64 = 8192;

/// The writer's side: when to ask.
#[derive(Debug)]
pub(super) struct Checkpoints {
    ask: SyncSender<()>,
    /// How long the journal was when it was last looked at.
    pages: Arc<AtomicI64>,
    /// How many rows had changed when it was last asked.
    asked_at: u64,
}

/// The side of the thread that does it.
#[derive(Debug)]
pub(super) struct Asked {
    asked: Receiver<()>,
    pages: Arc<AtomicI64>,
}

/// Both sides.
pub(super) fn sides() -> (Checkpoints, Asked) {
    // One that is asked for already is enough.
    let (ask, asked) = sync_channel(1);
    let pages = Arc::<AtomicI64>::default();
    (Checkpoints { ask, pages: Arc::clone(&pages), asked_at: 0 }, Asked { asked, pages })
}

impl Checkpoints {
    /// Asks, where it is time to; after a commit, before the next transaction.
    ///
    /// # Errors
    /// When the disk or the file is at fault.
    pub(super) fn after_commit(&mut self, db: &Connection) -> Result<(), Unavailable> {
        let changes = db.total_changes();
        if changes.saturating_sub(self.asked_at) < CHANGES {
            return Ok(());
        }
        self.asked_at = changes;
        if self.pages.load(Ordering::Relaxed) > LONG {
            self.pages.store(checkpoint(db)?, Ordering::Relaxed);
            return Ok(());
        }
        // A thread that is gone has told the watch.
        let _ = self.ask.try_send(());
        Ok(())
    }
}

/// Until nobody asks any more.
pub(super) fn run_all(db: &Connection, side: &Asked, watch: &Watch) {
    while let Ok(()) = side.asked.recv() {
        match checkpoint(db) {
            Ok(pages) => side.pages.store(pages, Ordering::Relaxed),
            Err(fault) if fault.is_final => return watch.end(),
            // A full disk: what is in the journal stands there, and the next one tries again.
            Err(_) => {}
        }
    }
}

/// As much of it as nobody reads any more; keeps nobody waiting. Tells how many pages the journal has; none once all of them are
/// in the file, where the next transaction begins it anew.
fn checkpoint(db: &Connection) -> Result<i64, Unavailable> {
    let mut statement = db.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    let (pages, moved): (i64, i64) = statement.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?;
    Ok(if moved == pages { 0 } else { pages })
}
