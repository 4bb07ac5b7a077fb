//! Adds everything up again: the chain of entries, every balance and every hold must follow from the entries alone.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::chain::{self, Said};
use crate::read;
use crate::writer::{Ledger, Unavailable};

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

/// Where a hold stands by its entries.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stand {
    state: String,
    amount: i64,
}

impl Ledger {
    /// Adds everything up again.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn verify(&self) -> Result<Result<Verified, Faults>, Unavailable> {
        self.run(|db| Ok(verify(db)?)).await
    }
}

fn verify(db: &Connection) -> rusqlite::Result<Result<Verified, Faults>> {
    let mut faults = Vec::new();
    let whole: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if whole != "ok" {
        return Ok(Err(Faults(vec![format!("the file is damaged: {whole}")])));
    }
    let mut verified = Verified::default();
    let mut before: Vec<u8> = Vec::new();
    let mut balances: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let mut stands: BTreeMap<String, Stand> = BTreeMap::new();
    let mut all = db.prepare(
        "SELECT seq, id, hold, kind, state, held, settled, amount, time, accounts, note, sum FROM entry ORDER BY seq",
    )?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let text = |index: usize| row.get::<_, String>(index);
        let (seq, id, hold, kind, state) = (row.get::<_, i64>(0)?, text(1)?, text(2)?, text(3)?, text(4)?);
        let numbers: [i64; 4] = [row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?];
        let (accounts, note) = (text(9)?, text(10)?);
        let said = Said {
            seq,
            id: &id,
            hold: &hold,
            kind: &kind,
            state: &state,
            numbers,
            accounts: &accounts,
            note: &note,
        };
        let sum: Vec<u8> = row.get(11)?;
        verified.entries = verified.entries.saturating_add(1);
        if seq != verified.entries || chain::sum(&before, &said) != *sum {
            faults.push(format!("entry {seq} does not follow from the one before it"));
            return Ok(Err(Faults(faults)));
        }
        before = sum;
        for number in read::numbers(&accounts) {
            let place = balances.entry(number).or_default();
            let [reserved, charged, _, _] = numbers;
            *place = (place.0.saturating_add(charged), place.1.saturating_add(reserved));
        }
        let [_, _, amount, _] = numbers;
        stands.insert(hold, Stand { state, amount });
    }
    verified.balances = compare_balances(db, &balances, &mut faults)?;
    verified.holds = compare_holds(db, &stands, &mut faults)?;
    Ok(if faults.is_empty() { Ok(verified) } else { Err(Faults(faults)) })
}

fn compare_balances(
    db: &Connection,
    derived: &BTreeMap<i64, (i64, i64)>,
    faults: &mut Vec<String>,
) -> rusqlite::Result<usize> {
    let mut all = db.prepare("SELECT id, budget, key, period, settled, held FROM account")?;
    let mut rows = all.query([])?;
    let mut count: usize = 0;
    while let Some(row) = rows.next()? {
        let (settled, held) = derived.get(&row.get(0)?).copied().unwrap_or_default();
        if (row.get::<_, i64>(4)?, row.get::<_, i64>(5)?) != (settled, held) {
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
    derived: &BTreeMap<String, Stand>,
    faults: &mut Vec<String>,
) -> rusqlite::Result<usize> {
    let mut all = db.prepare("SELECT id, state, amount FROM hold")?;
    let mut rows = all.query([])?;
    let mut count: usize = 0;
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let stand = Stand { state: row.get(1)?, amount: row.get(2)? };
        if derived.get(&id) != Some(&stand) {
            faults.push(format!("hold {id} does not stand where its last entry says"));
        }
        count = count.saturating_add(1);
    }
    if derived.len() != count {
        faults.push("a hold is missing that entries are about".to_owned());
    }
    Ok(count)
}
