//! Whether a file is whole: the pages, the chain of entries unbroken up to the mark, the seals; and everything added up again.

use std::path::Path;
use std::thread;

use admission::{Change, HoldState};
use job_model::Amount;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params_from_iter};

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

/// Of a hundred entries those before the hold of which the second thread begins.
const SHARE: i64 = 60;

/// Holds are named in the order of their time, as entries are: by any name all are looked at, by this one in such parts.
const SPLIT: &str =
    "SELECT coalesce((SELECT hold FROM entry WHERE seq = (SELECT max(seq) FROM entry) * ?1 / 100), '')";

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

/// What the second thread found.
struct Beside {
    pages: rusqlite::Result<Option<String>>,
    /// None where it saw the ledger at another time.
    holds: Option<rusqlite::Result<Held>>,
}

/// Holds that stand under their seals, and what is said of the others.
type Held = (Vec<(HoldId, HoldState, Amount)>, Vec<String>);

/// The pages are looked at beside what is on them, which takes longer: whoever looks at them goes on with some of the holds, so that
/// both are ready at about the same time. Damaged pages are told first; what was read of them says nothing.
fn verify(db: &Connection, marked: Marked) -> rusqlite::Result<Result<Verified, Faults>> {
    let path = db.path().filter(|path| !path.is_empty()).map(Path::new);
    // This reading begins the moment.
    let batch = mark::batch(db)?;
    let from: String = db.query_row(SPLIT, [SHARE], |row| row.get(0))?;
    thread::scope(|scope| {
        let from = from.as_str();
        let beside = path.and_then(|path| {
            let look = move || beside(path, batch, from).ok();
            thread::Builder::new().name("ledger-pages".to_owned()).spawn_scoped(scope, look).ok()
        });
        let rows = rows(db, marked, from);
        // Where there is no thread or no second connection to be had, one after the other.
        let beside = beside.and_then(|beside| beside.join().ok().flatten());
        let Beside { pages, holds } = beside.unwrap_or_else(|| Beside { pages: pages(db), holds: None });
        if let Some(fault) = pages? {
            return Ok(only(fault));
        }
        let mut sums = match rows? {
            Ok(sums) => sums,
            Err(fault) => return Ok(only(fault)),
        };
        let (held, faults) = holds.unwrap_or_else(|| holds_under_seal(db, ">=", from))?;
        for (id, state, amount) in held {
            sums.compare_hold(id, state, amount);
        }
        for fault in faults {
            sums.fault(fault);
        }
        Ok(sums.end())
    })
}

/// On a connection of its own: the pages, and the holds from one of them on.
fn beside(path: &Path, batch: i64, from: &str) -> Result<Beside, OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of(path, &error);
    let own = open::beside(path)?;
    // Each row of an index leads to one of its table anywhere in the file. Without it all is only slower.
    let _ = own.pragma_update(None, "cache_size", PAGES);
    let _moment = own.unchecked_transaction().map_err(failed)?;
    let is_same = mark::batch(&own).map_err(failed)? == batch;
    let pages = pages(&own);
    let holds = (is_same && matches!(pages, Ok(None))).then(|| holds_under_seal(&own, ">=", from));
    Ok(Beside { pages, holds })
}

fn only(fault: String) -> Result<Verified, Faults> {
    Err(Faults(vec![fault]))
}

/// What is wrong with the pages of the file and the ways to its rows.
fn pages(db: &Connection) -> rusqlite::Result<Option<String>> {
    let whole: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((whole != "ok").then(|| format!("the file is damaged: {}", whole.replace('\n', " "))))
}

/// Whether the rows are those that were written, and add up, but for the holds from one of them on.
fn rows(db: &Connection, marked: Marked, from: &str) -> rusqlite::Result<Result<Sums, String>> {
    match marked {
        Ok(Some(mark)) if !mark::is_reached(db, &mark)? => return Ok(Err(mark::lost(&mark, db.path()))),
        Ok(_) => {}
        Err(error) => return Ok(Err(error.to_string())),
    }
    // It need not grow then, which takes longer than to count.
    let holds: u32 = db.query_row("SELECT count(*) FROM hold", [], |row| row.get(0))?;
    let mut sums = Sums::of(usize::try_from(holds).unwrap_or_default());
    let highest = match derive(db, &mut sums)? {
        Ok(highest) => highest,
        Err(fault) => return Ok(Err(fault)),
    };
    let known: i64 =
        db.query_row("SELECT count(*) FROM terms WHERE id BETWEEN 1 AND ?1", [highest], |row| row.get(0))?;
    if known != highest {
        sums.fault(format!("prices follow from {highest} cards and rule sets, of which {known} are there"));
    }
    let mut faults = under_seal(db, &ACCOUNT, "balance", None, |row| {
        sums.compare_account(&read::account_under_seal(row)?);
        Ok(())
    })?;
    let (held, more) = holds_under_seal(db, "<", from)?;
    for (id, state, amount) in held {
        sums.compare_hold(id, state, amount);
    }
    faults.extend(more);
    for (table, what) in [
        (TERMS, "what prices follow from, number"),
        (REQUEST, "an answer that is kept"),
        (EVENT, "the event in the outbox of entry"),
        (LETTER, "a dead letter of event sink"),
        (SINK, "the place of event sink"),
    ] {
        faults.extend(under_seal(db, &table, what, None, |_| Ok(()))?);
    }
    for fault in faults {
        sums.fault(fault);
    }
    Ok(Ok(sums))
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

/// The holds before one of them, or from it on.
fn holds_under_seal(db: &Connection, which: &str, from: &str) -> rusqlite::Result<Held> {
    let mut held = Vec::new();
    let some = Some((format!("id {which} ?1"), from));
    let faults = under_seal(db, &HOLD, "hold", some, |row| {
        held.push(read::standing_under_seal(row)?);
        Ok(())
    })?;
    Ok((held, faults))
}

/// Looks at every row of a table, or at some: tells which do not stand under their seals.
fn under_seal(
    db: &Connection,
    table: &Table,
    what: &str,
    some: Option<(String, &str)>,
    mut with: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<Vec<String>> {
    let (only, value) = some.unzip();
    let only = only.map(|only| format!(" WHERE {only}")).unwrap_or_default();
    let mut all = db.prepare(&format!("{}{only}", table.all))?;
    let mut rows = all.query(params_from_iter(value))?;
    let mut faults = Vec::new();
    while let Some(row) = rows.next()? {
        if seal::holds(row, table.columns)? {
            with(row)?;
        } else {
            let name = match row.get_ref(0)? {
                ValueRef::Text(name) => format!(" {}", String::from_utf8_lossy(name)),
                ValueRef::Integer(number) => format!(" {number}"),
                _ => String::new(),
            };
            faults.push(format!("{what}{name} is not what was written"));
        }
    }
    Ok(faults)
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
