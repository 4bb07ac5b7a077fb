//! The identifiers of the contract: GUIDs, one type for each thing they name.

use std::fmt;

/// A GUID as 16 bytes, never nil; read from 8-4-4-4-12 hexadecimal digits of any case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Guid(u128);

impl Guid {
    /// The 16 bytes as a number; never 0.
    pub(crate) const fn get(self) -> u128 {
        self.0
    }

    /// Reads the one accepted spelling; nil, braces, missing hyphens and blanks are refused.
    #[inline]
    pub(crate) fn parse(text: &[u8; 36]) -> Option<Self> {
        let [a0, a1, a2, a3, a4, a5, a6, a7, b'-', b0, b1, b2, b3, b'-', c0, c1, c2, c3, b'-', rest @ ..] =
            text
        else {
            return None;
        };
        let [d0, d1, d2, d3, b'-', e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, ea, eb] = rest else {
            return None;
        };
        // Four groups of 32 bits: they do not wait for one another.
        let (a, good_a) = hex(u64::from_be_bytes([*a0, *a1, *a2, *a3, *a4, *a5, *a6, *a7]));
        let (b, good_b) = hex(u64::from_be_bytes([*b0, *b1, *b2, *b3, *c0, *c1, *c2, *c3]));
        let (d, good_d) = hex(u64::from_be_bytes([*d0, *d1, *d2, *d3, *e0, *e1, *e2, *e3]));
        let (e, good_e) = hex(u64::from_be_bytes([*e4, *e5, *e6, *e7, *e8, *e9, *ea, *eb]));
        let value = (u128::from(a << 32 | b) << 64) | u128::from(d << 32 | e);
        let good = good_a & good_b & good_d & good_e == HIGHS;
        (good && value != 0).then_some(Self(value))
    }
}

const HIGHS: u64 = 0x8080_8080_8080_8080;

/// A byte, eight times.
const fn each(byte: u8) -> u64 {
    u64::from_be_bytes([byte; 8])
}

/// The number that eight hexadecimal digits write, all at once; and a word that is HIGHS if they are digits.
#[inline]
const fn hex(digits: u64) -> (u64, u64) {
    // The high bit of each byte says whether it is at least so much, as long as none had its high bit set before.
    const fn at_least(bytes: u64, least: u8) -> u64 {
        bytes.wrapping_add(each(0x80_u8.wrapping_sub(least)))
    }
    let lower = digits | each(0x20);
    let numeral = at_least(digits, b'0') & !at_least(digits, b'9'.wrapping_add(1));
    let letter = at_least(lower, b'a') & !at_least(lower, b'f'.wrapping_add(1));
    let good = (numeral | letter) & !digits & HIGHS;
    // A letter is the only one with the bit of 0x40, and its low bits begin at 1.
    let letters = (digits >> 6) & each(1);
    let nibbles = (digits & each(0x0f)).wrapping_add(letters << 3).wrapping_add(letters);
    let bytes = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    ((pairs | pairs >> 16) & 0xffff_ffff, good)
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'-'; 36];
        let (digits, places) = (self.0.to_be_bytes(), DIGIT_PAIRS);
        for (byte, place) in digits.into_iter().zip(places) {
            if let Some(pair) = text.get_mut(place..place.saturating_add(2)) {
                pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0x0f)]);
            }
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

/// Where the two digits of each byte stand.
const DIGIT_PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// The hexadecimal digit of a number below 16.
const fn digit(value: u8) -> u8 {
    if value < 10 { value.wrapping_add(b'0') } else { value.wrapping_add(b'a' - 10) }
}

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        ///
        /// Written in lower case; two spellings of one GUID are equal.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Guid);

        impl $name {
            /// Reads 8-4-4-4-12 hexadecimal digits of any case; `None` for anything else and for the nil GUID.
            pub fn parse(text: &str) -> Option<Self> {
                Guid::parse(text.as_bytes().try_into().ok()?).map(Self)
            }

            #[allow(dead_code, reason = "not every identifier is read by the one-pass reader")]
            pub(crate) const fn of(guid: Guid) -> Self {
                Self(guid)
            }

            #[allow(dead_code, reason = "as above")]
            pub(crate) const fn guid(self) -> Guid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a GUID"))
            }
        }
    };
}

id! {
    /// The workspace a job belongs to.
    ///
    /// ```
    /// use job_model::WorkspaceId;
    /// let id = WorkspaceId::parse("6881117D-9FD2-4900-870B-9B721DC90F25").unwrap();
    /// assert_eq!(id.to_string(), "6881117d-9fd2-4900-870b-9b721dc90f25");
    /// assert!(WorkspaceId::parse("{6881117D-9FD2-4900-870B-9B721DC90F25}").is_none());
    /// ```
    WorkspaceId
}
id! {
    /// A piece of reality data: what a job reads.
    RealityDataId
}
id! {
    /// A job, as upstream names it.
    JobId
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{HIGHS, hex};

    #[test]
    fn each_byte_at_each_place_is_a_digit_or_none() {
        for place in 0..8_usize {
            for byte in 0..=u8::MAX {
                for others in [*b"00000000", *b"9fFaA19e"] {
                    let mut digits = others;
                    digits[place] = byte;
                    let (value, good) = hex(u64::from_be_bytes(digits));
                    let want = char::from(byte)
                        .to_digit(16)
                        .map(|_| u64::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap());
                    assert_eq!((good == HIGHS).then_some(value), want, "{digits:?}");
                }
            }
        }
        // Bytes with a high bit set disturb their neighbours, and are none themselves.
        for bytes in [[0xff; 8], [0x80; 8], *b"\xff9999999", *b"9999999\xff", *b"0\xb00\xb00\xb00\xb0"] {
            assert_ne!(hex(u64::from_be_bytes(bytes)).1, HIGHS, "{bytes:?}");
        }
    }
}
