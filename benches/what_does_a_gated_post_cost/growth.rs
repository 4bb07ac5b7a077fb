//! How cost grows with the body, and whether throughput holds with the number of connections.

use std::io;
use std::time::Duration;

use benches::{PUBLISHED, of_bytes};

use crate::clients::Load;
use crate::contestant::{GATE, Kind};
use crate::rounds::{self, Round};
use crate::{CLIENTS, Place, table};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(1);
/// Bodies, in KiB, beside the published example of 0.7. The largest is a little below the default limit.
const SIZES: [u32; 3] = [8, 64, 255];
const CONNECTIONS: [usize; 4] = [1, CLIENTS, 256, 2000];

/// Bodies of jobs that are admitted.
pub(crate) fn of_bodies(place: &Place) -> io::Result<Vec<String>> {
    let mut rows = Vec::new();
    let mut last: Option<(f64, [f64; 2])> = None;
    for size in [0].into_iter().chain(SIZES) {
        let bytes = usize::try_from(size).unwrap_or(0).saturating_mul(1024);
        let body = if size == 0 { PUBLISHED.to_owned() } else { of_bytes(bytes) };
        let both = both(place, &body, CLIENTS)?;
        let costs = both.each_ref().map(|rounds| rounds::median(rounds, Round::cost));
        let [through, gate] = &both;
        let slope = |at: usize| match (last, costs.get(at)) {
            (Some((before, costs)), Some(cost)) => {
                let grown = costs.get(at).map_or(f64::NAN, |before| cost - before);
                format!("{:.2}", grown / (f64::from(size) - before))
            }
            _ => String::new(),
        };
        let shown = if size == 0 { "0.7".to_owned() } else { size.to_string() };
        let mut row = vec![shown];
        row.extend(costs.map(|cost| format!("{cost:.1}")));
        row.push(format!("{:.2}", rounds::ratio(gate, through, Round::cost)));
        row.extend([slope(0), slope(1)]);
        rows.push(row);
        last = Some((if size == 0 { 0.7 } else { f64::from(size) }, costs));
    }
    let columns =
        ["KiB", "pass-through: CPU us", "jobgate", "beside", "pass-through: us for each KiB more", "jobgate"];
    Ok(table::lines("Bodies, 32 clients", &columns, &rows))
}

/// Connections of clients, each with one request at a time.
pub(crate) fn of_connections(place: &Place) -> io::Result<Vec<String>> {
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let [through, gate] = both(place, PUBLISHED, connections)?;
        rows.push(vec![
            connections.to_string(),
            format!("{:.1}", rounds::median(&through, Round::cost)),
            format!("{:.1}", rounds::median(&gate, Round::cost)),
            format!("{:.2}", rounds::ratio(&gate, &through, Round::cost)),
            format!("{:.0}", rounds::median(&through, Round::rate)),
            format!("{:.0}", rounds::median(&gate, Round::rate)),
        ]);
    }
    let columns = [
        "connections",
        "pass-through: CPU us",
        "jobgate",
        "beside",
        "pass-through: requests a second",
        "jobgate",
    ];
    Ok(table::lines("Connections, the published example", &columns, &rows))
}

/// Pass-through and gate in turns.
fn both(place: &Place, body: &str, clients: usize) -> io::Result<[Vec<Round>; 2]> {
    let [through, gate] = [place.start(Kind::PassThrough)?, place.start(GATE)?];
    let field =
        [&through, &gate].map(|one| (one, Load { to: one.address, body: body.to_owned(), status: 201 }));
    let measured = rounds::in_turns(&field, clients, ROUNDS, ROUND)?;
    <[Vec<Round>; 2]>::try_from(measured).map_err(|_| io::Error::other("two were measured"))
}
