//! What operators can ask of the ledger: holds, budgets and usage as JSON. Amounts are strings.

use admission::HoldState;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ledger::{HoldId, HoldRow, Unavailable, UsageBy, UsageRow};
use serde_json::{Value, json};

use crate::money::Money;

/// Holds in one answer, unless fewer are asked for.
const PAGE: u32 = 100;
const MOST: u32 = 1000;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The question is none; the operator must ask otherwise.
    Query(&'static str),
    /// The ledger cannot be read now.
    Ledger(Unavailable),
}

impl From<Unavailable> for NoAnswer {
    fn from(fault: Unavailable) -> Self {
        Self::Ledger(fault)
    }
}

/// `GET /v1/holds?state=&limit=&after=`
pub(crate) async fn holds(money: &Money, query: &str) -> Result<Value, NoAnswer> {
    let (mut state, mut limit, mut after) = (None, PAGE, None);
    for (name, value) in pairs(query) {
        match name {
            "state" | "after" if value.is_empty() => {}
            "state" => {
                const WORDS: &str =
                    "state is one of open, bound, changing, submitted, settled, released, lapsed, in-doubt";
                state = Some(HoldState::from_word(value).ok_or(NoAnswer::Query(WORDS))?);
            }
            "limit" => {
                let number = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                limit = number.ok_or(NoAnswer::Query("limit is 1 to 1000"))?;
            }
            "after" => {
                after = Some(HoldId::parse(value).ok_or(NoAnswer::Query("after is the id of a hold"))?);
            }
            _ => return Err(NoAnswer::Query("the parameters are state, limit and after")),
        }
    }
    let rows = money.ledger.holds(state, after, limit).await?;
    let full = usize::try_from(limit).is_ok_and(|limit| rows.len() >= limit);
    let next = rows.last().filter(|_| full).map(|row| row.id.to_string());
    Ok(json!({"holds": rows.iter().map(hold).collect::<Vec<_>>(), "next": next}))
}

fn hold(row: &HoldRow) -> Value {
    let date = |millis| Timestamp::from_millisecond(millis).ok().map(|date| date.to_string());
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    json!({
        "id": row.id.to_string(), "state": row.state.as_str(), "job": row.job, "workspace": row.workspace,
        "principal": text(&row.principal), "amount": row.priced.then_some(row.amount),
        "upstreamEstimate": row.upstream_estimate.map(|number| number.to_string()),
        "upstreamUnits": row.upstream_units.map(|number| number.to_string()),
        "currency": text(&row.currency), "opened": date(row.opened), "changed": date(row.changed),
        "budgets": row.budgets, "overdraft": row.overdraft,
    })
}

/// `GET /v1/budgets`: what was used in every window so far, and unused budgets of everybody.
pub(crate) async fn budgets(money: &Money, now: Timestamp) -> Result<Value, NoAnswer> {
    let rows = money.ledger.balances().await?;
    let currency = money.cards.in_force(now).map(job_model::RateCard::currency);
    let mut all = Vec::new();
    for budget in &money.budgets {
        let period = budget.window.period(now);
        let entry = |key: &str, label: &str, balance: admission::Balance| {
            json!({
                "name": budget.name, "scope": budget.scope.as_str(), "key": key, "window": label,
                "limit": budget.limit, "settled": balance.settled, "held": balance.held, "currency": currency,
                "resets": if label == period.label { period.resets() } else { None },
            })
        };
        let own: Vec<_> = rows.iter().filter(|row| row.budget == budget.name).collect();
        if own.iter().all(|row| row.period != period.label) {
            all.push(entry("", &period.label, admission::Balance::default()));
        }
        all.extend(own.into_iter().map(|row| entry(&row.key, &row.period, row.balance)));
    }
    Ok(json!({"budgets": all}))
}

/// `GET /v1/usage?by=&from=&until=`
pub(crate) async fn usage(money: &Money, query: &str) -> Result<Value, NoAnswer> {
    const WORDS: &str = "by is one of workspace, principal, type, quality, day";
    let (mut by, mut opened) = (UsageBy::Workspace, Timestamp::MIN..Timestamp::MAX);
    for (name, value) in pairs(query) {
        match name {
            "by" => by = UsageBy::from_word(value).ok_or(NoAnswer::Query(WORDS))?,
            "from" => opened.start = day(value)?,
            "until" => opened.end = day(value)?,
            _ => return Err(NoAnswer::Query("the parameters are by, from and until")),
        }
    }
    let rows = money.ledger.usage(by, opened).await?;
    Ok(json!({"usage": rows.iter().map(UsageRow::to_json).collect::<Vec<_>>()}))
}

/// When a day begins in UTC.
fn day(value: &str) -> Result<Timestamp, NoAnswer> {
    let begins = value.parse::<Date>().ok().and_then(|day| day.to_zoned_datetime(TimeZone::UTC).ok());
    begins.map(|day| day.timestamp()).ok_or(NoAnswer::Query("from and until are days such as 2026-11-30"))
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}
