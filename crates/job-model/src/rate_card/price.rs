//! Prices a workload: exact products, one sum, one rounding, and lines that add up.
//!
//! Nothing here can leave its range. Quantities are at most 10^7, rates, flats and minimums at most 10^4, surcharges at
//! most 40: a sum is at most 2 * 10^11 for the quantities and 40 times (2 * 10^11 + 10^4) for surcharges, 8.3 * 10^12 in
//! all, and a minimum and a step of at most 10^4 each add no more than that. An amount reaches to 9.2 * 10^12.

use rust_decimal::{Decimal, RoundingStrategy};

use super::{RateCard, RoundingMode};
use crate::amount::Amount;
use crate::decimal;
use crate::quantity::{Gigapixels, Megapoints};
use crate::quote::{Estimate, Item, Line, Quote, UnpricedReason};
use crate::request::JobRequest;
use crate::workload::Workload;

/// Digits that any decimal holds.
const DIGITS: u32 = 28;

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
        let covering = self.rates.iter().find(|rate| rate.covers(workload.job_type, workload.quality));
        let Some(rate) = covering else { return Quote::Unpriced(UnpricedReason::NoRate) };
        let mut lines = Vec::with_capacity(3);
        let mut add = |item, amount: Option<Decimal>| {
            if let Some(amount) = amount.filter(|amount| !amount.is_zero()) {
                lines.push(Line { item, amount });
            }
        };
        let (per_gigapixel, per_megapoint) = (rate.per_gigapixel, rate.per_megapoint);
        let item = Item::Gigapixels { quantity: gigapixels, rate: per_gigapixel };
        add(item, product(gigapixels, per_gigapixel));
        let item = Item::Megapoints { quantity: megapoints, rate: per_megapoint };
        add(item, product(megapoints, per_megapoint));
        for surcharge in self.surcharges.iter().filter(|row| row.output.intersects(workload.outputs)) {
            let output =
                surcharge.output.iter().filter(|format| workload.outputs.contains(*format)).collect();
            let amount = product(gigapixels, surcharge.per_gigapixel)
                .zip(product(megapoints, surcharge.per_megapoint))
                .and_then(|(pixels, points)| sum([pixels, points, surcharge.flat]));
            add(Item::Surcharge { output }, amount);
        }
        match self.total(lines, rate.minimum) {
            Some(estimate) => Quote::Priced(estimate),
            // INVARIANT: see the bounds above; a test prices at all of them.
            None => Quote::Unpriced(UnpricedReason::NoRate),
        }
    }

    /// Adds up, lifts to the minimum, rounds.
    fn total(&self, mut lines: Vec<Line>, minimum: Decimal) -> Option<Estimate> {
        let roughly =
            sum(lines.iter().map(|line| line.amount))?.checked_add(minimum)?.checked_add(self.step)?;
        let places = DIGITS.checked_sub(integer_digits(roughly))?;
        for line in &mut lines {
            // Beyond these places the sum of the lines would not be exact.
            line.amount = line.amount.round_dp_with_strategy(places, RoundingStrategy::AwayFromZero);
        }
        let mut exact = sum(lines.iter().map(|line| line.amount))?;
        let lift = minimum.checked_sub(exact)?;
        if lift > Decimal::ZERO {
            lines.push(Line { item: Item::Minimum, amount: lift });
            exact = minimum;
        }
        let rounded = self.rounded(exact)?;
        let difference = rounded.checked_sub(exact)?;
        if !difference.is_zero() {
            lines.push(Line { item: Item::Rounding, amount: difference });
        }
        let amount = Amount::from_decimal(rounded)?;
        Some(Estimate { card: std::sync::Arc::clone(&self.card), amount, lines })
    }

    /// A multiple of the step, and at least one: else small jobs would pass any budget for ever.
    fn rounded(&self, exact: Decimal) -> Option<Decimal> {
        let rest = exact.checked_rem(self.step)?;
        let below = exact.checked_sub(rest)?;
        let up = match self.mode {
            RoundingMode::Up => !rest.is_zero(),
            RoundingMode::Down => false,
            RoundingMode::HalfEven => match rest.checked_add(rest)?.cmp(&self.step) {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Equal => {
                    !below.checked_div(self.step)?.checked_rem(Decimal::TWO)?.is_zero()
                }
            },
        };
        let rounded = if up { below.checked_add(self.step)? } else { below };
        Some(rounded.max(self.step))
    }
}

fn sum(amounts: impl IntoIterator<Item = Decimal>) -> Option<Decimal> {
    amounts.into_iter().try_fold(Decimal::ZERO, Decimal::checked_add)
}

/// How many digits stand before the point.
fn integer_digits(number: Decimal) -> u32 {
    let mut rest = number.trunc().mantissa().unsigned_abs();
    let mut digits = 0_u32;
    while rest > 0 {
        rest = rest.checked_div(10).unwrap_or(0);
        digits = digits.saturating_add(1);
    }
    digits
}

/// Quantity times rate, rounded up at the last place that a decimal holds.
fn product(quantity: Decimal, rate: Decimal) -> Option<Decimal> {
    /// What is split off a mantissa so that each part's product stays in range: see below.
    const SPLIT: u128 = 10_000_000_000;
    let (many, few) = (quantity.mantissa().unsigned_abs(), rate.mantissa().unsigned_abs());
    let scale = i32::try_from(quantity.scale().checked_add(rate.scale())?).ok()?;
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
            ("9999999.123456789012345678902", "9999.999999999999", "99999991234.56788012345766557"),
        ] {
            let exact = product(quantity.parse().unwrap(), rate.parse().unwrap()).unwrap();
            assert_eq!(exact.normalize().to_string(), want, "{quantity} x {rate}");
        }
    }
}
