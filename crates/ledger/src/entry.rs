//! Appends an entry: the one way to the balances, which follow from the entries alone.

use admission::Change;
use jiff::Timestamp;
use job_model::Amount;
use rusqlite::{Connection, OptionalExtension, params};

use crate::HoldId;
use crate::book::Refused;
use crate::chain::{self, Said};
use crate::open::millis;
use crate::outbox::{self, Happened};
use crate::read;
use crate::writer::Unavailable;

/// Appends an entry, moves the balances that it is about, and tells who wants to hear of it.
pub(crate) fn enter(
    db: &Connection,
    hold: HoldId,
    kind: &str,
    change: Change,
    accounts: &str,
    note: &str,
    now: Timestamp,
) -> Result<(), Refused> {
    let (last, before): (i64, Vec<u8>) = db
        .prepare_cached("SELECT seq, sum FROM entry ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or_default();
    let seq = last.checked_add(1).ok_or_else(beyond)?;
    let (id, name) = (HoldId::new().to_string(), hold.to_string());
    let Change { state, amount, held, settled } = change;
    let numbers = [held.micros(), settled.micros(), amount.micros(), millis(now)];
    let state = state.as_str();
    let said = Said { seq, id: &id, hold: &name, kind, state, numbers, accounts, note };
    let sum = chain::sum(&before, &said);
    let [held_micros, settled_micros, amount_micros, time] = numbers;
    db.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")?
        .execute(params![
            seq,
            id,
            name,
            kind,
            state,
            held_micros,
            settled_micros,
            amount_micros,
            accounts,
            time,
            note,
            sum
        ])?;
    if held != Amount::ZERO || settled != Amount::ZERO {
        for number in read::numbers(accounts) {
            db.prepare_cached("UPDATE account SET held = held + ?2, settled = settled + ?3 WHERE id = ?1")?
                .execute(params![number, held_micros, settled_micros])?;
        }
    }
    outbox::put(db, seq, &id, hold, &Happened { kind, state, held, settled, amount, time })?;
    Ok(())
}

pub(crate) fn beyond() -> Refused {
    Refused::Unavailable(Unavailable::new("a number is beyond what it can hold"))
}
