//! Watches an answer that is streamed: that it begins and ends in time, and what it tells of jobs. Passes on nothing itself.

use std::time::{Duration, Instant};

use http::StatusCode;
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType};

use crate::clock;
use crate::courier::header::is_too_large;

/// The most interim answers before the final one.
const INTERIM_LIMIT: u8 = 8;
/// The most of an answer that is read for what it tells of jobs.
const TOLD_BYTES: usize = 4 << 20;

/// An exchange that is streamed.
#[derive(Debug)]
pub(crate) struct Streamed {
    sent: Instant,
    interim: u8,
    /// A copy of an answer that tells of jobs.
    told: Option<Vec<u8>>,
}

impl Streamed {
    /// The request goes out now.
    pub(crate) fn sent() -> Self {
        Self { sent: clock::now(), interim: 0, told: None }
    }

    /// Judges a header of the answer.
    ///
    /// # Errors
    /// Where it comes too late, is one of too many, or leads out of the protocol.
    pub(crate) fn header(&mut self, answer: &ResponseHeader, limit: Duration) -> pingora::Result<()> {
        self.in_time(limit)?;
        if is_too_large(answer) {
            let why = "a header of more than 64 KiB";
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, why).into_up());
        }
        self.interim = self.interim.saturating_add(u8::from(answer.status.is_informational()));
        if answer.status == StatusCode::SWITCHING_PROTOCOLS || self.interim > INTERIM_LIMIT {
            let why = "an upgrade that nobody asked for, or too many interim answers";
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, why).into_up());
        }
        Ok(())
    }

    /// Keeps a copy of the body from now on.
    pub(crate) fn keep(&mut self) {
        self.told = Some(Vec::new());
    }

    /// Judges a piece of the body, and keeps it if that was asked for.
    ///
    /// # Errors
    /// Where it comes too late.
    pub(crate) fn piece(&mut self, piece: &[u8], limit: Duration) -> pingora::Result<()> {
        self.in_time(limit)?;
        if let Some(told) = &mut self.told {
            if told.len().saturating_add(piece.len()) <= TOLD_BYTES {
                told.extend_from_slice(piece);
            } else {
                // Not read rather than half read; the client gets it all the same.
                self.told = None;
            }
        }
        Ok(())
    }

    /// What was kept.
    pub(crate) fn into_told(self) -> Option<Vec<u8>> {
        self.told
    }

    /// The time is for the whole of an answer; underneath, it is for each read of it.
    fn in_time(&self, limit: Duration) -> pingora::Result<()> {
        if clock::now().saturating_duration_since(self.sent) > limit {
            return Err(Error::explain(ErrorType::ReadTimedout, "the whole answer took too long").into_up());
        }
        Ok(())
    }
}
