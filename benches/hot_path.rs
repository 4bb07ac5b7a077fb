//! Walks one hot path so many times and does nothing else, for a tool that counts instructions.

use std::env;
use std::hint::black_box;
use std::process::ExitCode;

use benches::{PUBLISHED, Typed, five_faults, of_bytes, with_inputs};
use job_model::{JobRequest, Limits, Operation, Policy, Quote, RateCard};

/// `hot_path PATH ROUNDS`.
fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let [_, path, rounds] = arguments.as_slice() else { return ExitCode::from(2) };
    let Ok(rounds) = rounds.parse() else { return ExitCode::from(2) };
    let walked = match path.as_str() {
        "published" => accept(PUBLISHED, rounds),
        "thousand" => accept(&with_inputs(1_000), rounds),
        "faults" => refuse(&five_faults(), rounds),
        "64KiB" => accept(&of_bytes(64 << 10), rounds),
        "1MiB" => accept(&of_bytes(1 << 20), rounds),
        "published-typed" => parse(PUBLISHED, rounds),
        "thousand-typed" => parse(&with_inputs(1_000), rounds),
        other => match hostile(other) {
            Some(body) => refuse(&body, rounds),
            None => return ExitCode::from(2),
        },
    };
    // What was walked was another path, where a job was not judged as its name says.
    if walked { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A document that is much work for a careless reader, `SHAPE-KiB`, of that size.
fn hostile(path: &str) -> Option<String> {
    let (shape, size) = path.split_once('-')?;
    let size = size.parse::<usize>().ok()? << 10;
    let numbered = |piece: &str| {
        let pieces = (0..size / (piece.len() + 6)).map(|n| format!("\"{piece}{n:06}\":1"));
        format!("{{{}}}", pieces.collect::<Vec<_>>().join(","))
    };
    Some(match shape {
        "members" => numbered("m"),
        "alike" => format!("{{{}1}}", "\"a\":1,".repeat(size / 6)),
        "brackets" => "[".repeat(size),
        "digits" => format!("{{\"costEstimationParameters\":{{\"gigaPixels\":{}}}}}", "9".repeat(size)),
        "escapes" => format!("{{\"name\":\"{}\"}}", "\\u0041".repeat(size / 6)),
        "words" => {
            let words = vec!["\"x\""; size / 4].join(",");
            format!("{{\"settings\":{{\"outputs\":[{words}]}}}}")
        }
        _ => return None,
    })
}

/// Judges and prices, as a gate does.
fn accept(body: &str, rounds: u32) -> bool {
    let policy = policy();
    let card = RateCard::illustrative();
    (0..rounds).all(|_| {
        let judged = JobRequest::from_json(black_box(body.as_bytes()), &policy);
        let quote = judged.as_ref().ok().and_then(|job| job.workload()).map(|work| card.price(work));
        black_box(judged).is_ok() && matches!(black_box(quote), Some(Quote::Priced(_)))
    })
}

/// Judges, and writes the answer that says why not.
fn refuse(body: &str, rounds: u32) -> bool {
    let policy = policy();
    (0..rounds).all(|_| {
        let refused = JobRequest::from_json(black_box(body.as_bytes()), &policy).err();
        let answer = refused.map(|why| why.error(Operation::Create).to_json());
        black_box(answer).is_some()
    })
}

/// What both are compared with.
fn parse(body: &str, rounds: u32) -> bool {
    (0..rounds).all(|_| black_box(serde_json::from_slice::<Typed>(black_box(body.as_bytes()))).is_ok())
}

/// The default but for the number of inputs: a body of a MiB has more than are allowed by default.
fn policy() -> Policy {
    Policy::default().with_limits(Limits { inputs: usize::MAX, ..Limits::default() })
}
