//! The table: medians over the rounds, and ratios of rounds with the same number.

use std::time::Duration;

use crate::contestant::Cpu;

/// What one contestant used in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) cpu: Cpu,
    pub(crate) answered: u64,
}

impl Round {
    /// Microseconds of CPU time for each request.
    fn cost(self) -> f64 {
        self.cpu.both().as_secs_f64() * 1e6 / to_f64(self.answered)
    }

    fn ledger(self) -> f64 {
        self.cpu.ledger.as_secs_f64() / self.cpu.both().as_secs_f64()
    }

    fn kernel(self) -> f64 {
        self.cpu.kernel.as_secs_f64() / self.cpu.both().as_secs_f64()
    }
}

/// The first contestant is what the others are compared with.
pub(crate) fn lines(names: &[&str], rounds: &[Vec<Round>], round: Duration) -> Option<Vec<String>> {
    let yardstick = rounds.first()?;
    let mut lines = vec![
        "| contestant | CPU us a request | lowest to highest | kernel | ledger's thread | beside pass-through | requests a second | busy |"
            .to_owned(),
        "|---|--:|--:|--:|--:|--:|--:|--:|".to_owned(),
    ];
    for (name, of_one) in names.iter().zip(rounds) {
        let median = |of: &dyn Fn(&Round) -> f64| middle(of_one.iter().map(of).collect());
        let costs: Vec<f64> = of_one.iter().map(|round| round.cost()).collect();
        let ratios = of_one.iter().zip(yardstick).map(|(one, other)| one.cost() / other.cost()).collect();
        lines.push(format!(
            "| {name} | {:.1} | {:.1} to {:.1} | {:.0} % | {:.0} % | {:.2} | {:.0} | {:.0} % |",
            middle(costs.clone())?,
            costs.iter().copied().reduce(f64::min)?,
            costs.iter().copied().reduce(f64::max)?,
            median(&|round| round.kernel() * 100.0)?,
            median(&|round| round.ledger() * 100.0)?,
            middle(ratios)?,
            median(&|one| to_f64(one.answered) / round.as_secs_f64())?,
            median(&|one| one.cpu.both().as_secs_f64() / round.as_secs_f64() * 100.0)?,
        ));
    }
    Some(lines)
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().div_euclid(2)).copied()
}

fn to_f64(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
