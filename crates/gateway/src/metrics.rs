//! Every metric, declared. Labels come from closed sets, never from a request; numbers become floats here and nowhere else.

mod books;
mod declare;
mod jobs;
mod keys;

use std::time::Duration;

use job_model::{Severity, Violation};
use prometheus::{
    Error, Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Registry, TextEncoder,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use self::declare::Declare;
use self::jobs::Jobs;
use crate::config::{Running, Scope};
use crate::courier::Failure;
use crate::outcome::Decision;
use crate::phase::meter::Record;

/// From 100 microseconds to 51 seconds.
const SECONDS: (f64, f64, usize) = (0.0001, 2.0, 20);
/// From 10 microseconds to 0.3 seconds.
const GATE_SECONDS: (f64, f64, usize) = (0.000_01, 2.0, 16);
/// From 256 bytes to 8 MiB.
const BYTES: (f64, f64, usize) = (256.0, 2.0, 16);
/// From one to as many as a transaction has at most.
const ORDERS: (f64, f64, usize) = (1.0, 2.0, 10);
/// Ours over upstream's: from a tenth to ten times.
const RATIO: [f64; 11] = [0.1, 0.25, 0.5, 0.8, 0.9, 1.0, 1.1, 1.25, 2.0, 4.0, 10.0];

/// Codes of refusals that an alert goes by, however few there are.
const PAGED: [&str; 2] = ["Overloaded", "LedgerUnavailable"];

/// The gateway's metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Requests,
    jobs: Jobs,
    upstream_seconds: Histogram,
    upstream_errors: IntCounterVec,
    in_flight: IntGauge,
    buffered_bytes: IntGauge,
    connections: IntGauge,
    connections_refused: IntCounter,
    handshakes_failed: IntCounter,
    log_lines_dropped: IntCounter,
    keys_age: Gauge,
    ledger: Books,
}

/// Of the ledger, as it stands when it is asked.
#[derive(Debug)]
struct Books {
    limit: GaugeVec,
    held: GaugeVec,
    settled: GaugeVec,
    near: IntGaugeVec,
    clock_skew: Gauge,
    holds: IntGaugeVec,
    oldest: GaugeVec,
    outbox_pending: IntGauge,
    outbox_oldest: Gauge,
    dead_letters: IntGauge,
    commit_seconds: Histogram,
    batch_size: Histogram,
    faults: IntCounter,
}

/// Of every request.
#[derive(Debug)]
struct Requests {
    total: IntCounterVec,
    seconds: HistogramVec,
    gate_seconds: Histogram,
    body_bytes: Histogram,
    violations: IntCounterVec,
    refusals: IntCounterVec,
    rate_limited: IntCounterVec,
    backed_off: IntCounter,
}

impl Requests {
    fn declare(all: &Declare<'_>) -> Result<Self, Error> {
        Ok(Self {
            total: all.counters(
                "requests_total",
                "Requests, by operation, decision and answered status (0: the client left before an answer).",
                &["route", "outcome", "status"],
            )?,
            seconds: all.histograms(
                "request_seconds",
                "Seconds from a request's header to the end of its answer.",
                SECONDS,
                &["route"],
            )?,
            gate_seconds: all.histogram(
                "gate_seconds",
                "Seconds from a complete body to the decision about it: judging, pricing and the hold.",
                GATE_SECONDS,
            )?,
            body_bytes: all.histogram("body_bytes", "Bytes of the bodies that were judged.", BYTES)?,
            violations: all.counters(
                "violations_total",
                "Broken rules, by rule and severity (would_deny: denied if the mode were not shadow).",
                &["rule", "severity"],
            )?,
            refusals: all.counters_of(
                "refusals_total",
                "Answers of our own that say no, by error code.",
                "code",
                PAGED,
            )?,
            rate_limited: all.counters(
                "rate_limited_total",
                "Requests beyond a rate limit, by its scope; those of limits that only watch included.",
                &["scope"],
            )?,
            backed_off: all.counter(
                "backed_off_total",
                "New jobs that were refused because upstream had told their sender to wait.",
            )?,
        })
    }
}

