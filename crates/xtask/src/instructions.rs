//! Holds the hot paths of the model and of the gate to a number of instructions, which is the same on a slow machine and on a busy
//! one; how long they take is for the benches to say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::machine::Machine;
use crate::run::{self, Failure};
use crate::say;
use crate::supply;

/// The bench that starts the gate.
pub(crate) const LOAD_RUN: &str = "what_does_a_gated_post_cost";

/// A path, what it is measured against, and the most that it may be of that, in thousandths.
#[derive(Debug, Clone, Copy)]
struct Bound {
    path: &'static str,
    yardstick: &'static str,
    /// What it was when it was last looked at. A ratio, because another compiler or C library moves both sides alike.
    was: u64,
}

impl Bound {
    /// Tells what was counted; whether that is more than it may be.
    fn is_passed(self, path: u64, yardstick: u64) -> bool {
        let ratio = path.saturating_mul(1_000).checked_div(yardstick).unwrap_or(u64::MAX);
        say::err(&format!(
            "{:10} {path:>9} instructions, {} of {} ({yardstick}); was {}",
            self.path,
            thousandths(ratio),
            self.yardstick,
            thousandths(self.was)
        ));
        ratio > most(self.was)
    }
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

/// A whole POST, without the kernel's instructions, beside one that a proxy of the same library passes through unread; both with a
/// ledger in memory and an access log.
const POSTS: [Bound; 2] = [
    Bound { path: "admitted", yardstick: "pass-through", was: 1_377 },
    Bound { path: "refused", yardstick: "pass-through", was: 875 },
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
    supply::to_build(machine)?;
    supply::to_count(machine)?;
    // All at once: by themselves each would have the library with other features, and be built twice.
    let mut build = machine.cargo(&["build", "--release", "--package", "benches", "--package", "jobgate"]);
    build.args(["--bin", "hot_path", "--bin", "jobgate", "--bench", LOAD_RUN]);
    run::step("build the hot paths", build, |_| {})?;
    say::err("\n== instructions of the hot paths");
    let mut above = Vec::new();
    for bound in BOUNDS {
        if bound.is_passed(count(machine, bound.path)?, count(machine, bound.yardstick)?) {
            above.push(bound.path);
        }
    }
    let steep = steep(machine)?;
    let posts = posts(machine)?;
    let of = |name: &str| posts.iter().find_map(|(path, count)| (path == name).then_some(*count));
    for bound in POSTS {
        let (Some(path), Some(yardstick)) = (of(bound.path), of(bound.yardstick)) else {
            return Err(Failure::new(format!("FAILED: instructions: {} was not counted", bound.path)));
        };
        if bound.is_passed(path, yardstick) {
            above.push(bound.path);
        }
    }
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

/// Instructions of one request of each kind, as the load run counts them.
fn posts(machine: &Machine) -> Result<Vec<(String, u64)>, Failure> {
    let mut run = machine.command(newest(&machine.root().join("target/release/deps"))?);
    run.arg("instructions");
    let mut counts = Vec::new();
    run::step("instructions of a POST", run, |line| counts.extend(named(line)))?;
    Ok(counts)
}

/// The load run as it was built last; cargo gives its file a name that ends in a number.
fn newest(folder: &Path) -> Result<PathBuf, Failure> {
    let is_it = |path: &PathBuf| {
        path.extension().is_none()
            && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(LOAD_RUN))
    };
    let all = fs::read_dir(folder).map_err(|fault| Failure::new(format!("{}: {fault}", folder.display())))?;
    let built = all.flatten().map(|entry| entry.path()).filter(is_it);
    let newest = built.max_by_key(|path| path.metadata().and_then(|file| file.modified()).ok());
    newest.ok_or_else(|| Failure::new(format!("{}: {LOAD_RUN} was not built", folder.display())))
}

/// `admitted 128953`
fn named(line: &str) -> Option<(String, u64)> {
    let (name, count) = line.split_once(' ')?;
    Some((name.to_owned(), count.parse().ok()?))
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
        assert_eq!(named("pass-through 94800"), Some(("pass-through".to_owned(), 94_800)));
        assert_eq!(named("Finished `bench` profile"), None);
    }

    #[test]
    fn a_path_may_rise_by_the_tolerance_and_no_further() {
        assert_eq!((most(1_000), most(784)), (1_050, 824));
        assert_eq!(thousandths(15_750), "15.750");
    }
}
