//! What upstream tells of jobs that nobody here can make anything of. Each is said once: who waits for a job asks for it again and
//! again.

use std::collections::HashSet;

use ledger::HoldRow;
use log::warn;
use parking_lot::Mutex;

/// So much is remembered at most; nothing new is said from there on.
const MOST: usize = 1000;
/// So much of a word is shown.
const SHOWN: usize = 40;

/// What was said.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    words: Mutex<HashSet<String>>,
    lost: Mutex<HashSet<String>>,
}

impl Notices {
    /// A state that is none of those that are known: the hold stays as it is.
    pub(super) fn state(&self, word: &str) {
        let word: String = word.chars().take(SHOWN).collect();
        if is_new(&self.words, word.clone()) {
            warn!(
                "upstream tells of a job whose state is {word:?}, which nobody knows here; nothing is made of it"
            );
        }
    }

    /// A job that runs, or is over, though its hold was given back.
    pub(super) fn lost(&self, row: &HoldRow) {
        let (id, job) = (row.id, row.job.map(|job| job.to_string()).unwrap_or_default());
        if is_new(&self.lost, id.to_string()) {
            warn!(
                "hold {id} was given back, and upstream tells that its job {job} was submitted; no budget counts what that costs"
            );
        }
    }
}

fn is_new(said: &Mutex<HashSet<String>>, what: String) -> bool {
    let mut said = said.lock();
    said.len() < MOST && said.insert(what)
}
