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
        let (a, bad_a) = hex([a0, a1, a2, a3, a4, a5, a6, a7]);
        let (b, bad_b) = hex([b0, b1, b2, b3, c0, c1, c2, c3]);
        let (d, bad_d) = hex([d0, d1, d2, d3, e0, e1, e2, e3]);
        let (e, bad_e) = hex([e4, e5, e6, e7, e8, e9, ea, eb]);
        let high = (u64::from(a) << 32) | u64::from(b);
        let low = (u64::from(d) << 32) | u64::from(e);
        let value = (u128::from(high) << 64) | u128::from(low);
        let good = (bad_a | bad_b | bad_d | bad_e) & INVALID == 0;
        (good && value != 0).then_some(Self(value))
    }
}

/// Eight hexadecimal digits, and whether one of them was none.
#[inline]
fn hex(digits: [&u8; 8]) -> (u32, u8) {
    let mut value = 0_u32;
    let mut seen = 0_u8;
    for digit in digits {
        let nibble = HEX.get(usize::from(*digit)).copied().unwrap_or(INVALID);
        seen |= nibble;
        value = (value << 4) | u32::from(nibble & 0x0f);
    }
    (value, seen)
}

const INVALID: u8 = 0x80;

/// The value of each hexadecimal digit; INVALID for every other byte.
const HEX: [u8; 256] = {
    let mut table = [INVALID; 256];
    let mut digits: &[u8] = b"00112233445566778899AaBbCcDdEeFf";
    let mut value = 0u8;
    while let [upper, lower, rest @ ..] = digits {
        #[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "evaluated by the compiler")]
        {
            table[*upper as usize] = value;
            table[*lower as usize] = value;
        }
        value = value.wrapping_add(1);
        digits = rest;
    }
    table
};

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v = self.0;
        let low = v & 0xffff_ffff_ffff;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{low:012x}",
            v >> 96,
            (v >> 80) & 0xffff,
            (v >> 64) & 0xffff,
            (v >> 48) & 0xffff
        )
    }
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
