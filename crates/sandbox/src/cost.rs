//! The sandbox's own estimate: gigapixels plus megapoints, to the nearest half. It is no one's price list.

use job_model::{CostEstimationParameters, Decimal};

/// The unrounded size: what a finished run reports as its units.
pub(crate) fn units(parameters: &CostEstimationParameters) -> Decimal {
    let (whole, part) = split(parameters);
    (whole + part).normalize()
}

/// The size rounded to a multiple of 0.5, ties to the even multiple.
pub(crate) fn estimate(parameters: &CostEstimationParameters) -> Decimal {
    let (whole, part) = split(parameters);
    // INVARIANT: exact, because whole numbers and fractions are added apart: each sum fits the 28 digits, where one sum of
    // both might not, and would be rounded twice. `2 * whole` is even, so it does not change which multiple is even.
    let halves = Decimal::TWO * whole + (Decimal::TWO * part).round();
    (halves / Decimal::TWO).normalize()
}

fn split(parameters: &CostEstimationParameters) -> (Decimal, Decimal) {
    let images = parameters.giga_pixels.map_or(Decimal::ZERO, job_model::Gigapixels::get);
    let points = parameters.mega_points.map_or(Decimal::ZERO, job_model::Megapoints::get);
    (images.trunc() + points.trunc(), images.fract() + points.fract())
}

#[cfg(test)]
mod tests {
    use job_model::{Gigapixels, Megapoints};

    use super::*;

    fn of(images: &str, points: &str) -> String {
        let parameters = CostEstimationParameters {
            giga_pixels: Gigapixels::new(images.parse().unwrap()),
            mega_points: Megapoints::new(points.parse().unwrap()),
            mesh_quality: None,
        };
        estimate(&parameters).to_string()
    }

    #[test]
    fn sums_go_to_the_nearest_half() {
        for (images, points, cost) in [
            ("2.1", "1.5", "3.5"),
            ("2.5", "1.5", "4"),
            ("0", "0", "0"),
            ("0.24", "0", "0"),
            ("0.26", "0", "0.5"),
            ("10000000", "10000000", "20000000"),
        ] {
            assert_eq!(of(images, points), cost, "{images} + {points}");
        }
    }

    #[test]
    fn ties_go_to_the_even_half() {
        assert_eq!(of("0.25", "0"), "0", "0.25 lies between 0 and 1 halves");
        assert_eq!(of("0.5", "0.25"), "1", "0.75 lies between 1 and 2 halves");
        assert_eq!(of("3", "0.25"), "3");
        assert_eq!(of("3", "0.75"), "4");
    }

    #[test]
    fn the_last_of_twenty_eight_decimals_breaks_a_tie() {
        assert_eq!(of("10000000", "0.2500000000000000000000000001"), "10000000.5");
    }
}
