//! How many bytes of valid jobs, one a line, does lint judge in a second, beside a parser that keeps nothing?
#![allow(missing_docs, reason = "criterion's macros make a public function")]

use std::hint::black_box;

use benches::with_inputs;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use job_model::Policy;
use jobgate::judge::{Judge, Tally};
use jobgate::stream;
use serde::de::IgnoredAny;

/// As much as a day of a busy gate.
const BYTES: usize = 32 << 20;

fn lint(c: &mut Criterion) {
    let jobs = jobs();
    let judge = Judge::of_jobs(Policy::default());
    let mut group = c.benchmark_group("32 MiB of jobs, one a line");
    group.throughput(Throughput::Bytes(u64::try_from(jobs.len()).unwrap_or(0))).sample_size(10);
    group.bench_function("lint", |b| {
        b.iter(|| {
            let mut tally = Tally::default();
            let end = stream::lint(black_box(jobs.as_slice()), &judge, &mut tally, |_| Ok(()));
            assert!(end.is_ok() && tally.documents > 0 && tally.refused + tally.noticed == 0, "{tally:?}");
            tally
        });
    });
    group.bench_function("serde_json ignoring it all", |b| {
        b.iter(|| {
            let lines = black_box(jobs.as_slice()).split(|byte| *byte == b'\n');
            lines.filter(|line| serde_json::from_slice::<IgnoredAny>(line).is_ok()).count()
        });
    });
    group.finish();
}

/// Jobs of one to eight inputs.
fn jobs() -> Vec<u8> {
    let sizes: Vec<String> = (1..=8).map(with_inputs).collect();
    let mut jobs = Vec::with_capacity(BYTES);
    for job in sizes.iter().cycle() {
        if jobs.len() >= BYTES {
            break;
        }
        jobs.extend_from_slice(job.as_bytes());
        jobs.push(b'\n');
    }
    jobs
}

criterion_group!(benches, lint);
criterion_main!(benches);
