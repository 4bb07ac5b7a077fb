//! What stays in memory: for a connection that rests, for a body that is not here whole, and after a long time.

use std::io;
use std::time::Duration;

use benches::{PUBLISHED, of_bytes};

use crate::clients::Load;
use crate::contestant::{Contestant, GATE, Kind};
use crate::rounds::to_f64;
use crate::{CLIENTS, Place, table};

const IDLE: usize = 1000;
const BODIES: usize = 100;
/// A little below the default limit of a body.
const BODY: usize = 255 * 1024;

/// Idle connections that have had one request each, and small and large bodies that lack their last byte.
pub(crate) fn measure(place: &Place) -> io::Result<Vec<String>> {
    let mut rows = Vec::new();
    for (name, kind) in [("pass-through", Kind::PassThrough), ("jobgate", GATE)] {
        let (started, each, closed) = held(&place.start(kind)?, PUBLISHED, IDLE, true)?;
        let (_, begun, _) = held(&place.start(kind)?, PUBLISHED, IDLE, false)?;
        let (_, body, _) = held(&place.start(kind)?, &of_bytes(BODY), BODIES, false)?;
        rows.push(vec![
            name.to_owned(),
            format!("{:.1}", started / 1024.0),
            format!("{each:.1}"),
            format!("{:.1}", closed / 1024.0),
            format!("{begun:.1}"),
            format!("{body:.0}"),
        ]);
    }
    let columns = [
        "contestant",
        "started, MiB",
        "KiB for each idle connection",
        "closed again, MiB",
        "KiB for each whose small body lacks a byte",
        "KiB for each 255 KiB of a body",
    ];
    Ok(table::lines(&format!("Memory: {IDLE} connections, {BODIES} large bodies"), &columns, &rows))
}

/// So many idle connections at the gate.
pub(crate) fn idle(place: &Place, count: usize) -> io::Result<Vec<String>> {
    let gate = place.start(GATE)?;
    let load = Load { to: gate.address, body: PUBLISHED.to_owned(), status: 201 };
    let before = gate.resident()?;
    let resident = load.hold(count, true, || gate.resident())??;
    let each = to_f64(resident.saturating_sub(before)) / to_f64(u64::try_from(count).unwrap_or(1));
    let shown = resident.div_euclid(1024);
    Ok(vec![format!("{count} idle connections: {shown} MiB resident, {each:.1} KiB for each")])
}

/// Load for a long time, as fast as it goes. The ledger is on the disk: one in memory keeps every job there.
pub(crate) fn soak(place: &Place, time: Duration) -> io::Result<Vec<String>> {
    let gate = place.start(Kind::Gate { log: true, ledger: "sqlite:ledger" })?;
    let load = Load { to: gate.address, body: PUBLISHED.to_owned(), status: 201 };
    load.run(CLIENTS, Duration::from_secs(5))?;
    let before = gate.resident()?;
    let answered = load.run(CLIENTS, time)?;
    let after = gate.resident()?;
    Ok(vec![format!(
        "{} s, {answered} requests: {:.1} MiB resident after the first 5 s, {:.1} MiB in the end",
        time.as_secs(),
        to_f64(before) / 1024.0,
        to_f64(after) / 1024.0
    )])
}

/// What is resident at the start, for each that is held, and when all are gone again; in KiB.
fn held(contestant: &Contestant, body: &str, count: usize, whole: bool) -> io::Result<(f64, f64, f64)> {
    let load = Load { to: contestant.address, body: body.to_owned(), status: 201 };
    let started = contestant.resident()?;
    let full = load.hold(count, whole, || contestant.resident())??;
    std::thread::sleep(Duration::from_secs(1));
    let closed = contestant.resident()?;
    let each = to_f64(full.saturating_sub(started)) / to_f64(u64::try_from(count).unwrap_or(1));
    Ok((to_f64(started), each, to_f64(closed)))
}
