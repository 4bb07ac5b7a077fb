//! What happens to many holds at once: those that were not submitted in time lapse, and those that a killed process left with
//! a request under way are in doubt.

use admission::{Event, HoldState};
use jiff::Timestamp;

use crate::book::write;
use crate::entry::millis;
use crate::ledger::{Ledger, Unavailable};
use crate::store::Write;
use crate::wanted::{Note, Refused};

/// So many at once: nobody is to wait for all of them.
const PART: u32 = 1000;

impl Ledger {
    /// Gives back what was opened before `before` and is not submitted, a part of it at a time; tells how many.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn lapse(&self, before: Timestamp, now: Timestamp) -> Result<usize, Unavailable> {
        self.decide(move |store| end_all(store, HoldState::Bound, millis(before), Event::Lapse, now)).await
    }
}

/// What a killed process left with a request under way is in doubt: whether upstream has the request is not known.
pub(crate) fn recover(store: &mut dyn Write, now: Timestamp) -> Result<usize, Unavailable> {
    let mut all: usize = 0;
    for state in [HoldState::Open, HoldState::Changing] {
        loop {
            let part = end_all(store, state, i64::MAX, Event::Doubt, now)?;
            all = all.saturating_add(part);
            if part == 0 {
                break;
            }
        }
    }
    Ok(all)
}

fn end_all(
    store: &mut dyn Write,
    state: HoldState,
    before: i64,
    event: Event,
    now: Timestamp,
) -> Result<usize, Unavailable> {
    let holds = store.opened_before(state, before, PART)?;
    for hold in &holds {
        let note = Note { events: vec![event], ..Note::default() };
        if let Err(Refused::Unavailable(fault)) = write(store, *hold, &note, None, now) {
            return Err(fault);
        }
    }
    Ok(holds.len())
}
