//! What happens to many holds at once: those that were not submitted in time lapse, and those that a killed process left open
//! are in doubt.

use admission::Event;
use jiff::Timestamp;
use rusqlite::Connection;

use crate::HoldId;
use crate::book::{Note, Refused, write};
use crate::mark;
use crate::open::millis;
use crate::outbox;
use crate::repeat;
use crate::writer::{Ledger, Unavailable};

impl Ledger {
    /// Gives back what was opened before `before` and is not submitted.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn lapse(&self, before: Timestamp, now: Timestamp) -> Result<usize, Unavailable> {
        self.run(move |db| lapse(db, before, now)).await
    }
}

fn lapse(db: &Connection, before: Timestamp, now: Timestamp) -> Result<usize, Unavailable> {
    let late: Vec<HoldId> = db
        .prepare_cached("SELECT id FROM hold WHERE state = 'bound' AND opened < ?1 LIMIT 1000")?
        .query_map([millis(before)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    end_all(db, &late, Event::Lapse, now)
}

/// What a killed process left open is in doubt: whether upstream has the request is not known.
pub(crate) fn recover(db: &Connection, sinks: &[String], now: Timestamp) -> Result<(), Unavailable> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    outbox::register(db, sinks)?;
    let open: Vec<HoldId> = db
        .prepare("SELECT id FROM hold WHERE state = 'open'")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let doubtful = end_all(db, &open, Event::Doubt, now)?;
    if doubtful.max(repeat::recover(db)?) > 0 {
        mark::advance(db)?;
    }
    db.execute_batch("COMMIT")?;
    Ok(())
}

fn end_all(db: &Connection, holds: &[HoldId], event: Event, now: Timestamp) -> Result<usize, Unavailable> {
    for hold in holds {
        match write(db, *hold, &Note { events: vec![event], ..Note::default() }, now) {
            Ok(_) | Err(Refused::Unknown | Refused::Budget(_) | Refused::Repeated(_)) => {}
            Err(Refused::Unavailable(fault)) => return Err(fault),
        }
    }
    Ok(holds.len())
}
