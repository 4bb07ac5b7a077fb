//! Reads `[[budget]]`: whose spending is limited to how much in which window.

use admission::{Budget, BudgetScope, Unpriced, Window, WindowKind};
use job_model::{Amount, RateCards, WorkspaceId};
use toml::{Table, Value};

use super::problems::ConfigProblem;
use super::reader::{Reader, one_of, show};
use super::suggest;

/// The section's name.
pub(super) const KEY: &str = "budget";

const KEYS: [&str; 8] = ["name", "scope", "match", "limit", "window", "time_zone", "mode", "unpriced"];

/// Every budget that is sound; what is wrong with the others.
pub(super) fn read(reader: &mut Reader<'_>, cards: &RateCards, verified: bool) -> Vec<Budget> {
    let problems = &mut reader.problems;
    let rows = match reader.table.get(KEY) {
        None => return Vec::new(),
        Some(Value::Array(rows)) => rows,
        Some(_) => {
            problems.push(ConfigProblem::new(KEY, "must be an array of tables, written [[budget]]"));
            return Vec::new();
        }
    };
    let mut budgets: Vec<Budget> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let path = format!("{KEY}[{index}]");
        let Some(row) = row.as_table() else {
            problems.push(ConfigProblem::new(path, "must be a table, written [[budget]]"));
            continue;
        };
        if let Some(budget) = (Row { keys: row, path: &path, verified, problems }).budget() {
            if budgets.iter().any(|other| other.name == budget.name) {
                problems.push(ConfigProblem::new(format!("{path}.name"), "is another budget's name, too"));
            }
            budgets.push(budget);
        }
    }
    check_cards(cards, problems);
    budgets
}

/// Amounts of two currencies cannot be added up.
fn check_cards(cards: &RateCards, problems: &mut Vec<ConfigProblem>) {
    let mut currencies: Vec<&str> = cards.iter().map(job_model::RateCard::currency).collect();
    currencies.dedup();
    match currencies.as_slice() {
        [] => {
            problems
                .push(ConfigProblem::new(KEY, "needs pricing.rate_card: without prices nothing is spent"));
        }
        [_] => {}
        [first, others @ ..] => {
            let others = others.join(", ");
            let what = format!(
                "cannot add up {first} and {others}: all cards of pricing.rate_card must have one currency"
            );
            problems.push(ConfigProblem::new(KEY, what));
        }
    }
}

/// One `[[budget]]`.
struct Row<'a> {
    keys: &'a Table,
    path: &'a str,
    /// Whether it is known whom a request is from.
    verified: bool,
    problems: &'a mut Vec<ConfigProblem>,
}

