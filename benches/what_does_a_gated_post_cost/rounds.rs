//! Rounds: contestants take turns, so that what else the machine does hits all of them alike.

use std::io;
use std::time::Duration;

use crate::clients::Load;
use crate::contestant::{Contestant, Cpu};

/// What one contestant used in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) cpu: Cpu,
    pub(crate) answered: u64,
    pub(crate) time: Duration,
}

impl Round {
    /// Microseconds of CPU time for each request.
    pub(crate) fn cost(&self) -> f64 {
        self.cpu.both().as_secs_f64() * 1e6 / to_f64(self.answered)
    }

    /// The part of it, in hundredths, that one thread or the kernel used.
    pub(crate) fn percent(&self, part: Duration) -> f64 {
        part.as_secs_f64() / self.cpu.both().as_secs_f64() * 100.0
    }

    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        to_f64(self.answered) / self.time.as_secs_f64()
    }

    /// How much of one processor it used, in hundredths.
    pub(crate) fn busy(&self) -> f64 {
        self.cpu.both().as_secs_f64() / self.time.as_secs_f64() * 100.0
    }
}

/// So many rounds of each, after one that does not count.
pub(crate) fn in_turns(
    field: &[(&Contestant, Load)],
    clients: usize,
    rounds: usize,
    time: Duration,
) -> io::Result<Vec<Vec<Round>>> {
    let mut measured = vec![Vec::new(); field.len()];
    for (_, load) in field {
        load.run(clients, Duration::from_millis(500))?;
    }
    for round in 0..rounds {
        // Another one begins each round.
        for turn in 0..field.len() {
            let at = round.saturating_add(turn).checked_rem(field.len()).unwrap_or(0);
            let Some(((contestant, load), of_one)) = field.get(at).zip(measured.get_mut(at)) else {
                continue;
            };
            let before = contestant.cpu()?;
            let answered = load.run(clients, time)?;
            of_one.push(Round { cpu: contestant.cpu()?.since(before), answered, time });
        }
    }
    Ok(measured)
}

/// The median over the rounds.
pub(crate) fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    middle(rounds.iter().map(of).collect())
}

/// The median of the ratios of rounds with the same number.
pub(crate) fn ratio(rounds: &[Round], yardstick: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    middle(rounds.iter().zip(yardstick).map(|(one, other)| of(one) / of(other)).collect())
}

/// The median; no number where there is none.
pub(crate) fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().div_euclid(2)).copied().unwrap_or(f64::NAN)
}

pub(crate) fn to_f64(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
