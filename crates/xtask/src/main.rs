//! Runs the project's demo, tests, benches and fuzz targets with cargo; builds nothing by itself and needs nothing but the standard library.
#![allow(
    clippy::disallowed_methods,
    reason = "a program for developers: it looks at the machine and times its steps"
)]

mod catalogue;
mod fuzz;
mod instructions;
mod machine;
mod mutants;
mod run;
mod say;
mod suite;
mod supply;
mod tally;

use std::process::{Command, ExitCode};

use crate::machine::Machine;
use crate::run::Failure;

const HELP: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  demo [ARGS..]    build jobgate and run `jobgate demo ARGS..`; Ctrl-C ends it
  test             everything that must hold: format, lints, tests, docs, dependencies, short fuzz runs
  catalogue [ARGS..]
                   try every attack of the list in SECURITY.md and print the table of cases; ARGS choose tests
  bench [ARGS..]   run the benches; ARGS go to `cargo bench`
  instructions     hold the hot paths of model and gate to their numbers of instructions; a part of `test`
  fuzz [AMOUNT]    run every fuzz target for AMOUNT: runs (`20000`) or seconds (`60s`, the default)
  mutants [ARGS..] change rules, price and budget in small ways and tell what no test notices; ARGS go to `cargo mutants`,
                   for example `--shard 0/8`
  help             this text

What is missing on the machine is put in place first: Debian packages through apt-get when run as root
(else the one line to run is printed), cargo's own tools through `cargo install`.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    let machine = Machine::here();
    let outcome = match command {
        "demo" => demo(&machine, rest),
        "test" => return suite::test(&machine),
        "catalogue" => catalogue::run(&machine, rest),
        "bench" => bench(&machine, rest),
        "instructions" => instructions::hold(&machine),
        "fuzz" => fuzz::run(&machine, rest),
        "mutants" => mutants::run(&machine, rest),
        "help" | "--help" | "-h" => {
            say::out(HELP);
            Ok(())
        }
        unknown => {
            say::err(&format!("no such command: {unknown}\n\n{HELP}"));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say::err(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

/// The dev profile: from an empty target directory it stands in a third of the time that the optimised build
/// takes, and a demo is looked at, not measured.
fn demo(machine: &Machine, arguments: &[String]) -> Result<(), Failure> {
    supply::to_build(machine)?;
    let mut cargo = machine.cargo(&["run", "--package", "jobgate", "--bin", "jobgate", "--", "demo"]);
    cargo.args(arguments);
    Err(become_it(cargo))
}

fn bench(machine: &Machine, arguments: &[String]) -> Result<(), Failure> {
    supply::to_build(machine)?;
    if arguments.is_empty() || arguments.iter().any(|argument| argument == instructions::LOAD_RUN) {
        // That bench starts the program itself, which `cargo bench` does not build.
        let gate = machine.cargo(&["build", "--release", "--package", "jobgate", "--bin", "jobgate"]);
        run::step("build jobgate", gate, |_| {})?;
    }
    let mut cargo = machine.cargo(&["bench", "--package", "benches"]);
    cargo.args(arguments);
    Err(become_it(cargo))
}

/// Replaces this process, so that signals and the exit code are the child's own; returns only when that failed.
fn become_it(mut command: Command) -> Failure {
    use std::os::unix::process::CommandExt;
    Failure::new(format!("cannot start cargo: {}", command.exec()))
}
