//! How metrics are made and registered; which ones there are is said elsewhere.

use prometheus::{
    CounterVec, Error, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry,
};

use super::RATIO;

/// Makes a metric and registers it.
pub(super) struct Declare<'a>(pub(super) &'a Registry);

impl Declare<'_> {
    pub(super) fn amounts(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, Error> {
        self.registered(GaugeVec::new(Self::opts(name, help), labels)?)
    }

    pub(super) fn amount(&self, name: &str, help: &str) -> Result<Gauge, Error> {
        self.registered(Gauge::with_opts(Self::opts(name, help))?)
    }

    fn registered<M: prometheus::core::Collector + Clone + 'static>(&self, metric: M) -> Result<M, Error> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn opts(name: &str, help: &str) -> Opts {
        Opts::new(name, help).namespace("jobgate")
    }

    fn buckets(
        name: &str,
        help: &str,
        (start, factor, count): (f64, f64, usize),
    ) -> Result<HistogramOpts, Error> {
        let buckets = prometheus::exponential_buckets(start, factor, count)?;
        Ok(HistogramOpts::new(name, help).namespace("jobgate").buckets(buckets))
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.registered(IntCounter::with_opts(Self::opts(name, help))?)
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        self.registered(IntCounterVec::new(Self::opts(name, help), labels)?)
    }

    /// Counters that are at 0 from the start: the first of its kind is a rise then, which `rate` sees.
    pub(super) fn counters_of<'v>(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = &'v str>,
    ) -> Result<IntCounterVec, Error> {
        let counters = self.counters(name, help, &[label])?;
        for value in values {
            drop(counters.with_label_values(&[value]));
        }
        Ok(counters)
    }

    pub(super) fn sums(&self, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, Error> {
        self.registered(CounterVec::new(Self::opts(name, help), labels)?)
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        self.registered(IntGauge::with_opts(Self::opts(name, help))?)
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        self.registered(IntGaugeVec::new(Self::opts(name, help), labels)?)
    }

    pub(super) fn histogram(
        &self,
        name: &str,
        help: &str,
        buckets: (f64, f64, usize),
    ) -> Result<Histogram, Error> {
        self.registered(Histogram::with_opts(Self::buckets(name, help, buckets)?)?)
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        buckets: (f64, f64, usize),
        labels: &[&str],
    ) -> Result<HistogramVec, Error> {
        self.registered(HistogramVec::new(Self::buckets(name, help, buckets)?, labels)?)
    }

    pub(super) fn ratio(&self, name: &str, help: &str) -> Result<Histogram, Error> {
        let opts = HistogramOpts::new(name, help).namespace("jobgate").buckets(RATIO.to_vec());
        self.registered(Histogram::with_opts(opts)?)
    }
}
