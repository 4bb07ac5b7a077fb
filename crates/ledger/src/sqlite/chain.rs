//! What an entry says, and the checksum that ties each entry to all before it: an entry that is changed, lost or put in later is found.

use sha2::{Digest, Sha256};

use crate::wanted::Told;

/// Bytes of which an entry seldom has more.
const USUAL: usize = 512;

/// What an entry says, as it is written and read.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) seq: i64,
    pub(super) id: &'a str,
    pub(super) hold: &'a str,
    pub(super) kind: &'a str,
    pub(super) state: &'a str,
    pub(super) numbers: [i64; 5],
    pub(super) accounts: &'a str,
    pub(super) note: &'a str,
}

/// The sum of an entry behind the sum of the one before it.
pub(super) fn sum(before: &[u8], said: &Said<'_>) -> [u8; 32] {
    // Hashed at once: piece by piece takes longer than the hash itself.
    let mut bytes = Vec::with_capacity(USUAL);
    bytes.extend(before);
    bytes.extend(said.seq.to_be_bytes());
    for text in [said.id, said.hold, said.kind, said.state, said.accounts, said.note] {
        bytes.extend(text.as_bytes());
        // No text has this byte, so no two entries are written alike.
        bytes.push(0xff);
    }
    for number in said.numbers {
        bytes.extend(number.to_be_bytes());
    }
    Sha256::digest(&bytes).into()
}

/// What an entry says beside its numbers, as it is written.
pub(super) fn note(told: Told) -> String {
    let Told { job, estimate, units } = told;
    let job = job.map(|job| format!("job={job}"));
    let estimate = estimate.map(|number| format!("estimate={}", number.normalize()));
    let units = units.map(|number| format!("units={}", number.normalize()));
    [job, estimate, units].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
