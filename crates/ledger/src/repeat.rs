//! Requests that came with a key: the first one with it is carried out, every later one hears what became of that one. What a
//! key is made of is its caller's business; here it is a fingerprint, and nothing that a client wrote is kept but answers.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::HoldId;
use crate::book::Refused;
use crate::open::millis;
use crate::seal::{self, Sealed};
use crate::writer::{Ledger, Unavailable};

/// What is under a row's seal, and the seal.
pub(crate) const ROWS: &str = "SELECT name, request, hold, at, status, headers, body, sum FROM request";
pub(crate) const SEALED: Sealed = Sealed {
    columns: 7,
    read: "SELECT name, request, hold, at, status, headers, body, sum FROM request WHERE name = ?1",
    write: "UPDATE request SET sum = ?2 WHERE name = ?1",
};

/// How long an answer is kept, in milliseconds.
const KEPT_FOR: i64 = 24 * 60 * 60 * 1000;

/// Which request this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Who asks, and the word they chose.
    pub name: [u8; 32],
    /// What they ask.
    pub request: [u8; 32],
}

/// What is kept of a request that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The answer.
    Answer {
        /// Its status.
        status: u16,
        /// Its headers, as their writer reads them again.
        headers: String,
        /// Its body.
        body: Vec<u8>,
    },
    /// That nobody knows; the status that said so.
    Unknown(u16),
    /// Nothing: it was as if it had not been asked, and may be asked again.
    Nothing,
}

/// What became of the first request with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// It is under way.
    Running,
    /// It asked for something else.
    Other,
    /// This; and the hold that it opened.
    Over(Kept, Option<HoldId>),
}

impl Ledger {
    /// What became of an earlier request with a key.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn recall(&self, key: Key, now: Timestamp) -> Result<Option<Earlier>, Unavailable> {
        self.run(move |db| Ok(recall(db, &key, now)?)).await
    }

    /// Takes a key for a request that needs no hold.
    ///
    /// # Errors
    /// [`Refused::Repeated`] when it is taken.
    pub async fn begin(&self, key: Key, now: Timestamp) -> Result<(), Refused> {
        self.run(move |db| {
            check(db, Some(&key), now)?;
            Ok(take(db, Some(&key), None, now)?)
        })
        .await
    }

    /// Keeps what became of such a request.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn keep(&self, key: Key, kept: Kept) -> Result<(), Unavailable> {
        self.run(move |db| Ok(keep(db, &key, &kept)?)).await
    }

    /// Forgets what was kept long enough.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn forget(&self, now: Timestamp) -> Result<usize, Unavailable> {
        let before = millis(now).saturating_sub(KEPT_FOR);
        self.run(move |db| {
            let mut old = db.prepare_cached(
                "DELETE FROM request WHERE name IN (SELECT name FROM request WHERE at <= ?1 AND status IS NOT NULL LIMIT 1000)",
            )?;
            Ok(old.execute([before])?)
        })
        .await
    }
}

/// Whether a key is free; before anything is written.
pub(crate) fn check(db: &Connection, key: Option<&Key>, now: Timestamp) -> Result<(), Refused> {
    let earlier = key.map(|key| recall(db, key, now)).transpose()?.flatten();
    earlier.map_or(Ok(()), |earlier| Err(Refused::Repeated(Box::new(earlier))))
}

/// Takes a key that is free, in the transaction that decides about its request.
pub(crate) fn take(
    db: &Connection,
    key: Option<&Key>,
    hold: Option<HoldId>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let Some(key) = key else { return Ok(()) };
    db.prepare_cached("INSERT OR REPLACE INTO request (name, request, hold, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![key.name, key.request, hold.map(|hold| hold.to_string()), millis(now)])?;
    SEALED.seal(db, key.name)
}

pub(crate) fn keep(db: &Connection, key: &Key, kept: &Kept) -> rusqlite::Result<()> {
    let (status, headers, body) = match kept {
        Kept::Answer { status, headers, body } => (*status, Some(headers), Some(body)),
        Kept::Unknown(status) => (*status, None, None),
        Kept::Nothing => {
            db.prepare_cached("DELETE FROM request WHERE name = ?1")?.execute([key.name])?;
            return Ok(());
        }
    };
    let kept = db
        .prepare_cached("UPDATE request SET status = ?2, headers = ?3, body = ?4 WHERE name = ?1")?
        .execute(params![key.name, status, headers, body])?;
    // A key that is gone is no reason to forget what became of its hold.
    if kept == 0 { Ok(()) } else { SEALED.seal(db, key.name) }
}

/// A process that was killed has told nobody what became of its requests.
pub(crate) fn recover(db: &Connection) -> rusqlite::Result<usize> {
    let running: Vec<[u8; 32]> = db
        .prepare("SELECT name FROM request WHERE status IS NULL")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for name in &running {
        db.execute("UPDATE request SET status = 502 WHERE name = ?1", [name])?;
        SEALED.seal(db, *name)?;
    }
    Ok(running.len())
}

fn recall(db: &Connection, key: &Key, now: Timestamp) -> rusqlite::Result<Option<Earlier>> {
    let mut one = db.prepare_cached(SEALED.read)?;
    let before = millis(now).saturating_sub(KEPT_FOR);
    let earlier = one.query_row([key.name], |row| {
        seal::check(row, SEALED.columns)?;
        let status: Option<u16> = row.get(4)?;
        if status.is_some() && row.get::<_, i64>(3)? <= before {
            return Ok(None);
        }
        if row.get::<_, [u8; 32]>(1)? != key.request {
            return Ok(Some(Earlier::Other));
        }
        let Some(status) = status else { return Ok(Some(Earlier::Running)) };
        let kept = match (row.get(5)?, row.get(6)?) {
            (Some(headers), Some(body)) => Kept::Answer { status, headers, body },
            _ => Kept::Unknown(status),
        };
        Ok(Some(Earlier::Over(kept, row.get(2)?)))
    });
    earlier.optional().map(Option::flatten)
}
