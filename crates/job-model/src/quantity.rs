//! How much a job is to process: gigapixels and megapoints, exact and bounded.

use rust_decimal::Decimal;

use crate::decimal::Exact;

/// The largest quantity a job may name: ten petapixels.
const LARGEST: Decimal = Decimal::from_parts(10_000_000, 0, 0, false, 0);

/// Whether a number, not below zero, is a quantity that a job may name.
pub(crate) fn in_range(value: &Decimal) -> bool {
    // Most are small enough for a look at their digits.
    value.mantissa() <= LARGEST.mantissa() || *value <= LARGEST
}

macro_rules! quantity {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        ///
        /// Between 0 and 10,000,000, exact; written as a JSON number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Decimal);

        impl $name {
            /// The quantity, if it is in range.
            pub fn new(value: Decimal) -> Option<Self> {
                (!value.is_sign_negative() && in_range(&value)).then(|| Self(value.normalize()))
            }

            /// A number that has been seen to be in range, without zeros at its end.
            pub(crate) const fn of(value: Decimal) -> Self {
                Self(value)
            }

            /// The number.
            pub const fn get(self) -> Decimal {
                self.0
            }

            /// Whether it is nothing.
            pub const fn is_zero(self) -> bool {
                self.0.is_zero()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Exact::from(self.0).serialize(serializer)
            }
        }
    };
}

quantity! {
    /// Photographs to process, in gigapixels.
    ///
    /// ```
    /// use job_model::{Decimal, Gigapixels};
    /// assert_eq!(Gigapixels::new(Decimal::new(25, 1)).unwrap().to_string(), "2.5");
    /// assert!(Gigapixels::new(Decimal::from(-1)).is_none());
    /// ```
    Gigapixels
}
quantity! {
    /// Points to process, in megapoints.
    Megapoints
}
