//! Holds the hot paths of the model to a number of instructions, which is the same on a slow machine and on a busy one;
//! how long they take is for the benches to say.

use std::process::Stdio;

use crate::machine::Machine;
use crate::run::{self, Failure};
use crate::say;
use crate::supply;

/// A path, what it is measured against, and the most that it may be of that, in thousandths.
#[derive(Debug, Clone, Copy)]
struct Bound {
    path: &'static str,
    yardstick: &'static str,
    /// What it was when it was last looked at. A ratio, because another compiler or C library moves both sides alike.
    was: u64,
}

/// How far a ratio may rise above what it was, in hundredths.
const TOLERANCE: u64 = 5;

/// The yardsticks are `serde_json`'s typed parse of the same bytes; for the refusal, of the sound example. The last row says
/// that the cost of a byte does not grow with the body: sixteen times as many bytes, sixteen times the instructions.
const BOUNDS: [Bound; 4] = [
    Bound { path: "published", yardstick: "published-typed", was: 792 },
    Bound { path: "thousand", yardstick: "thousand-typed", was: 770 },
    Bound { path: "faults", yardstick: "published-typed", was: 2_086 },
    Bound { path: "1MiB", yardstick: "64KiB", was: 15_671 },
];

/// Documents that are much work for a careless reader, each of 16 and of 256 KiB: sixteen times the bytes are refused in no more than
/// sixteen times the instructions. What has too many parts is not read to its end, and then it is fewer.
const HOSTILE: [&str; 6] = ["members", "alike", "brackets", "digits", "escapes", "words"];
const SIXTEEN: u64 = 16_000;

/// Walks this often beside one walk: what a process costs to start is then subtracted.
const WALKS: u64 = 8;

/// `cargo xtask instructions`, and a part of `cargo xtask test`: counts, prints what was counted, and compares.
///
/// # Errors
/// When valgrind is not to be had, a path costs more than it may, or cannot be measured.
pub(crate) fn hold(machine: &Machine) -> Result<(), Failure> {
    supply::to_count(machine)?;
    let build = machine.cargo(&["build", "--release", "--package", "benches", "--bin", "hot_path"]);
    run::step("build the hot paths", build, |_| {})?;
    say::err("\n== instructions of the hot paths");
    let mut above = Vec::new();
    for bound in BOUNDS {
        let (path, yardstick) = (count(machine, bound.path)?, count(machine, bound.yardstick)?);
        let ratio = path.saturating_mul(1_000).checked_div(yardstick).unwrap_or(u64::MAX);
        say::err(&format!(
            "{:10} {path:>9} instructions, {} of {} ({yardstick}); was {}",
            bound.path,
            thousandths(ratio),
            bound.yardstick,
            thousandths(bound.was)
        ));
        if ratio > most(bound.was) {
            above.push(bound.path);
        }
    }
    let steep = steep(machine)?;
    if !steep.is_empty() {
        return Err(Failure::new(format!(
            "FAILED: instructions: what refusing {} costs grows faster than its bytes",
            steep.join(", ")
        )));
    }
    if above.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "FAILED: instructions: {} is more than {TOLERANCE} % above what it was; mend it, or say in crates/xtask/src/instructions.rs why it is worth that",
        above.join(", ")
    )))
}

/// The hostile documents whose cost grows faster than they do.
fn steep(machine: &Machine) -> Result<Vec<&'static str>, Failure> {
    let mut steep = Vec::new();
    for shape in HOSTILE {
        let [small, large] =
            [count(machine, &format!("{shape}-16"))?, count(machine, &format!("{shape}-256"))?];
        let ratio = large.saturating_mul(1_000).checked_div(small).unwrap_or(u64::MAX);
        say::err(&format!("{shape:10} {large:>9} instructions, {} of a sixteenth", thousandths(ratio)));
        if ratio > SIXTEEN {
            steep.push(shape);
        }
    }
    Ok(steep)
}

fn most(was: u64) -> u64 {
    was.saturating_add(was.saturating_mul(TOLERANCE).div_ceil(100))
}

/// Instructions of one walk.
fn count(machine: &Machine, path: &str) -> Result<u64, Failure> {
    let one = count_process(machine, path, 1)?;
    let many = count_process(machine, path, WALKS.saturating_add(1))?;
    Ok(many.saturating_sub(one).checked_div(WALKS).unwrap_or(0))
}

fn count_process(machine: &Machine, path: &str, walks: u64) -> Result<u64, Failure> {
    let mut valgrind = machine.command("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(machine.root().join("target/release/hot_path")).args([path, &walks.to_string()]);
    let output = valgrind.stdin(Stdio::null()).output();
    let output = output.map_err(|fault| Failure::new(format!("FAILED: instructions: valgrind: {fault}")))?;
    let said = String::from_utf8_lossy(&output.stderr);
    match collected(&said) {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(Failure::new(format!("FAILED: instructions: {path} could not be counted:\n{said}"))),
    }
}

/// `==17013== Collected : 16458445`
fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

fn thousandths(number: u64) -> String {
    format!("{}.{:03}", number.div_euclid(1_000), number.rem_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_what_valgrind_says() {
        let said =
            "==1== Events    : Ir\n==1== Collected : 16458445\n==1== \n==1== I   refs:      16,458,445\n";
        assert_eq!(collected(said), Some(16_458_445));
        assert_eq!(collected("valgrind: no such program"), None);
    }

    #[test]
    fn a_path_may_rise_by_the_tolerance_and_no_further() {
        assert_eq!((most(1_000), most(784)), (1_050, 824));
        assert_eq!(thousandths(15_750), "15.750");
    }
}
