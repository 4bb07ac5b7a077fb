//! The one place of this crate that asks what time it is.

use std::time::Instant;

/// For durations.
#[expect(clippy::disallowed_methods, reason = "the clock adapter")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// For dates.
pub(crate) fn date() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
