//! Reads `[[budget]]`: whose spending is limited to how much in which window.

use admission::{Budget, BudgetScope, Unpriced, Window, WindowKind};
use job_model::{Amount, Decimal, RateCards, WorkspaceId};
use toml::Value;

use super::problems::ConfigProblem;
use super::reader::{Reader, one_of, show};
use super::rows::{self, Row};
use crate::identity::Principal;

/// The section's name.
pub(super) const KEY: &str = "budget";

const KEYS: [&str; 10] =
    ["name", "scope", "match", "limit", "currency", "window", "time_zone", "mode", "soft", "unpriced"];

/// The part of a limit at which somebody is to know.
const SOFT: &str = "0.8";

/// Every budget that is sound; what is wrong with the others. Principals are only known where requests are verified.
pub(super) fn read(reader: &mut Reader<'_>, cards: &RateCards, verified: bool) -> Vec<Budget> {
    let budgets = rows::read(reader.table, KEY, &mut reader.problems, |row, others| {
        let budget = budget(row, cards, verified)?;
        if others.iter().any(|other: &Budget| other.name == budget.name) {
            row.refuse("name", "is another budget's name, too");
        }
        Some(budget)
    });
    if reader.table.get(KEY).and_then(Value::as_array).is_some_and(|rows| !rows.is_empty()) {
        check_cards(cards, &mut reader.problems);
    }
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

fn budget(row: &mut Row<'_>, cards: &RateCards, verified: bool) -> Option<Budget> {
    row.refuse_unknown(KEYS);
    let (name, scope, limit, window) = (row.name(), scope(row, verified), limit(row), window(row));
    let enforce = row.word("mode", [("enforce", true), ("shadow", false)], Some(true));
    let unpriced = [
        ("admit", Unpriced::Admit),
        ("refuse-submission", Unpriced::RefuseSubmission),
        ("refuse", Unpriced::Refuse),
    ];
    let unpriced = row.word("unpriced", unpriced, Some(Unpriced::Admit));
    let soft = soft(row);
    currency(row, cards);
    Some(Budget {
        name: name?,
        scope: scope?,
        limit: limit?,
        window: window?,
        enforce: enforce?,
        soft: soft?,
        unpriced: unpriced?,
    })
}

fn scope(row: &mut Row<'_>, verified: bool) -> Option<BudgetScope> {
    let one = row.keys.get("match");
    match row.text("scope") {
        Some("global") if one.is_some() => {
            row.refuse("match", "is for the scope \"workspace\"; \"global\" counts everybody");
            None
        }
        Some("global") => Some(BudgetScope::Global),
        Some("workspace") => {
            let id = one.map(|id| WorkspaceId::parse(id.as_str().unwrap_or_default()));
            if id == Some(None) {
                row.refuse("match", "must be the id of a workspace, 8-4-4-4-12 hexadecimal digits");
                return None;
            }
            Some(BudgetScope::Workspace(id.flatten()))
        }
        Some("principal") if verified => {
            let who = one.map(|who| who.as_str().unwrap_or_default());
            // One that no request can have would limit nobody.
            if who.is_some_and(|who| Principal::new(who).is_none()) {
                let what = "must be a principal in quotes, 1 to 256 visible ASCII characters; leave it out to count each by itself";
                row.refuse("match", what);
                return None;
            }
            Some(BudgetScope::Principal(who.map(str::to_owned)))
        }
        Some("principal") => {
            let what =
                "\"principal\" needs identity.mode \"jwt\" or \"header\": an unverified token is nobody";
            row.refuse("scope", what);
            None
        }
        _ => {
            let not = row
                .keys
                .get("scope")
                .map_or_else(|| "missing".to_owned(), |value| format!("not {}", show(value)));
            row.refuse("scope", format!("{}, {not}", one_of(&["global", "workspace", "principal"])));
            None
        }
    }
}

fn limit(row: &mut Row<'_>) -> Option<Amount> {
    let found = row.text("limit").and_then(|text| text.parse::<Amount>().ok());
    let found = found.filter(|amount| *amount >= Amount::ZERO);
    if found.is_none() {
        let not = row.shown("limit");
        let what = format!(
            "must be an amount in quotes such as \"100\" or \"0.5\", not negative and of six decimal places at most, not {not}"
        );
        row.refuse("limit", what);
    }
    found
}

fn soft(row: &mut Row<'_>) -> Option<Decimal> {
    let text = if row.keys.contains_key("soft") { row.text("soft") } else { Some(SOFT) };
    let found = text.and_then(|text| text.parse::<Decimal>().ok());
    let found = found.filter(|part| *part > Decimal::ZERO && *part <= Decimal::ONE);
    if found.is_none() {
        let not = row.shown("soft");
        let what = format!(
            "must be a part of the limit in quotes, above 0 and at most 1, such as \"0.8\", not {not}"
        );
        row.refuse("soft", what);
    }
    found
}

/// A budget may say what its limit is an amount of; then the cards must be of the same.
fn currency(row: &mut Row<'_>, cards: &RateCards) {
    let Some(value) = row.keys.get("currency") else { return };
    let named = value.as_str();
    if let Some(card) = cards.iter().find(|card| Some(card.currency()) != named) {
        let (not, currency) = (row.shown("currency"), card.currency());
        row.refuse("currency", format!("is {not}, and the rate card {} prices in {currency:?}", card.name()));
    }
}

fn window(row: &mut Row<'_>) -> Option<Window> {
    let kinds = WindowKind::ALL.map(|kind| (kind.as_str(), kind));
    let kind = row.word("window", kinds, None);
    let zone = match (row.keys.get("time_zone"), kind) {
        (Some(Value::String(zone)), _) => zone.to_owned(),
        (Some(other), _) => {
            let what = "must be the name of a zone in quotes, such as \"Europe/Berlin\" or \"UTC\", not";
            row.refuse("time_zone", format!("{what} {}", show(other)));
            return None;
        }
        (None, Some(WindowKind::Total)) => "UTC".to_owned(),
        (None, _) => {
            let what = "missing; a day and a month begin in a zone, such as \"Europe/Berlin\" or \"UTC\"";
            row.refuse("time_zone", what);
            return None;
        }
    };
    let window = Window::new(kind?, &zone);
    if window.is_none() {
        row.refuse("time_zone", format!("there is no IANA time zone {zone:?}"));
    }
    window
}

/// The budgets as they are written, in the one currency of all cards.
pub(super) fn shown(budgets: &[Budget], cards: &RateCards) -> impl Iterator<Item = String> {
    let currency = cards.iter().next().map(|card| Value::String(card.currency().to_owned()));
    let currency = currency.map_or_else(String::new, |currency| format!("currency = {currency}\n"));
    budgets.iter().map(move |budget| {
        let one = match &budget.scope {
            BudgetScope::Workspace(Some(id)) => format!("match = \"{id}\"\n"),
            BudgetScope::Principal(Some(who)) => format!("match = {}\n", Value::String(who.clone())),
            BudgetScope::Workspace(None) | BudgetScope::Principal(None) | BudgetScope::Global => String::new(),
        };
        format!(
            "\n[[{KEY}]]\nname = \"{}\"\nscope = \"{}\"\n{one}limit = \"{}\"\n{currency}window = \"{}\"\ntime_zone = \"{}\"\nmode = \"{}\"\nsoft = \"{}\"\nunpriced = \"{}\"",
            budget.name,
            budget.scope.as_str(),
            budget.limit,
            budget.window.kind().as_str(),
            budget.window.zone(),
            if budget.enforce { "enforce" } else { "shadow" },
            budget.soft,
            match budget.unpriced {
                Unpriced::Admit => "admit",
                Unpriced::RefuseSubmission => "refuse-submission",
                Unpriced::Refuse => "refuse",
            }
        )
    })
}
