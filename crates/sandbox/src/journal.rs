//! What reached the sandbox and what it sent back: a bounded record, for tests to ask and people to read.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, Method, request::Parts};
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::watch;

/// The record of one sandbox. Clones show the same record.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Record>);

#[derive(Debug)]
struct Record {
    kept: Mutex<Kept>,
    keep: usize,
    connections: AtomicU64,
    refused: AtomicU64,
    jobs: AtomicU64,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Entry>,
    forgotten: u64,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The connection it came on, counted from 1.
    pub connection: u64,
    /// Its method.
    pub method: Method,
    /// Its target as sent: path and query.
    pub target: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as it was read.
    pub body: Bytes,
    /// Whether the body was read to its end.
    pub complete: bool,
    /// What it was answered.
    pub sent: Sent,
}

/// How much of an answer was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sent {
    /// None of it, or nothing that is HTTP.
    Nothing,
    /// The beginning of an answer with this status.
    Part(u16),
    /// A whole answer with this status.
    Whole(u16),
}

impl Journal {
    pub(crate) fn new(keep: usize) -> Self {
        Self(Arc::new(Record {
            kept: Mutex::default(),
            keep: keep.max(1),
            connections: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            jobs: AtomicU64::new(0),
            changes: watch::Sender::new(()),
        }))
    }

    /// The requests that are still remembered, oldest first.
    pub fn requests(&self) -> Vec<Entry> {
        self.kept().entries.iter().cloned().collect()
    }

    /// How many requests came, forgotten ones included.
    pub fn total(&self) -> u64 {
        let kept = self.kept();
        kept.forgotten.saturating_add(count(kept.entries.len()))
    }

    /// How many connections came, refused ones included.
    pub fn connections(&self) -> u64 {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// How many connections were refused.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// How many jobs were created, deleted ones included.
    pub fn jobs(&self) -> u64 {
        self.0.jobs.load(Ordering::Relaxed)
    }

    /// Waits until the record satisfies a condition, which is asked anew after each change.
    pub async fn until(&self, mut condition: impl FnMut(&Self) -> bool) {
        let mut changes = self.0.changes.subscribe();
        while !condition(self) {
            // INVARIANT: the sender lives in this record, so it cannot be gone.
            let _ = changes.changed().await;
        }
    }

    pub(crate) fn connected(&self) -> u64 {
        let number = self.0.connections.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        self.changed();
        number
    }

    pub(crate) fn refuse(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        self.changed();
    }

    pub(crate) fn job_created(&self) {
        self.0.jobs.fetch_add(1, Ordering::Relaxed);
        self.changed();
    }

    /// Records the head of a request; the number stands for it from then on.
    pub(crate) fn open(&self, connection: u64, head: &Parts) -> u64 {
        let entry = Entry {
            connection,
            method: head.method.clone(),
            target: head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string),
            headers: head.headers.clone(),
            body: Bytes::new(),
            complete: false,
            sent: Sent::Nothing,
        };
        let mut kept = self.kept();
        kept.entries.push_back(entry);
        if kept.entries.len() > self.0.keep {
            kept.entries.pop_front();
            kept.forgotten = kept.forgotten.saturating_add(1);
        }
        let number = kept.forgotten.saturating_add(count(kept.entries.len()));
        drop(kept);
        self.changed();
        number
    }

    pub(crate) fn body(&self, number: u64, body: Bytes, complete: bool) {
        self.change(number, |entry| {
            entry.body = body;
            entry.complete = complete;
        });
    }

    pub(crate) fn sent(&self, number: u64, sent: Sent) {
        self.change(number, |entry| entry.sent = sent);
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Entry)) {
        let mut kept = self.kept();
        let index = number.saturating_sub(kept.forgotten).checked_sub(1);
        let index = index.and_then(|index| usize::try_from(index).ok());
        // A forgotten entry needs no change.
        if let Some(entry) = index.and_then(|index| kept.entries.get_mut(index)) {
            change(entry);
        }
        drop(kept);
        self.changed();
    }

    fn changed(&self) {
        self.0.changes.send_replace(());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
