//! What one client did lately: enough to never let more than the limit into any span, in memory that does not grow.

use std::collections::VecDeque;
use std::time::Duration;

/// Up to this limit every admission is remembered, and the count is exact.
pub(crate) const EXACT: u32 = 64;
/// Above it, admissions are counted in this many parts of a span.
const PARTS: u32 = 64;

/// Admissions of one client within the last span.
///
/// A leaky bucket would need less, but it admits nearly twice its limit within one span, or else no two requests
/// at once. This admits any burst up to the limit, and never more than the limit in any span, wherever it begins.
#[derive(Clone, Debug)]
pub(crate) enum Span {
    /// The instants, oldest first.
    Exact(VecDeque<Duration>),
    /// How many in which part of time, oldest first. A part counts until the whole of it is over: rather one too few.
    Parts(VecDeque<(u128, u32)>),
}

impl Span {
    pub(crate) fn new(requests: u32) -> Self {
        if requests <= EXACT { Self::Exact(VecDeque::new()) } else { Self::Parts(VecDeque::new()) }
    }

    /// Forgets what is over, and tells whether anything is left.
    pub(crate) fn is_over(&mut self, per: Duration, now: Duration) -> bool {
        match self {
            Self::Exact(instants) => {
                while instants.front().is_some_and(|first| first.saturating_add(per) <= now) {
                    instants.pop_front();
                }
                instants.is_empty()
            }
            Self::Parts(parts) => {
                while parts.front().is_some_and(|(part, _)| end(*part, per) <= now) {
                    parts.pop_front();
                }
                parts.is_empty()
            }
        }
    }

    /// When one more fits, if not now.
    pub(crate) fn wait(&mut self, requests: u32, per: Duration, now: Duration) -> Option<Duration> {
        self.is_over(per, now);
        match self {
            Self::Exact(instants) => {
                let taken = u32::try_from(instants.len()).unwrap_or(u32::MAX);
                let first = instants.front().filter(|_| taken >= requests)?;
                Some(first.saturating_add(per).saturating_sub(now))
            }
            Self::Parts(parts) => {
                // From the last one back: the part with which there are too many has to be over.
                let mut taken = 0_u32;
                let full = parts.iter().rev().find(|(_, count)| {
                    taken = taken.saturating_add(*count);
                    taken >= requests
                });
                full.map(|(part, _)| end(*part, per).saturating_sub(now))
            }
        }
    }

    /// Notes an admission. One more than the limit, which whoever asked before or never asked may take, is not over before the last of
    /// them is: older ones say nothing any more.
    pub(crate) fn take(&mut self, requests: u32, per: Duration, now: Duration) {
        self.is_over(per, now);
        match self {
            Self::Exact(instants) => {
                while u32::try_from(instants.len()).is_ok_and(|taken| taken >= requests) {
                    instants.pop_front();
                }
                instants.push_back(now);
            }
            Self::Parts(parts) => {
                let part = part(now, per);
                match parts.back_mut() {
                    Some((last, count)) if *last >= part => *count = count.saturating_add(1),
                    _ => parts.push_back((part, 1)),
                }
            }
        }
    }
}

/// Which part of time an instant is in.
fn part(now: Duration, per: Duration) -> u128 {
    // INVARIANT: a span is at least a microsecond, so a part is not empty.
    let length = per.as_nanos().checked_div(u128::from(PARTS)).unwrap_or(1).max(1);
    now.as_nanos().checked_div(length).unwrap_or(0)
}

/// From when on nothing of a part lies within the last span.
fn end(part: u128, per: Duration) -> Duration {
    let length = per.as_nanos().checked_div(u128::from(PARTS)).unwrap_or(1).max(1);
    let nanos = part.saturating_add(1).saturating_mul(length);
    let seconds = u64::try_from(nanos.checked_div(1_000_000_000).unwrap_or(0)).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos.checked_rem(1_000_000_000).unwrap_or(0)).unwrap_or(0);
    Duration::new(seconds, rest).saturating_add(per)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever finds no place in a limiter's table shares a span that is not always asked.
    #[test]
    fn what_is_noted_and_never_asked_takes_no_more_room_than_a_span() {
        let (requests, per) = (EXACT + 1, Duration::from_millis(PARTS.into()));
        let mut span = Span::new(requests);
        for now in 0..1_000 {
            span.take(requests, per, Duration::from_millis(now));
        }
        assert!(matches!(&span, Span::Parts(parts) if parts.len() == 65), "{span:?}");
    }
}
