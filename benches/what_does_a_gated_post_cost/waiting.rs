//! How long clients wait for an answer when the gate is half as busy as it can be.

use std::io;
use std::time::Duration;

use benches::PUBLISHED;

use crate::clients::{Load, Pace};
use crate::contestant::{GATE, Kind};
use crate::rounds::{middle, to_f64};
use crate::{CLIENTS, Place, table};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);

/// Both get the same load: half of what the gate answers at most.
pub(crate) fn measure(place: &Place) -> io::Result<Vec<String>> {
    let [through, gate] = [place.start(Kind::PassThrough)?, place.start(GATE)?]
        .map(|one| (Load { to: one.address, body: PUBLISHED.to_owned(), status: 201 }, one));
    through.0.run(CLIENTS, Duration::from_millis(500))?;
    gate.0.run(CLIENTS, Duration::from_millis(500))?;
    let most = to_f64(gate.0.run(CLIENTS, ROUND)?) / ROUND.as_secs_f64();
    let every = Duration::from_secs_f64(2.0 * f64::from(u32::try_from(CLIENTS).unwrap_or(1)) / most);
    let half = Pace { clients: CLIENTS, every: Some(every) };
    let mut waits = [(); 2].map(|()| Vec::new());
    for _ in 0..ROUNDS {
        for ((load, _), seen) in [&through, &gate].into_iter().zip(&mut waits) {
            let (_, mut took) = load.paced(half, ROUND)?;
            took.sort_unstable();
            seen.push([part(&took, 50), part(&took, 99)]);
        }
    }
    let [of_through, of_gate] = waits;
    let rows: Vec<_> = [("one in two", 0_usize), ("99 of 100", 1)]
        .map(|(name, at)| {
            let of = |waits: &[[f64; 2]]| waits.iter().filter_map(|wait| wait.get(at).copied()).collect();
            let ratios = of_gate
                .iter()
                .zip(&of_through)
                .filter_map(|(one, other)| Some(one.get(at)? / other.get(at)?));
            vec![
                name.to_owned(),
                format!("{:.0}", middle(of(&of_through))),
                format!("{:.0}", middle(of(&of_gate))),
                format!("{:.2}", middle(ratios.collect())),
            ]
        })
        .into();
    let heading = format!("Waiting, {:.0} requests a second offered, {CLIENTS} clients", most / 2.0);
    Ok(table::lines(&heading, &["answered within us", "pass-through", "jobgate", "beside"], &rows))
}

/// The wait, in microseconds, within which so many of a hundred were answered.
fn part(sorted: &[Duration], percent: usize) -> f64 {
    let at = sorted.len().saturating_mul(percent).div_euclid(100);
    sorted.get(at).or(sorted.last()).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e6)
}
