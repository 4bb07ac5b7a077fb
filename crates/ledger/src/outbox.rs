//! The outbox: for each entry an event, written in the entry's own step, and kept until every sink has confirmed it. How it gets
//! there is its sender's business.

use admission::HoldState;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::entry::{Entry, millis};
use crate::ledger::{Ledger, Unavailable};
use crate::rows::HoldRow;

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
        self.ask(move |store| store.outgoing(&sink, limit)).await
    }

    /// A sink has confirmed everything up to an event. What all have confirmed is dropped.
    ///
    /// # Errors
    /// When the ledger cannot be written: the events are then sent once more.
    pub async fn sent(&self, sink: String, up_to: i64) -> Result<(), Unavailable> {
        self.record(move |store| store.sent(&sink, up_to)).await
    }

    /// A sink has refused an event for good: it is kept beside, with the reason, and is in nobody's way.
    ///
    /// # Errors
    /// When the ledger cannot be written: the event is then sent once more.
    pub async fn bury(&self, sink: String, seq: i64, why: String, now: Timestamp) -> Result<(), Unavailable> {
        self.record(move |store| {
            store.bury(&sink, seq, &why, millis(now))?;
            store.sent(&sink, seq)
        })
        .await
    }

    /// What waits.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn waiting(&self) -> Result<Waiting, Unavailable> {
        self.report(|store| store.waiting()).await
    }
}

/// The event of an entry about a hold, which is as `row` says after it; `what` has happened.
pub(crate) fn event(what: &str, entry: &Entry<'_>, row: &HoldRow) -> Value {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let number = |number: Option<job_model::Decimal>| number.map(|number| number.normalize().to_string());
    let time = Timestamp::from_millisecond(entry.time).ok().map(|time| time.to_string());
    let (id, hold, change) = (entry.id.to_string(), row.id.to_string(), entry.change);
    json!({
        "specversion": "1.0",
        "id": id,
        "source": "/jobgate",
        "type": format!("jobgate.hold.{what}"),
        "subject": hold,
        "time": time,
        "datacontenttype": "application/json",
        "data": {
            "hold": hold, "state": change.state.as_str(), "job": row.job, "workspace": row.workspace,
            "principal": text(&row.principal), "amount": row.priced.then_some(change.amount),
            "held": change.held, "settled": change.settled, "currency": text(&row.currency),
            "workload": row.workload.to_json(), "upstreamEstimate": number(row.upstream_estimate),
            "upstreamUnits": number(row.upstream_units), "overdraft": row.overdraft,
        },
    })
}

/// What has happened, in the word that sinks hear; none where a change of a job only begins, or ends and leaves it as it was.
pub(crate) fn happened(kind: &str, state: HoldState, amended: bool) -> Option<&'static str> {
    Some(match kind {
        "reserve" => "reserved",
        "bind" => "bound",
        "adjust" => "adjusted",
        "keep" if amended => "adjusted",
        "submit" => "submitted",
        "lapse" => "lapsed",
        "doubt" => "in-doubt",
        // One that was deleted is charged or not.
        _ if state == HoldState::Settled => "settled",
        _ if state == HoldState::Released => "released",
        _ => return None,
    })
}