impl Books {
    fn declare(all: &Declare<'_>) -> Result<Self, Error> {
        let budget = &["budget"];
        Ok(Self {
            limit: all.amounts(
                "budget_limit_units",
                "Limit of a budget, in units of its currency.",
                budget,
            )?,
            held: all.amounts(
                "budget_held_units",
                "Units held in the running window, all keys of the budget together.",
                budget,
            )?,
            settled: all.amounts(
                "budget_settled_units",
                "Units settled in the running window, all keys of the budget together.",
                budget,
            )?,
            near: all.gauges(
                "budget_near",
                "Keys of the budget that are at or above its soft part of the limit in the running window.",
                budget,
            )?,
            clock_skew: all.amount(
                "clock_skew_seconds",
                "How far the machine's clock is ahead of the one that budgets are counted by, in seconds.",
            )?,
            commit_seconds: all.histogram(
                "ledger_commit_seconds",
                "Seconds from the begin of a transaction of the ledger until it is on the disk; none of one in memory.",
                SECONDS,
            )?,
            batch_size: all.histogram(
                "ledger_batch_size",
                "Orders that one transaction of the ledger has carried out; none of one in memory.",
                ORDERS,
            )?,
            faults: all.counter("ledger_faults_total", "What the disk has failed the ledger in; see the log.")?,
            outbox_pending: all.gauge("outbox_pending", "Usage events that a sink has not confirmed yet.")?,
            outbox_oldest: all.amount(
                "outbox_oldest_seconds",
                "Age of the oldest usage event that a sink has not confirmed, in seconds.",
            )?,
            dead_letters: all.gauge("dead_letters", "Usage events that a sink has refused for good.")?,
            holds: all.gauges("holds", "Holds that count, by state.", &["state"])?,
            oldest: all.amounts("oldest_hold_seconds", "Age of the oldest hold, in seconds; of those in doubt, how long the oldest doubt has lasted.", &["state"])?,
        })
    }
}

impl Metrics {
    /// Declares them all.
    ///
    /// # Errors
    /// When a declaration contradicts another one.
    pub(crate) fn new(running: &Running) -> Result<Self, Error> {
        let registry = Registry::new();
        let all = &Declare(&registry);
        let labels = &["version", "rule_set", "rule_set_sha256", "rate_card", "rate_card_sha256"];
        let build = all.gauges("build_info", "1, with what is running as labels.", labels)?;
        let Running { rule_set, rule_set_sha256, rate_card, rate_card_sha256 } = running;
        let running = [env!("CARGO_PKG_VERSION"), rule_set, rule_set_sha256, rate_card, rate_card_sha256];
        build.with_label_values(&running).set(1);
        Ok(Self {
            requests: Requests::declare(all)?,
            jobs: Jobs::declare(all)?,
            upstream_seconds: all.histogram(
                "upstream_seconds",
                "Seconds of the exchanges with upstream that are not streamed: requests with a body, deletions, look-ups of jobs.",
                SECONDS,
            )?,
            upstream_errors: all.counters_of(
                "upstream_errors_total",
                "Exchanges with upstream that gave no whole answer, by kind.",
                "kind",
                Failure::ALL.map(Failure::as_str),
            )?,
            in_flight: all.gauge("in_flight", "Requests under way.")?,
            buffered_bytes: all.gauge("buffered_bytes", "Bytes of bodies that are held.")?,
            connections: all.gauge("connections", "Connections of clients that are open.")?,
            connections_refused: all.counter(
                "connections_refused_total",
                "Connections that were closed at once because there were as many as there may be, at all or from their address.",
            )?,
            handshakes_failed: all.counter(
                "handshakes_failed_total",
                "Handshakes of TLS that failed or took too long: clients that refuse the certificate or are no clients of TLS.",
            )?,
            log_lines_dropped: all.counter(
                "log_lines_dropped_total",
                "Lines of the access log that are lost, because they could not be written for too long.",
            )?,
            keys_age: keys::age(all)?,
            ledger: Books::declare(all)?,
            registry,
        })
    }

