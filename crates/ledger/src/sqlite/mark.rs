//! The mark beside a ledger's file: how far it had come when somebody was last told that something stands. A file whose end
//! is lost looks whole; without the entry that the mark names, it is not.
//!
//! It is written after each commit and before anybody hears of it, and not flushed: so it is never ahead of the disk, and
//! behind by what nobody was told of. A power cut may leave an older one, which then proves less.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use super::Book;
use crate::ledger::OpenError;

/// Two places, in sectors of their own, written by turns: a mark that is cut off in its midst leaves the one before it.
const PLACES: [u64; 2] = [0, 512];
const LENGTH: usize = 64;
const MAGIC: [u8; 8] = *b"jobgate1";

/// How far a ledger has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    /// How many transactions have changed it.
    batch: i64,
    /// Its last entry.
    seq: i64,
    /// That entry's sum.
    sum: Vec<u8>,
}

/// Where the mark is kept.
#[derive(Debug)]
pub(super) struct Mark {
    file: File,
    /// The last one that was written or found.
    last: i64,
}

/// The file of the mark of a ledger's file.
pub(super) fn beside(ledger: &Path) -> PathBuf {
    let mut name = OsString::from(ledger);
    name.push(".mark");
    name.into()
}

impl Mark {
    /// Opens the mark of a ledger that was found to contain it; there may be none yet.
    pub(super) fn open(ledger: &Path) -> io::Result<Self> {
        let file =
            File::options().create(true).truncate(false).read(true).write(true).open(beside(ledger))?;
        Ok(Self { file, last: -1 })
    }

    /// Writes how far the ledger has come. An older mark is true as well, so a fault here is none of whoever waits.
    pub(super) fn set(&mut self, reached: &Reached) -> io::Result<()> {
        if reached.batch <= self.last {
            return Ok(());
        }
        let [even, odd] = PLACES;
        let place = if reached.batch.rem_euclid(2) == 0 { even } else { odd };
        self.file.write_all_at(&encoded(reached), place)?;
        self.last = reached.batch;
        Ok(())
    }
}

/// What a ledger's mark says; none where there is none, or nothing in it.
///
/// # Errors
/// When it cannot be read, or is damaged.
pub(super) fn read(ledger: &Path) -> Result<Option<Reached>, OpenError> {
    let name = beside(ledger);
    let failed = |what: &dyn std::fmt::Display| {
        OpenError::of(ledger, &format_args!("its mark {} {what}", name.display()))
    };
    let file = match File::open(&name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&format_args!("cannot be opened: {error}"))),
    };
    let mut blank = true;
    let mut newest: Option<Reached> = None;
    for place in PLACES {
        let bytes = filled(&file, place).map_err(|error| failed(&format_args!("cannot be read: {error}")))?;
        blank &= bytes.iter().all(|byte| *byte == 0);
        if let Some(found) = decoded(&bytes).filter(|found| encoded(found) == bytes)
            && newest.as_ref().is_none_or(|newest| newest.batch < found.batch)
        {
            newest = Some(found);
        }
    }
    if newest.is_none() && !blank {
        return Err(failed(
            &"is damaged; where `jobgate ledger verify` finds the ledger sound, remove the mark",
        ));
    }
    Ok(newest)
}

/// How many transactions have changed it.
pub(super) fn batch(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("SELECT number FROM batch", [], |row| row.get(0))
}

/// Whether a ledger contains what its mark says.
pub(super) fn is_reached(db: &Connection, mark: &Reached) -> rusqlite::Result<bool> {
    let batch = batch(db)?;
    let sum: Option<Vec<u8>> =
        db.query_row("SELECT sum FROM entry WHERE seq = ?1", [mark.seq], |row| row.get(0)).optional()?;
    Ok(batch >= mark.batch && (mark.seq == 0 || sum.is_some_and(|sum| padded(&sum) == padded(&mark.sum))))
}

