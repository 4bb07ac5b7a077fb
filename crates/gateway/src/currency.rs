//! That a ledger and the rate card in force speak of one currency: a sum of two would be none, and be shown as if it were one.

use std::fmt;

use admission::Budget;
use jiff::Timestamp;
use ledger::{Foreign, Ledger, Place, Url};
use tokio::runtime::Builder;

use crate::config::Config;

/// Looks for amounts that still count and are not of the currency in force; without a card nothing is added to them.
///
/// # Errors
/// Where there are any, or the ledger cannot tell: one line, what and what to do.
pub(crate) fn check(config: &Config, ledger: &Ledger, now: Timestamp) -> Result<(), String> {
    let (Some(card), Url::Sqlite(path)) = (config.cards.in_force(now), &config.ledger) else { return Ok(()) };
    let ours = card.currency();
    let failed = |what: &dyn fmt::Display| format!("ledger {}: {what}", path.display());
    let runtime = Builder::new_current_thread().build().map_err(|error| failed(&error))?;
    let foreign = runtime.block_on(ledger.foreign(ours.to_owned())).map_err(|fault| failed(&fault))?;
    let counts = foreign.iter().find_map(|found| Some((found, counting(found, &config.budgets, now)?)));
    let Some((Foreign { currency: theirs, .. }, what)) = counts else { return Ok(()) };
    Err(failed(&format_args!(
        "{what} in {theirs}, and the rate card {:?} prices in {ours}: they cannot be added up; name {theirs} in the card as before, or give ledger.url a new file",
        card.name()
    )))
}

/// What of it still counts: what is held does, what is settled in the window that a budget has now.
fn counting(found: &Foreign, budgets: &[Budget], now: Timestamp) -> Option<String> {
    if found.is_held {
        return Some("holds that are not over are".to_owned());
    }
    let is_now = |place: &&Place| {
        let same = |budget: &&Budget| budget.name == place.budget;
        budgets.iter().find(same).is_some_and(|budget| budget.window.period(now).label == place.period)
    };
    let place = found.places.iter().find(is_now)?;
    Some(format!("what is settled in budget {:?}, window {}, is", place.budget, place.period))
}
