//! How old the issuer's keys are, as a metric.

use std::time::Duration;

use prometheus::{Error, Gauge};

use super::Metrics;
use super::declare::Declare;

/// Declares it.
pub(super) fn age(all: &Declare<'_>) -> Result<Gauge, Error> {
    all.amount(
        "keys_age_seconds",
        "Seconds since the issuer has confirmed its keys, or since the start where it never has; 0 without identity.jwks_url.",
    )
}

impl Metrics {
    /// How long ago the issuer has confirmed its keys.
    pub(crate) fn keys_are_of(&self, age: Duration) {
        self.keys_age.set(age.as_secs_f64());
    }
}
