//! Compares each rate card with the one that follows it: a price that is ten times as high, or a tenth, may be a slip of the
//! decimal point; one in another currency cannot be added to it; and a time for which there is no card is one in which no budget
//! counts. All are told, not refused: they may be meant.

use jiff::Timestamp;
use job_model::{Amount, Decimal, Gigapixels, JobType, Megapoints, OutputSet, Quality, RateCard};
use job_model::{RateCards, Workload};

/// So many times as much, or as little, is worth a line.
const FAR: Decimal = Decimal::TEN;
/// Large enough that neither rounding nor a minimum decides.
const SIZE: Decimal = Decimal::ONE_THOUSAND;

/// One line for each two cards in a row, one where the first is still to begin, and one for each end of a card that no other follows,
/// where budgets count.
pub(super) fn warnings(cards: &RateCards, counts: bool, now: Timestamp) -> Vec<String> {
    let mut all: Vec<&RateCard> = cards.iter().collect();
    all.sort_by_key(|card| card.effective_from());
    let slips = all.iter().zip(all.iter().skip(1)).filter_map(|(one, next)| slip(one, next));
    let ends = all.iter().filter(|_| counts).filter_map(|card| end(card, &all));
    slips.chain(all.first().and_then(|first| begin(first, now))).chain(ends).collect()
}

fn begin(first: &RateCard, now: Timestamp) -> Option<String> {
    let begin = first.effective_from().filter(|begin| *begin > now)?;
    Some(format!(
        "pricing.rate_card: card {:?} version {:?} begins at {begin}, and none is in force until then: jobs have no price, and budgets let them pass unless unpriced is \"refuse\" or \"refuse-submission\"",
        first.name(),
        first.version()
    ))
}

fn end(card: &RateCard, all: &[&RateCard]) -> Option<String> {
    let end = card.effective_until()?;
    let is_followed = all.iter().any(|next| next.effective_from() == Some(end));
    (!is_followed).then(|| {
        format!(
            "pricing.rate_card: card {:?} version {:?} ends at {end} and none begins then: jobs have no price from then on, and budgets let them pass unless unpriced is \"refuse\" or \"refuse-submission\"",
            card.name(),
            card.version()
        )
    })
}

fn slip(one: &RateCard, next: &RateCard) -> Option<String> {
    let (before, after) = (one.currency(), next.currency());
    if before != after {
        return Some(format!(
            "pricing.rate_card: {:?} version {:?} prices in {before} and {:?} version {:?} in {after}: from then on the gateway does not start on a ledger in which amounts in {before} still count; give ledger.url a new file then",
            one.name(),
            one.version(),
            next.name(),
            next.version(),
        ));
    }
    let (workload, before, after) = workloads().find_map(|workload| {
        let (before, after) = (price(one, &workload)?, price(next, &workload)?);
        let (less, more) = (before.min(after).to_decimal(), before.max(after).to_decimal());
        (more > Decimal::ZERO && more >= less.checked_mul(FAR)?).then_some((workload, before, after))
    })?;
    let what = if workload.gigapixels.is_some() { "gigapixels" } else { "megapoints" };
    Some(format!(
        "pricing.rate_card: a {} job of quality {} and {SIZE} {what} costs {before} by {:?} version {:?} and {after} by {:?} version {:?}: see that no decimal point has slipped",
        workload.job_type.as_str(),
        workload.quality.as_str(),
        one.name(),
        one.version(),
        next.name(),
        next.version()
    ))
}

fn workloads() -> impl Iterator<Item = Workload> {
    let sizes = [(Gigapixels::new(SIZE), None), (None, Megapoints::new(SIZE))];
    JobType::ALL.into_iter().flat_map(move |job_type| {
        Quality::ALL.into_iter().flat_map(move |quality| {
            sizes.map(|(gigapixels, megapoints)| Workload {
                job_type,
                quality,
                outputs: OutputSet::default(),
                gigapixels,
                megapoints,
            })
        })
    })
}

fn price(card: &RateCard, workload: &Workload) -> Option<Amount> {
    card.price(workload).amount()
}