/// How far a ledger has come.
pub(super) fn reached(db: &Connection) -> rusqlite::Result<Reached> {
    let batch = db.prepare_cached("SELECT number FROM batch")?.query_row([], |row| row.get(0))?;
    let (seq, sum) = db
        .prepare_cached("SELECT seq, sum FROM entry ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or_default();
    Ok(Reached { batch, seq, sum })
}

/// Counts the transaction that is under way, and tells how far the ledger has come once it stands.
pub(super) fn advance(book: &mut Book) -> rusqlite::Result<Reached> {
    let batch = book
        .db
        .prepare_cached("UPDATE batch SET number = number + 1 RETURNING number")?
        .query_row([], |row| row.get(0))?;
    let (seq, sum) = book.last_entry()?.map_or((0, Vec::new()), |(seq, sum)| (seq, sum.to_vec()));
    Ok(Reached { batch, seq, sum })
}

/// Says what is lost.
pub(super) fn lost(mark: &Reached, ledger: Option<&str>) -> String {
    format!(
        "its end is lost: entry {} of transaction {}, which was acknowledged, is not in it; restore a backup, or, where this \
         ledger is meant all the same, remove {}",
        mark.seq,
        mark.batch,
        beside(Path::new(ledger.unwrap_or_default())).display()
    )
}

fn filled(file: &File, place: u64) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let mut rest = bytes.as_mut_slice();
    let mut at = place;
    while !rest.is_empty() {
        match file.read_at(rest, at) {
            Ok(0) => break,
            Ok(count) => {
                rest = rest.get_mut(count..).unwrap_or_default();
                at = at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

fn encoded(reached: &Reached) -> [u8; LENGTH] {
    let mut said = Vec::with_capacity(LENGTH);
    said.extend(MAGIC);
    said.extend(reached.batch.to_be_bytes());
    said.extend(reached.seq.to_be_bytes());
    said.extend(padded(&reached.sum));
    let check: [u8; 32] = Sha256::digest(&said).into();
    let mut bytes = [0; LENGTH];
    for (place, byte) in bytes.iter_mut().zip(said.into_iter().chain(check)) {
        *place = byte;
    }
    bytes
}

fn decoded(bytes: &[u8; LENGTH]) -> Option<Reached> {
    let number = |at: usize| bytes.get(at..)?.first_chunk().map(|number| i64::from_be_bytes(*number));
    Some(Reached { batch: number(8)?, seq: number(16)?, sum: bytes.get(24..56)?.to_vec() })
}

/// A sum has 32 bytes; there is none before the first entry.
fn padded(sum: &[u8]) -> [u8; 32] {
    sum.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(batch: i64) -> Reached {
        Reached { batch, seq: batch, sum: vec![7; 32] }
    }

    #[test]
    fn a_mark_that_is_cut_off_in_its_midst_leaves_the_one_before_it() {
        let ledger = std::env::temp_dir().join(format!("jobgate-mark-{}.db", std::process::id()));
        let file = beside(&ledger);
        let _ = std::fs::remove_file(&file);
        assert_eq!(read(&ledger).unwrap(), None);
        let mut mark = Mark::open(&ledger).unwrap();
        assert_eq!(read(&ledger).unwrap(), None, "one that was only just made says nothing");
        mark.set(&at(4)).unwrap();
        mark.set(&at(5)).unwrap();
        mark.set(&at(3)).unwrap();
        assert_eq!(read(&ledger).unwrap(), Some(at(5)), "it never goes back");
        let whole = std::fs::read(&file).unwrap();
        for byte in 512..whole.len() {
            let mut torn = whole.clone();
            torn[byte] ^= 1;
            std::fs::write(&file, &torn).unwrap();
            assert_eq!(read(&ledger).unwrap(), Some(at(4)), "{byte}");
            torn.truncate(byte);
            std::fs::write(&file, &torn).unwrap();
            assert_eq!(read(&ledger).unwrap(), Some(at(4)), "{byte}");
        }
        std::fs::write(&file, [1; 576]).unwrap();
        assert!(read(&ledger).unwrap_err().to_string().contains("is damaged"));
        std::fs::remove_file(file).unwrap();
    }
}
