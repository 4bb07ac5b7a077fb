//! How much CPU time does an admitted POST cost, beside a pingora proxy that passes the same bytes through unread? And how does that
//! grow with bodies and connections, how long do clients wait, what stays in memory?
//!
//! Upstream, clients and contestants are on loopback; the contestants take turns in short rounds of one run. Without arguments all of
//! it is measured but the soak; `soak MINUTES`, `idle CONNECTIONS` and `instructions` (what a request executes) measure that alone.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints what it measured, and measures time"
)]

mod clients;
mod contestant;
mod growth;
mod instructions;
mod memory;
mod pass_through;
mod rounds;
mod side_by_side;
mod table;
mod upstream;
mod waiting;

use std::cell::Cell;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs, io};

use crate::contestant::{Contestant, Kind};

/// Connections of clients where nothing else is said, each with one request at a time.
const CLIENTS: usize = 32;

/// Measures one thing, and says it in lines.
type Section = fn(&Place) -> io::Result<Vec<String>>;

/// Where contestants are started.
struct Place {
    folder: PathBuf,
    upstream: SocketAddr,
    started: Cell<usize>,
}

impl Place {
    /// Starts one, in a folder of its own.
    fn start(&self, kind: Kind) -> io::Result<Contestant> {
        self.start_under(kind, &[])
    }

    /// Starts one whose instructions are counted.
    fn start_counted(&self, kind: Kind) -> io::Result<Contestant> {
        self.start_under(kind, &contestant::COUNTER)
    }

    fn start_under(&self, kind: Kind, under: &[&str]) -> io::Result<Contestant> {
        self.started.set(self.started.get().saturating_add(1));
        let folder = self.folder.join(self.started.get().to_string());
        Contestant::start(kind, self.upstream, &folder, under)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds an option of its own.
    let arguments: Vec<String> = env::args().skip(1).filter(|one| one != "--bench").collect();
    if let [role, listen, upstream] = arguments.as_slice()
        && role == pass_through::ROLE
    {
        pass_through::serve(listen, upstream.parse()?)?;
        return Ok(());
    }
    contestant::keep_to_first_cpu();
    let folder = env::temp_dir().join(format!("jobgate-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let place = Place { folder: folder.clone(), upstream: upstream::start()?, started: Cell::new(0) };
    let outcome = measure(&place, &arguments);
    let _ = fs::remove_dir_all(&folder);
    outcome
}

fn measure(place: &Place, arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let lines = match words.as_slice() {
        [] => {
            let all: [Section; 5] = [
                side_by_side::measure,
                growth::of_bodies,
                growth::of_connections,
                waiting::measure,
                memory::measure,
            ];
            for section in all {
                print(&section(place)?);
                println!();
            }
            return Ok(());
        }
        ["instructions"] => instructions::count(place)?,
        ["idle", count] => memory::idle(place, count.parse()?)?,
        ["soak", minutes] => {
            let minutes: u64 = minutes.parse()?;
            memory::soak(place, Duration::from_secs(minutes.saturating_mul(60)))?
        }
        _ => return Err("arguments are: none, instructions, idle CONNECTIONS, soak MINUTES".into()),
    };
    print(&lines);
    Ok(())
}

fn print(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
}
