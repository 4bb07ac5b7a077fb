//! Adds everything up again: the file must be whole, the chain of entries unbroken up to the mark, and every balance and every
//! hold must follow from the entries and stand under its seal.

use std::collections::HashMap;
use std::path::Path;

use admission::HoldState;
use rusqlite::{Connection, Row};

use crate::HoldId;
use crate::chain::{self, Said};
use crate::mark::{self, Reached};
use crate::open::{self, OpenError, Url};
use crate::outbox;
use crate::read::{self, ACCOUNT, ACCOUNT_COLUMNS, HOLD, HOLD_COLUMNS};
use crate::repeat;
use crate::seal;
use crate::writer::{Ledger, Unavailable};

/// So many faults are told; a damaged page can make thousands.
const TOLD: usize = 10;

/// What was added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries whose sums follow from one another.
    pub entries: i64,
    /// Balances that follow from the entries.
    pub balances: usize,
    /// Holds that stand where their last entry says.
    pub holds: usize,
}

/// What does not add up, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<String>);

/// What follows from the entries.
#[derive(Debug, Default)]
struct Derived {
    entries: i64,
    /// What is settled and what is held, of each account.
    balances: HashMap<i64, (i64, i64)>,
    /// State and amount of each hold.
    holds: HashMap<HoldId, (HoldState, i64)>,
}

impl Ledger {
    /// Adds everything up again.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn verify(&self) -> Result<Result<Verified, Faults>, Unavailable> {
        // Nobody else writes within this transaction, so the mark cannot go on meanwhile.
        self.run(|db| Ok(verify(db, mark_of(db))?)).await
    }

    /// Adds up what is in a file, damaged or not, and keeps nobody who writes to it waiting.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn verify_file(url: &Url) -> Result<Result<Verified, Faults>, OpenError> {
        let opened = open::visit(url)?;
        at_one_time(&opened.connection).map_err(|error| OpenError(format!("ledger: {error}")))
    }
}

type Marked = Result<Option<Reached>, OpenError>;

/// As it is at one time; somebody beside may write meanwhile.
pub(crate) fn at_one_time(db: &Connection) -> rusqlite::Result<Result<Verified, Faults>> {
    // Before the transaction: what is acknowledged within it is not seen by it.
    let marked = mark_of(db);
    db.execute_batch("BEGIN")?;
    let verified = verify(db, marked)?;
    db.execute_batch("COMMIT")?;
    Ok(verified)
}

/// There is none for a ledger in memory.
fn mark_of(db: &Connection) -> Marked {
    db.path().filter(|path| !path.is_empty()).map_or(Ok(None), |path| mark::read(Path::new(path)))
}

fn verify(db: &Connection, marked: Marked) -> rusqlite::Result<Result<Verified, Faults>> {
    let only = |fault: String| Ok(Err(Faults(vec![fault])));
    let whole: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if whole != "ok" {
        return only(format!("the file is damaged: {}", whole.replace('\n', " ")));
    }
    match marked {
        Ok(Some(mark)) if !mark::is_reached(db, &mark)? => return only(mark::lost(&mark, db.path())),
        Ok(_) => {}
        Err(error) => return only(error.to_string()),
    }
    let derived = match derive(db)? {
        Ok(derived) => derived,
        Err(fault) => return only(fault),
    };
    let mut faults = Vec::new();
    let balances = compare_balances(db, &derived.balances, &mut faults)?;
    let holds = compare_holds(db, &derived.holds, &mut faults)?;
    check_seals(db, repeat::ROWS, repeat::SEALED.columns, "an answer that is kept", &mut faults)?;
    check_seals(db, outbox::ROWS, outbox::SEALED.columns, "an event in the outbox", &mut faults)?;
    check_seals(db, outbox::SINKS, outbox::SEALED_SINK.columns, "the place of an event sink", &mut faults)?;
    faults.truncate(TOLD);
    let verified = Verified { entries: derived.entries, balances, holds };
    Ok(if faults.is_empty() { Ok(verified) } else { Err(Faults(faults)) })
}

