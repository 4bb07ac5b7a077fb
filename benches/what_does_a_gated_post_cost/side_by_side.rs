//! All contestants with the same load, beside the pass-through.

use std::io;
use std::time::Duration;

use benches::{PUBLISHED, five_faults};

use crate::clients::Load;
use crate::contestant::{GATE, Kind};
use crate::rounds::{self, Round};
use crate::{CLIENTS, Place, table};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);

/// What is measured: who gets which requests, and whether they are to be admitted.
const FIELD: [(&str, Kind, bool); 5] = [
    ("pass-through", Kind::PassThrough, true),
    ("jobgate", GATE, true),
    ("jobgate without access log", Kind::Gate { log: false, ledger: "memory:" }, true),
    ("jobgate, ledger on the disk", Kind::Gate { log: true, ledger: "sqlite:ledger" }, true),
    ("jobgate, five faults", GATE, false),
];

const COLUMNS: [&str; 8] = [
    "contestant",
    "CPU us a request",
    "lowest to highest",
    "kernel",
    "ledger's thread",
    "beside pass-through",
    "requests a second",
    "busy",
];

pub(crate) fn measure(place: &Place) -> io::Result<Vec<String>> {
    let started = FIELD.iter().map(|(_, kind, _)| place.start(*kind)).collect::<io::Result<Vec<_>>>()?;
    let field: Vec<_> = started
        .iter()
        .zip(FIELD)
        .map(|(contestant, (.., sound))| {
            let body = if sound { PUBLISHED.to_owned() } else { five_faults() };
            (contestant, Load { to: contestant.address, body, status: if sound { 201 } else { 422 } })
        })
        .collect();
    let measured = rounds::in_turns(&field, CLIENTS, ROUNDS, ROUND)?;
    let yardstick = measured.first().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<_> = FIELD.iter().zip(&measured).map(|((name, ..), of)| row(name, of, yardstick)).collect();
    Ok(table::lines(&format!("{CLIENTS} clients, the published example"), &COLUMNS, &rows))
}

fn row(name: &str, of_one: &[Round], yardstick: &[Round]) -> Vec<String> {
    let costs = || of_one.iter().map(Round::cost);
    vec![
        name.to_owned(),
        format!("{:.1}", rounds::median(of_one, Round::cost)),
        format!(
            "{:.1} to {:.1}",
            costs().fold(f64::INFINITY, f64::min),
            costs().fold(f64::NEG_INFINITY, f64::max)
        ),
        format!("{:.0} %", rounds::median(of_one, |round| round.percent(round.cpu.kernel))),
        format!("{:.0} %", rounds::median(of_one, |round| round.percent(round.cpu.ledger))),
        format!("{:.2}", rounds::ratio(of_one, yardstick, Round::cost)),
        format!("{:.0}", rounds::median(of_one, Round::rate)),
        format!("{:.0} %", rounds::median(of_one, Round::busy)),
    ]
}
