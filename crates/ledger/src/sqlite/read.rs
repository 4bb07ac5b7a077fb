//! How the rows of the file are read.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use admission::{Balance, Claim, HoldState};
use job_model::{Amount, JobId, Workload, WorkspaceId};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{OptionalExtension, Row, params};

use super::{Book, seal, verify};
use crate::HoldId;
use crate::outbox::{Outgoing, Waiting};
use crate::repeat::{Kept, Key, Request};
use crate::rows::{Account, BudgetRow, EntryRow, Foreign, HoldRow, Place, UsageBy, UsageRow};
use crate::store::{Answer, Read};
use crate::verify::{Faults, Verified};
use crate::wanted::Terms;

/// A table whose rows have seals: the columns under the seal, and then the seal.
pub(super) struct Table {
    pub(super) columns: usize,
    pub(super) all: &'static str,
}

pub(super) const HOLD: Table = Table {
    columns: 17,
    all: "SELECT id, job, state, amount, priced, workspace, principal, workload, currency, upstream_estimate,
          upstream_units, opened, changed, accounts, terms, overdraft, found, sum FROM hold",
};
pub(super) const ACCOUNT: Table =
    Table { columns: 6, all: "SELECT id, budget, key, period, settled, held, sum FROM account" };
pub(super) const TERMS: Table = Table { columns: 3, all: "SELECT id, card, rules, sum FROM terms" };
pub(super) const REQUEST: Table =
    Table { columns: 7, all: "SELECT name, request, hold, at, status, headers, body, sum FROM request" };
pub(super) const EVENT: Table = Table { columns: 3, all: "SELECT seq, at, event, sum FROM outbox" };
pub(super) const LETTER: Table =
    Table { columns: 5, all: "SELECT sink, seq, event, why, at, sum FROM dead_letter" };
pub(super) const SINK: Table = Table { columns: 2, all: "SELECT name, seq, sum FROM sink" };

impl FromSql for HoldId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

/// The hold that a job is followed by: the youngest that was not given back, or else the youngest. In the order of its index, however
/// many there are.
pub(super) const HOLD_OF: &str =
    "SELECT id, job, state, amount, priced, workspace, principal, workload, currency, upstream_estimate,
     upstream_units, opened, changed, accounts, terms, overdraft, found, sum FROM hold
     WHERE job = ?1 ORDER BY state = 'released', opened DESC, id DESC LIMIT 1";

impl Read for Book {
    fn hold(&self, id: HoldId) -> Answer<Option<HoldRow>> {
        const ONE: &str =
            "SELECT id, job, state, amount, priced, workspace, principal, workload, currency, upstream_estimate,
             upstream_units, opened, changed, accounts, terms, overdraft, found, sum FROM hold WHERE id = ?1";
        Ok(self.db.prepare_cached(ONE)?.query_row([id.to_string()], hold).optional()?)
    }

    fn hold_of(&self, job: JobId) -> Answer<Option<HoldRow>> {
        Ok(self.db.prepare_cached(HOLD_OF)?.query_row([job.to_string()], hold).optional()?)
    }

    fn holds(&self, state: Option<HoldState>, after: Option<HoldId>, limit: u32) -> Answer<Vec<HoldRow>> {
        let (state, after) =
            (state.map(HoldState::as_str), after.map(|id| id.to_string()).unwrap_or_default());
        let some = format!("{} WHERE id > ?1 AND (?2 IS NULL OR state = ?2) ORDER BY id LIMIT ?3", HOLD.all);
        let mut some = self.db.prepare_cached(&some)?;
        let rows = some.query_map(params![after, state, limit], hold)?;
        let named = rows.map(|row| {
            let row = row?;
            let name = |number: &i64| Ok(self.account(*number)?.row.budget);
            let budgets = row.accounts.iter().map(name).collect::<Answer<_>>()?;
            Ok(HoldRow { budgets, ..row })
        });
        named.collect()
    }

