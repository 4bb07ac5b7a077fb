//! How the rows of the file are written, each with its seal.

use admission::{Balance, Claim};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params};

use super::{Book, chain, seal};
use crate::entry::Entry;
use crate::ledger::Unavailable;
use crate::repeat::{Kept, Request};
use crate::rows::{Account, BudgetRow, HoldRow};
use crate::store::{Answer, Write};
use crate::wanted::Terms;

impl Write for Book {
    fn add_hold(&mut self, hold: &HoldRow) -> Answer<()> {
        const ADD: &str =
            "INSERT INTO hold (id, job, state, amount, priced, workspace, principal, workload, currency, upstream_estimate,
             upstream_units, opened, changed, accounts, terms, overdraft, found, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
        Ok(seal::write(&self.db, ADD, columns(hold))?)
    }

    fn put_hold(&mut self, hold: &HoldRow) -> Answer<()> {
        const PUT: &str =
            "UPDATE hold SET job = ?2, state = ?3, amount = ?4, priced = ?5, workspace = ?6, principal = ?7, workload = ?8,
             currency = ?9, upstream_estimate = ?10, upstream_units = ?11, opened = ?12, changed = ?13, accounts = ?14,
             terms = ?15, overdraft = ?16, found = ?17, sum = ?18 WHERE id = ?1";
        Ok(seal::write(&self.db, PUT, columns(hold))?)
    }

    fn add_account(&mut self, claim: &Claim) -> Answer<i64> {
        const NEXT: &str = "SELECT coalesce(max(id), 0) + 1 FROM account";
        const ADD: &str = "INSERT INTO account (id, budget, key, period, settled, held, sum)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let number = self.db.prepare_cached(NEXT)?.query_row([], |row| row.get(0))?;
        let (budget, key, period) = (claim.budget.clone(), claim.key.clone(), claim.period.label.clone());
        let row = BudgetRow { budget, key, period, balance: Balance::default() };
        seal::write(&self.db, ADD, balance(&Account { number, row }))?;
        Ok(number)
    }

    fn put_account(&mut self, account: &Account) -> Answer<()> {
        match self.places.get_mut() {
            Some(places) => places.put(account),
            None => self.write_account(account)?,
        }
        Ok(())
    }

    fn number_of(&mut self, terms: &Terms) -> Answer<i64> {
        const KNOWN: &str = "SELECT id FROM terms WHERE card = ?1 AND rules = ?2";
        const NEXT: &str = "SELECT coalesce(max(id), 0) + 1 FROM terms";
        const ADD: &str = "INSERT INTO terms (id, card, rules, sum) VALUES (?1, ?2, ?3, ?4)";
        if let Some((number, _)) = self.terms.iter().find(|(_, known)| known == terms) {
            return Ok(*number);
        }
        let pair = [&*terms.card, &*terms.rules];
        let known = self.db.prepare_cached(KNOWN)?.query_row(pair, |row| row.get(0)).optional()?;
        let number = if let Some(number) = known {
            number
        } else {
            let next = self.db.prepare_cached(NEXT)?.query_row([], |row| row.get(0))?;
            let [card, rules] = pair.map(|text| Value::from(text.to_owned()));
            seal::write(&self.db, ADD, [Value::from(next), card, rules])?;
            next
        };
        self.terms.push((number, terms.clone()));
        Ok(number)
    }

