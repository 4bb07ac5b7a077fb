//! A table as it stands in the README.

/// A heading, the columns' names, and rows. Numbers stand at the right.
pub(crate) fn lines(heading: &str, columns: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let names: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    let rule: String = columns.iter().skip(1).map(|_| "--:|").collect();
    let mut lines = vec![heading.to_owned(), String::new(), line(&names), format!("|---|{rule}")];
    lines.extend(rows.iter().map(|row| line(row)));
    lines
}