    fn opened_before(&self, state: HoldState, before: i64, limit: u32) -> Answer<Vec<HoldId>> {
        const SOME: &str =
            "SELECT id FROM hold WHERE state = ?1 AND opened < ?2 ORDER BY opened, id LIMIT ?3";
        let mut some = self.db.prepare_cached(SOME)?;
        let rows = some.query_map(params![state.as_str(), before, limit], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn states(&self) -> Answer<Vec<(HoldState, i64, i64)>> {
        // Of a doubt counts how long it has lasted. There are few, and so no index of that.
        let held = format!(
            "SELECT state, count(*), min(opened) FROM hold WHERE state IN ({}) AND state <> '{doubt}' GROUP BY state
             UNION ALL SELECT state, count(*), min(changed) FROM hold WHERE state = '{doubt}' GROUP BY state",
            held_states(),
            doubt = HoldState::InDoubt.as_str(),
        );
        let mut all = self.db.prepare_cached(&held)?;
        let rows: Vec<(String, i64, i64)> = all
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let known =
            |(word, count, oldest): (String, _, _)| Some((HoldState::from_word(&word)?, count, oldest));
        Ok(rows.into_iter().filter_map(known).collect())
    }

    fn usage(&self, by: UsageBy, opened: &Range<i64>) -> Answer<Vec<UsageRow>> {
        let group = match by {
            UsageBy::Workspace => "workspace",
            UsageBy::Principal => "principal",
            UsageBy::Type => "json_extract(workload, '$.type')",
            UsageBy::Quality => "json_extract(workload, '$.quality')",
            UsageBy::Day => "date(opened / 1000, 'unixepoch')",
        };
        // What was given back before its job was known never became one; and of a job made elsewhere nothing was made here.
        let mut all = self.db.prepare_cached(&format!(
            "SELECT {group}, count(*), sum(1 - priced),
             sum(CASE WHEN state IN ({}) THEN amount ELSE 0 END),
             sum(CASE WHEN state = 'settled' THEN amount ELSE 0 END), currency FROM hold
             WHERE opened >= ?1 AND opened < ?2 AND (job IS NOT NULL AND NOT found OR state <> 'released')
             GROUP BY 1, currency ORDER BY 1, currency",
            held_states()
        ))?;
        let rows = all.query_map(params![opened.start, opened.end], |row| {
            Ok(UsageRow {
                group: row.get(0)?,
                jobs: row.get(1)?,
                unpriced: row.get(2)?,
                held: Amount::from_micros(row.get(3)?),
                settled: Amount::from_micros(row.get(4)?),
                currency: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn foreign(&self, currency: &str) -> Answer<Vec<Foreign>> {
        let mut all = self.db.prepare_cached(&format!(
            "SELECT DISTINCT currency, state <> 'settled', accounts FROM hold
             WHERE currency <> ?1 AND amount <> 0 AND state IN ({}, 'settled') ORDER BY 1, 2, 3",
            held_states()
        ))?;
        let mut rows = all.query([currency])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let accounts = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
            let places = numbers(accounts).map(|number| self.place(number)).collect::<Answer<_>>()?;
            found.push(Foreign { currency: row.get(0)?, is_held: row.get(1)?, places });
        }
        Ok(found)
    }

    fn terms(&self, number: i64) -> Answer<Terms> {
        const ONE: &str = "SELECT id, card, rules, sum FROM terms WHERE id = ?1";
        Ok(self.db.prepare_cached(ONE)?.query_row([number], |row| {
            seal::check(row, TERMS.columns)?;
            Ok(Terms { card: row.get(1)?, rules: row.get::<_, String>(2)?.into() })
        })?)
    }

    fn account(&self, number: i64) -> Answer<Account> {
        const ONE: &str = "SELECT id, budget, key, period, settled, held, sum FROM account WHERE id = ?1";
        let known = self.places.borrow().as_ref().and_then(|places| places.account(number));
        if let Some(known) = known {
            return Ok(known);
        }
        let found = self.db.prepare_cached(ONE)?.query_row([number], account)?;
        self.places.borrow_mut().iter_mut().for_each(|places| places.know(&found));
        Ok(found)
    }

    fn account_of(&self, claim: &Claim) -> Answer<Option<Account>> {
        const ONE: &str = "SELECT id, budget, key, period, settled, held, sum FROM account
                           WHERE budget = ?1 AND key = ?2 AND period = ?3";
        let known = self.places.borrow().as_ref().and_then(|places| places.account_of(claim));
        if known.is_some() {
            return Ok(known);
        }
        let place = params![claim.budget, claim.key, claim.period.label];
        let found = self.db.prepare_cached(ONE)?.query_row(place, account).optional()?;
        let mut places = self.places.borrow_mut();
        places.iter_mut().zip(&found).for_each(|(places, found)| places.know(found));
        Ok(found)
    }

    fn accounts_in(&self, budget: &str, period: &str) -> Answer<Vec<Account>> {
        self.write_places()?;
        let some = format!("{} WHERE budget = ?1 AND period = ?2 ORDER BY key", ACCOUNT.all);
        let mut some = self.db.prepare_cached(&some)?;
        let rows = some.query_map([budget, period], account)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn accounts(&self) -> Answer<Vec<Account>> {
        self.write_places()?;
        let all = format!("{} ORDER BY budget, period, key", ACCOUNT.all);
        let mut all = self.db.prepare_cached(&all)?;
        let rows = all.query_map([], account)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn entries(&self, after: i64, limit: u32) -> Answer<Vec<EntryRow>> {
        const SOME: &str =
            "SELECT entry.seq, entry.id, entry.hold, kind, entry.state, held, settled, entry.amount, time, entry.accounts,
             terms.card, terms.rules, job, workspace, principal, currency
             FROM entry LEFT JOIN hold ON hold.id = entry.hold LEFT JOIN terms ON terms.id = entry.terms
             WHERE entry.seq > ?1 ORDER BY entry.seq LIMIT ?2";
        let mut known = HashMap::new();
        let mut some = self.db.prepare_cached(SOME)?;
        let mut rows = some.query(params![after, limit])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let mut places = Vec::new();
            for number in numbers(row.get_ref(9)?.as_str().unwrap_or_default()) {
                if let Entry::Vacant(unknown) = known.entry(number) {
                    unknown.insert(self.place(number)?);
                }
                places.extend(known.get(&number).cloned());
            }
            all.push(entry(row, places)?);
        }
        Ok(all)
    }

    fn request(&self, name: &[u8; 32]) -> Answer<Option<Request>> {
        const ONE: &str =
            "SELECT name, request, hold, at, status, headers, body, sum FROM request WHERE name = ?1";
        Ok(self.db.prepare_cached(ONE)?.query_row([name], request).optional()?)
    }

    fn outgoing(&self, sink: &str, limit: u32) -> Answer<Vec<Outgoing>> {
        const NEXT: &str = "SELECT seq, at, event, sum FROM outbox
                            WHERE seq > (SELECT seq FROM sink WHERE name = ?1) ORDER BY seq LIMIT ?2";
        let mut next = self.db.prepare_cached(NEXT)?;
        let rows = next.query_map(params![sink, limit], |row| {
            seal::check(row, EVENT.columns)?;
            Ok(Outgoing { seq: row.get(0)?, event: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn waiting(&self) -> Answer<Waiting> {
        const ALL: &str = "SELECT count(*), min(at), (SELECT count(*) FROM dead_letter) FROM outbox";
        Ok(self.db.prepare_cached(ALL)?.query_row([], |row| {
            Ok(Waiting { pending: row.get(0)?, oldest: row.get(1)?, dead: row.get(2)? })
        })?)
    }

    fn verify(&self) -> Answer<Result<Verified, Faults>> {
        Ok(verify::at_one_time(&self.db)?)
    }
}

impl Book {
    fn place(&self, number: i64) -> Answer<Place> {
        let BudgetRow { budget, key, period, .. } = self.account(number)?.row;
        Ok(Place { budget, key, period })
    }
}

/// The words of the states that are held, as a list of SQL.
fn held_states() -> String {
    let held = HoldState::ALL.into_iter().filter(|state| state.is_held());
    held.map(|state| format!("'{}'", state.as_str())).collect::<Vec<_>>().join(", ")
}

/// The numbers of a hold's or an entry's accounts, as rows keep them.
pub(super) fn numbers(accounts: &str) -> impl Iterator<Item = i64> {
    accounts.split(',').filter_map(|number| number.parse().ok())
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    seal::check(row, ACCOUNT.columns)?;
    account_under_seal(row)
}

/// A balance whose seal was found to hold.
pub(super) fn account_under_seal(row: &Row<'_>) -> rusqlite::Result<Account> {
    let balance =
        Balance { settled: Amount::from_micros(row.get(4)?), held: Amount::from_micros(row.get(5)?) };
    let row_of = BudgetRow { budget: row.get(1)?, key: row.get(2)?, period: row.get(3)?, balance };
    Ok(Account { number: row.get(0)?, row: row_of })
}

/// Where a hold stands whose seal was found to hold. Nothing else of it is compared.
pub(super) fn standing_under_seal(row: &Row<'_>) -> rusqlite::Result<(HoldId, HoldState, Amount)> {
    let state = HoldState::from_word(row.get_ref(2)?.as_str()?).ok_or(rusqlite::Error::InvalidQuery)?;
    Ok((row.get(0)?, state, Amount::from_micros(row.get(3)?)))
}

fn hold(row: &Row<'_>) -> rusqlite::Result<HoldRow> {
    seal::check(row, HOLD.columns)?;
    let text = |index: usize| row.get_ref(index)?.as_str().map_err(rusqlite::Error::from);
    let number = |index: usize| {
        let text: Option<&str> = row.get_ref(index)?.as_str_or_null().map_err(rusqlite::Error::from)?;
        Ok::<_, rusqlite::Error>(text.and_then(|text| text.parse().ok()))
    };
    // What cannot be read is not passed over: nothing is decided about a hold that is damaged.
    let damaged = || rusqlite::Error::InvalidQuery;
    let job = row.get_ref(1)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    let workload = serde_json::from_str(text(7)?).ok();
    Ok(HoldRow {
        id: row.get(0)?,
        job: job.map(|job| JobId::parse(job).ok_or_else(damaged)).transpose()?,
        state: HoldState::from_word(text(2)?).ok_or_else(damaged)?,
        amount: Amount::from_micros(row.get(3)?),
        priced: row.get(4)?,
        workspace: WorkspaceId::parse(text(5)?).ok_or_else(damaged)?,
        principal: row.get(6)?,
        workload: workload.and_then(|value| Workload::from_json(&value)).ok_or_else(damaged)?,
        currency: row.get(8)?,
        upstream_estimate: number(9)?,
        upstream_units: number(10)?,
        opened: row.get(11)?,
        changed: row.get(12)?,
        budgets: Vec::new(),
        accounts: numbers(text(13)?).collect(),
        terms: row.get(14)?,
        overdraft: Amount::from_micros(row.get(15)?),
        found: row.get(16)?,
    })
}

fn entry(row: &Row<'_>, places: Vec<Place>) -> rusqlite::Result<EntryRow> {
    Ok(EntryRow {
        seq: row.get(0)?,
        id: row.get(1)?,
        hold: row.get(2)?,
        kind: row.get(3)?,
        state: row.get(4)?,
        held: Amount::from_micros(row.get(5)?),
        settled: Amount::from_micros(row.get(6)?),
        amount: Amount::from_micros(row.get(7)?),
        time: row.get(8)?,
        places,
        terms: Terms { card: row.get(10)?, rules: row.get::<_, String>(11)?.into() },
        job: row.get(12)?,
        workspace: row.get(13)?,
        principal: row.get(14)?,
        currency: row.get(15)?,
    })
}

fn request(row: &Row<'_>) -> rusqlite::Result<Request> {
    seal::check(row, REQUEST.columns)?;
    let status: Option<u16> = row.get(4)?;
    let kept = match (status, row.get(5)?, row.get(6)?) {
        (None, ..) => None,
        (Some(status), Some(headers), Some(body)) => Some(Kept::Answer { status, headers, body }),
        (Some(status), ..) => Some(Kept::Unknown(status)),
    };
    let key = Key { name: row.get(0)?, request: row.get(1)? };
    Ok(Request { key, hold: row.get(2)?, at: row.get(3)?, kept })
}