    fn append(&mut self, entry: &Entry<'_>) -> Answer<i64> {
        let (last, before) = self.last_entry()?.unzip();
        let seq = last.unwrap_or(0_i64).checked_add(1);
        let seq = seq.ok_or_else(|| Unavailable::new("there are as many entries as can be counted"))?;
        let (id, about, change) = (entry.id.to_string(), entry.hold.to_string(), entry.change);
        let (held, settled, amount) = (change.held.micros(), change.settled.micros(), change.amount.micros());
        let numbers = [held, settled, amount, entry.terms, entry.time];
        let (accounts, note, state) =
            (joined(entry.accounts), chain::note(entry.told), change.state.as_str());
        let said = chain::Said {
            seq,
            id: &id,
            hold: &about,
            kind: entry.kind,
            state,
            numbers,
            accounts: &accounts,
            note: &note,
        };
        let sum = chain::sum(before.as_ref().map_or(&[], |sum| sum.as_slice()), &said);
        self.db
            .prepare_cached(
                "INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .execute(params![
                seq,
                id,
                about,
                entry.kind,
                state,
                held,
                settled,
                amount,
                accounts,
                entry.terms,
                entry.time,
                note,
                sum
            ])?;
        self.last = Some((seq, sum));
        Ok(seq)
    }

    fn put_request(&mut self, request: &Request) -> Answer<()> {
        const PUT: &str =
            "INSERT OR REPLACE INTO request (name, request, hold, at, status, headers, body, sum)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let (status, headers, body) = match &request.kept {
            None => (None, None, None),
            Some(Kept::Answer { status, headers, body }) => {
                (Some(*status), Some(headers.clone()), Some(body.clone()))
            }
            Some(Kept::Unknown(status)) => (Some(*status), None, None),
            Some(Kept::Nothing) => return self.remove_request(&request.key.name),
        };
        let values = [
            Value::Blob(request.key.name.to_vec()),
            Value::Blob(request.key.request.to_vec()),
            Value::from(request.hold.map(|hold| hold.to_string())),
            Value::from(request.at),
            Value::from(status.map(i64::from)),
            Value::from(headers),
            Value::from(body),
        ];
        Ok(seal::write(&self.db, PUT, values)?)
    }

    fn remove_request(&mut self, name: &[u8; 32]) -> Answer<()> {
        self.db.prepare_cached("DELETE FROM request WHERE name = ?1")?.execute([name])?;
        Ok(())
    }

    fn forget(&mut self, before: i64, limit: u32) -> Answer<usize> {
        const OLD: &str = "DELETE FROM request WHERE name IN
                           (SELECT name FROM request WHERE at <= ?1 AND status IS NOT NULL LIMIT ?2)";
        Ok(self.db.prepare_cached(OLD)?.execute(params![before, limit])?)
    }

    fn register(&mut self, sinks: &[String]) -> Answer<()> {
        let known: Vec<String> = self
            .db
            .prepare("SELECT name FROM sink")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for gone in known.iter().filter(|name| !sinks.contains(name)) {
            self.db.execute("DELETE FROM sink WHERE name = ?1", [gone])?;
        }
        let last = self.last_entry()?.map_or(0, |(seq, _)| seq);
        for new in sinks.iter().filter(|name| !known.contains(name)) {
            self.put_sink(new, last)?;
        }
        self.has_sinks = None;
        self.tidy()
    }

    fn has_sinks(&mut self) -> Answer<bool> {
        if let Some(known) = self.has_sinks {
            return Ok(known);
        }
        let any =
            self.db.prepare_cached("SELECT EXISTS (SELECT 1 FROM sink)")?.query_row([], |row| row.get(0))?;
        self.has_sinks = Some(any);
        Ok(any)
    }

    fn put_event(&mut self, seq: i64, at: i64, event: &str) -> Answer<()> {
        const PUT: &str = "INSERT INTO outbox (seq, at, event, sum) VALUES (?1, ?2, ?3, ?4)";
        let values = [Value::from(seq), Value::from(at), Value::from(event.to_owned())];
        Ok(seal::write(&self.db, PUT, values)?)
    }

    fn sent(&mut self, sink: &str, up_to: i64) -> Answer<()> {
        const FURTHER: &str = "SELECT 1 FROM sink WHERE name = ?1 AND seq < ?2";
        let further =
            self.db.prepare_cached(FURTHER)?.query_row(params![sink, up_to], |_| Ok(())).optional()?;
        if further.is_some() {
            self.put_sink(sink, up_to)?;
        }
        self.tidy()
    }

    fn bury(&mut self, sink: &str, seq: i64, why: &str, at: i64) -> Answer<()> {
        const EVENT: &str = "SELECT event FROM outbox WHERE seq = ?1";
        const BURY: &str = "INSERT OR REPLACE INTO dead_letter (sink, seq, event, why, at, sum)
                            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let event: Option<String> =
            self.db.prepare_cached(EVENT)?.query_row([seq], |row| row.get(0)).optional()?;
        let Some(event) = event else { return Ok(()) };
        let text = |text: &str| Value::from(text.to_owned());
        let values = [text(sink), Value::from(seq), Value::from(event), text(why), Value::from(at)];
        Ok(seal::write(&self.db, BURY, values)?)
    }
}

