//! How much dearer is judging (and pricing) a job than merely parsing it into owned types?
#![allow(missing_docs, reason = "criterion's macros make a public function")]

use std::hint::black_box;

use benches::{PUBLISHED, Typed, five_faults, hostile, with_inputs};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use job_model::{JobRequest, Policy, RateCard};

fn judge(c: &mut Criterion) {
    let policy = Policy::default();
    let card = RateCard::illustrative();
    let schema = serde_json::from_str(job_model::schema()).unwrap_or_default();
    let schema = jsonschema::draft202012::new(&schema);
    let bodies = [
        ("published", PUBLISHED.to_owned()),
        ("1000 inputs", with_inputs(1_000)),
        ("five faults", five_faults()),
        ("256 KiB hostile", hostile(256 << 10)),
    ];
    for (name, body) in bodies {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(u64::try_from(body.len()).unwrap_or(0)));
        group.bench_function(BenchmarkId::from_parameter("judge"), |b| {
            b.iter(|| JobRequest::from_json(black_box(body.as_bytes()), &policy));
        });
        group.bench_function(BenchmarkId::from_parameter("judge and price"), |b| {
            b.iter(|| {
                let judged = JobRequest::from_json(black_box(body.as_bytes()), &policy);
                let quote = judged.as_ref().ok().and_then(|job| job.workload()).map(|work| card.price(work));
                (judged, quote)
            });
        });
        group.bench_function(BenchmarkId::from_parameter("serde_json typed"), |b| {
            b.iter(|| serde_json::from_slice::<Typed>(black_box(body.as_bytes())));
        });
        if let Ok(schema) = &schema {
            group.bench_function(BenchmarkId::from_parameter("serde_json value and JSON Schema"), |b| {
                b.iter(|| {
                    let value: Option<serde_json::Value> =
                        serde_json::from_slice(black_box(body.as_bytes())).ok();
                    value.map(|value| schema.is_valid(&value))
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, judge);
criterion_main!(benches);
