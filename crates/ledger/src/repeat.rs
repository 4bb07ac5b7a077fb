//! Requests that came with a key: the first one with it is carried out, every later one hears what became of that one. What a
//! key is made of is its caller's business; here it is a fingerprint, and nothing that a client wrote is kept but answers.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::HoldId;
use crate::book::Refused;
use crate::open::millis;
use crate::writer::{Ledger, Unavailable};

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
        self.run(move |db| begin(db, Some(&key), None, now)).await
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

/// Takes a key, in the transaction that decides about its request.
pub(crate) fn begin(
    db: &Connection,
    key: Option<&Key>,
    hold: Option<HoldId>,
    now: Timestamp,
) -> Result<(), Refused> {
    let Some(key) = key else { return Ok(()) };
    if let Some(earlier) = recall(db, key, now)? {
        return Err(Refused::Repeated(Box::new(earlier)));
    }
    db.prepare_cached("INSERT OR REPLACE INTO request (name, request, hold, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![key.name, key.request, hold.map(|hold| hold.to_string()), millis(now)])?;
    Ok(())
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
    db.prepare_cached("UPDATE request SET status = ?2, headers = ?3, body = ?4 WHERE name = ?1")?
        .execute(params![key.name, status, headers, body])?;
    Ok(())
}

/// A process that was killed has told nobody what became of its requests.
pub(crate) fn recover(db: &Connection) -> rusqlite::Result<usize> {
    db.execute("UPDATE request SET status = 502 WHERE status IS NULL", [])
}

fn recall(db: &Connection, key: &Key, now: Timestamp) -> rusqlite::Result<Option<Earlier>> {
    let mut one = db.prepare_cached(
        "SELECT request, hold, status, headers, body FROM request
         WHERE name = ?1 AND (at > ?2 OR status IS NULL)",
    )?;
    let before = millis(now).saturating_sub(KEPT_FOR);
    one.query_row(params![key.name, before], |row| {
        if row.get::<_, [u8; 32]>(0)? != key.request {
            return Ok(Earlier::Other);
        }
        let Some(status) = row.get::<_, Option<u16>>(2)? else { return Ok(Earlier::Running) };
        let kept = match (row.get(3)?, row.get(4)?) {
            (Some(headers), Some(body)) => Kept::Answer { status, headers, body },
            _ => Kept::Unknown(status),
        };
        Ok(Earlier::Over(kept, row.get(1)?))
    })
    .optional()
}