    /// One exchange with upstream; `kind` names what went wrong.
    pub(crate) fn upstream(&self, took: Duration, kind: Option<&'static str>) {
        self.upstream_seconds.observe(took.as_secs_f64());
        if let Some(kind) = kind {
            self.upstream_errors.with_label_values(&[kind]).inc();
        }
    }

    /// One request that went past the courier failed at upstream.
    pub(crate) fn upstream_error(&self, kind: &'static str) {
        self.upstream_errors.with_label_values(&[kind]).inc();
    }

    /// A rate limit was reached.
    pub(crate) fn rate_limited(&self, scope: Scope) {
        self.requests.rate_limited.with_label_values(&[scope.as_str()]).inc();
    }

    /// A new job was refused because upstream had told its sender to wait.
    pub(crate) fn backed_off(&self) {
        self.requests.backed_off.inc();
    }

    /// There were as many connections as there may be.
    pub(crate) fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    /// A client's handshake of TLS came to nothing.
    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.inc();
    }

    /// A transaction of the ledger stands.
    pub(crate) fn committed(&self, orders: usize, took: Duration) {
        self.ledger.commit_seconds.observe(took.as_secs_f64());
        self.ledger.batch_size.observe(float(Decimal::from(orders)));
    }

    /// Lines of the access log were lost.
    pub(crate) fn log_lines_dropped(&self, count: u64) {
        self.log_lines_dropped.inc_by(count);
    }

    /// One request.
    pub(crate) fn request(&self, record: &Record, took: Duration) {
        let route = record.route.map_or("none", crate::phase::route::Route::as_str);
        let decision = record.counted().map_or("gone", Decision::as_str);
        self.requests.total.with_label_values(&[route, decision, status(record.status)]).inc();
        self.requests.seconds.with_label_values(&[route]).observe(took.as_secs_f64());
        if let Some(code) = record.code {
            self.requests.refusals.with_label_values(&[code]).inc();
        }
        if let Some(judging) = record.seconds.validate {
            let took = judging.saturating_add(record.seconds.reserve.unwrap_or_default());
            self.requests.gate_seconds.observe(took.as_secs_f64());
        }
        if let Some(bytes) = record.body_bytes {
            self.requests.body_bytes.observe(float(Decimal::from(bytes)));
        }
        for (first, count) in record.report().into_iter().flat_map(job_model::Report::by_rule) {
            let labels = &[first.rule().id(), severity(first)];
            self.requests.violations.with_label_values(labels).inc_by(count.into());
        }
        self.jobs.count(record, decision);
    }

    /// Everything, in Prometheus' text format.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub(crate) fn text(
        &self,
        in_flight: usize,
        buffered: usize,
        connections: usize,
    ) -> Result<String, Error> {
        let gauge = |gauge: &IntGauge, value: usize| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        gauge(&self.in_flight, in_flight);
        gauge(&self.buffered_bytes, buffered);
        gauge(&self.connections, connections);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// A closed set: a status that HTTP does not know is `other`.
fn status(code: u16) -> &'static str {
    macro_rules! words {
        ($($code:literal)*) => { match code { $($code => stringify!($code),)* _ => "other" } };
    }
    words!(0 200 201 202 203 204 205 206 300 301 302 303 304 307 308 400 401 402 403 404 405 406 407 408 409 410 411
        412 413 414 415 416 417 418 421 422 423 424 425 426 428 429 431 451 500 501 502 503 504 505 506 507 508 511)
}

fn severity(violation: &Violation) -> &'static str {
    match violation.severity() {
        _ if violation.would_deny() => "would_deny",
        severity @ (Severity::Off | Severity::Audit | Severity::Warn | Severity::Deny) => severity.as_str(),
    }
}

/// Where a number becomes a float, and nowhere else.
fn float(number: Decimal) -> f64 {
    number.to_f64().unwrap_or(f64::MAX)
}
