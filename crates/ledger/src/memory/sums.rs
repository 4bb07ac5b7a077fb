//! What holds in memory come to.

use std::collections::BTreeMap;
use std::ops::Range;

use admission::HoldState;
use jiff::Timestamp;
use job_model::Amount;

use crate::ledger::Unavailable;
use crate::rows::{HoldRow, UsageBy, UsageRow};
use crate::store::Answer;

/// The group that a hold is added up in.
fn group(row: &HoldRow, by: UsageBy) -> String {
    match by {
        UsageBy::Workspace => row.workspace.to_string(),
        UsageBy::Principal => row.principal.clone(),
        UsageBy::Type => row.workload.job_type.as_str().to_owned(),
        UsageBy::Quality => row.workload.quality.as_str().to_owned(),
        UsageBy::Day => Timestamp::from_millisecond(row.opened)
            .map(|opened| opened.strftime("%Y-%m-%d").to_string())
            .unwrap_or_default(),
    }
}

/// As [`crate::store::Read::usage`].
pub(super) fn usage<'a>(
    holds: impl Iterator<Item = &'a HoldRow>,
    by: UsageBy,
    opened: &Range<i64>,
) -> Answer<Vec<UsageRow>> {
    let mut groups: BTreeMap<(String, &str), UsageRow> = BTreeMap::new();
    // What was given back before its job was known never became one; and of a job made elsewhere nothing was made here.
    let was_job = |row: &&HoldRow| row.job.is_some() && !row.found || row.state != HoldState::Released;
    for row in holds.filter(|row| opened.contains(&row.opened)).filter(was_job) {
        let group = group(row, by);
        let sum = groups.entry((group.clone(), &row.currency)).or_insert(UsageRow {
            group,
            jobs: 0,
            unpriced: 0,
            held: Amount::ZERO,
            settled: Amount::ZERO,
            currency: row.currency.clone(),
        });
        let add = |sum: Amount, counts: bool| {
            let more = if counts { row.amount } else { Amount::ZERO };
            sum.checked_add(more).ok_or_else(|| Unavailable::new("a sum is beyond what it can hold"))
        };
        sum.jobs = sum.jobs.saturating_add(1);
        sum.unpriced = sum.unpriced.saturating_add(i64::from(!row.priced));
        sum.held = add(sum.held, row.state.is_held())?;
        sum.settled = add(sum.settled, row.state == HoldState::Settled)?;
    }
    Ok(groups.into_values().collect())
}

/// As [`crate::store::Read::foreign`]; places by their numbers.
pub(super) fn foreign<'a>(
    holds: impl Iterator<Item = &'a HoldRow>,
    currency: &str,
) -> impl Iterator<Item = (&'a str, bool, &'a [i64])> {
    let counts = |row: &&HoldRow| row.state.is_held() || row.state == HoldState::Settled;
    let is_foreign = |row: &&HoldRow| row.amount != Amount::ZERO && row.currency != currency;
    let mut all: Vec<_> = holds
        .filter(counts)
        .filter(is_foreign)
        .map(|row| (row.currency.as_str(), row.state.is_held(), row.accounts.as_slice()))
        .collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter()
}
