//! Holds requests to the configured rates: by everybody, token, principal, address and workspace.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use admission::{RateLimiter, Wait};

use crate::back_off::BackOff;
use crate::clock;
use crate::config::{Counts, RateRule, Scope};
use crate::courier::Outcome;
use crate::identity::Principal;
use crate::metrics::Metrics;
use crate::rejection::Rejection;

/// The most clients that are told apart for one limit: a few megabytes.
const CLIENTS: usize = 100_000;

/// The limits and what was admitted lately.
#[derive(Debug)]
pub(crate) struct Rates {
    began: Instant,
    /// Two of them: a client cannot choose texts that are taken for each other.
    salts: [RandomState; 2],
    limiters: Mutex<Limiters>,
    /// Whom upstream has told to wait.
    back_off: BackOff,
}

type Limiters = Vec<(RateRule, RateLimiter)>;

/// Whom a request is counted for, by one scope after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// Known from the header.
    Sender { token: &'a [u8], address: Option<IpAddr>, principal: Option<&'a Principal> },
    /// Known from the body.
    Workspace(job_model::WorkspaceId),
}

impl Rates {
    pub(crate) fn new(rules: &[RateRule], back_off: Duration) -> Self {
        let limiters = rules.iter().map(|rule| (*rule, RateLimiter::new(rule.limit, CLIENTS))).collect();
        let salts = [RandomState::new(), RandomState::new()];
        Self { began: clock::now(), salts, limiters: Mutex::new(limiters), back_off: BackOff::new(back_off) }
    }

    /// Whether upstream would take a new job of a sender: not while it has told that sender to wait.
    ///
    /// # Errors
    /// `TooManyRequests`, with what is left of the wait.
    pub(crate) fn may_create(&self, token: &[u8], metrics: &Metrics) -> Result<(), Rejection> {
        self.back_off.check(|| self.hashed(token), clock::now()).inspect_err(|_| metrics.backed_off())
    }

    /// Takes note of what upstream has answered to a new job of a sender.
    pub(crate) fn created(&self, token: &[u8], outcome: &Outcome) {
        self.back_off.note(|| self.hashed(token), outcome, (clock::now(), clock::date()));
    }

    /// Counts a request, unless one of its limits is reached: then it counts for none.
    ///
    /// # Errors
    /// `TooManyRequests`, with the longest wait.
    pub(crate) fn admit(&self, subject: Subject<'_>, metrics: &Metrics) -> Result<(), Rejection> {
        let (now, mut limiters) = self.locked();
        let mut longest: Option<Duration> = None;
        for (rule, limiter) in limiters.iter_mut() {
            let Some(client) = self.client(rule.scope, subject) else { continue };
            let checked = match rule.counts {
                Counts::Requests => limiter.check(client, now),
                Counts::Unauthorized => limiter.check_known(client, now),
            };
            if let Err(Wait(wait)) = checked {
                metrics.rate_limited(rule.scope);
                if rule.enforce {
                    longest = longest.max(Some(wait));
                }
            }
        }
        if let Some(wait) = longest {
            return Err(Rejection::TooManyRequests(wait));
        }
        self.take(&mut limiters, Counts::Requests, subject, now);
        Ok(())
    }

    /// Counts a request that was answered with 401 or 403.
    pub(crate) fn unauthorized(&self, subject: Subject<'_>) {
        let (now, mut limiters) = self.locked();
        self.take(&mut limiters, Counts::Unauthorized, subject, now);
    }

    fn take(&self, limiters: &mut Limiters, counts: Counts, subject: Subject<'_>, now: Duration) {
        for (rule, limiter) in limiters.iter_mut().filter(|(rule, _)| rule.counts == counts) {
            if let Some(client) = self.client(rule.scope, subject) {
                limiter.take(client, now);
            }
        }
    }

    fn locked(&self) -> (Duration, MutexGuard<'_, Limiters>) {
        // A panic while it was held can have spoilt no more than a count.
        let limiters = self.limiters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Behind the lock: time never goes back for a limiter.
        (clock::now().saturating_duration_since(self.began), limiters)
    }

    /// Whom a limit counts a request for; nobody where the limit is judged at another step.
    fn client(&self, scope: Scope, subject: Subject<'_>) -> Option<u128> {
        match (scope, subject) {
            (Scope::Global, Subject::Sender { .. }) => Some(0),
            (Scope::Token, Subject::Sender { token, .. }) => Some(self.hashed(token)),
            (Scope::Principal, Subject::Sender { principal, .. }) => Some(self.hashed(principal?)),
            (Scope::Address, Subject::Sender { address, .. }) => Some(self.hashed(network(address?))),
            (Scope::Workspace, Subject::Workspace(workspace)) => Some(self.hashed(workspace)),
            _ => None,
        }
    }

    fn hashed(&self, value: impl Hash) -> u128 {
        let [high, low] = &self.salts;
        (u128::from(high.hash_one(&value)) << 64) | u128::from(low.hash_one(&value))
    }
}

/// What one subscriber usually has: an address, or the upper half of one.
pub(crate) fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits() & !u128::from(u64::MAX),
    }
}