/// Follows the chain to its end.
fn derive(db: &Connection) -> rusqlite::Result<Result<Derived, String>> {
    let mut derived = Derived::default();
    let mut before: Vec<u8> = Vec::new();
    let mut all = db.prepare(
        "SELECT seq, id, hold, kind, state, held, settled, amount, time, accounts, note, sum FROM entry ORDER BY seq",
    )?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let said = said(row)?;
        derived.entries = derived.entries.saturating_add(1);
        let sum = row.get_ref(11)?.as_blob().unwrap_or_default();
        let place = HoldId::parse(said.hold).zip(HoldState::from_word(said.state));
        let follows = said.seq == derived.entries && chain::sum(&before, &said) == *sum;
        let Some((hold, state)) = place.filter(|_| follows) else {
            return Ok(Err(format!("entry {} does not follow from the one before it", said.seq)));
        };
        before.clear();
        before.extend_from_slice(sum);
        let [reserved, charged, amount, _] = said.numbers;
        for number in read::numbers(said.accounts) {
            let place = derived.balances.entry(number).or_default();
            *place = (place.0.saturating_add(charged), place.1.saturating_add(reserved));
        }
        derived.holds.insert(hold, (state, amount));
    }
    Ok(Ok(derived))
}

fn said<'a>(row: &'a Row<'_>) -> rusqlite::Result<Said<'a>> {
    let text = |index: usize| Ok::<_, rusqlite::Error>(row.get_ref(index)?.as_str().unwrap_or_default());
    Ok(Said {
        seq: row.get(0)?,
        id: text(1)?,
        hold: text(2)?,
        kind: text(3)?,
        state: text(4)?,
        numbers: [row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?],
        accounts: text(9)?,
        note: text(10)?,
    })
}

fn compare_balances(
    db: &Connection,
    derived: &HashMap<i64, (i64, i64)>,
    faults: &mut Vec<String>,
) -> rusqlite::Result<usize> {
    let mut all = db.prepare(ACCOUNT)?;
    let mut rows = all.query([])?;
    let mut count: usize = 0;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        if !seal::holds(row, ACCOUNT_COLUMNS)? {
            faults.push(format!("the name of balance {number} is not what was written"));
            continue;
        }
        let (settled, held) = derived.get(&number).copied().unwrap_or_default();
        if (row.get::<_, i64>(5)?, row.get::<_, i64>(6)?) != (settled, held) {
            let (budget, key, period): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
            faults.push(format!(
                "the balance of {budget} {key} {period} is not the sum of its entries, {settled} settled and {held} held (micro-units)"
            ));
        }
        count = count.saturating_add(1);
    }
    if derived.len() > count {
        faults.push("a balance is missing that entries are about".to_owned());
    }
    Ok(count)
}

fn compare_holds(
    db: &Connection,
    derived: &HashMap<HoldId, (HoldState, i64)>,
    faults: &mut Vec<String>,
) -> rusqlite::Result<usize> {
    let mut all = db.prepare(HOLD)?;
    let mut rows = all.query([])?;
    let mut count: usize = 0;
    while let Some(row) = rows.next()? {
        let id: HoldId = row.get(0)?;
        let state = row.get_ref(2)?.as_str().ok().and_then(HoldState::from_word);
        if !seal::holds(row, HOLD_COLUMNS)? {
            faults.push(format!("hold {id} is not what was written"));
        } else if derived.get(&id).copied() != state.zip(Some(row.get(3)?)) {
            faults.push(format!("hold {id} does not stand where its last entry says"));
        }
        count = count.saturating_add(1);
    }
    if derived.len() != count {
        faults.push("a hold is missing that entries are about".to_owned());
    }
    Ok(count)
}

/// Of rows that follow from nothing else.
fn check_seals(
    db: &Connection,
    rows: &str,
    columns: usize,
    what: &str,
    faults: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let mut all = db.prepare(rows)?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        if !seal::holds(row, columns)? {
            faults.push(format!("{what} is not what was written"));
        }
    }
    Ok(())
}
