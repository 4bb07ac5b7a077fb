//! Runs the fuzz targets, each for a number of runs or seconds; what they check is in `fuzz/` and in testkit.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::machine::Machine;
use crate::run::{self, Failure};
use crate::supply;

/// How long each target runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amount {
    /// A number of inputs, from a fixed seed: the same every time.
    Runs(u32),
    /// Seconds, from a seed of libFuzzer's choice.
    Seconds(u32),
}

impl Amount {
    /// `20000` is runs, `60s` is seconds.
    fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix('s') {
            Some(seconds) => seconds.parse().ok().filter(|&n| n > 0).map(Self::Seconds),
            None => text.parse().ok().filter(|&n| n > 0).map(Self::Runs),
        }
    }

    fn arguments(self) -> Vec<String> {
        match self {
            Self::Runs(n) => vec![format!("-runs={n}"), "-seed=1".to_owned()],
            Self::Seconds(n) => vec![format!("-max_total_time={n}")],
        }
    }
}

/// `cargo xtask fuzz [AMOUNT]`.
///
/// # Errors
/// When the amount makes no sense, a tool is missing, or a target finds a fault.
pub(crate) fn run(machine: &Machine, arguments: &[String]) -> Result<(), Failure> {
    let amount = match arguments {
        [] => Some(Amount::Seconds(60)),
        [amount] => Amount::parse(amount),
        _ => None,
    };
    let Some(amount) = amount else {
        return Err(Failure::new(
            "usage: cargo xtask fuzz [AMOUNT], for example `20000` (runs) or `60s` (seconds)",
        ));
    };
    if !exists(machine) {
        return Err(Failure::new("there is no fuzz/ in this clone"));
    }
    supply::to_build(machine)?;
    supply::to_fuzz(machine)?;
    every_target(machine, amount)
}

/// Whether this clone has fuzz targets.
pub(crate) fn exists(machine: &Machine) -> bool {
    manifest(machine).is_file()
}

/// Where they are declared.
pub(crate) fn manifest(machine: &Machine) -> PathBuf {
    machine.root().join("fuzz/Cargo.toml")
}

/// Runs each target, one after the other.
///
/// # Errors
/// The first target that finds a fault or cannot be built; or there is none.
pub(crate) fn every_target(machine: &Machine, amount: Amount) -> Result<(), Failure> {
    let text = fs::read_to_string(manifest(machine))
        .map_err(|fault| Failure::new(format!("fuzz/Cargo.toml: {fault}")))?;
    let targets = targets(&text);
    if targets.is_empty() {
        return Err(Failure::new("fuzz/Cargo.toml declares no [[bin]]"));
    }
    for target in targets {
        run::step(&format!("fuzz {target}"), command(machine, target, amount), |_| {})?;
    }
    Ok(())
}

/// Without a sanitizer: no crate here has `unsafe`, a panic is what is looked for, and so the stable compiler will do. A fixed number
/// of runs is over before an optimised build would be.
fn command(machine: &Machine, target: &str, amount: Amount) -> Command {
    let mut command =
        machine.cargo(&["fuzz", "run", "--sanitizer", "none", "--target-dir", "target/fuzz", target]);
    if matches!(amount, Amount::Runs(_)) {
        command.arg("--dev");
    }
    let corpus = format!("fuzz/corpus/{target}");
    let seeds = format!("fuzz/seeds/{target}");
    if machine.root().join(&seeds).is_dir() {
        // The first folder is written to; a fault to make it is libFuzzer's to report.
        let _ = fs::create_dir_all(machine.root().join(&corpus));
        command.args([corpus, seeds]);
    }
    command.arg("--").args(amount.arguments());
    command
}

/// The names of the `[[bin]]` tables of a manifest.
fn targets(manifest: &str) -> Vec<&str> {
    let mut in_bin = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_bin = line == "[[bin]]";
        } else if let Some(name) = line.strip_prefix("name").filter(|_| in_bin) {
            names.extend(name.trim_start().strip_prefix('=').map(|name| name.trim().trim_matches('"')));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_runs_or_seconds_and_never_none() {
        assert_eq!(Amount::parse("20000"), Some(Amount::Runs(20_000)));
        assert_eq!(Amount::parse("60s"), Some(Amount::Seconds(60)));
        for text in ["0", "0s", "", "s", "-1", "1m", "60 s"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_of_runs_is_the_same_every_time() {
        assert_eq!(Amount::Runs(2000).arguments(), ["-runs=2000", "-seed=1"]);
        assert_eq!(Amount::Seconds(9).arguments(), ["-max_total_time=9"]);
    }

    #[test]
    fn targets_are_the_binaries_of_the_manifest() {
        let manifest = r#"
            [package]
            name = "jobgate-fuzz"
            [[bin]]
            name = "body"
            path = "targets/body.rs"
            [[bin]]
            path = "targets/card.rs"
            name="card"
            [dependencies]
            name = "not this"
        "#;
        assert_eq!(targets(manifest), ["body", "card"]);
    }
}
