//! The one place of this crate that asks what time it is.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
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

/// Starts the thread that keeps time for the library's timeouts. It would start it with the first of them, and where there is no
/// thread to be had then, every request from there on would fail, and the process live on.
///
/// # Errors
/// When there is none now.
pub(crate) fn keep_time() -> std::io::Result<()> {
    // The library panics without it: whether there is one is tried first.
    let tried = std::thread::Builder::new().spawn(|| {})?;
    // A thread that does nothing does not fail.
    let _ = tried.join();
    let mut first = pin!(pingora::time::timeout(Duration::from_millis(1), std::future::pending::<()>()));
    let _ = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    Ok(())
}

/// Which start of the machine this is, where it tells.
pub(crate) fn boot() -> Option<Boot> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let since = Duration::new(since.tv_sec.try_into().ok()?, since.tv_nsec.try_into().ok()?);
    (!id.is_empty() && !id.contains(char::is_whitespace)).then_some(Boot { id, since })
}
