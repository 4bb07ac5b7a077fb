//! The catalogue command: runs the hostile cases, adds up what each line of the catalogue tells, and holds the list in SECURITY.md
//! to it. What a case is, the tests know.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::machine::Machine;
use crate::run::{self, Failure};
use crate::say;

/// The sections and how many lines each has.
const SECTIONS: [(char, u32); 9] =
    [('a', 12), ('b', 11), ('c', 4), ('d', 18), ('e', 14), ('f', 5), ('g', 5), ('k', 7), ('l', 5)];

/// What the cases of one line led to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Line {
    cases: u64,
    refused: u64,
    survived: u64,
    failed: u64,
}

/// `cargo xtask catalogue`.
///
/// # Errors
/// When a case failed, or a line of the catalogue has neither cases nor a reason in SECURITY.md.
pub(crate) fn run(machine: &Machine, arguments: &[String]) -> Result<(), Failure> {
    crate::supply::to_build(machine)?;
    crate::supply::for_the_catalogue(machine)?;
    let mut lines = BTreeMap::new();
    crate::supply::cargo_tool(machine, crate::supply::NEXTEST)?;
    // Each test in a process of its own: some look at its memory.
    let mut cargo =
        machine.cargo(&["nextest", "run", "-p", "gateway", "-p", "jobgate", "--test", "catalogue"]);
    cargo.args(["--success-output", "immediate"]).args(arguments);
    let outcome = run::step("catalogue", cargo, |line| add(&mut lines, line));
    let told = fs::read_to_string(machine.root().join("SECURITY.md"))
        .map_err(|fault| Failure::new(format!("SECURITY.md: {fault}")))?;
    let (table, missing) = table(&lines, &told);
    say::out(&table);
    outcome?;
    // With a filter only a part runs.
    if missing.is_empty() || !arguments.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("neither a case nor a reason in SECURITY.md: {}", missing.join(", "))))
}

/// Several tests may belong to one line.
fn add(lines: &mut BTreeMap<String, Line>, text: &str) {
    if let Some((id, more)) = read(text) {
        let line = lines.entry(id).or_default();
        line.cases = line.cases.saturating_add(more.cases);
        line.refused = line.refused.saturating_add(more.refused);
        line.survived = line.survived.saturating_add(more.survived);
        line.failed = line.failed.saturating_add(more.failed);
    }
}

/// `catalogue a1 cases=12 refused=12 survived=0 failed=0`, wherever in a line it begins.
fn read(line: &str) -> Option<(String, Line)> {
    let (_, text) = line.split_once("catalogue ")?;
    let mut words = text.split_whitespace();
    let id = words.next()?.to_owned();
    let mut found = Line::default();
    for place in ["cases", "refused", "survived", "failed"] {
        let (name, number) = words.next()?.split_once('=')?;
        let number = number.parse().ok().filter(|_| name == place)?;
        match place {
            "cases" => found.cases = number,
            "refused" => found.refused = number,
            "survived" => found.survived = number,
            _ => found.failed = number,
        }
    }
    Some((id, found))
}

/// The table, and the lines that nothing is known of.
fn table(lines: &BTreeMap<String, Line>, told: &str) -> (String, Vec<String>) {
    let (mut text, mut missing, mut sum) = (String::new(), Vec::new(), Line::default());
    let _ = writeln!(text, "{:<5} {:>6} {:>8} {:>9} {:>7}", "id", "cases", "refused", "survived", "failed");
    for id in ids() {
        let Some(line) = lines.get(&id) else {
            if !cannot_happen(told, &id) {
                missing.push(id);
            }
            continue;
        };
        let Line { cases, refused, survived, failed } = *line;
        let _ = writeln!(text, "{id:<5} {cases:>6} {refused:>8} {survived:>9} {failed:>7}");
        sum.cases = sum.cases.saturating_add(cases);
        sum.refused = sum.refused.saturating_add(refused);
        sum.survived = sum.survived.saturating_add(survived);
        sum.failed = sum.failed.saturating_add(failed);
    }
    let Line { cases, refused, survived, failed } = sum;
    let _ = write!(text, "{:<5} {cases:>6} {refused:>8} {survived:>9} {failed:>7}", "all");
    (text, missing)
}

fn ids() -> impl Iterator<Item = String> {
    SECTIONS.iter().flat_map(|(section, count)| (1..=*count).map(move |number| format!("{section}{number}")))
}

/// SECURITY.md's row for it.
fn row<'a>(told: &'a str, id: &str) -> Option<&'a str> {
    let begin = format!("| {} |", id.to_uppercase());
    told.lines().find(|line| line.starts_with(&begin))
}

/// Whether that says why nothing has to be tried.
fn cannot_happen(told: &str, id: &str) -> bool {
    row(told, id).is_some_and(|row| row.contains("| cannot happen"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_test_is_read_wherever_it_stands() {
        let line = Line { cases: 3, refused: 1, survived: 2, failed: 0 };
        let text = "catalogue a1 cases=3 refused=1 survived=2 failed=0";
        assert_eq!(read(text), Some(("a1".to_owned(), line)));
        assert_eq!(read(&format!("test a::b ... {text}")), Some(("a1".to_owned(), line)));
        for other in ["running 3 tests", "catalogue", "catalogue a1 cases=x", "== catalogue: ok, 3 s"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn what_has_neither_case_nor_reason_is_missing() {
        let line = Line { cases: 3, refused: 3, ..Line::default() };
        let lines = BTreeMap::from([("a1".to_owned(), line), ("b2".to_owned(), line)]);
        let (table, missing) = table(&lines, "\n| A2 | what | cannot happen: why |\n");
        assert!(table.contains("a1         3        3         0       0\n"), "{table}");
        assert!(table.ends_with("all        6        6         0       0"), "{table}");
        assert_eq!(missing.len(), 81 - 3);
        assert!(!missing.contains(&"a2".to_owned()));
    }

    #[test]
    fn every_line_has_its_row_in_the_list() {
        let told = fs::read_to_string(Machine::here().root().join("SECURITY.md")).unwrap();
        let missing: Vec<String> = ids().filter(|id| row(&told, id).is_none()).collect();
        assert_eq!(missing, Vec::<String>::new());
    }
}
