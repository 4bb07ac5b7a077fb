//! Exact numbers from JSON text and back, never through a float.

use std::fmt;

use rust_decimal::Decimal;
use serde::ser::Error as _;

/// The largest mantissa a [`Decimal`] holds: 96 bits.
const LARGEST_MANTISSA: u128 = (1 << 96) - 1;
const LARGEST_SCALE: u32 = 28;
/// So many digits fit 63 bits, whatever they are.
const SHORT: usize = 18;

/// Reads the text of a JSON number, minus sign excluded: exactly as far as a [`Decimal`] reaches, rounded up beyond.
///
/// `None` where the text is not such a number or its value needs more than 38 digits before the point.
pub(crate) fn read(text: &[u8]) -> Option<Decimal> {
    if text.len() <= SHORT
        && let Some(number) = read_short(text)
    {
        return Some(number);
    }
    let mut mantissa: u128 = 0;
    let mut scale: i32 = 0;
    let mut full = false; // no further digit fits
    let mut more = false; // a non-zero digit was cut off
    let mut digits = text.iter();
    let mut after_point = false;
    for byte in digits.by_ref() {
        match byte {
            b'0'..=b'9' => {
                let digit = u128::from(byte.wrapping_sub(b'0'));
                let next = mantissa.checked_mul(10).and_then(|m| m.checked_add(digit)).filter(|_| !full);
                if let Some(next) = next {
                    mantissa = next;
                    scale = scale.checked_add(i32::from(after_point))?;
                } else {
                    full = true;
                    more |= digit != 0;
                    scale = scale.checked_sub(i32::from(!after_point))?;
                }
            }
            b'.' => after_point = true,
            b'e' | b'E' => {
                let exponent = std::str::from_utf8(digits.as_slice()).ok()?.parse::<i32>().ok()?;
                scale = scale.checked_sub(exponent)?;
                break;
            }
            _ => return None,
        }
    }
    fit(mantissa, scale, more)
}

/// Reads digits with or without a point among them, as most numbers are written; `None` where there is more to it.
fn read_short(text: &[u8]) -> Option<Decimal> {
    let mut mantissa: i64 = 0;
    let mut scale: u32 = 0;
    let mut after_point = 0;
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                mantissa = mantissa.wrapping_mul(10).wrapping_add(i64::from(byte & 0x0f));
                scale = scale.wrapping_add(after_point);
            }
            b'.' => after_point = 1,
            _ => return None,
        }
    }
    while scale > 0 && mantissa.wrapping_rem(10) == 0 {
        mantissa = mantissa.wrapping_div(10);
        scale = scale.wrapping_sub(1);
    }
    Decimal::try_new(mantissa, scale).ok()
}

/// The smallest decimal not below `mantissa / 10^scale` (plus a trifle, where `more`).
pub(crate) fn fit(mut mantissa: u128, mut scale: i32, mut more: bool) -> Option<Decimal> {
    if mantissa == 0 && !more {
        return Some(Decimal::ZERO);
    }
    while scale < 0 {
        mantissa = mantissa.checked_mul(10)?;
        scale = scale.checked_add(1)?;
    }
    let mut scale = scale.unsigned_abs();
    // Zeros at the end say nothing; without them equal numbers look alike. Before what was cut off they hold the place of what is added.
    while !more && scale > 0 && mantissa.is_multiple_of(10) {
        mantissa = mantissa.checked_div(10)?;
        scale = scale.checked_sub(1)?;
    }
    while mantissa > LARGEST_MANTISSA || scale > LARGEST_SCALE {
        if mantissa == 0 {
            // However far below it is: an exponent must not say how long this takes.
            scale = LARGEST_SCALE;
            break;
        }
        more |= !mantissa.is_multiple_of(10);
        mantissa = mantissa.checked_div(10)?;
        scale = scale.checked_sub(1)?;
    }
    if more {
        mantissa = mantissa.checked_add(1)?;
    }
    if mantissa > LARGEST_MANTISSA {
        mantissa = mantissa.checked_add(9)?.checked_div(10)?;
        scale = scale.checked_sub(1)?;
    }
    let mantissa = i128::try_from(mantissa).ok()?;
    Decimal::try_from_i128_with_scale(mantissa, scale).ok().map(|number| number.normalize())
}

