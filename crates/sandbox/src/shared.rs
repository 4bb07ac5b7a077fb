//! What all connections of one sandbox share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use job_model::Policy;

use crate::clock::Clock;
use crate::journal::Journal;
use crate::plan::Faults;
use crate::store::Store;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) run_time: Duration,
    pub(crate) engines: u32,
    pub(crate) policy: Policy,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    pub(crate) store: Mutex<Store>,
}

impl Shared {
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
