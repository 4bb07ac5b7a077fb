//! A set of input ids that tells at once whether one was there before.

use std::collections::BTreeSet;

use crate::ids::Guid;

/// Up to so many ids are compared one by one.
const FEW: usize = 16;
/// An id that finds no place within so many steps goes aside, so that chosen ids cannot make the table slow.
const STEPS: usize = 24;

/// Ids seen so far: a list at first, then an open-addressed table of twice their number, in memory of their own size.
#[derive(Debug, Default)]
pub(super) struct IdSet {
    few: [u128; FEW],
    count: usize,
    table: Vec<u128>,
    aside: BTreeSet<u128>,
}

impl IdSet {
    /// Adds an id; false if it was there.
    pub(super) fn insert(&mut self, id: Guid) -> bool {
        let id = id.get();
        if self.count < FEW {
            if self.few.iter().take(self.count).any(|earlier| *earlier == id) {
                return false;
            }
            if let Some(slot) = self.few.get_mut(self.count) {
                *slot = id;
            }
            self.count = self.count.saturating_add(1);
            return true;
        }
        if self.count.saturating_mul(2) >= self.table.len() {
            self.grow();
        }
        let new = self.place(id);
        self.count = self.count.saturating_add(usize::from(new));
        new
    }

    fn grow(&mut self) {
        let size = self.count.saturating_mul(4).next_power_of_two();
        let old = std::mem::replace(&mut self.table, vec![0; size]);
        let few = if old.is_empty() { self.few } else { [0; FEW] };
        for id in old.into_iter().chain(few).filter(|id| *id != 0) {
            self.place(id);
        }
    }

    /// INVARIANT: no id is 0, so 0 marks a free place.
    fn place(&mut self, id: u128) -> bool {
        let mask = self.table.len().saturating_sub(1);
        let mut at = spread(id) & mask;
        for _ in 0..STEPS {
            match self.table.get_mut(at) {
                Some(slot) if *slot == 0 => {
                    *slot = id;
                    return true;
                }
                Some(slot) if *slot == id => return false,
                _ => at = at.wrapping_add(1) & mask,
            }
        }
        self.aside.insert(id)
    }
}

fn spread(id: u128) -> usize {
    let mixed = (id ^ (id >> 64)) & u128::from(u64::MAX);
    let mixed = u64::try_from(mixed).unwrap_or(0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 32).unwrap_or(0)
}
