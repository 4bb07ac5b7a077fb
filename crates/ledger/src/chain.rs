//! What an entry says, and the checksum that ties each entry to all before it: an entry that is changed, lost or put in later is found.

use sha2::{Digest, Sha256};

use crate::book::Told;

/// What an entry says, as it is written and read.
#[derive(Debug)]
pub(crate) struct Said<'a> {
    pub(crate) seq: i64,
    pub(crate) id: &'a str,
    pub(crate) hold: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) state: &'a str,
    pub(crate) numbers: [i64; 4],
    pub(crate) accounts: &'a str,
    pub(crate) note: &'a str,
}

/// The sum of an entry behind the sum of the one before it.
pub(crate) fn sum(before: &[u8], said: &Said<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(said.seq.to_be_bytes());
    for text in [said.id, said.hold, said.kind, said.state, said.accounts, said.note] {
        hash.update(text.as_bytes());
        // No text has this byte, so no two entries are written alike.
        hash.update([0xff]);
    }
    for number in said.numbers {
        hash.update(number.to_be_bytes());
    }
    hash.finalize().into()
}

/// What an opening entry says beside its numbers.
pub(crate) fn opening(card: &str, job: Option<&str>) -> String {
    match job {
        Some(job) => format!("card={card} job={job}"),
        None => format!("card={card}"),
    }
}

/// What was told, as an entry keeps it.
pub(crate) fn telling(told: Told) -> String {
    let job = told.job.map(|job| format!("job={job}"));
    let estimate = told.estimate.map(|number| format!("estimate={}", number.normalize()));
    let units = told.units.map(|number| format!("units={}", number.normalize()));
    [job, estimate, units].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
