//! Whether the gateway is ready, draining or to end, and how much is still under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::capacity::{Capacity, Each};
use crate::config::Limits;

/// Shared by everything that has to know.
#[derive(Debug)]
pub(crate) struct Life {
    serving: AtomicBool,
    draining: AtomicBool,
    closed: AtomicBool,
    forced: AtomicBool,
    /// Senders of events that are not done.
    pub(crate) relays: Arc<Capacity>,
    pub(crate) connections: Arc<Capacity>,
    /// Connections of each address.
    pub(crate) addresses: Arc<Each>,
    pub(crate) in_flight: Arc<Capacity>,
    pub(crate) buffered: Arc<Capacity>,
}

impl Life {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            serving: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            forced: AtomicBool::new(false),
            relays: Capacity::new(usize::MAX),
            connections: Capacity::new(limits.connections),
            addresses: Each::new(limits.connections_per_address),
            in_flight: Capacity::new(limits.in_flight),
            buffered: Capacity::new(limits.buffered_bytes),
        })
    }

    /// The listeners are open.
    pub(crate) fn serve(&self) {
        self.serving.store(true, Ordering::Relaxed);
    }

    /// New work should go elsewhere.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// The listeners are closed.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// End now, whatever is under way.
    pub(crate) fn force(&self) {
        self.forced.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(crate) fn is_forced(&self) -> bool {
        self.forced.load(Ordering::Relaxed)
    }
}
