//! The test command: every check in order, the first failure ends it, the last line counts the tests.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::fuzz::{self, Amount};
use crate::instructions;
use crate::machine::Machine;
use crate::run::{self, Failure};
use crate::say;
use crate::supply;
use crate::tally::Tally;

/// Enough to run each fuzz target's code; the long runs are `cargo xtask fuzz`.
const SHORT: Amount = Amount::Runs(2000);
/// The advisory database is a git repository of a few megabytes.
const FETCH_LIMIT: Duration = Duration::from_secs(60);

/// `cargo xtask test`.
pub(crate) fn test(machine: &Machine) -> ExitCode {
    let begun = Instant::now();
    if let Err(failure) = prepare(machine) {
        say::err(&failure.to_string());
        return ExitCode::FAILURE;
    }
    let mut tally = Tally::default();
    let outcome = checks(machine, &mut tally);
    match &outcome {
        Ok(()) => say::err(&format!("\n== all of it: ok, {:.1} s", begun.elapsed().as_secs_f64())),
        Err(failure) => {
            tally.record_failure();
            say::err(&format!("\n{failure}"));
        }
    }
    say::out(&tally.to_string());
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn prepare(machine: &Machine) -> Result<(), Failure> {
    supply::to_build(machine)?;
    supply::to_count(machine)?;
    supply::prometheus(machine)?;
    supply::nginx(machine)?;
    supply::for_the_catalogue(machine)?;
    supply::to_set_clocks(machine)?;
    supply::cargo_tool(machine, supply::NEXTEST)?;
    supply::cargo_tool(machine, supply::DENY)?;
    if fuzz::exists(machine) { supply::to_fuzz(machine) } else { Ok(()) }
}

/// The cheap ones first.
fn checks(machine: &Machine, tally: &mut Tally) -> Result<(), Failure> {
    let plain = |title: &str, arguments: &[&str]| run::step(title, machine.cargo(arguments), |_| {});
    plain("format", &["fmt", "--all", "--check"])?;
    run::step("dependencies", dependencies(machine), |_| {})?;
    advisories(machine)?;
    plain("lints", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    let tests = machine.cargo(&["nextest", "run", "--workspace"]);
    run::step("tests", tests, |line| tally.read(line))?;
    let examples = machine.cargo(&["test", "--doc", "--workspace"]);
    run::step("examples in the docs", examples, |line| tally.read(line))?;
    run::step("docs", docs(machine), |_| {})?;
    instructions::hold(machine)?;
    if !fuzz::exists(machine) {
        return Ok(());
    }
    plain("format of the fuzz targets", &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])?;
    fuzz::every_target(machine, SHORT)
}

/// By itself cargo-deny only warns when a crate is used where it must not be; and it warns of a wrapper that is
/// not there yet, which is no fault: a rule may come before the crate that it protects.
fn dependencies(machine: &Machine) -> Command {
    let mut command =
        machine.cargo(&["deny", "check", "--deny", "unmatched-wrapper", "--allow", "unused-wrapper"]);
    command.args(["bans", "licenses", "sources"]);
    command
}

fn docs(machine: &Machine) -> Command {
    let mut command = machine.cargo(&["doc", "--no-deps", "--workspace"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}

/// The database is not in a package registry: where it cannot be fetched, that is said and nothing fails.
fn advisories(machine: &Machine) -> Result<(), Failure> {
    if let Err(why) = run::within(FETCH_LIMIT, machine.cargo(&["deny", "fetch", "db"])) {
        say::err(&format!("\n== advisories: NOT CHECKED, their database could not be fetched: {why}"));
        return Ok(());
    }
    run::step("advisories", machine.cargo(&["deny", "check", "advisories"]), |_| {})
}
