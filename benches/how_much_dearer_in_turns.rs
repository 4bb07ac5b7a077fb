//! How much dearer is judging and pricing a job than parsing it into owned types, on a machine that does other things, too?
//!
//! Both take turns in rounds too short for a change of the weather, and the answer is the median of the rounds' ratios.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints what it measured, and measures time"
)]

use std::hint::black_box;
use std::time::Instant;

use benches::{PUBLISHED, Typed, with_inputs};
use job_model::{JobRequest, Policy, RateCard};

const ROUNDS: usize = 600;

fn main() {
    let policy = Policy::default();
    let card = RateCard::illustrative();
    for (name, body, walks) in
        [("published", PUBLISHED.to_owned(), 500), ("1000 inputs", with_inputs(1_000), 6)]
    {
        let body = body.as_bytes();
        let judge = || {
            let judged = JobRequest::from_json(black_box(body), &policy);
            let quote = judged.as_ref().ok().and_then(|job| job.workload()).map(|work| card.price(work));
            drop(black_box((judged, quote)));
        };
        let parse = || drop(black_box(serde_json::from_slice::<Typed>(black_box(body))));
        let mut rounds: Vec<[f64; 3]> = (0..ROUNDS)
            .map(|_| {
                let (judge, parse) = (nanoseconds(walks, judge), nanoseconds(walks, parse));
                [judge / parse, judge, parse]
            })
            .collect();
        rounds.sort_by(|one, other| one[0].total_cmp(&other[0]));
        if let Some([ratio, judge, parse]) = rounds.get(ROUNDS / 2) {
            println!(
                "{name}: {ratio:.3} (judged and priced {judge:.0} ns, serde_json typed {parse:.0} ns in that round)"
            );
        }
    }
}

fn nanoseconds(walks: u32, mut walk: impl FnMut()) -> f64 {
    let begun = Instant::now();
    for _ in 0..walks {
        walk();
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(walks)
}
