//! Prices a workload: exact products, one sum, one rounding, and lines that add up.
//!
//! Nothing here can leave its range. Quantities are at most 10^7, rates, flats and minimums at most 10^4, surcharges at
//! most 40: a sum is at most 2 * 10^11 for the quantities and 40 times (2 * 10^11 + 10^4) for surcharges, 8.3 * 10^12 in
//! all, and a minimum and a step of at most 10^4 each add no more than that. An amount reaches to 9.2 * 10^12.
//!
//! Nor can a sum be inexact. Below 10^13 there are 13 digits before the point, and any decimal holds 28: parts with at most
//! 15 places always add up exactly; where one has more, all are first rounded up to as many places as the sum leaves.

use std::cmp::Ordering;
use std::sync::Arc;

use rust_decimal::{Decimal, RoundingStrategy};

use super::{Prices, RateCard, RoundingMode, Surcharge};
use crate::amount::Amount;
use crate::decimal;
use crate::format::OutputSet;
use crate::quantity::{Gigapixels, Megapoints};
use crate::quote::{Estimate, Item, Line, Quote, UnpricedReason};
use crate::request::JobRequest;
use crate::workload::Workload;

/// Digits that any decimal holds.
const DIGITS: u32 = 28;
/// Places that the parts of any sum may have: see above.
const SAFE_PLACES: u32 = 15;

impl RateCard {
    /// The price of a job.
    ///
    /// ```
    /// use job_model::{JobRequest, Policy, Quote, RateCard, UnpricedReason};
    /// let body = br#"{"type":"Full","name":"n","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
    ///     "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"]}}"#;
    /// let job = JobRequest::from_json(body, &Policy::default()).unwrap().into_value().unwrap();
    /// assert_eq!(RateCard::illustrative().quote(&job), Quote::Unpriced(UnpricedReason::NoQuantities));
    /// ```
    pub fn quote(&self, job: &JobRequest) -> Quote {
        self.price(&job.workload())
    }

    /// The price of what has a price in a job.
    pub fn price(&self, workload: &Workload) -> Quote {
        if workload.gigapixels.is_none() && workload.megapoints.is_none() {
            return Quote::Unpriced(UnpricedReason::NoQuantities);
        }
        let gigapixels = workload.gigapixels.map_or(Decimal::ZERO, Gigapixels::get);
        let megapoints = workload.megapoints.map_or(Decimal::ZERO, Megapoints::get);
        if gigapixels.is_zero() && megapoints.is_zero() {
            return Quote::Unpriced(UnpricedReason::ZeroQuantities);
        }
        let Some(prices) = self.rates.get(workload.job_type, workload.quality) else {
            return Quote::Unpriced(UnpricedReason::NoRate);
        };
        match self.estimate(prices, gigapixels, megapoints, workload.outputs) {
            Some(estimate) => Quote::Priced(estimate),
            // INVARIANT: see the bounds above; a test prices at all of them.
            None => Quote::Unpriced(UnpricedReason::NoRate),
        }
    }

    fn estimate(
        &self,
        prices: &Prices,
        gigapixels: Decimal,
        megapoints: Decimal,
        outputs: OutputSet,
    ) -> Option<Estimate> {
        let mut parts = Parts::with_room(self.surcharges.len());
        let item = Item::Gigapixels { quantity: gigapixels, rate: prices.per_gigapixel };
        parts.add(item, product(gigapixels, prices.per_gigapixel)?)?;
        let item = Item::Megapoints { quantity: megapoints, rate: prices.per_megapoint };
        parts.add(item, product(megapoints, prices.per_megapoint)?)?;
        for row in self.surcharges.iter().filter(|row| row.output.intersects(outputs)) {
            let output = row.output.intersection(outputs);
            parts.add(Item::Surcharge { output }, row.amount(gigapixels, megapoints)?)?;
        }
        self.total(parts, prices.minimum)
    }

    /// Lifts to the minimum, rounds.
    fn total(&self, parts: Parts, minimum: Decimal) -> Option<Estimate> {
        let Parts { mut lines, sum: mut exact, most_places } = parts;
        if most_places > SAFE_PLACES {
            let largest = exact.checked_add(minimum)?.checked_add(self.step.to_decimal())?;
            let places = places(largest)?;
            for line in &mut lines {
                line.amount = up(line.amount, places);
            }
            exact = sum(lines.iter().map(|line| line.amount))?;
        }
        if exact < minimum {
            lines.push(Line { item: Item::Minimum, amount: minimum.checked_sub(exact)? });
            exact = minimum;
        }
        let amount = self.rounded(exact)?;
        let difference = Decimal::new(amount.micros(), Amount::PLACES).checked_sub(exact)?;
        if !difference.is_zero() {
            lines.push(Line { item: Item::Rounding, amount: difference });
        }
        Some(Estimate { card: Arc::clone(&self.card), amount, lines })
    }

