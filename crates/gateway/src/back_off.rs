//! Keeps new jobs from an upstream that has told their sender to wait: they would only be refused, and each refusal counts there.
//! Whoever upstream has not told to wait is not kept.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use parking_lot::Mutex;

use crate::courier::{Answer, Fate, Outcome};
use crate::rejection::Rejection;

/// The most senders that are remembered; one more has to be told by upstream each time.
const SENDERS: usize = 100_000;

/// Who is to wait, and until when.
#[derive(Debug)]
pub(crate) struct BackOff {
    longest: Duration,
    until: Mutex<HashMap<u128, Instant>>,
}

impl BackOff {
    /// Nobody waits longer than this, whatever upstream says; at zero nobody waits at all.
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, until: Mutex::default() }
    }

    /// Whether a sender may ask.
    ///
    /// # Errors
    /// `TooManyRequests`, with what is left of the wait.
    pub(crate) fn check(&self, sender: impl FnOnce() -> u128, now: Instant) -> Result<(), Rejection> {
        let mut until = self.until.lock();
        if until.is_empty() {
            return Ok(());
        }
        let sender = sender();
        let left = until.get(&sender).map(|until| until.saturating_duration_since(now));
        match left {
            None => Ok(()),
            Some(Duration::ZERO) => {
                until.remove(&sender);
                Ok(())
            }
            Some(left) => Err(Rejection::TooManyRequests(left)),
        }
    }

    /// Takes note of what upstream has told a sender: seconds to wait, or a date to wait for.
    pub(crate) fn note(
        &self,
        sender: impl FnOnce() -> u128,
        outcome: &Outcome,
        (now, date): (Instant, Timestamp),
    ) {
        let Fate::Answered(answer) = &outcome.fate else { return };
        if answer.status != StatusCode::TOO_MANY_REQUESTS || self.longest.is_zero() {
            return;
        }
        let Some(wait) = told(answer, date).map(|wait| wait.min(self.longest)) else { return };
        let Some(end) = now.checked_add(wait) else { return };
        let sender = sender();
        let mut until = self.until.lock();
        if until.len() >= SENDERS {
            until.retain(|_, until| *until > now);
        }
        if until.len() < SENDERS || until.contains_key(&sender) {
            until.insert(sender, end);
        }
    }
}

