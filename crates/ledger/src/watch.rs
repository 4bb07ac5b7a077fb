//! Who is told how long the writer takes. The one place of this crate that asks what time it is.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

type Told = Box<dyn Fn(usize, Duration) + Send + Sync>;

/// Somebody who is told, or nobody.
#[derive(Default)]
pub(crate) struct Watch(OnceLock<Told>);

impl Watch {
    /// The first one who asks is told.
    pub(crate) fn by(&self, told: impl Fn(usize, Duration) + Send + Sync + 'static) {
        // Whoever comes second is not told, and nothing else depends on it.
        let _ = self.0.set(Box::new(told));
    }

    #[expect(clippy::disallowed_methods, reason = "the clock adapter")]
    pub(crate) fn now() -> Instant {
        Instant::now()
    }

    pub(crate) fn tell(&self, orders: usize, began: Instant) {
        if let Some(told) = self.0.get() {
            told(orders, Self::now().saturating_duration_since(began));
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
