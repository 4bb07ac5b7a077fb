//! Brings the journal into the main file, and knows what may be believed of that. `SQLite` would do it by itself, at the end of a
//! commit, and say nothing where it fails.
//!
//! It writes the pages, flushes the main file where that was all of the journal, and then counts what it has brought in. Where that
//! flush fails nothing is counted, and the next time all those pages are written anew: the flush behind that can be believed. But
//! what is brought in while somebody writes to the ledger, or looks at it as it was before, counts without a flush, and is not
//! written again. A system takes a page for written once its flush has failed, and no later flush says that it is not on the disk.
//! Were the journal then begun anew, what was acknowledged would be lost with the power, or at once. So a flush that fails behind
//! such a part is final: the journal is left as it is. The next process finds the count gone with those who knew it, and writes all
//! of it anew.

use std::fmt::Display;
use std::fs::File;
use std::io::Write;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::ffi::SQLITE_IOERR_FSYNC;

use super::carrier::Carrier;
use crate::ledger::Unavailable;

/// Pages behind which it is brought in while orders come one after the other: 6 MiB. With fewer the disk is busier with it.
const MANY: i64 = 1500;

/// Pages behind which it is brought in while nobody asks for anything.
const SOME: i64 = 100;

/// What a gateway says in its lock's file that leaves a journal to the next one.
const LEFT: &[u8] = b"a flush of the main file failed\n";

/// How far the journal was brought in, who does it beside the writer, and the lock, which tells the next gateway where it must not
/// go by what counts.
#[derive(Debug)]
pub(super) struct Journal {
    lock: File,
    carrier: Carrier,
    /// Its pages when it was last begun to bring it in.
    tried: i64,
    /// So many of its pages are in the main file, and a flush of that has said so.
    flushed: i64,
}

/// Pages that are in the journal, and how many of them count as brought in.
pub(super) struct Pages {
    all: i64,
    pub(super) counted: i64,
}

impl Journal {
    /// Of a ledger that is about to be added up. The lock is kept for as long as this is.
    ///
    /// # Errors
    /// Where the last gateway has left its journal, and somebody who has had it open ever since still counts a part of it.
    pub(super) fn of(db: &Connection, lock: File, carrier: Carrier) -> Result<Self, String> {
        let text = |error: &dyn Display| error.to_string();
        if lock.metadata().map_err(|error| text(&error))?.len() > 0 {
            if pages(db, "noop").map_err(|error| text(&error))?.counted > 0 {
                return Err("the disk has lost a part of what was written; it is in the journal, and is written again once nobody \
                            has the ledger open: end all that looks at it, and start again"
                    .to_owned());
            }
            lock.set_len(0).map_err(|error| text(&error))?;
        }
        Ok(Self { lock, carrier, tried: 0, flushed: 0 })
    }

    /// Something was written. The journal is brought in now and then; at once where there is hardly any room: to write it from its
    /// beginning needs far less than to go on behind it.
    ///
    /// # Errors
    /// Where the disk has failed it. What was acknowledged is in the journal all the same.
    pub(super) fn grown(&mut self, db: &Connection, is_short: bool) -> Result<(), Unavailable> {
        let carried = self.carrier.done().transpose().inspect_err(|fault| self.failed(db, fault))?;
        self.flushed = self.flushed.max(carried.unwrap_or(0));
        let found = self.found(db)?;
        let left = found.all.saturating_sub(found.counted);
        // Where somebody is in the way of more, the last pages are not its last ones.
        if is_short || carried.is_some() && left < MANY {
            return self.bring_in(db, found.all);
        }
        if found.all.saturating_sub(self.tried) >= MANY {
            self.tried = found.all;
            self.carrier.begin(self.flushed);
        }
        Ok(())
    }

    /// Nobody asks for anything just now.
    ///
    /// # Errors
    /// As [`Journal::grown`].
    pub(super) fn rests(&mut self, db: &Connection) -> Result<(), Unavailable> {
        self.grown(db, false)?;
        let found = self.found(db)?;
        if found.all.saturating_sub(found.counted) >= SOME { self.bring_in(db, found.all) } else { Ok(()) }
    }

    /// Nobody brings it in beside the writer any more; gives the lock.
    pub(super) fn ended(self) -> File {
        self.lock
    }

    fn found(&mut self, db: &Connection) -> rusqlite::Result<Pages> {
        let found = pages(db, "noop")?;
        if found.counted < self.flushed || found.all < self.tried {
            // It was begun anew.
            (self.tried, self.flushed) = (0, 0);
            self.carrier.begun_anew();
        }
        Ok(found)
    }

    fn bring_in(&mut self, db: &Connection, all: i64) -> Result<(), Unavailable> {
        self.tried = all;
        let done = bring_in(db, self.flushed).inspect_err(|fault| self.failed(db, fault))?;
        if let Some(Pages { all, counted }) = done
            && counted == all
        {
            self.flushed = all;
        }
        Ok(())
    }

    /// Where that is final nobody brings it in any more: neither this process at its end, nor the next one before all of it can be.
    fn failed(&mut self, db: &Connection, fault: &Unavailable) {
        if fault.is_final {
            let _ = db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            // It need not be on the disk: on a machine that starts anew nobody counts anything.
            let _ = self.lock.write_all(LEFT);
        }
    }
}

/// Brings in as much as nobody is in the way of, where so many pages are flushed already; tells what there is then, unless somebody
/// else is at it.
///
/// # Errors
/// A flush that failed is final where anything counts that it was the first to tell of.
pub(super) fn bring_in(db: &Connection, flushed: i64) -> Result<Option<Pages>, Unavailable> {
    let found = pages(db, "noop")?;
    match pages(db, "passive") {
        Ok(done) => Ok((done.all >= 0).then_some(done)),
        Err(error) if found.counted > flushed && is_flush(&error) => Err(lost(error)),
        Err(error) => Err(error.into()),
    }
}

/// What is said of a flush behind which nothing can be written anew.
pub(super) fn lost(why: impl Display) -> Unavailable {
    Unavailable::for_good(format!("what was written to the main file is lost: {why}"))
}

fn is_flush(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_FSYNC)
}

/// Does so much for the journal; tells what there is then.
fn pages(db: &Connection, mode: &str) -> rusqlite::Result<Pages> {
    let mut all = db.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?;
    all.query_row([], |row| Ok(Pages { all: row.get(1)?, counted: row.get(2)? }))
}