/// How long an answer says to wait. A date is measured from the answer's own, where it has one: upstream's clock may be another.
pub(crate) fn told(answer: &Answer, date: Timestamp) -> Option<Duration> {
    let field = |name: HeaderName| {
        let (_, value) = answer.headers.iter().find(|(known, _)| *known == name)?;
        value.to_str().ok().map(str::trim)
    };
    let wait = field(RETRY_AFTER)?;
    if let Ok(seconds) = wait.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // The form that HTTP writes is one of those that mail has; its two older ones are not read.
    let read = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let from = field(DATE).and_then(read).unwrap_or(date);
    read(wait)?.duration_since(from).try_into().ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::clock;
    use crate::phase::settle::Settlement;

    fn told(status: u16, wait: &str) -> Outcome {
        dated(status, wait, None)
    }

    fn dated(status: u16, wait: &str, date: Option<&str>) -> Outcome {
        let mut headers = vec![(RETRY_AFTER, wait.parse().unwrap())];
        headers.extend(date.map(|date| (DATE, date.parse().unwrap())));
        let status = StatusCode::from_u16(status).unwrap();
        Outcome {
            sent: crate::courier::Sent::All,
            fate: Fate::Answered(crate::courier::Answer { status, headers, body: Bytes::new() }),
            refused: true,
            took: Duration::ZERO,
            told: Settlement::default(),
        }
    }

    /// What is left for a sender that was told something some seconds ago.
    fn left(longest: u64, answer: &Outcome, ago: u64) -> Option<u64> {
        let at = |second| clock::now() + Duration::from_secs(second);
        let (back_off, now) = (BackOff::new(Duration::from_secs(longest)), at(0));
        back_off.note(|| 7, answer, (now, "2026-11-28T21:00:00Z".parse().unwrap()));
        assert!(back_off.check(|| 8, now).is_ok(), "somebody else");
        match back_off.check(|| 7, now + Duration::from_secs(ago)) {
            Err(Rejection::TooManyRequests(wait)) => Some(wait.as_secs()),
            Err(other) => panic!("{other:?}"),
            Ok(()) => None,
        }
    }

    #[test]
    fn a_sender_waits_as_long_as_upstream_says_and_no_longer_than_is_allowed() {
        assert_eq!(left(60, &told(429, "7"), 0), Some(7));
        assert_eq!(left(60, &told(429, "7"), 5), Some(2));
        assert_eq!(left(60, &told(429, "7"), 7), None);
        assert_eq!(left(60, &told(429, "3600"), 0), Some(60));
        assert_eq!(left(0, &told(429, "7"), 0), None, "off");
        for (status, wait) in [(429, "soon"), (429, "-1"), (429, "0"), (503, "7"), (201, "7")] {
            assert_eq!(left(60, &told(status, wait), 0), None, "{status} {wait}");
        }
    }

    #[test]
    fn a_date_is_waited_for_by_upstreams_clock_or_else_by_ours() {
        let wait = "Sat, 28 Nov 2026 21:00:09 GMT";
        assert_eq!(left(60, &told(429, wait), 0), Some(9));
        assert_eq!(left(60, &told(429, wait), 5), Some(4));
        assert_eq!(left(60, &told(429, wait), 9), None);
        assert_eq!(left(5, &told(429, wait), 0), Some(5), "no longer than is allowed");
        assert_eq!(left(0, &told(429, wait), 0), None, "off");
        let by = |date| left(60, &dated(429, wait, Some(date)), 0);
        assert_eq!(by("Sat, 28 Nov 2026 21:00:02 GMT"), Some(7), "its clock is ahead of ours");
        assert_eq!(by("Sat, 28 Nov 2026 20:59:59 GMT"), Some(10), "its clock is behind ours");
        assert_eq!(by("Sun, 29 Nov 2026 21:00:02 GMT"), None, "it is over");
        assert_eq!(by("yesterday"), Some(9), "its date is none");
        for (status, wait) in [
            (503, wait),
            (429, "Sat, 28 Nov 2026 21:00:00 GMT"),
            (429, "Fri, 27 Nov 2026 21:00:09 GMT"),
            (429, "Mon, 28 Nov 2026 21:00:09 GMT"),
            (429, "Sat, 31 Feb 2026 21:00:09 GMT"),
            // Forms that HTTP no longer writes.
            (429, "Saturday, 28-Nov-26 21:00:09 GMT"),
            (429, "Sat Nov 28 21:00:09 2026"),
        ] {
            assert_eq!(left(60, &told(status, wait), 0), None, "{status} {wait}");
        }
    }

    #[test]
    fn a_table_that_is_full_forgets_only_what_is_over() {
        let back_off = BackOff::new(Duration::from_secs(60));
        let (now, later) = (clock::now(), clock::now() + Duration::from_secs(30));
        let date = clock::date();
        for sender in 0..u128::try_from(SENDERS).unwrap() {
            back_off.note(|| sender, &told(429, if sender < 9 { "10" } else { "50" }), (now, date));
        }
        back_off.note(|| u128::MAX, &told(429, "50"), (now, date));
        assert!(back_off.check(|| u128::MAX, now).is_ok(), "there is no room for it");
        assert!(back_off.check(|| 3, now).is_err() && back_off.check(|| 99, now).is_err());
        back_off.note(|| u128::MAX, &told(429, "50"), (later, date));
        assert!(back_off.check(|| u128::MAX, later).is_err() && back_off.check(|| 99, later).is_err());
        assert_eq!(back_off.until.lock().len(), SENDERS - 8);
    }
}