impl Row<'_> {
    fn refuse(&mut self, key: &str, what: impl Into<String>) {
        self.problems.push(ConfigProblem::new(format!("{}.{key}", self.path), what));
    }

    fn budget(mut self) -> Option<Budget> {
        for key in self.keys.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let hint = suggest::hint(key, KEYS);
            self.refuse(key, format!("unknown key{hint}"));
        }
        let (name, scope, limit, window) = (self.name(), self.scope(), self.limit(), self.window());
        let enforce = self.word("mode", [("enforce", true), ("shadow", false)], Some(true));
        let unpriced = [("admit", Unpriced::Admit), ("refuse", Unpriced::Refuse)];
        let unpriced = self.word("unpriced", unpriced, Some(Unpriced::Admit));
        Some(Budget {
            name: name?,
            scope: scope?,
            limit: limit?,
            window: window?,
            enforce: enforce?,
            unpriced: unpriced?,
        })
    }

    fn name(&mut self) -> Option<String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let text = self.keys.get("name").and_then(Value::as_str);
        let found = text.filter(|name| (1..=64).contains(&name.len()) && name.bytes().all(plain));
        if found.is_none() {
            self.refuse("name", "must be 1 to 64 letters, digits, '-', '_' or '.'; it is a label of metrics");
        }
        found.map(str::to_owned)
    }

    fn scope(&mut self) -> Option<BudgetScope> {
        let one = self.keys.get("match");
        match self.keys.get("scope").and_then(Value::as_str) {
            Some("global") if one.is_some() => {
                self.refuse("match", "is for the scope \"workspace\"; \"global\" counts everybody");
                None
            }
            Some("global") => Some(BudgetScope::Global),
            Some("workspace") => {
                let id = one.map(|id| WorkspaceId::parse(id.as_str().unwrap_or_default()));
                if id == Some(None) {
                    self.refuse("match", "must be the id of a workspace, 8-4-4-4-12 hexadecimal digits");
                    return None;
                }
                Some(BudgetScope::Workspace(id.flatten()))
            }
            Some("principal") if self.verified => {
                Some(BudgetScope::Principal(one.and_then(Value::as_str).map(str::to_owned)))
            }
            Some("principal") => {
                let what =
                    "\"principal\" needs identity.mode \"jwt\" or \"header\": an unverified token is nobody";
                self.refuse("scope", what);
                None
            }
            other => {
                let not = other.map_or_else(|| "missing".to_owned(), |text| format!("not {text:?}"));
                self.refuse("scope", format!("{}, {not}", one_of(&["global", "workspace", "principal"])));
                None
            }
        }
    }

    fn limit(&mut self) -> Option<Amount> {
        let value = self.keys.get("limit");
        let found = value.and_then(Value::as_str).and_then(|text| text.parse::<Amount>().ok());
        let found = found.filter(|amount| *amount >= Amount::ZERO);
        if found.is_none() {
            let not = value.map_or_else(|| "missing".to_owned(), show);
            self.refuse(
                "limit",
                format!("must be an amount in quotes such as \"100\" or \"0.5\", not negative, not {not}"),
            );
        }
        found
    }

    fn window(&mut self) -> Option<Window> {
        let kinds = WindowKind::ALL.map(|kind| (kind.as_str(), kind));
        let kind = self.word("window", kinds, None);
        let zone = self.keys.get("time_zone").and_then(Value::as_str);
        let zone = match (zone, kind) {
            (Some(zone), _) => zone,
            (None, Some(WindowKind::Total)) => "UTC",
            (None, _) => {
                self.refuse(
                    "time_zone",
                    "missing; a day and a month begin in a zone, such as \"Europe/Berlin\" or \"UTC\"",
                );
                return None;
            }
        };
        let window = Window::new(kind?, zone);
        if window.is_none() {
            self.refuse("time_zone", format!("there is no IANA time zone {zone:?}"));
        }
        window
    }

    fn word<T: Copy, const N: usize>(
        &mut self,
        key: &str,
        words: [(&str, T); N],
        default: Option<T>,
    ) -> Option<T> {
        let value = self.keys.get(key);
        let text = value.and_then(Value::as_str);
        let found = words.iter().find(|(word, _)| Some(*word) == text).map(|(_, value)| *value);
        match (found, value, default) {
            (Some(found), _, _) | (None, None, Some(found)) => Some(found),
            _ => {
                let not = value.map_or_else(|| "missing".to_owned(), |value| format!("not {}", show(value)));
                self.refuse(key, format!("{}, {not}", one_of(&words.map(|(word, _)| word))));
                None
            }
        }
    }
}

/// The budgets as they are written.
pub(super) fn shown(budgets: &[Budget]) -> impl Iterator<Item = String> {
    budgets.iter().map(|budget| {
        let one = match &budget.scope {
            BudgetScope::Workspace(Some(id)) => format!("match = \"{id}\"\n"),
            BudgetScope::Principal(Some(who)) => format!("match = {}\n", Value::String(who.clone())),
            BudgetScope::Workspace(None) | BudgetScope::Principal(None) | BudgetScope::Global => String::new(),
        };
        format!(
            "\n[[{KEY}]]\nname = \"{}\"\nscope = \"{}\"\n{one}limit = \"{}\"\nwindow = \"{}\"\ntime_zone = \"{}\"\nmode = \"{}\"\nunpriced = \"{}\"",
            budget.name,
            budget.scope.as_str(),
            budget.limit,
            budget.window.kind().as_str(),
            budget.window.zone(),
            if budget.enforce { "enforce" } else { "shadow" },
            match budget.unpriced {
                Unpriced::Admit => "admit",
                Unpriced::Refuse => "refuse",
            }
        )
    })
}
