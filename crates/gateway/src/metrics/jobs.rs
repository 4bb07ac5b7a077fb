//! What is counted of jobs. Official clients create one without its size, tell that with a change, and submit it with another one.

use job_model::{Amount, Decimal, Gigapixels, JobPatch, Megapoints, Quote, UnpricedReason, Workload};
use prometheus::{CounterVec, Error, Histogram, IntCounterVec};

use super::declare::Declare;
use super::float;
use crate::outcome::Decision;
use crate::phase::admit::Judged;
use crate::phase::meter::Record;

/// Of new and of changed jobs.
#[derive(Debug)]
pub(super) struct Jobs {
    total: IntCounterVec,
    gigapixels: CounterVec,
    megapoints: CounterVec,
    estimated_units: CounterVec,
    unpriced: IntCounterVec,
    submitted: IntCounterVec,
    estimate_error_ratio: Histogram,
}

impl Jobs {
    pub(super) fn declare(all: &Declare<'_>) -> Result<Self, Error> {
        let labels = &["type", "quality"];
        Ok(Self {
            total: all.counters(
                "jobs_total",
                "New jobs that were judged, by type, quality (unknown where unreadable) and decision.",
                &["type", "quality", "outcome"],
            )?,
            gigapixels: all.sums("gigapixels_total", "Gigapixels of admitted jobs, when first told.", labels)?,
            megapoints: all.sums("megapoints_total", "Megapoints of admitted jobs, when first told.", labels)?,
            estimated_units: all.sums(
                "estimated_units_total",
                "Units of the rate card's currency that admitted jobs are estimated at when their size is first told.",
                labels,
            )?,
            unpriced: all.counters_of(
                "unpriced_total",
                "Admitted jobs, and changes of what has a price, that leave the job without one, by reason.",
                "reason",
                UnpricedReason::ALL.map(UnpricedReason::as_str),
            )?,
            submitted: all.counters(
                "submitted_total",
                "Changes that submit a job and were admitted, by its price then: known, or why there is none.",
                &["price"],
            )?,
            estimate_error_ratio: all.ratio(
                "estimate_error_ratio",
                "Our estimate over upstream's own, of created and changed jobs that have both.",
            )?,
        })
    }

    /// One request.
    pub(super) fn count(&self, record: &Record, decision: &'static str) {
        let workload = record.workload();
        let job_type = workload.map_or("unknown", |workload| workload.job_type.as_str());
        let quality = workload.map_or("unknown", |workload| workload.quality.as_str());
        if record.counts_a_job() {
            self.total.with_label_values(&[job_type, quality, decision]).inc();
        }
        if record.decision != Some(Decision::Admitted) {
            return;
        }
        let ours = record.quote().and_then(Quote::amount).map(Amount::to_decimal);
        let tells_size = record.judged.as_ref().is_some_and(Judged::tells_size);
        if let Some(workload) = workload.filter(|_| tells_size) {
            self.size(workload, ours.unwrap_or_default(), &[job_type, quality]);
        }
        self.prices(record);
        let theirs = record.settlement.upstream_estimate.filter(|theirs| !theirs.is_zero());
        if let Some(ratio) = ours.zip(theirs).and_then(|(ours, theirs)| ours.checked_div(theirs)) {
            self.estimate_error_ratio.observe(float(ratio));
        }
    }

    fn size(&self, workload: &Workload, estimate: Decimal, labels: &[&str]) {
        let gigapixels = workload.gigapixels.map_or(Decimal::ZERO, Gigapixels::get);
        let megapoints = workload.megapoints.map_or(Decimal::ZERO, Megapoints::get);
        self.gigapixels.with_label_values(labels).inc_by(float(gigapixels));
        self.megapoints.with_label_values(labels).inc_by(float(megapoints));
        self.estimated_units.with_label_values(labels).inc_by(float(estimate));
    }

    /// Whether the job has a price. What is told of it with a change counts as what is told when it is created.
    fn prices(&self, record: &Record) {
        let Some(quote) = record.quote() else { return };
        let patch = record.judged.as_ref().and_then(Judged::patch);
        if let Quote::Unpriced(reason) = quote
            && patch.is_none_or(JobPatch::alters)
        {
            self.unpriced.with_label_values(&[reason.as_str()]).inc();
        }
        if patch.is_some_and(JobPatch::submits) {
            let is_held = record.judged.as_ref().is_some_and(|judged| judged.held().is_some());
            let price = match quote {
                Quote::Unpriced(reason) if !is_held => reason.as_str(),
                Quote::Priced(_) | Quote::Unpriced(_) => "known",
            };
            self.submitted.with_label_values(&[price]).inc();
        }
    }
}