    /// A multiple of the step, and at least one: else small jobs would pass any budget for ever.
    fn rounded(&self, exact: Decimal) -> Option<Amount> {
        let micros = u128::try_from(self.step.micros()).ok()?;
        let mantissa = exact.mantissa().unsigned_abs();
        // Both as whole numbers of one unit: a millionth, or the last place of the number where that is finer.
        let (number, step) = match exact.scale().checked_sub(Amount::PLACES) {
            Some(finer) => (mantissa, micros.checked_mul(10_u128.checked_pow(finer)?)?),
            None => (
                mantissa.checked_mul(10_u128.checked_pow(Amount::PLACES.checked_sub(exact.scale())?)?)?,
                micros,
            ),
        };
        let steps = number.checked_div(step)?;
        let rest = number.checked_sub(steps.checked_mul(step)?)?;
        let up = match self.mode {
            RoundingMode::Up => rest > 0,
            RoundingMode::Down => false,
            RoundingMode::HalfEven => match rest.checked_mul(2)?.cmp(&step) {
                Ordering::Less => false,
                Ordering::Greater => true,
                Ordering::Equal => !steps.is_multiple_of(2),
            },
        };
        let steps = steps.checked_add(u128::from(up))?.max(1);
        i64::try_from(steps.checked_mul(micros)?).ok().map(Amount::from_micros)
    }
}

/// The lines so far. They are added up as they come: to read again what was just written makes a processor wait.
struct Parts {
    lines: Vec<Line>,
    sum: Decimal,
    most_places: u32,
}

impl Parts {
    /// Room for every surcharge and four other lines: the one allocation.
    fn with_room(surcharges: usize) -> Self {
        let lines = Vec::with_capacity(surcharges.saturating_add(4));
        Self { lines, sum: Decimal::ZERO, most_places: 0 }
    }

    /// A line, unless it is nothing.
    fn add(&mut self, item: Item, amount: Decimal) -> Option<()> {
        if !amount.is_zero() {
            self.sum = self.sum.checked_add(amount)?;
            self.most_places = self.most_places.max(amount.scale());
            self.lines.push(Line { item, amount });
        }
        Some(())
    }
}

impl Surcharge {
    /// Rounded up, if at all, as its products are.
    fn amount(&self, gigapixels: Decimal, megapoints: Decimal) -> Option<Decimal> {
        let pixels = product(gigapixels, self.per_gigapixel)?;
        let points = product(megapoints, self.per_megapoint)?;
        let parts = [pixels, points, self.flat];
        let whole = sum(parts)?;
        if parts.iter().all(|part| part.scale() <= SAFE_PLACES) {
            return Some(whole);
        }
        let places = places(whole)?;
        sum(parts.map(|part| up(part, places)))
    }
}

fn sum(amounts: impl IntoIterator<Item = Decimal>) -> Option<Decimal> {
    amounts.into_iter().try_fold(Decimal::ZERO, Decimal::checked_add)
}

/// How many places the parts of a sum may have so that a decimal holds it exactly.
fn places(sum: Decimal) -> Option<u32> {
    let digits = sum.mantissa().unsigned_abs().checked_ilog10().map_or(0, |last| last.saturating_add(1));
    let digits = digits.saturating_sub(sum.scale()); // those before the point
    DIGITS.checked_sub(digits)
}

/// The smallest number not below this one with so many places.
fn up(amount: Decimal, places: u32) -> Decimal {
    if amount.scale() <= SAFE_PLACES {
        return amount;
    }
    amount.round_dp_with_strategy(places, RoundingStrategy::AwayFromZero)
}

/// Quantity times rate, rounded up at the last place that a decimal holds.
fn product(quantity: Decimal, rate: Decimal) -> Option<Decimal> {
    /// What is split off a mantissa so that each part's product stays in range: see below.
    const SPLIT: u128 = 10_000_000_000;
    let scale = quantity.scale().checked_add(rate.scale())?;
    // A product that has kept every place has lost nothing.
    if let Some(exact) = quantity.checked_mul(rate).filter(|exact| exact.scale() == scale) {
        return Some(exact);
    }
    let (many, few) = (quantity.mantissa().unsigned_abs(), rate.mantissa().unsigned_abs());
    let scale = i32::try_from(scale).ok()?;
    if let Some(whole) = many.checked_mul(few) {
        return decimal::fit(whole, scale, false);
    }
    // A mantissa has 96 bits and a rate at most 10^16 (54 bits), so a part without its last ten digits has at most
    // 63 bits and its product 117; and a product beyond 128 bits loses at least ten digits to fit 96 bits.
    let high = many.checked_div(SPLIT)?.checked_mul(few)?;
    let low = many.checked_rem(SPLIT)?.checked_mul(few)?;
    let carried = high.checked_add(low.checked_div(SPLIT)?)?;
    decimal::fit(carried, scale.checked_sub(10)?, low.checked_rem(SPLIT)? != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_exact_or_rounded_up_at_the_last_place() {
        for (quantity, rate, want) in [
            ("2.1", "1", "2.1"),
            ("2.0999999999999996", "1.5", "3.1499999999999994"),
            ("10000000", "10000", "100000000000"),
            ("0.0000000000000000000000000001", "0.5", "0.0000000000000000000000000001"),
            ("0.3333333333333333333333333333", "9999.999999999999", "3333.3333333333329999999999997"),
            // 1.0000000000000000000000000000004 exactly
            ("3.2989187399427607647736691067", "0.303129624835", "1.0000000000000000000000000001"),
            ("9999999.123456789012345678902", "9999.999999999999", "99999991234.56788012345766557"),
            ("5.000000000000000000000000000", "3.000000000001", "15.000000000005"),
        ] {
            let exact = product(quantity.parse().unwrap(), rate.parse().unwrap()).unwrap();
            assert_eq!(exact.normalize().to_string(), want, "{quantity} x {rate}");
        }
    }
}
