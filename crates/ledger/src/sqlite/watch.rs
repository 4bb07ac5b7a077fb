//! Who is told how long the writer takes. The one place of this crate that asks what time it is.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

type Told = Box<dyn Fn(usize, Duration) + Send + Sync>;
type Failed = Box<dyn Fn(&str) + Send + Sync>;

/// Somebody who is told, or nobody; whether the writer has ended, and whether its disk has room only for what has happened already.
#[derive(Default)]
pub(super) struct Watch {
    told: OnceLock<Told>,
    failed: OnceLock<Failed>,
    ended: AtomicBool,
    short: AtomicBool,
}

impl Watch {
    /// The first one who asks is told.
    pub(super) fn by(
        &self,
        told: impl Fn(usize, Duration) + Send + Sync + 'static,
        failed: impl Fn(&str) + Send + Sync + 'static,
    ) {
        // Whoever comes second is not told, and nothing else depends on it.
        let _ = (self.told.set(Box::new(told)), self.failed.set(Box::new(failed)));
    }

    #[expect(clippy::disallowed_methods, reason = "the clock adapter")]
    pub(super) fn now() -> Instant {
        Instant::now()
    }

    /// The writer writes nothing any more.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// There is room only for what has happened already, or there is enough again.
    pub(super) fn short(&self, short: bool) {
        self.short.store(short, Ordering::Relaxed);
    }

    pub(super) fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    pub(super) fn tell(&self, orders: usize, began: Instant) {
        if let Some(told) = self.told.get() {
            told(orders, Self::now().saturating_duration_since(began));
        }
    }

    /// The disk has failed the writer.
    pub(super) fn fail(&self, why: &str) {
        if let Some(failed) = self.failed.get() {
            failed(why);
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
