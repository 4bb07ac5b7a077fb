//! The instants that money is counted by. They follow the system's clock as it was at the start, and from then on elapsed time
//! alone: whoever sets the clock opens no new window of a budget, and reopens none that is over.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// Elapsed time from a known instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calendar {
    first: Timestamp,
    began: Instant,
}

impl Calendar {
    /// Begins at the system's time, and never before what is written already: a window that has gone on stays gone.
    pub(crate) fn new(system: Timestamp, last_written: Option<Timestamp>, began: Instant) -> Self {
        Self { first: last_written.map_or(system, |last| system.max(last)), began }
    }

    /// The instant to count by.
    pub(crate) fn at(&self, now: Instant) -> Timestamp {
        let elapsed = SignedDuration::try_from(now.saturating_duration_since(self.began)).ok();
        elapsed.and_then(|elapsed| self.first.checked_add(elapsed).ok()).unwrap_or(self.first)
    }

    /// How far the system's clock is ahead of it.
    pub(crate) fn skew(&self, system: Timestamp, now: Instant) -> SignedDuration {
        self.at(now).duration_until(system)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use admission::{Window, WindowKind};

    use super::*;

    const HOUR: i64 = 3600;
    const YEAR: i64 = 365 * 24 * HOUR;

    fn noon() -> Timestamp {
        "2026-11-28T12:00:00Z".parse().unwrap()
    }

    /// While it runs it does not read the clock that jumps; a restart can only move it on.
    #[test]
    fn a_clock_that_jumps_opens_no_window_and_reopens_none() {
        let began = crate::clock::now();
        let calendar = Calendar::new(noon(), None, began);
        let day = Window::new(WindowKind::Day, "UTC").unwrap();
        let later = began + Duration::from_secs(60);
        for jump in [HOUR, -HOUR, YEAR, -YEAR] {
            let system = noon() + SignedDuration::from_secs(60 + jump);
            assert_eq!(day.period(calendar.at(later)).label, "2026-11-28");
            assert_eq!(calendar.skew(system, later).as_secs(), jump);
            // The next process begins with the clock as it is now, and with what this one has written.
            let next = Calendar::new(system, Some(calendar.at(later)), later);
            assert!(next.at(later) >= calendar.at(later), "{jump}");
        }
        let midnight = began + Duration::from_secs(12 * 3600);
        assert_eq!(day.period(calendar.at(midnight)).label, "2026-11-29", "time goes on all the same");
    }
}
