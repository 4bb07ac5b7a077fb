//! A limited amount of something that requests share: places in flight, bytes of buffered bodies; and of connections from each
//! address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much there is, and how much of it is taken.
#[derive(Debug)]
pub(crate) struct Capacity {
    limit: usize,
    taken: AtomicUsize,
}

impl Capacity {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, taken: AtomicUsize::new(0) })
    }

    /// How much is taken now.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// A share of `amount`, if that much is left.
    pub(crate) fn take(self: &Arc<Self>, amount: usize) -> Option<Share> {
        let mut share = Share { of: Arc::clone(self), amount: 0 };
        share.grow(amount).then_some(share)
    }
}

/// A part that is taken; given back when dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Share {
    of: Arc<Capacity>,
    amount: usize,
}

impl Share {
    /// Takes `more` on top, if that much is left.
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let limit = self.of.limit;
        let fits = self.of.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            taken.checked_add(more).filter(|sum| *sum <= limit)
        });
        if fits.is_ok() {
            // INVARIANT: not above `taken`, which did not overflow.
            self.amount = self.amount.saturating_add(more);
        }
        fits.is_ok()
    }

    pub(crate) fn amount(&self) -> usize {
        self.amount
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.taken.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

/// How many each has of something, and how many it may have. Who has none takes no room.
#[derive(Debug)]
pub(crate) struct Each {
    limit: usize,
    taken: Mutex<HashMap<u128, usize>>,
}

impl Each {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, taken: Mutex::default() })
    }

    /// One more for one of them, if it may have that.
    pub(crate) fn take(self: &Arc<Self>, whose: u128) -> Option<One> {
        let mut all = self.all();
        let taken = all.entry(whose).or_default();
        if *taken >= self.limit {
            return None;
        }
        *taken = taken.saturating_add(1);
        Some(One { of: Arc::clone(self), whose })
    }

    /// A panic while it was held can have spoilt no more than one count.
    fn all(&self) -> MutexGuard<'_, HashMap<u128, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that is taken; given back when dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct One {
    of: Arc<Each>,
    whose: u128,
}

impl Drop for One {
    fn drop(&mut self) {
        if let Entry::Occupied(mut taken) = self.of.all().entry(self.whose) {
            *taken.get_mut() = taken.get().saturating_sub(1);
            if *taken.get() == 0 {
                taken.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_there_is_and_all_of_it_comes_back() {
        let bytes = Capacity::new(10);
        let mut share = bytes.take(4).unwrap();
        assert!(bytes.take(7).is_none());
        assert!(share.grow(6));
        assert!(!share.grow(1));
        assert_eq!((bytes.taken(), share.amount()), (10, 10));
        drop(share);
        assert_eq!(bytes.taken(), 0);
        assert!(bytes.take(usize::MAX).is_none());
    }

    #[test]
    fn each_has_no_more_than_it_may_and_who_has_none_takes_no_room() {
        let each = Each::new(2);
        let some = [each.take(1), each.take(1), each.take(2)];
        assert!(some.iter().all(Option::is_some) && each.take(1).is_none());
        drop(some);
        assert!(each.take(1).is_some());
        assert!(each.all().is_empty());
    }
}
