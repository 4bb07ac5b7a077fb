//! What a rate limit promises: never more than the limit in any span, no false refusal, a truthful wait, bounded memory.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::num::NonZeroU32;
use std::time::Duration;

use admission::{RateLimit, RateLimiter, Wait};
use proptest::prelude::*;

fn limiter(requests: u32, per: Duration, capacity: usize) -> RateLimiter {
    RateLimiter::new(RateLimit::new(NonZeroU32::new(requests).unwrap(), per).unwrap(), capacity)
}

/// Limits on both sides of the exact ones.
fn limit() -> impl Strategy<Value = u32> {
    prop_oneof![1_u32..6, 60_u32..70, 100_u32..300]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_span_has_more_than_the_limit(requests in limit(), steps in proptest::collection::vec(0_u64..40, 1..600)) {
        let per = Duration::from_secs(1);
        let mut limiter = limiter(requests, per, 10);
        let mut now = Duration::ZERO;
        let mut admitted: Vec<Duration> = Vec::new();
        for step in steps {
            now += Duration::from_millis(step * step / 40);
            if limiter.check(1, now).is_ok() {
                limiter.take(1, now);
                admitted.push(now);
            }
        }
        for (index, first) in admitted.iter().enumerate() {
            let inside = admitted[index..].iter().take_while(|other| **other < *first + per).count();
            prop_assert!(inside <= usize::try_from(requests).unwrap(), "{} within a span from {:?}", inside, first);
        }
    }

    #[test]
    fn waiting_as_told_helps_and_not_a_moment_earlier(requests in limit(), steps in proptest::collection::vec(0_u64..10, 1..600)) {
        let mut limiter = limiter(requests, Duration::from_millis(500), 10);
        let mut now = Duration::ZERO;
        for step in steps {
            now += Duration::from_millis(step);
            match limiter.check(1, now) {
                Ok(()) => limiter.take(1, now),
                Err(Wait(wait)) => {
                    prop_assert!(!wait.is_zero());
                    prop_assert!(limiter.check(1, (now + wait).saturating_sub(Duration::from_nanos(1))).is_err());
                    now += wait;
                    prop_assert_eq!(limiter.check(1, now), Ok(()));
                }
            }
        }
    }

    #[test]
    fn low_rates_are_exact(requests in 1_u32..65, steps in proptest::collection::vec(0_u64..100, 1..300)) {
        let per = Duration::from_secs(1);
        let mut limiter = limiter(requests, per, 10);
        let mut now = Duration::ZERO;
        let mut admitted: Vec<Duration> = Vec::new();
        for step in steps {
            now += Duration::from_millis(step);
            let inside = admitted.iter().filter(|other| **other + per > now).count();
            let fits = inside < usize::try_from(requests).unwrap();
            prop_assert_eq!(limiter.check(1, now).is_ok(), fits);
            if fits {
                limiter.take(1, now);
                admitted.push(now);
            }
        }
    }
}

#[test]
fn a_burst_up_to_the_limit_is_welcome() {
    for requests in [1, 64, 65, 5000] {
        let mut limiter = limiter(requests, Duration::from_secs(60), 10);
        for _ in 0..requests {
            assert_eq!(limiter.check(1, Duration::from_secs(5)), Ok(()));
            limiter.take(1, Duration::from_secs(5));
        }
        assert!(limiter.check(1, Duration::from_secs(5)).is_err());
    }
}

#[test]
fn the_table_stays_small_and_being_forgotten_gains_nothing() {
    let mut limiter = limiter(2, Duration::from_secs(10), 3);
    let at = Duration::from_secs;
    for client in 1..=3 {
        limiter.take(client, at(0));
        limiter.take(client, at(0));
    }
    // The table is full of clients that have a history: newcomers share one allowance.
    for client in 100..200 {
        if limiter.check(client, at(1)).is_ok() {
            limiter.take(client, at(1));
        }
    }
    assert_eq!(limiter.clients(), 3);
    assert!(limiter.check(300, at(1)).is_err());
    for client in 1..=3 {
        assert!(limiter.check(client, at(1)).is_err(), "nobody was put out");
    }
    // When the histories are over, there is place again.
    limiter.take(400, at(12));
    assert_eq!((limiter.clients(), limiter.check(400, at(12))), (1, Ok(())));
}

/// Of a limit that only some requests count for, those who sent none of them are never in the table: strangers who fill it must not
/// be able to lock them out.
#[test]
fn who_is_not_in_a_full_table_of_what_was_counted_afterwards_is_let_in() {
    let (mut limiter, now) = (limiter(2, Duration::from_secs(60), 10), Duration::ZERO);
    for stranger in 0..100 {
        limiter.take(stranger, now);
        limiter.take(stranger, now);
    }
    assert!(limiter.check(1000, now).is_err(), "all that find no place share one allowance");
    assert_eq!(limiter.check_known(1000, now), Ok(()));
    assert_eq!(limiter.check_known(3, now), Err(Wait(Duration::from_secs(60))));
}

/// What is counted afterwards may be more than the limit: those under way all get through, and nobody need ask at all.
#[test]
fn more_than_the_limit_takes_no_more_room_and_the_wait_stays_truthful() {
    for requests in [3, 100] {
        let per = Duration::from_secs(64);
        let mut limiter = limiter(requests, per, 10);
        for second in 0..200_u64 {
            for _ in 0..requests {
                limiter.take(1, Duration::from_secs(second));
            }
        }
        let last = Duration::from_secs(199);
        let Err(Wait(wait)) = limiter.check(1, last) else { panic!("there were too many") };
        assert!(wait >= per, "{requests}: the last of them count until then, {wait:?}");
        assert_eq!(limiter.check(1, last + wait), Ok(()));
    }
}
