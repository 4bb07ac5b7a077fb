//! The seal of a row that changes: a checksum over what was last written into it, compared whenever it is read. Entries have
//! their chain, and balances and states follow from it; names, prices, workloads and dates follow from nothing else.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, params};
use sha2::{Digest, Sha256};

/// As much of a SHA-256 as is kept.
const LENGTH: usize = 16;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seal([u8; LENGTH]);

impl ToSql for Seal {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

/// The seal over so many first columns of a row.
pub(crate) fn over(row: &Row<'_>, columns: usize) -> rusqlite::Result<Seal> {
    let mut hash = Sha256::new();
    for index in 0..columns {
        match row.get_ref(index)? {
            ValueRef::Null => hash.update([0]),
            ValueRef::Integer(number) => {
                hash.update([1]);
                hash.update(number.to_be_bytes());
            }
            ValueRef::Text(bytes) => {
                // Where a text ends is told by its length, so no two rows are written alike.
                hash.update([2]);
                hash.update(bytes.len().to_be_bytes());
                hash.update(bytes);
            }
            ValueRef::Blob(bytes) => {
                hash.update([3]);
                hash.update(bytes.len().to_be_bytes());
                hash.update(bytes);
            }
            // No table has one.
            ValueRef::Real(_) => return Err(rusqlite::Error::InvalidQuery),
        }
    }
    let whole: [u8; 32] = hash.finalize().into();
    whole.first_chunk().map(|first| Seal(*first)).ok_or(rusqlite::Error::InvalidQuery)
}

/// Whether the column behind the first so many is the seal over them.
pub(crate) fn holds(row: &Row<'_>, columns: usize) -> rusqlite::Result<bool> {
    let Seal(expected) = over(row, columns)?;
    // A column of another kind is no seal, and no fault of the reading.
    Ok(row.get_ref(columns)?.as_blob().is_ok_and(|found| *found == expected))
}

/// As [`holds`]; nothing is decided by a row that nobody wrote.
///
/// # Errors
/// Where it does not hold.
pub(crate) fn check(row: &Row<'_>, columns: usize) -> rusqlite::Result<()> {
    if holds(row, columns)? { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) }
}

/// A table whose rows have seals: how one is read by its key, with the sealed columns first, and how its seal is written.
pub(crate) struct Sealed {
    pub(crate) columns: usize,
    pub(crate) read: &'static str,
    pub(crate) write: &'static str,
}

const HOLD: Sealed = Sealed {
    columns: crate::read::HOLD_COLUMNS,
    read: crate::read::HOLD_BY_ID,
    write: "UPDATE hold SET sum = ?2 WHERE id = ?1",
};
const ACCOUNT: Sealed = Sealed {
    columns: crate::read::ACCOUNT_COLUMNS,
    read: crate::read::ACCOUNT_BY_ID,
    write: "UPDATE account SET sum = ?2 WHERE id = ?1",
};

impl Sealed {
    /// Seals a row as it is now: at the end of whatever writes to it.
    pub(crate) fn seal(&self, db: &Connection, key: impl ToSql) -> rusqlite::Result<()> {
        let seal = db.prepare_cached(self.read)?.query_row([&key], |row| over(row, self.columns))?;
        db.prepare_cached(self.write)?.execute(params![key, seal])?;
        Ok(())
    }
}

/// Seals a hold.
pub(crate) fn hold(db: &Connection, id: &str) -> rusqlite::Result<()> {
    HOLD.seal(db, id)
}

/// Seals the name of an account, once: its balance follows from the entries.
pub(crate) fn account(db: &Connection, id: i64) -> rusqlite::Result<()> {
    ACCOUNT.seal(db, id)
}
