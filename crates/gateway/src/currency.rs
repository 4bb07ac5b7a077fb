//! That a ledger and the rate card in force, or the first one to begin, speak of one currency: a sum of two would be none, and be shown
//! as if it were one.

use std::fmt;

use admission::Budget;
use jiff::Timestamp;
use job_model::RateCard;
use ledger::{Foreign, Ledger, Place, Url};
use tokio::runtime::Builder;

use crate::config::Config;
use crate::server::StartError;

/// Looks for amounts that still count when a card prices, and are not of its currency; without a card nothing is added to them.
///
/// # Errors
/// Where there are any, or the ledger cannot tell: one line, what and what to do.
pub(crate) fn check(config: &Config, ledger: &Ledger, now: Timestamp) -> Result<(), StartError> {
    let begin = |card: &RateCard| card.effective_from().filter(|begin| *begin > now);
    let first = || config.cards.iter().filter(|card| begin(card).is_some()).min_by_key(|card| begin(card));
    let card = config.cards.in_force(now).or_else(first);
    let (Some(card), Url::Sqlite(path)) = (card, &config.ledger) else { return Ok(()) };
    let ours = card.currency();
    let told = |what: &dyn fmt::Display| format!("ledger {}: {what}", path.display());
    let failed = |fault: &dyn fmt::Display| StartError::Machine(told(fault));
    let runtime = Builder::new_current_thread().build().map_err(|error| failed(&error))?;
    let foreign = runtime.block_on(ledger.foreign(ours.to_owned())).map_err(|fault| failed(&fault))?;
    let at = begin(card).unwrap_or(now);
    let counts = foreign.iter().find_map(|found| Some((found, counting(found, &config.budgets, at)?)));
    let Some((Foreign { currency: theirs, .. }, what)) = counts else { return Ok(()) };
    Err(StartError::Configuration(told(&format_args!(
        "{what} in {theirs}, and the rate card {:?} prices in {ours}: they cannot be added up; name {theirs} in the card as before, or give ledger.url a new file",
        card.name()
    ))))
}

/// What of it counts then: what is held does, what is settled in the window that a budget has then.
fn counting(found: &Foreign, budgets: &[Budget], at: Timestamp) -> Option<String> {
    if found.is_held {
        return Some("holds that are not over are".to_owned());
    }
    let is_then = |place: &&Place| {
        let same = |budget: &&Budget| budget.name == place.budget;
        budgets.iter().find(same).is_some_and(|budget| budget.window.period(at).label == place.period)
    };
    let place = found.places.iter().find(is_then)?;
    Some(format!("what is settled in budget {:?}, window {}, is", place.budget, place.period))
}
