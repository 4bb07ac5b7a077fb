//! What a job costs by a rate card, in lines that a person can add up; or why that is unknown, which is never 0.

use std::fmt;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::amount::Amount;
use crate::format::OutputSet;

/// The price of a job, or why there is none.
///
/// ```
/// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
/// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
/// #   "settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{"createCache":true}},
/// #   "costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;
/// # use job_model::{JobRequest, Policy};
/// # let job = JobRequest::from_json(body, &Policy::default()).unwrap().into_value().unwrap();
/// let quote = job_model::RateCard::illustrative().quote(&job);
/// assert_eq!(quote.amount().map(|amount| amount.to_string()).as_deref(), Some("3.5"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quote {
    /// It has one.
    Priced(Estimate),
    /// It has none. This is not the price 0.
    Unpriced(UnpricedReason),
}

impl Quote {
    /// The price, where there is one.
    pub const fn amount(&self) -> Option<Amount> {
        match self {
            Self::Priced(estimate) => Some(estimate.amount),
            Self::Unpriced(_) => None,
        }
    }
}

/// Why a job has no price; the first that holds.
///
/// ```
/// use job_model::UnpricedReason;
/// assert_eq!(UnpricedReason::NoQuantities.as_str(), "no-quantities");
/// assert_eq!(UnpricedReason::ALL.len(), 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnpricedReason {
    /// No rate card is in force; the operator must configure one.
    NoRateCard,
    /// The job names neither gigapixels nor megapoints; the client must.
    NoQuantities,
    /// What it names is zero; the client must correct it.
    ZeroQuantities,
    /// The card has no rate for this type and quality; the operator must add one.
    NoRate,
    /// The job cannot be read; it passed because it is only watched.
    Unreadable,
}

impl UnpricedReason {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::NoRateCard, Self::NoQuantities, Self::ZeroQuantities, Self::NoRate, Self::Unreadable];

    /// Its word in answers, labels and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoRateCard => "no-rate-card",
            Self::NoQuantities => "no-quantities",
            Self::ZeroQuantities => "zero-quantities",
            Self::NoRate => "no-rate",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for UnpricedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which card priced something: enough to find it again and to see that it is the same.
///
/// ```
/// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
/// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
/// #   "settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{"createCache":true}},
/// #   "costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;
/// # use job_model::{JobRequest, Policy};
/// # let job = JobRequest::from_json(body, &Policy::default()).unwrap().into_value().unwrap();
/// # use job_model::{Quote, RateCard};
/// # let Quote::Priced(estimate) = RateCard::illustrative().quote(&job) else { panic!() };
/// assert_eq!((estimate.card().name(), estimate.card().currency()), ("illustrative", "unit"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CardRef {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) sha256: String,
    #[serde(skip)]
    pub(crate) currency: String,
}

impl CardRef {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// SHA-256 of its canonical form, in lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What its amounts are.
    pub fn currency(&self) -> &str {
        &self.currency
    }
}

/// What a job costs. INVARIANT: the lines add up to the amount exactly.
///
/// ```
/// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
/// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
/// #   "settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{"createCache":true}},
/// #   "costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;
/// # use job_model::{JobRequest, Policy};
/// # let job = JobRequest::from_json(body, &Policy::default()).unwrap().into_value().unwrap();
/// # use job_model::{Quote, RateCard};
/// # let Quote::Priced(estimate) = RateCard::illustrative().quote(&job) else { panic!() };
/// assert_eq!((estimate.amount().to_string().as_str(), estimate.currency()), ("3.5", "unit"));
/// let sum: job_model::Decimal = estimate.lines().iter().map(job_model::Line::amount).sum();
/// assert_eq!(sum, estimate.amount().to_decimal());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    pub(crate) card: Arc<CardRef>,
    pub(crate) amount: Amount,
    pub(crate) lines: Vec<Line>,
}

impl Estimate {
    /// The total.
    pub const fn amount(&self) -> Amount {
        self.amount
    }

    /// What the total is an amount of.
    pub fn currency(&self) -> &str {
        &self.card.currency
    }

    /// The card that priced it.
    pub fn card(&self) -> &CardRef {
        &self.card
    }

    /// What the total is made of; nothing in it is 0.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The object under `estimate` in an answer.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Serialize for Estimate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Estimate", 4)?;
        object.serialize_field("amount", &self.amount)?;
        object.serialize_field("currency", self.currency())?;
        object.serialize_field("rateCard", &*self.card)?;
        object.serialize_field("lines", &self.lines)?;
        object.end()
    }
}

/// A part of the total.
///
/// ```
/// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
/// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
/// #   "settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{"createCache":true}},
/// #   "costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;
/// # use job_model::{JobRequest, Policy};
/// # let job = JobRequest::from_json(body, &Policy::default()).unwrap().into_value().unwrap();
/// # use job_model::{Quote, RateCard};
/// # let Quote::Priced(estimate) = RateCard::illustrative().quote(&job) else { panic!() };
/// let lines: Vec<_> = estimate.lines().iter().map(|line| (line.name(), line.amount().to_string())).collect();
/// assert_eq!(lines[0], ("gigapixels", "2.1".to_owned()));
/// assert_eq!(lines[2], ("rounding", "-0.1".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub(crate) item: Item,
    pub(crate) amount: Decimal,
}

/// What a line is for.
///
/// ```
/// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
/// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
/// #   "settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{"createCache":true}},
/// #   "costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;
/// # use job_model::{JobRequest, Policy};
/// # let job = JobRequest::from_json(body, &Policy::default()).unwrap().into_value().unwrap();
/// # use job_model::{Quote, RateCard};
/// # let Quote::Priced(estimate) = RateCard::illustrative().quote(&job) else { panic!() };
/// assert!(matches!(estimate.lines()[0].item(), job_model::Item::Gigapixels { rate, .. } if rate == 1.into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// Gigapixels at a rate.
    Gigapixels {
        /// How many.
        quantity: Decimal,
        /// The price of one.
        rate: Decimal,
    },
    /// Megapoints at a rate.
    Megapoints {
        /// How many.
        quantity: Decimal,
        /// The price of one.
        rate: Decimal,
    },
    /// A surcharge, for those of its formats that the job asks for.
    Surcharge {
        /// These formats.
        output: OutputSet,
    },
    /// What was added to reach the minimum.
    Minimum,
    /// What rounding added or took.
    Rounding,
}

impl Line {
    /// What it is for.
    pub const fn item(&self) -> Item {
        self.item
    }

    /// How much; below zero only for rounding.
    pub fn amount(&self) -> Decimal {
        self.amount.normalize()
    }

    /// The word for what it is for.
    pub const fn name(&self) -> &'static str {
        match self.item {
            Item::Gigapixels { .. } => "gigapixels",
            Item::Megapoints { .. } => "megapoints",
            Item::Surcharge { .. } => "surcharge",
            Item::Minimum => "minimum",
            Item::Rounding => "rounding",
        }
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Line", 4)?;
        object.serialize_field("item", self.name())?;
        match self.item {
            Item::Gigapixels { quantity, rate } | Item::Megapoints { quantity, rate } => {
                object.serialize_field("quantity", &text(quantity))?;
                object.serialize_field("rate", &text(rate))?;
            }
            Item::Surcharge { output } => {
                object.serialize_field("output", &output.iter().collect::<Vec<_>>())?;
            }
            Item::Minimum | Item::Rounding => {}
        }
        object.serialize_field("amount", &text(self.amount))?;
        object.end()
    }
}

fn text(number: Decimal) -> String {
    number.normalize().to_string()
}
