//! Tells at once whether the id of an input was there before; the ids themselves stay with the inputs.

use std::collections::BTreeSet;

use crate::{JobInput, RealityDataId};

/// Up to so many ids are compared one by one.
const FEW: usize = 16;
/// The shortest text of an id, quotes included.
const SHORTEST: usize = 38;
/// Places for twice as many inputs as a job has at most, where nobody has raised that limit: two bytes each, on the stack.
pub(super) const PLACES: usize = 2_048;
/// An id that finds no place within so many steps goes aside, so that chosen ids cannot make the table slow.
const STEPS: usize = 24;

/// The ids of the inputs so far: compared one by one at first, then found in an open-addressed table.
#[derive(Debug)]
pub(super) struct IdSet<'t> {
    /// In each place 0, or which input it is, counted from 1.
    table: &'t mut [u16],
    /// Takes the table's part when there are more inputs than it has room for.
    larger: Vec<u16>,
    /// Ids of inputs that could not be read, or that found no place.
    aside: BTreeSet<u128>,
}

impl<'t> IdSet<'t> {
    /// Whether a text of so many bytes can have more than a few ids in it.
    pub(super) const fn needs_table(bytes: usize) -> bool {
        bytes > SHORTEST.saturating_mul(FEW)
    }

    /// None yet.
    pub(super) const fn new(table: &'t mut [u16]) -> Self {
        Self { table, larger: Vec::new(), aside: BTreeSet::new() }
    }

    /// Whether an id is that of an earlier input.
    pub(super) fn contains(&self, id: RealityDataId, inputs: &[JobInput]) -> bool {
        let among = if inputs.len() <= FEW {
            inputs.iter().any(|input| input.id() == id)
        } else {
            let steps = Steps::new(id, self.places());
            steps.take_while(|(_, input)| *input != 0).any(|(_, input)| is(inputs, input, id))
        };
        among || (!self.aside.is_empty() && self.aside.contains(&id.guid().get()))
    }

    /// The last input has been added.
    #[inline]
    pub(super) fn added(&mut self, inputs: &[JobInput]) {
        if inputs.len() > FEW {
            self.place_last(inputs);
        }
    }

    /// The id of an input that is none of the inputs.
    #[cold]
    pub(super) fn unreadable(&mut self, id: RealityDataId) {
        self.aside.insert(id.guid().get());
    }

    fn places(&self) -> &[u16] {
        if self.larger.is_empty() { self.table } else { &self.larger }
    }

    fn place_last(&mut self, inputs: &[JobInput]) {
        // The first ones have no place yet.
        let mut from = if inputs.len() == FEW.saturating_add(1) { 0 } else { inputs.len().saturating_sub(1) };
        if inputs.len().saturating_mul(2) > self.places().len() {
            self.larger = vec![0; inputs.len().saturating_mul(4).next_power_of_two()];
            from = 0;
        }
        let Ok(first) = u16::try_from(from.saturating_add(1)) else { return self.set_last_aside(inputs) };
        let new = inputs.get(from..).unwrap_or_default();
        for (input, number) in new.iter().zip(first..) {
            if !self.place(number, input.id(), inputs) {
                self.aside.insert(input.id().guid().get());
            }
        }
    }

    /// Nobody reads so many elements.
    #[cold]
    fn set_last_aside(&mut self, inputs: &[JobInput]) {
        self.aside.extend(inputs.last().map(|input| input.id().guid().get()));
    }

    /// False if there was no place.
    fn place(&mut self, number: u16, id: RealityDataId, inputs: &[JobInput]) -> bool {
        let found = Steps::new(id, self.places()).find(|(_, input)| *input == 0 || is(inputs, *input, id));
        let Some((at, _)) = found else { return false };
        let places = if self.larger.is_empty() { &mut *self.table } else { &mut self.larger };
        if let Some(place) = places.get_mut(at) {
            *place = number;
        }
        true
    }
}

/// Whether the input of this number, counted from 1, has the id.
fn is(inputs: &[JobInput], number: u16, id: RealityDataId) -> bool {
    inputs.get(usize::from(number).wrapping_sub(1)).is_some_and(|input| input.id() == id)
}

/// The places where an id may be, and what is there.
struct Steps<'p> {
    places: &'p [u16],
    at: usize,
    left: usize,
}

impl<'p> Steps<'p> {
    fn new(id: RealityDataId, places: &'p [u16]) -> Self {
        Self { places, at: spread(id.guid().get()), left: STEPS }
    }
}

impl Iterator for Steps<'_> {
    type Item = (usize, u16);

    #[inline]
    fn next(&mut self) -> Option<(usize, u16)> {
        self.left = self.left.checked_sub(1)?;
        // INVARIANT: the number of places is a power of two.
        let at = self.at & self.places.len().wrapping_sub(1);
        self.at = at.wrapping_add(1);
        self.places.get(at).map(|input| (at, *input))
    }
}

fn spread(id: u128) -> usize {
    let mixed = (id ^ (id >> 64)) & u128::from(u64::MAX);
    let mixed = u64::try_from(mixed).unwrap_or(0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A few thousand ids, some alike, some with the same place in any table.
    fn ids() -> impl Strategy<Value = Vec<(u128, bool)>> {
        let alike = (0_u128..64).prop_map(|low| (low << 64 | low) ^ 7 << 64 | 1 << 40);
        let id = prop_oneof![2 => 1_u128..3_000, 1 => alike, 1 => any::<u128>()];
        let readable = prop::bool::weighted(0.9);
        prop::collection::vec((id.prop_map(|id| id.max(1)), readable), 0..3_000)
    }

    fn id(number: u128) -> RealityDataId {
        let part = |shift: u32| (number >> shift) & 0xffff;
        let (first, last) = (number >> 96, number & 0xffff_ffff_ffff);
        let text = format!("{first:08x}-{:04x}-{:04x}-{:04x}-{last:012x}", part(80), part(64), part(48));
        RealityDataId::parse(&text).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_id_is_known_exactly_when_it_was_there(ids in ids(), small in any::<bool>()) {
            let mut table = [0; PLACES];
            let mut set = IdSet::new(if small { &mut [] } else { &mut table });
            let mut inputs = Vec::new();
            let mut seen = BTreeSet::new();
            for (number, readable) in ids {
                prop_assert_eq!(set.contains(id(number), &inputs), !seen.insert(number));
                if readable {
                    inputs.push(JobInput::new(id(number), None));
                    set.added(&inputs);
                } else {
                    set.unreadable(id(number));
                }
            }
        }
    }
}
