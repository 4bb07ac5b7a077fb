//! Does judging a body take time in proportion to its size, from a KiB to a MiB, whether it is sound or made to be slow?
#![allow(missing_docs, reason = "criterion's macros make a public function")]

use std::hint::black_box;

use benches::{hostile, of_bytes};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use job_model::{JobRequest, Limits, Policy};

fn grow(c: &mut Criterion) {
    // A body of a MiB has more inputs than are allowed by default.
    let policy = Policy::default().with_limits(Limits { inputs: usize::MAX, ..Limits::default() });
    for (name, make) in [("sound", of_bytes as fn(usize) -> String), ("hostile", hostile)] {
        let mut group = c.benchmark_group(name);
        for kib in [1, 4, 16, 64, 256, 1_024] {
            let body = make(kib << 10);
            group.throughput(Throughput::Bytes(u64::try_from(body.len()).unwrap_or(0)));
            group.bench_function(BenchmarkId::from_parameter(format!("{kib} KiB")), |b| {
                b.iter(|| JobRequest::from_json(black_box(body.as_bytes()), &policy));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, grow);
criterion_main!(benches);
