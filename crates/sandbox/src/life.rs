//! One job and its life: unsubmitted, active, then success or cancelled. Nothing ticks: each look computes where it stands.

use std::time::Duration;

use jiff::Timestamp;
use job_model::{JobId, JobRequest};
use uuid::Uuid;

use crate::clock::later;

/// A job as it is kept.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) request: JobRequest,
    pub(crate) itwin: String,
    pub(crate) created: Timestamp,
    modified: Timestamp,
    stage: Stage,
    /// What the outputs will be called; shown when the job has succeeded.
    output_ids: Vec<Uuid>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Unsubmitted,
    Submitted { at: Timestamp },
    Cancelled { at: Timestamp, ended: Timestamp },
}

/// Where a job stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Unsubmitted,
    Active,
    Success,
    Cancelled,
}

/// How the run of a job went so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) submitted: Timestamp,
    pub(crate) started: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    /// From 0 to 100.
    pub(crate) percentage: u8,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unsubmitted => "unsubmitted",
            Self::Active => "active",
            Self::Success => "success",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Job {
    pub(crate) fn new(id: JobId, request: JobRequest, itwin: String, now: Timestamp) -> Self {
        let output_ids = names(&request);
        Self { id, request, itwin, created: now, modified: now, stage: Stage::Unsubmitted, output_ids }
    }

    pub(crate) fn change(&mut self, request: JobRequest, now: Timestamp) {
        self.output_ids = names(&request);
        self.request = request;
        self.modified = now;
    }

    pub(crate) const fn submit(&mut self, now: Timestamp) {
        self.stage = Stage::Submitted { at: now };
        self.modified = now;
    }

    /// Stops a run; a job that is not submitted has none.
    pub(crate) const fn cancel(&mut self, now: Timestamp) {
        if let Stage::Submitted { at } = self.stage {
            self.stage = Stage::Cancelled { at, ended: now };
            self.modified = now;
        }
    }

    pub(crate) fn state(&self, now: Timestamp, run_time: Duration) -> State {
        match self.stage {
            Stage::Unsubmitted => State::Unsubmitted,
            Stage::Submitted { at } if later(at, run_time) <= now => State::Success,
            Stage::Submitted { .. } => State::Active,
            Stage::Cancelled { .. } => State::Cancelled,
        }
    }

    pub(crate) fn modified(&self, now: Timestamp, run_time: Duration) -> Timestamp {
        match self.stage {
            Stage::Submitted { at } if later(at, run_time) <= now => later(at, run_time),
            _ => self.modified,
        }
    }

    pub(crate) fn run(&self, now: Timestamp, run_time: Duration) -> Option<Run> {
        let (submitted, cancelled) = match self.stage {
            Stage::Unsubmitted => return None,
            Stage::Submitted { at } => (at, None),
            Stage::Cancelled { at, ended } => (at, Some(ended)),
        };
        let until = cancelled.unwrap_or(now);
        let started = later(submitted, run_time / 20);
        let success = later(submitted, run_time);
        let ended = cancelled.or_else(|| (success <= now).then_some(success));
        let started = (started <= until).then_some(started);
        Some(Run { submitted, started, ended, percentage: percentage(submitted, until, run_time) })
    }

    pub(crate) fn output_ids(&self) -> &[Uuid] {
        &self.output_ids
    }
}

fn names(request: &JobRequest) -> Vec<Uuid> {
    request.settings().outputs().iter().map(|_| Uuid::new_v4()).collect()
}

fn percentage(from: Timestamp, until: Timestamp, whole: Duration) -> u8 {
    let passed = until.duration_since(from).as_millis().max(0);
    let whole = i128::try_from(whole.as_millis()).unwrap_or(i128::MAX);
    if whole == 0 {
        return 100;
    }
    u8::try_from((passed.saturating_mul(100) / whole).min(100)).unwrap_or(100)
}
