//! What is known of one request when it is over: one line of the access log, and the metrics.

use std::fmt;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use job_model::{Amount, Quote, Report, Rule, Workload};
use serde::{Serialize, Serializer};

use crate::access_log::AccessLog;
use crate::clock;
use crate::identity::Principal;
use crate::metrics::Metrics;
use crate::outcome::Decision;
use crate::phase::admit::Judged;
use crate::phase::route::Route;
use crate::phase::settle::Settlement;
use crate::rejection::{Invalid, Rejection};

/// Collected step by step while a request is under way.
#[derive(Debug)]
pub(crate) struct Record {
    /// When its header began to come.
    pub(crate) began: Instant,
    pub(crate) date: Timestamp,
    /// The instant that money is counted by: when its header began to come, and from there on when all was here that was waited for.
    pub(crate) at: Timestamp,
    pub(crate) request_id: String,
    /// None where no header could be read.
    pub(crate) method: Option<http::Method>,
    pub(crate) route: Option<Route>,
    /// Who sent it, as verified; counted by, never logged.
    pub(crate) principal: Option<Principal>,
    pub(crate) decision: Option<Decision>,
    /// What the client was answered; 0 where it left before.
    pub(crate) status: u16,
    pub(crate) code: Option<&'static str>,
    pub(crate) body_bytes: Option<usize>,
    pub(crate) judged: Option<Judged>,
    pub(crate) invalid: Option<Box<Invalid>>,
    pub(crate) upstream_status: Option<u16>,
    pub(crate) settlement: Settlement,
    pub(crate) hold: Option<ledger::HoldId>,
    /// The budgets that the job counts in, or those that refused it; and those near their limit.
    pub(crate) budgets: Vec<String>,
    pub(crate) near: Vec<String>,
    /// Whether the answer is an earlier request's.
    pub(crate) replayed: bool,
    pub(crate) seconds: Seconds,
}

/// How long each step took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seconds {
    /// Until its header was here and checked.
    pub(crate) head: Option<Duration>,
    pub(crate) body: Option<Duration>,
    pub(crate) validate: Option<Duration>,
    pub(crate) reserve: Option<Duration>,
    pub(crate) upstream: Option<Duration>,
}

impl Record {
    /// Of a request that began then, and is counted at an instant.
    pub(crate) fn new(began: Instant, at: Timestamp) -> Self {
        Self {
            began,
            date: clock::date(),
            at,
            request_id: String::new(),
            method: None,
            route: None,
            principal: None,
            decision: None,
            status: 0,
            code: None,
            body_bytes: None,
            judged: None,
            invalid: None,
            upstream_status: None,
            settlement: Settlement::default(),
            hold: None,
            budgets: Vec::new(),
            near: Vec::new(),
            replayed: false,
            seconds: Seconds::default(),
        }
    }

    /// Takes note of a no, and keeps what it knows of the job.
    pub(crate) fn refuse(&mut self, rejection: Rejection) {
        self.decision = Some(Decision::of(&rejection));
        match rejection {
            Rejection::Invalid(invalid) => self.invalid = Some(invalid),
            Rejection::BudgetExceeded(no) => {
                self.budgets = no.budgets();
            }
            _ => {}
        }
    }

    /// Takes note that an earlier request's answer is given again.
    pub(crate) fn replay(&mut self, hold: Option<ledger::HoldId>) {
        self.decision = Some(Decision::Replayed);
        self.hold = hold;
        self.replayed = true;
    }

    /// What it counts as: what is said again was not decided anew, be it a no that the first one was told.
    pub(crate) fn counted(&self) -> Option<Decision> {
        if self.replayed { Some(Decision::Replayed) } else { self.decision }
    }

    pub(crate) fn report(&self) -> Option<&Report> {
        let refused = self.invalid.as_ref().map(|invalid| invalid.rejected.report());
        refused.or_else(|| self.judged.as_ref().map(Judged::report))
    }

    pub(crate) fn workload(&self) -> Option<&Workload> {
        let refused = self.invalid.as_ref().and_then(|invalid| invalid.rejected.workload());
        refused.or_else(|| self.judged.as_ref().and_then(Judged::workload))
    }

    pub(crate) fn quote(&self) -> Option<&Quote> {
        self.judged.as_ref().and_then(Judged::quote)
    }

    /// What is told as the price of its job.
    fn price(&self) -> Option<Amount> {
        let judged = self.judged.as_ref()?;
        judged.held().map(|(held, _)| held).or_else(|| judged.price())
    }

    /// Whether a new job was judged.
    pub(crate) fn counts_a_job(&self) -> bool {
        self.route == Some(Route::CreateJob) && (self.judged.is_some() || self.invalid.is_some())
    }
}

/// One line of the access log. Nothing in it is free text of a client.
#[derive(Debug, Serialize)]
struct Line<'a> {
    time: Shown<Timestamp>,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gigapixels: Option<Shown<job_model::Gigapixels>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    megapoints: Option<Shown<job_model::Megapoints>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<Shown<job_model::Amount>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<Shown<ledger::HoldId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<Shown<job_model::JobId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_head: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_body: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_validate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_reserve: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_upstream: Option<f64>,
    seconds_total: f64,
}

/// A text that is written where it is shown, without a copy of its own before.
#[derive(Debug)]
struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// Counts a request and writes its line.
pub(crate) fn meter(record: &Record, metrics: &Metrics, log: &AccessLog) {
    let took = clock::now().saturating_duration_since(record.began);
    metrics.request(record, took);
    if !log.is_on() {
        return;
    }
    let workload = record.workload();
    let line = Line {
        time: Shown(record.date),
        request_id: &record.request_id,
        method: record.method.as_ref().map(method),
        route: record.route.map(Route::as_str),
        status: record.status,
        code: record.code,
        decision: record.counted().map(Decision::as_str),
        rules: record.report().map(|report| report.rules().map(Rule::id).collect()).unwrap_or_default(),
        job_type: workload.map(|workload| workload.job_type.as_str()),
        quality: workload.map(|workload| workload.quality.as_str()),
        gigapixels: workload.and_then(|workload| workload.gigapixels).map(Shown),
        megapoints: workload.and_then(|workload| workload.megapoints).map(Shown),
        estimate: record.price().map(Shown),
        budget: Some(record.budgets.join(" ")).filter(|names| !names.is_empty()),
        hold: record.hold.map(Shown),
        job: record.settlement.job.map(Shown),
        upstream_status: record.upstream_status,
        seconds_head: seconds(record.seconds.head),
        seconds_body: seconds(record.seconds.body),
        seconds_validate: seconds(record.seconds.validate),
        seconds_reserve: seconds(record.seconds.reserve),
        seconds_upstream: seconds(record.seconds.upstream),
        seconds_total: seconds(Some(took)).unwrap_or_default(),
    };
    log.write(&line, metrics);
}

/// A method is a client's word: only the known ones are written.
fn method(method: &http::Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "POST" | "PATCH" | "DELETE" | "PUT" | "HEAD" | "OPTIONS" | "TRACE") => known,
        _ => "other",
    }
}

/// To the microsecond.
fn seconds(took: Option<Duration>) -> Option<f64> {
    took.map(|took| (took.as_secs_f64() * 1e6).round() / 1e6)
}