/// A number of an answer, kept with every digit.
///
/// ```
/// let exact: job_model::Exact = serde_json::from_str("0.10000000000000000001").unwrap();
/// assert_eq!(exact.to_string(), "0.10000000000000000001");
/// ```
///
/// Of a [`serde_json::Value`] it has the digits that are kept there, which are those of a float.
///
/// ```
/// let exact: job_model::Exact = serde_json::from_value(serde_json::json!(2.1)).unwrap();
/// assert_eq!(exact.to_string(), "2.1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exact(Decimal);

impl Exact {
    /// The number.
    pub const fn get(self) -> Decimal {
        self.0
    }

    /// Reads a value of JSON; none where it is no number, or one out of range.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let (minus, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let mut value = read(digits.as_bytes())?;
        value.set_sign_negative(minus && !value.is_zero());
        Some(Self(value))
    }
}

impl From<Decimal> for Exact {
    fn from(value: Decimal) -> Self {
        Self(value.normalize())
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl serde::Serialize for Exact {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::value::RawValue::from_string(self.0.to_string())
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Exact {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Its own text: a stream and a value have none that could be borrowed.
        let raw = <Box<serde_json::value::RawValue>>::deserialize(deserializer)?;
        Self::from_text(raw.get()).ok_or_else(|| serde::de::Error::custom("not a number of the contract"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_exactly_and_rounds_up_beyond() {
        for (text, want) in [
            ("2.5", "2.5"),
            ("0", "0"),
            ("25e-1", "2.5"),
            ("1E+2", "100"),
            ("2.0999999999999996", "2.0999999999999996"),
            ("0.00000000000000000000000000001", "0.0000000000000000000000000001"),
            ("9999999.123456789012345678901234567890123", "9999999.123456789012345678902"),
            ("2.50", "2.5"),
            ("0.0", "0"),
            ("10", "10"),
            ("999999999999999999", "999999999999999999"),
            ("9999999999999999999", "9999999999999999999"),
            ("0.0000000000000001", "0.0000000000000001"),
            ("79228162514264337593543950336e-28", "7.922816251426433759354395034"),
            // Zeros before what is cut off: what is added is at the last place that there is room for, not at the last digit.
            ("1.000000000000000000000000000000000000001", "1.0000000000000000000000000001"),
            ("100.0000000000000000000000000000000000001", "100.00000000000000000000000001"),
            ("0.500000000000000000000000000000000000001", "0.5000000000000000000000000001"),
            ("9999999.00000000000000000000000000000001", "9999999.000000000000000000001"),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap().to_string(), want, "{text}");
        }
        assert_eq!(read(b"1e39"), None);
    }

    proptest::proptest! {
        /// Whatever zeros stand where: never below what is written, and above it by less than a place that always fits.
        #[test]
        fn what_is_read_is_what_is_written_or_a_trifle_more(
            whole in "[1-9]0{0,3}[0-9]{0,3}",
            places in "[0-9]{0,3}0{0,40}[0-9]{0,5}0{0,9}[1-9]",
        ) {
            let aligned = |text: &str| {
                let (whole, places) = text.split_once('.').unwrap_or((text, ""));
                format!("{whole:0>7}{places:0<80}")
            };
            let written = format!("{whole}.{places}");
            let number = read(written.as_bytes()).unwrap();
            let less = number.checked_sub(Decimal::try_new(1, 21).unwrap()).unwrap();
            proptest::prop_assert!(aligned(&number.to_string()) >= aligned(&written), "{number}");
            proptest::prop_assert!(aligned(&less.to_string()) < aligned(&written), "{number}");
        }
    }

    /// In as many steps as there are digits; one for each place that an exponent names would be minutes of them here.
    #[test]
    fn an_exponent_costs_nothing() {
        for text in ["1e-2147483000", "12345.678e-2000000000", "0.1E-1999999999"].repeat(10) {
            assert_eq!(
                read(text.as_bytes()).unwrap().to_string(),
                "0.0000000000000000000000000001",
                "{text}"
            );
        }
        assert_eq!(read(b"0e-2147483000"), Some(Decimal::ZERO));
        assert_eq!(read(b"1e2147483000"), None);
        assert_eq!(read(b"1e-99999999999"), None);
    }
}
