//! Whether a file is whole: the pages, the chain of entries unbroken up to the mark, the seals; and everything added up again.

use std::path::Path;
use std::thread;

use admission::{Change, HoldState};
use job_model::Amount;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::chain::{self, Said};
use super::mark::{self, Reached};
use super::read::{self, ACCOUNT, EVENT, HOLD, LETTER, REQUEST, SINK, TERMS, Table};
use super::{open, seal};
use crate::HoldId;
use crate::ledger::OpenError;
use crate::verify::{Faults, Sums, Verified};

/// As [`crate::Ledger::verify_file`].
pub(crate) fn verify_file(path: &Path) -> Result<Result<Verified, Faults>, OpenError> {
    let connection = open::beside(path)?;
    at_one_time(&connection).map_err(|error| OpenError::of(path, &error))
}

/// What is kept in memory of the file while its pages are looked at: 64 MiB, as `SQLite` writes it.
const PAGES: i64 = -65_536;

type Marked = Result<Option<Reached>, OpenError>;

/// As it is at one time; somebody beside may write meanwhile.
pub(super) fn at_one_time(db: &Connection) -> rusqlite::Result<Result<Verified, Faults>> {
    // Before the transaction: what is acknowledged within it is not seen by it.
    let marked = mark_of(db);
    // Over at its end, however it ends: who reads on afterwards is to see what has been written since.
    let _moment = db.unchecked_transaction()?;
    verify(db, marked)
}

fn mark_of(db: &Connection) -> Marked {
    db.path().filter(|path| !path.is_empty()).map_or(Ok(None), |path| mark::read(Path::new(path)))
}

/// The pages are looked at beside what is on them: each takes about half of the time. Damaged pages are told first; what was read
/// of them says nothing.
fn verify(db: &Connection, marked: Marked) -> rusqlite::Result<Result<Verified, Faults>> {
    let path = db.path().filter(|path| !path.is_empty()).map(Path::new);
    let (pages, rows) = thread::scope(|scope| {
        let beside = path.and_then(|path| {
            let look = move || {
                let own = open::beside(path).ok()?;
                // Each row of an index leads to one of its table anywhere in the file. Without it all is only slower.
                let _ = own.pragma_update(None, "cache_size", PAGES);
                Some(pages(&own))
            };
            thread::Builder::new().name("ledger-pages".to_owned()).spawn_scoped(scope, look).ok()
        });
        let rows = rows(db, marked);
        // Where there is no thread or no second connection to be had, one after the other.
        (beside.and_then(|beside| beside.join().ok().flatten()).unwrap_or_else(|| pages(db)), rows)
    });
    match pages? {
        Some(fault) => Ok(only(fault)),
        None => rows,
    }
}

fn only(fault: String) -> Result<Verified, Faults> {
    Err(Faults(vec![fault]))
}

/// What is wrong with the pages of the file and the ways to its rows.
fn pages(db: &Connection) -> rusqlite::Result<Option<String>> {
    let whole: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((whole != "ok").then(|| format!("the file is damaged: {}", whole.replace('\n', " "))))
}

/// Whether the rows are those that were written, and add up.
fn rows(db: &Connection, marked: Marked) -> rusqlite::Result<Result<Verified, Faults>> {
    match marked {
        Ok(Some(mark)) if !mark::is_reached(db, &mark)? => return Ok(only(mark::lost(&mark, db.path()))),
        Ok(_) => {}
        Err(error) => return Ok(only(error.to_string())),
    }
    let mut sums = Sums::default();
    let highest = match derive(db, &mut sums)? {
        Ok(highest) => highest,
        Err(fault) => return Ok(only(fault)),
    };
    let known: i64 =
        db.query_row("SELECT count(*) FROM terms WHERE id BETWEEN 1 AND ?1", [highest], |row| row.get(0))?;
    if known != highest {
        sums.fault(format!("prices follow from {highest} cards and rule sets, of which {known} are there"));
    }
    compare(db, &ACCOUNT, "balance", &mut sums, |row, sums| {
        sums.compare_account(&read::account_under_seal(row)?);
        Ok(())
    })?;
    compare(db, &HOLD, "hold", &mut sums, |row, sums| {
        let (id, state, amount) = read::standing_under_seal(row)?;
        sums.compare_hold(id, state, amount);
        Ok(())
    })?;
    for (table, what) in [
        (TERMS, "what prices follow from, number"),
        (REQUEST, "an answer that is kept"),
        (EVENT, "the event in the outbox of entry"),
        (LETTER, "a dead letter of event sink"),
        (SINK, "the place of event sink"),
    ] {
        compare(db, &table, what, &mut sums, |_, _| Ok(()))?;
    }
    Ok(sums.end())
}

/// Follows the chain to its end; tells the highest number of the terms that its entries follow from, or where it breaks.
fn derive(db: &Connection, sums: &mut Sums) -> rusqlite::Result<Result<i64, String>> {
    let mut highest = 0;
    let mut before: Vec<u8> = Vec::new();
    let mut all = db.prepare(
        "SELECT seq, id, hold, kind, state, held, settled, amount, terms, time, accounts, note, sum FROM entry ORDER BY seq",
    )?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let said = said(row)?;
        let sum = row.get_ref(12)?.as_blob().unwrap_or_default();
        let place = HoldId::parse(said.hold).zip(HoldState::from_word(said.state));
        let follows = Some(said.seq) == sums.entries().checked_add(1) && chain::sum(&before, &said) == *sum;
        let Some((hold, state)) = place.filter(|_| follows) else {
            return Ok(Err(format!("entry {} does not follow from the one before it", said.seq)));
        };
        before.clear();
        before.extend_from_slice(sum);
        let [reserved, charged, amount, terms, _] = said.numbers;
        highest = terms.max(highest);
        let [reserved, charged, amount] = [reserved, charged, amount].map(Amount::from_micros);
        let change = Change { state, amount, held: reserved, settled: charged };
        sums.add(hold, change, read::numbers(said.accounts));
    }
    Ok(Ok(highest))
}

/// Looks at every row of a table: what stands under its seal is compared with what follows from the entries.
fn compare(
    db: &Connection,
    table: &Table,
    what: &str,
    sums: &mut Sums,
    with: impl Fn(&Row<'_>, &mut Sums) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut all = db.prepare(table.all)?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        if seal::holds(row, table.columns)? {
            with(row, sums)?;
        } else {
            let name = match row.get_ref(0)? {
                ValueRef::Text(name) => format!(" {}", String::from_utf8_lossy(name)),
                ValueRef::Integer(number) => format!(" {number}"),
                _ => String::new(),
            };
            sums.fault(format!("{what}{name} is not what was written"));
        }
    }
    Ok(())
}

fn said<'a>(row: &'a Row<'_>) -> rusqlite::Result<Said<'a>> {
    let text = |index: usize| Ok::<_, rusqlite::Error>(row.get_ref(index)?.as_str().unwrap_or_default());
    Ok(Said {
        seq: row.get(0)?,
        id: text(1)?,
        hold: text(2)?,
        kind: text(3)?,
        state: text(4)?,
        numbers: [row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?],
        accounts: text(10)?,
        note: text(11)?,
    })
}
