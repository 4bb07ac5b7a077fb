//! Requests that came with a key: the first one with it is carried out, every later one hears what became of that one. What a
//! key is made of is its caller's business; here it is a fingerprint, and nothing that a client wrote is kept but answers.

use jiff::Timestamp;

use crate::HoldId;
use crate::entry::millis;
use crate::ledger::{Ledger, Unavailable};
use crate::store::{Answer, Read, Write};
use crate::wanted::Refused;

/// How long an answer is kept, in milliseconds.
const KEPT_FOR: i64 = 24 * 60 * 60 * 1000;

/// Which request this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Who asks, and the word they chose.
    pub name: [u8; 32],
    /// What they ask.
    pub request: [u8; 32],
}

/// What is kept of a request that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The answer.
    Answer {
        /// Its status.
        status: u16,
        /// Its headers, as their writer reads them again.
        headers: String,
        /// Its body.
        body: Vec<u8>,
    },
    /// That nobody knows; the status that said so.
    Unknown(u16),
    /// Nothing: it was as if it had not been asked, and may be asked again.
    Nothing,
}

/// A request that came with a key, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) key: Key,
    /// The hold that it opened or changes.
    pub(crate) hold: Option<HoldId>,
    /// When it was asked, in milliseconds of Unix time.
    pub(crate) at: i64,
    /// What became of it; none while it is under way.
    pub(crate) kept: Option<Kept>,
}

/// What became of the first request with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// It is under way.
    Running,
    /// It asked for something else.
    Other,
    /// This; and the hold that it opened.
    Over(Kept, Option<HoldId>),
}

impl Ledger {
    /// What became of an earlier request with a key.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn recall(&self, key: Key, now: Timestamp) -> Result<Option<Earlier>, Unavailable> {
        self.ask(move |store| recall(store, &key, now)).await
    }

    /// Takes a key for a request that needs no hold.
    ///
    /// # Errors
    /// [`Refused::Repeated`] when it is taken.
    pub async fn begin(&self, key: Key, now: Timestamp) -> Result<(), Refused> {
        self.decide(move |store| {
            check(store, Some(&key), now)?;
            Ok(take(store, Some(key), None, now)?)
        })
        .await
    }

    /// Keeps what became of such a request.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn keep(&self, key: Key, kept: Kept) -> Result<(), Unavailable> {
        self.record(move |store| keep(store, &key, &kept)).await
    }

    /// Forgets what was kept long enough.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn forget(&self, now: Timestamp) -> Result<usize, Unavailable> {
        let before = millis(now).saturating_sub(KEPT_FOR);
        self.decide(move |store| store.forget(before, 1000)).await
    }
}

/// Whether a key is free; before anything is written.
pub(crate) fn check(store: &dyn Read, key: Option<&Key>, now: Timestamp) -> Result<(), Refused> {
    let earlier = key.map(|key| recall(store, key, now)).transpose()?.flatten();
    earlier.map_or(Ok(()), |earlier| Err(Refused::Repeated(Box::new(earlier))))
}

/// Takes a key that is free, in the step that decides about its request.
pub(crate) fn take(
    store: &mut dyn Write,
    key: Option<Key>,
    hold: Option<HoldId>,
    now: Timestamp,
) -> Answer<()> {
    let Some(key) = key else { return Ok(()) };
    store.put_request(&Request { key, hold, at: millis(now), kept: None })
}

pub(crate) fn keep(store: &mut dyn Write, key: &Key, kept: &Kept) -> Answer<()> {
    if *kept == Kept::Nothing {
        return store.remove_request(&key.name);
    }
    // A key that is gone is no reason to forget what became of its hold.
    let Some(request) = store.request(&key.name)? else { return Ok(()) };
    store.put_request(&Request { kept: Some(kept.clone()), ..request })
}

fn recall(store: &dyn Read, key: &Key, now: Timestamp) -> Answer<Option<Earlier>> {
    let before = millis(now).saturating_sub(KEPT_FOR);
    let request = store.request(&key.name)?.filter(|request| request.kept.is_none() || request.at > before);
    Ok(request.map(|request| match request.kept {
        _ if request.key.request != key.request => Earlier::Other,
        None => Earlier::Running,
        Some(kept) => Earlier::Over(kept, request.hold),
    }))
}
