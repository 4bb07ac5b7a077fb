//! The one place of this crate that asks what time it is.

use std::time::{Duration, Instant};

use crate::anchor::Boot;

/// For durations.
#[expect(clippy::disallowed_methods, reason = "the clock adapter")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// For dates.
pub(crate) fn date() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Which start of the machine this is, where it tells.
pub(crate) fn boot() -> Option<Boot> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let since = Duration::new(since.tv_sec.try_into().ok()?, since.tv_nsec.try_into().ok()?);
    (!id.is_empty() && !id.contains(char::is_whitespace)).then_some(Boot { id, since })
}
