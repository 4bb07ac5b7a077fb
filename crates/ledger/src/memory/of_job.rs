//! The holds of one job. Most have one; but a change of a job made elsewhere that is refused leaves one that was given back, and
//! upstream may use an id again: neither makes the next question dearer.

use admission::HoldState;

use crate::HoldId;

/// When it was opened, and which it is.
type Age = (i64, HoldId);

#[derive(Debug, Default)]
pub(super) struct OfJob {
    /// Oldest first.
    kept: Vec<Age>,
    /// The youngest of those that were given back.
    released: Option<Age>,
}

impl OfJob {
    /// The one that the job is followed by: the youngest that was not given back, or else the youngest.
    pub(super) fn first(&self) -> Option<HoldId> {
        self.kept.last().or(self.released.as_ref()).map(|(_, id)| *id)
    }

    pub(super) fn add(&mut self, age: Age, state: HoldState) {
        if state == HoldState::Released {
            self.released = self.released.max(Some(age));
        } else if let Err(place) = self.kept.binary_search(&age) {
            self.kept.insert(place, age);
        }
    }

    /// It is not any more what it was. One that was given back stays so.
    pub(super) fn forget(&mut self, age: Age) {
        if let Ok(place) = self.kept.binary_search(&age) {
            self.kept.remove(place);
        }
    }
}