impl Book {
    /// The number and the sum of the last entry; none before the first.
    pub(super) fn last_entry(&mut self) -> rusqlite::Result<Option<(i64, [u8; 32])>> {
        if self.last.is_none() {
            self.last = self
                .db
                .prepare_cached("SELECT seq, sum FROM entry ORDER BY seq DESC LIMIT 1")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
        }
        Ok(self.last)
    }

    /// Tells the file of the places that were moved since it was told last.
    pub(super) fn write_places(&self) -> rusqlite::Result<()> {
        let mut places = self.places.borrow_mut();
        let Some(places) = places.as_mut() else { return Ok(()) };
        places.moved().try_for_each(|account| self.write_account(account))?;
        places.written();
        Ok(())
    }

    fn write_account(&self, account: &Account) -> rusqlite::Result<()> {
        const PUT: &str =
            "UPDATE account SET budget = ?2, key = ?3, period = ?4, settled = ?5, held = ?6, sum = ?7
                           WHERE id = ?1";
        seal::write(&self.db, PUT, balance(account))
    }

    fn put_sink(&self, name: &str, seq: i64) -> rusqlite::Result<()> {
        const PUT: &str = "INSERT OR REPLACE INTO sink (name, seq, sum) VALUES (?1, ?2, ?3)";
        seal::write(&self.db, PUT, [Value::from(name.to_owned()), Value::from(seq)])
    }

    /// What all sinks have is dropped.
    fn tidy(&self) -> Answer<()> {
        const DONE: &str = "DELETE FROM outbox
                            WHERE seq <= coalesce((SELECT min(seq) FROM sink), (SELECT max(seq) FROM outbox))";
        self.db.prepare_cached(DONE)?.execute([])?;
        Ok(())
    }

    /// A process that was killed has told nobody what became of its requests; tells how many there were.
    pub(super) fn recover_requests(&mut self) -> Answer<usize> {
        let running: Vec<[u8; 32]> = self
            .db
            .prepare("SELECT name FROM request WHERE status IS NULL")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for name in &running {
            if let Some(request) = crate::store::Read::request(self, name)? {
                self.put_request(&Request { kept: Some(Kept::Unknown(502)), ..request })?;
            }
        }
        Ok(running.len())
    }
}

/// A hold in the order of its columns.
fn columns(hold: &HoldRow) -> [Value; 17] {
    let text = |text: &str| Value::from(text.to_owned());
    let number = |number: Option<job_model::Decimal>| Value::from(number.map(|number| number.to_string()));
    [
        Value::from(hold.id.to_string()),
        Value::from(hold.job.map(|job| job.to_string())),
        text(hold.state.as_str()),
        Value::from(hold.amount.micros()),
        Value::from(i64::from(hold.priced)),
        Value::from(hold.workspace.to_string()),
        text(&hold.principal),
        Value::from(hold.workload.to_json().to_string()),
        text(&hold.currency),
        number(hold.upstream_estimate),
        number(hold.upstream_units),
        Value::from(hold.opened),
        Value::from(hold.changed),
        Value::from(joined(&hold.accounts)),
        Value::from(hold.terms),
        Value::from(hold.overdraft.micros()),
        Value::from(i64::from(hold.found)),
    ]
}

/// An account in the order of its columns.
fn balance(account: &Account) -> [Value; 6] {
    let Account { number, row } = account;
    let text = |text: &str| Value::from(text.to_owned());
    let Balance { settled, held } = row.balance;
    [
        Value::from(*number),
        text(&row.budget),
        text(&row.key),
        text(&row.period),
        Value::from(settled.micros()),
        Value::from(held.micros()),
    ]
}

fn joined(accounts: &[i64]) -> String {
    let numbers: Vec<String> = accounts.iter().map(i64::to_string).collect();
    numbers.join(",")
}
