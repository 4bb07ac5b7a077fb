//! The outbox: for each entry an event, written in the entry's own transaction, and kept until every sink has confirmed it. How
//! it gets there is its sender's business.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::HoldId;
use crate::open::millis;
use crate::read::{self, HoldRow};
use crate::seal::{self, Sealed};
use crate::writer::{Ledger, Unavailable};

/// What is under the seals, and the seals.
pub(crate) const ROWS: &str = "SELECT seq, at, event, sum FROM outbox";
pub(crate) const SEALED: Sealed = Sealed {
    columns: 3,
    read: "SELECT seq, at, event, sum FROM outbox WHERE seq = ?1",
    write: "UPDATE outbox SET sum = ?2 WHERE seq = ?1",
};
pub(crate) const SINKS: &str = "SELECT name, seq, sum FROM sink";
pub(crate) const SEALED_SINK: Sealed = Sealed {
    columns: 2,
    read: "SELECT name, seq, sum FROM sink WHERE name = ?1",
    write: "UPDATE sink SET sum = ?2 WHERE name = ?1",
};

/// An event on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its place in the order of all.
    pub seq: i64,
    /// `CloudEvents` 1.0 as JSON, one line. Its id is its entry's and never changes.
    pub event: String,
}

/// What waits to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many events.
    pub pending: i64,
    /// When the oldest was written, in milliseconds of Unix time; none where there is none.
    pub oldest: Option<i64>,
    /// How many events a sink has refused for good, each kept with its reason.
    pub dead: i64,
}

impl Ledger {
    /// The next events for a sink, oldest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn outgoing(&self, sink: String, limit: u32) -> Result<Vec<Outgoing>, Unavailable> {
        self.run(move |db| {
            let mut next = db.prepare_cached(
                "SELECT seq, at, event, sum FROM outbox WHERE seq > (SELECT seq FROM sink WHERE name = ?1) ORDER BY seq LIMIT ?2",
            )?;
            let rows = next.query_map(params![sink, limit], |row| {
                seal::check(row, SEALED.columns)?;
                Ok(Outgoing { seq: row.get(0)?, event: row.get(2)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// A sink has confirmed everything up to an event. What all have confirmed is dropped.
    ///
    /// # Errors
    /// When the ledger cannot be written: the events are then sent once more.
    pub async fn sent(&self, sink: String, up_to: i64) -> Result<(), Unavailable> {
        self.run(move |db| Ok(sent(db, &sink, up_to)?)).await
    }

    /// A sink has refused an event for good: it is kept beside, with the reason, and is in nobody's way.
    ///
    /// # Errors
    /// When the ledger cannot be written: the event is then sent once more.
    pub async fn bury(&self, sink: String, seq: i64, why: String, now: Timestamp) -> Result<(), Unavailable> {
        self.run(move |db| {
            db.prepare_cached(
                "INSERT OR REPLACE INTO dead_letter (sink, seq, event, why, at)
                 SELECT ?1, seq, event, ?3, ?4 FROM outbox WHERE seq = ?2",
            )?
            .execute(params![sink, seq, why, millis(now)])?;
            Ok(sent(db, &sink, seq)?)
        })
        .await
    }

    /// What waits.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn waiting(&self) -> Result<Waiting, Unavailable> {
        self.run(|db| {
            let mut all = db
                .prepare_cached("SELECT count(*), min(at), (SELECT count(*) FROM dead_letter) FROM outbox")?;
            Ok(all.query_row([], |row| {
                Ok(Waiting { pending: row.get(0)?, oldest: row.get(1)?, dead: row.get(2)? })
            })?)
        })
        .await
    }
}

/// From now on these sinks are written for, a new one from here on; what only others waited for is dropped.
pub(crate) fn register(db: &Connection, sinks: &[String]) -> rusqlite::Result<()> {
    let known: Vec<String> =
        db.prepare("SELECT name FROM sink")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for gone in known.iter().filter(|name| !sinks.contains(name)) {
        db.execute("DELETE FROM sink WHERE name = ?1", [gone])?;
    }
    for sink in sinks {
        db.execute(
            "INSERT OR IGNORE INTO sink (name, seq) SELECT ?1, coalesce(max(seq), 0) FROM entry",
            [sink],
        )?;
        SEALED_SINK.seal(db, sink.as_str())?;
    }
    tidy(db)
}

/// Puts the event of an entry into the outbox, where a sink waits for it.
pub(crate) fn put(
    db: &Connection,
    seq: i64,
    entry: &str,
    hold: HoldId,
    happened: &Happened<'_>,
) -> rusqlite::Result<()> {
    let wanted = db.prepare_cached("SELECT EXISTS (SELECT 1 FROM sink)")?.query_row([], |row| row.get(0))?;
    let Some(row) = (if wanted { read::hold(db, hold)? } else { None }) else { return Ok(()) };
    db.prepare_cached("INSERT INTO outbox (seq, at, event) VALUES (?1, ?2, ?3)")?.execute(params![
        seq,
        happened.time,
        event(entry, &row, happened).to_string()
    ])?;
    SEALED.seal(db, seq)
}

/// What an entry says.
pub(crate) struct Happened<'a> {
    pub(crate) kind: &'a str,
    pub(crate) state: &'a str,
    pub(crate) held: job_model::Amount,
    pub(crate) settled: job_model::Amount,
    pub(crate) amount: job_model::Amount,
    pub(crate) time: i64,
}

fn event(entry: &str, row: &HoldRow, happened: &Happened<'_>) -> Value {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let number = |number: Option<job_model::Decimal>| number.map(|number| number.normalize().to_string());
    let time = Timestamp::from_millisecond(happened.time).ok().map(|time| time.to_string());
    json!({
        "specversion": "1.0",
        "id": entry,
        "source": "/jobgate",
        "type": format!("jobgate.hold.{}", name(happened.kind)),
        "subject": row.id.to_string(),
        "time": time,
        "datacontenttype": "application/json",
        "data": {
            "hold": row.id.to_string(), "state": happened.state, "job": row.job, "workspace": row.workspace,
            "principal": text(&row.principal), "amount": row.priced.then_some(happened.amount),
            "held": happened.held, "settled": happened.settled, "currency": text(&row.currency),
            "workload": row.workload.to_json(), "upstreamEstimate": number(row.upstream_estimate),
            "upstreamUnits": number(row.upstream_units), "overdraft": row.overdraft,
        },
    })
}

/// What a kind of entry is called once it has happened.
fn name(kind: &str) -> &str {
    match kind {
        "reserve" => "reserved",
        "bind" => "bound",
        "adjust" => "adjusted",
        "submit" => "submitted",
        "settle" => "settled",
        "release" => "released",
        "lapse" => "lapsed",
        "doubt" => "in-doubt",
        other => other,
    }
}

fn sent(db: &Connection, sink: &str, up_to: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE sink SET seq = max(seq, ?2) WHERE name = ?1")?.execute(params![sink, up_to])?;
    SEALED_SINK.seal(db, sink)?;
    tidy(db)
}

fn tidy(db: &Connection) -> rusqlite::Result<()> {
    db.prepare_cached(
        "DELETE FROM outbox WHERE seq <= coalesce((SELECT min(seq) FROM sink), (SELECT max(seq) FROM outbox))",
    )?
    .execute([])?;
    Ok(())
}
