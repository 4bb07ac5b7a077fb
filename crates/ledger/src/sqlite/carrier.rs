//! The thread that brings the journal in beside the writer, and flushes what it has brought in, so that nobody who is to be
//! answered waits for that. It comes to the end of a journal that goes on growing only by chance: the last pages are the writer's.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use rusqlite::Connection;

use super::journal::{self, Pages};
use crate::ledger::{OpenError, Unavailable};

/// The second time brings in what was written meanwhile, which is far less.
const TIMES: usize = 2;

/// The way to it.
#[derive(Debug)]
pub(super) struct Carrier {
    asked: Sender<i64>,
    done: Receiver<Result<i64, Unavailable>>,
    is_under_way: bool,
    /// Whether the journal was begun anew meanwhile: how far it came in the one before says nothing.
    is_stale: bool,
}

/// What it works with.
#[derive(Debug)]
pub(super) struct Tools {
    db: Connection,
    asked: Receiver<i64>,
    done: Sender<Result<i64, Unavailable>>,
    /// To be closed behind all connections: with the first of its descriptors that is closed, a process gives up its locks on a file.
    pub(super) file: File,
}

pub(super) fn new(ledger: &Path, db: Connection) -> Result<(Carrier, Tools), OpenError> {
    // Opened before anything is written that it is to flush: it is told of every fault since.
    let file = File::options().write(true).open(ledger).map_err(|error| OpenError::of(ledger, &error))?;
    let ((ask, asked), (tell, done)) = (channel(), channel());
    let carrier = Carrier { asked: ask, done, is_under_way: false, is_stale: false };
    Ok((carrier, Tools { db, asked, done: tell, file }))
}

impl Carrier {
    /// Asks it to begin, where it is not under way; so many pages are flushed already.
    pub(super) fn begin(&mut self, flushed: i64) {
        if !self.is_under_way {
            // Where it has ended, so has the ledger.
            self.is_under_way = self.asked.send(flushed).is_ok();
        }
    }

    /// The journal was begun anew.
    pub(super) fn begun_anew(&mut self) {
        self.is_stale = self.is_under_way;
    }

    /// What it has come to, once: how many pages are known to be flushed.
    pub(super) fn done(&mut self) -> Option<Result<i64, Unavailable>> {
        let done = self.done.try_recv().ok()?;
        let is_stale = self.is_stale;
        (self.is_under_way, self.is_stale) = (false, false);
        Some(done.map(|flushed| if is_stale { 0 } else { flushed }))
    }
}

/// Until nobody can ask any more.
pub(super) fn carry_all(tools: &Tools) {
    while let Ok(flushed) = tools.asked.recv() {
        let done = carry(tools, flushed);
        if tools.done.send(done).is_err() {
            return;
        }
    }
}

fn carry(Tools { db, file, .. }: &Tools, mut flushed: i64) -> Result<i64, Unavailable> {
    for _ in 0..TIMES {
        let Some(Pages { counted, .. }) = journal::bring_in(db, flushed)? else { break };
        // What was brought in counts already, so this cannot be tried again.
        file.sync_data().map_err(journal::lost)?;
        flushed = counted;
    }
    Ok(flushed)
}
