//! How much CPU time does an admitted POST cost, beside a pingora proxy that passes the same bytes through unread?
//!
//! Upstream, clients and contestants are on loopback; the contestants take turns in short rounds of one run.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints what it measured, and measures time"
)]

mod clients;
mod contestant;
mod pass_through;
mod table;
mod upstream;

use std::error::Error;
use std::time::Duration;
use std::{env, fs, io};

use benches::{PUBLISHED, five_faults};

use crate::clients::Load;
use crate::contestant::{Contestant, Kind};

/// Connections of clients, each with one request at a time.
const CLIENTS: usize = 32;
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);

/// What is measured: who gets which requests, and what has to be answered.
const FIELD: [(&str, Kind, bool); 4] = [
    ("pass-through", Kind::PassThrough, true),
    ("jobgate", Kind::Gate { log: true }, true),
    ("jobgate without access log", Kind::Gate { log: false }, true),
    ("jobgate, five faults", Kind::Gate { log: true }, false),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    if let [_, role, listen, upstream] = arguments.as_slice()
        && role == pass_through::ROLE
    {
        pass_through::serve(listen, upstream.parse()?)?;
        return Ok(());
    }
    let folder = env::temp_dir().join(format!("jobgate-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let outcome = measure(&folder);
    let _ = fs::remove_dir_all(&folder);
    outcome
}

fn measure(folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    contestant::keep_to_first_cpu();
    let upstream = upstream::start()?;
    let mut field = Vec::new();
    for (at, (name, kind, sound)) in FIELD.into_iter().enumerate() {
        let body = if sound { PUBLISHED.to_owned() } else { five_faults() };
        let contestant = Contestant::start(kind, upstream, &folder.join(at.to_string()))?;
        let load = Load { to: contestant.address, body, status: if sound { 201 } else { 422 } };
        load.run(CLIENTS, Duration::from_millis(500))?;
        field.push((name, contestant, load));
    }
    let mut rounds = vec![Vec::new(); field.len()];
    for round in 0..ROUNDS {
        // Another one begins each round.
        for turn in 0..field.len() {
            let at = round.saturating_add(turn).checked_rem(field.len()).unwrap_or(0);
            let Some(((_, contestant, load), of_one)) = field.get(at).zip(rounds.get_mut(at)) else {
                continue;
            };
            let before = contestant.cpu()?;
            let answered = load.run(CLIENTS, ROUND)?;
            of_one.push(table::Round { cpu: contestant.cpu()?.since(before), answered });
        }
    }
    let names: Vec<&str> = field.iter().map(|(name, ..)| *name).collect();
    for line in
        table::lines(&names, &rounds, ROUND).ok_or_else(|| io::Error::other("no round was measured"))?
    {
        println!("{line}");
    }
    Ok(())
}
