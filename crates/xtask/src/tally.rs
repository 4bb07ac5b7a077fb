//! Counts tests from what cargo-nextest and rustdoc print; knows nothing of how they are run.

use std::fmt;

/// Tests that ran, by their end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// Adds what one line of output counts; lines that count nothing are ignored.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(counted) = nextest(line).or_else(|| libtest(line)) {
            self.passed = self.passed.saturating_add(counted.passed);
            self.failed = self.failed.saturating_add(counted.failed);
        }
    }

    /// A check that is not a test has failed: the closing line must not read like success.
    pub(crate) fn record_failure(&mut self) {
        self.failed = self.failed.max(1);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// `     Summary [   1.204s] 12 tests run: 11 passed (1 slow), 1 failed, 2 skipped`
fn nextest(line: &str) -> Option<Tally> {
    let (_, counts) = line.trim_start().strip_prefix("Summary [")?.split_once("run: ")?;
    let mut tally = Tally::default();
    for count in counts.split(", ") {
        match counted(count) {
            Some((number, "passed")) => tally.passed = number,
            Some((_, "skipped")) | None => {}
            // failed, timed out, exec failed: whatever has no other name is not a pass
            Some((number, _)) => tally.failed = tally.failed.saturating_add(number),
        }
    }
    Some(tally)
}

/// `test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s`
fn libtest(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut tally = Tally::default();
    for count in counts.split("; ") {
        match counted(count) {
            Some((number, "passed")) => tally.passed = number,
            Some((number, "failed")) => tally.failed = number,
            _ => {}
        }
    }
    Some(tally)
}

/// `11 passed (1 slow)` is 11 and `passed`.
fn counted(count: &str) -> Option<(u64, &str)> {
    let (number, word) = count.trim().split_once(' ')?;
    let word = word.split_once(" (").map_or(word, |(word, _)| word);
    Some((number.parse().ok()?, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> (u64, u64) {
        let mut tally = Tally::default();
        for line in lines {
            tally.read(line);
        }
        (tally.passed, tally.failed)
    }

    #[test]
    fn nextest_summaries_are_counted() {
        assert_eq!(read(&["     Summary [   0.012s] 12 tests run: 12 passed, 0 skipped"]), (12, 0));
        assert_eq!(read(&["     Summary [   0.012s] 1 test run: 1 passed, 3 skipped"]), (1, 0));
        assert_eq!(
            read(&["     Summary [  61.000s] 12 tests run: 11 passed (2 slow), 1 failed, 0 skipped"]),
            (11, 1)
        );
        assert_eq!(
            read(&[
                "Summary [   9.1s] 7/12 tests run: 3 passed, 1 failed, 2 timed out, 1 exec failed, 5 skipped"
            ]),
            (3, 4)
        );
    }

    #[test]
    fn doc_tests_are_added_up() {
        let ok =
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        let bad = "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(read(&[ok, bad, ok]), (8, 1));
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(
            read(&["running 3 tests", "test a ... ok", "        PASS [ 0.1s] x y", "12 passed, 1 failed"]),
            (0, 0)
        );
        assert_eq!(read(&["Summary [ broken", "test result: ", "test result: ok. many passed; x"]), (0, 0));
    }

    #[test]
    fn a_failed_check_never_closes_like_success() {
        let mut tally = Tally { passed: 5, failed: 0 };
        tally.record_failure();
        assert_eq!(tally.to_string(), "5 passed, 1 failed");
        tally.failed = 4;
        tally.record_failure();
        assert_eq!(tally.to_string(), "5 passed, 4 failed");
    }
}
