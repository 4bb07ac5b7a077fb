//! Amounts of a rate card's currency: whole micro-units, checked, never a float.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Decimal places of a micro-unit.
const PLACES: u32 = 6;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAmount;

impl Amount {
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
        if number.scale() > PLACES {
            return None;
        }
        number.checked_mul(Decimal::from(1_000_000))?.to_i64().map(Self)
    }

    /// The number.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, PLACES).normalize()
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
