//! Rate limits: so many requests in any span of time, for each client apart, in a table that does not grow.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::span::Span;

/// At most so many requests in any span of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    requests: NonZeroU32,
    per: Duration,
}

impl RateLimit {
    /// The limit, unless the span is shorter than a millisecond or longer than 31 days.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    /// use admission::RateLimit;
    /// let requests = NonZeroU32::new(100).unwrap();
    /// assert!(RateLimit::new(requests, Duration::from_secs(60)).is_some());
    /// assert!(RateLimit::new(requests, Duration::ZERO).is_none());
    /// ```
    pub fn new(requests: NonZeroU32, per: Duration) -> Option<Self> {
        let sound = (Duration::from_millis(1)..=Duration::from_secs(31 * 24 * 3600)).contains(&per);
        sound.then_some(Self { requests, per })
    }

    /// How many.
    pub const fn requests(self) -> NonZeroU32 {
        self.requests
    }

    /// In which time.
    pub const fn per(self) -> Duration {
        self.per
    }
}

/// A refusal: after this time one more request fits, if no other takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait(pub Duration);

/// Holds every client to one limit.
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use admission::{RateLimit, RateLimiter, Wait};
/// let limit = RateLimit::new(NonZeroU32::new(2).unwrap(), Duration::from_secs(60)).unwrap();
/// let mut limiter = RateLimiter::new(limit, 1000);
/// let at = Duration::from_secs;
/// assert_eq!(limiter.check(7, at(0)), Ok(()));
/// limiter.take(7, at(0));
/// limiter.take(7, at(10));
/// assert_eq!(limiter.check(7, at(20)), Err(Wait(at(40))), "waiting that long helps");
/// assert_eq!(limiter.check(7, at(60)), Ok(()));
/// assert_eq!(limiter.check(8, at(20)), Ok(()), "another client");
/// ```
#[derive(Debug)]
pub struct RateLimiter {
    limit: RateLimit,
    capacity: usize,
    clients: HashMap<u128, Span>,
    /// All clients that find no place in the table, together.
    others: Span,
    /// When the table may be looked through next.
    swept: Duration,
}

/// How often in a span a full table is looked through.
const SWEEPS: u32 = 8;

impl RateLimiter {
    /// A limiter that remembers at most `capacity` clients.
    ///
    /// Nobody is forgotten to make place for another one: that would give him his allowance anew. Who finds no place shares
    /// one allowance with all others that find none.
    pub fn new(limit: RateLimit, capacity: usize) -> Self {
        let others = Span::new(limit.requests.get());
        Self { limit, capacity, clients: HashMap::new(), others, swept: Duration::ZERO }
    }

    /// Whether one more request of a client fits now. `now` counts from any fixed instant and never goes back.
    ///
    /// # Errors
    /// How long to wait.
    pub fn check(&mut self, client: u128, now: Duration) -> Result<(), Wait> {
        let RateLimit { requests, per } = self.limit;
        let has_place = self.has_place(now);
        let span = match self.clients.get_mut(&client) {
            Some(span) => span,
            None if has_place => return Ok(()),
            None => &mut self.others,
        };
        span.wait(requests.get(), per, now).map_or(Ok(()), |wait| Err(Wait(wait)))
    }

    /// The same for a limit that only some requests count for: who has no place in the table has sent none of them, however many
    /// others have filled it.
    ///
    /// # Errors
    /// How long to wait.
    pub fn check_known(&mut self, client: u128, now: Duration) -> Result<(), Wait> {
        if self.clients.contains_key(&client) { self.check(client, now) } else { Ok(()) }
    }

    /// Notes that a request was admitted.
    pub fn take(&mut self, client: u128, now: Duration) {
        let RateLimit { requests, per } = self.limit;
        let span = if self.clients.contains_key(&client) || self.has_place(now) {
            self.clients.entry(client).or_insert_with(|| Span::new(requests.get()))
        } else {
            &mut self.others
        };
        span.take(requests.get(), per, now);
    }

    /// Whether one more client can be remembered. Those whose history is over go; to look for them takes as long as the
    /// table, so that is done a few times in a span only.
    fn has_place(&mut self, now: Duration) -> bool {
        let per = self.limit.per;
        if self.clients.len() >= self.capacity && now >= self.swept {
            self.swept = now.saturating_add(per.checked_div(SWEEPS).unwrap_or(per));
            self.clients.retain(|_, span| !span.is_over(per, now));
        }
        self.clients.len() < self.capacity
    }

    /// How many clients are remembered.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }
}
