//! The seal of a row that changes: a checksum over what was last written into it, compared whenever it is read. Entries have
//! their chain; what else is kept follows from nothing that could be compared with it while it is served.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};
use sha2::{Digest, Sha256};

/// As much of a SHA-256 as is kept.
const LENGTH: usize = 16;

/// Bytes of which a row seldom has more.
const USUAL: usize = 1024;

/// The seal over the values of a row, in the order of its columns.
fn over<'a>(values: impl Iterator<Item = rusqlite::Result<ValueRef<'a>>>) -> rusqlite::Result<[u8; LENGTH]> {
    // Hashed at once: piece by piece takes longer than the hash itself.
    let mut bytes = Vec::with_capacity(USUAL);
    for value in values {
        match value? {
            ValueRef::Null => bytes.push(0),
            ValueRef::Integer(number) => {
                bytes.push(1);
                bytes.extend(number.to_be_bytes());
            }
            ValueRef::Text(text) => {
                // Where a text ends is told by its length, so no two rows are written alike.
                bytes.push(2);
                bytes.extend(text.len().to_be_bytes());
                bytes.extend(text);
            }
            ValueRef::Blob(blob) => {
                bytes.push(3);
                bytes.extend(blob.len().to_be_bytes());
                bytes.extend(blob);
            }
            // No table has one.
            ValueRef::Real(_) => return Err(rusqlite::Error::InvalidQuery),
        }
    }
    let whole: [u8; 32] = Sha256::digest(&bytes).into();
    whole.first_chunk().copied().ok_or(rusqlite::Error::InvalidQuery)
}

/// Whether the column behind the first so many is the seal over them.
pub(super) fn holds(row: &Row<'_>, columns: usize) -> rusqlite::Result<bool> {
    let expected = over((0..columns).map(|index| row.get_ref(index)))?;
    // A column of another kind is no seal, and no fault of the reading.
    Ok(row.get_ref(columns)?.as_blob().is_ok_and(|found| *found == expected))
}

/// As [`holds`]; nothing is decided by a row that nobody wrote.
///
/// # Errors
/// Where it does not hold.
pub(super) fn check(row: &Row<'_>, columns: usize) -> rusqlite::Result<()> {
    if holds(row, columns)? { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) }
}

/// Writes a row by a statement that takes its values in their order, and then its seal.
pub(super) fn write<const N: usize>(
    db: &Connection,
    statement: &str,
    values: [Value; N],
) -> rusqlite::Result<()> {
    let seal = over(values.iter().map(|value| Ok(value.into())))?;
    let values = values.into_iter().chain([Value::Blob(seal.to_vec())]);
    db.prepare_cached(statement)?.execute(params_from_iter(values))?;
    Ok(())
}
