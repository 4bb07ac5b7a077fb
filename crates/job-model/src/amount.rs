//! Amounts of a rate card's currency: whole micro-units, checked, never a float.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// An amount of a rate card's currency, exact to the millionth.
///
/// ```
/// use job_model::Amount;
/// let amount: Amount = "3.50".parse().unwrap();
/// assert_eq!((amount.to_string(), amount.micros()), ("3.5".to_owned(), 3_500_000));
/// assert!("0.0000001".parse::<Amount>().is_err(), "finer than a millionth");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Amount(i64);

/// A text or a number that is no amount.
///
/// ```
/// let why = "3,5".parse::<job_model::Amount>().unwrap_err();
/// assert_eq!(why.to_string().split(':').next(), Some("not an amount"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAmount;

impl Amount {
    /// Decimal places of a micro-unit.
    pub(crate) const PLACES: u32 = 6;
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many millionths.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// How many millionths.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The amount, if the number has at most six decimal places and is in range.
    pub fn from_decimal(number: Decimal) -> Option<Self> {
        let number = number.normalize();
        if number.scale() > Self::PLACES {
            return None;
        }
        number.checked_mul(Decimal::from(1_000_000))?.to_i64().map(Self)
    }

    /// The number.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, Self::PLACES).normalize()
    }

    /// The sum, if it is in range.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// The difference, if it is in range.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_decimal().fmt(f)
    }
}

impl FromStr for Amount {
    type Err = NoAmount;

    fn from_str(text: &str) -> Result<Self, NoAmount> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        // A decimal's own reader also takes "+1", "1_000" and "5."; money has one spelling.
        if !digits(whole.strip_prefix('-').unwrap_or(whole)) || !digits(fraction) {
            return Err(NoAmount);
        }
        let number = Decimal::from_str_exact(text).map_err(|_| NoAmount)?;
        Self::from_decimal(number).ok_or(NoAmount)
    }
}

impl fmt::Display for NoAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an amount: a decimal number with at most six places")
    }
}

impl std::error::Error for NoAmount {}

/// As a string: readers of JSON numbers may make a float of them.
impl serde::Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_plain_decimals_in_range_are_amounts() {
        for (text, micros) in [
            ("0", 0),
            ("-0.0", 0),
            ("3.50", 3_500_000),
            ("-0.000001", -1),
            ("9223372036854.775807", i64::MAX),
            ("-9223372036854.775808", i64::MIN),
        ] {
            assert_eq!(text.parse(), Ok(Amount(micros)), "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "+1",
            "1_000",
            "1e3",
            " 1",
            "0x1",
            "--1",
            "1.-2",
            "0.0000001",
            "\u{661}",
            "9223372036854.775808",
            "-9223372036854.775809",
            "99999999999999999999999999999999999",
        ] {
            assert_eq!(text.parse::<Amount>(), Err(NoAmount), "{text}");
        }
    }

    #[test]
    fn sums_that_leave_the_range_are_none() {
        let (least, one, most) = (Amount(i64::MIN), Amount(1), Amount(i64::MAX));
        assert_eq!((most.checked_add(one), least.checked_sub(one)), (None, None));
        assert_eq!(Amount(2).checked_sub(Amount(3)), Some(Amount(-1)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read(micros in any::<i64>(), shift in 0_u32..63) {
            let amount = Amount(micros >> shift);
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
            prop_assert_eq!(Amount::from_decimal(amount.to_decimal()), Some(amount));
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(&json, &format!("\"{amount}\""));
            prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
        }
    }
}
