//! What is known of one request when it is over: one line of the access log, and the metrics.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use job_model::{Quote, Report, Rule, Workload};

use crate::access_log::AccessLog;
use crate::clock;
use crate::identity::Principal;
use crate::log_line::LogLine;
use crate::metrics::Metrics;
use crate::outcome::Decision;
use crate::phase::admit::Judged;
use crate::phase::route::Route;
use crate::phase::settle::Settlement;
use crate::rejection::{Invalid, Rejection};

/// Collected step by step while a request is under way.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) began: Instant,
    pub(crate) date: Timestamp,
    /// The instant that money is counted by.
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
    /// The budgets that the job counts in, or the one that refused it; and those near their limit.
    pub(crate) budgets: Vec<String>,
    pub(crate) near: Vec<String>,
    /// Whether the answer is an earlier request's.
    pub(crate) replayed: bool,
    pub(crate) seconds: Seconds,
}

/// How long each step took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seconds {
    pub(crate) body: Option<Duration>,
    pub(crate) validate: Option<Duration>,
    pub(crate) reserve: Option<Duration>,
    pub(crate) upstream: Option<Duration>,
}

impl Record {
    /// Begins with a request that is counted at an instant.
    pub(crate) fn new(at: Timestamp) -> Self {
        Self {
            began: clock::now(),
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
                self.budgets = no.budget().map(str::to_owned).into_iter().collect();
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

    /// Whether a new job was judged.
    pub(crate) fn counts_a_job(&self) -> bool {
        self.route == Some(Route::CreateJob) && (self.judged.is_some() || self.invalid.is_some())
    }
}

/// Counts a request and writes its line.
pub(crate) fn meter(record: &Record, metrics: &Metrics, log: &AccessLog) {
    let took = clock::now().saturating_duration_since(record.began);
    metrics.request(record, took);
    if !log.is_on() {
        return;
    }
    log.write(&line(record, took), metrics);
}

/// Its line of the access log. Nothing in it is free text of a client.
fn line(record: &Record, took: Duration) -> String {
    let mut line = LogLine::new();
    line.shown("time", Some(record.date));
    line.text("request_id", &record.request_id);
    line.text_if("method", record.method.as_ref().map(method));
    line.text_if("route", record.route.map(Route::as_str));
    line.number("status", Some(record.status));
    line.text_if("code", record.code);
    line.text_if("decision", record.decision.map(Decision::as_str));
    line.texts("rules", record.report().into_iter().flat_map(Report::rules).map(Rule::id));
    if let Some(Workload { job_type, quality, gigapixels, megapoints, .. }) = record.workload() {
        line.text("job_type", job_type.as_str());
        line.text("quality", quality.as_str());
        line.shown("gigapixels", *gigapixels);
        line.shown("megapoints", *megapoints);
    }
    if let Some(Quote::Priced(estimate)) = record.quote() {
        line.shown("estimate", Some(estimate.amount()));
    }
    if !record.budgets.is_empty() {
        line.text("budget", &record.budgets.join(" "));
    }
    line.shown("hold", record.hold);
    line.shown("job", record.settlement.job);
    line.number("upstream_status", record.upstream_status);
    let Seconds { body, validate, reserve, upstream } = record.seconds;
    line.seconds("seconds_body", body);
    line.seconds("seconds_validate", validate);
    line.seconds("seconds_reserve", reserve);
    line.seconds("seconds_upstream", upstream);
    line.seconds("seconds_total", Some(took));
    line.end()
}

/// A method is a client's word: only the known ones are written.
fn method(method: &http::Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "POST" | "PATCH" | "DELETE" | "PUT" | "HEAD" | "OPTIONS" | "TRACE") => known,
        _ => "other",
    }
}
