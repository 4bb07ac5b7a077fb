//! Rate cards: an operator's prices, checked as a whole when they are loaded, so that pricing cannot fail.

mod canonical;
mod notation;
mod price;
mod problems;
mod read;
mod set;

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::amount::Amount;
use crate::format::OutputSet;
use crate::kind::JobType;
use crate::quality::Quality;
use crate::quote::CardRef;

pub use problems::{CardProblem, CardProblems};
pub use set::RateCards;

/// An operator's prices.
///
/// A card is TOML, or JSON with the same keys:
///
/// | key | what it is |
/// |---|---|
/// | `name`, `version`, `basis` | texts: which card it is, and where its prices come from |
/// | `currency` | what the amounts are, in printable ASCII |
/// | `effective_from`, `effective_until` | from when it holds, and until when, that instant left out; not set: always |
/// | `rounding.step` | what every sum is made a multiple of, and the least that a job costs; a multiple of 0.000001 |
/// | `rounding.mode` | `half-even`, `up` or `down` |
/// | `[[rate]]` | the prices of some types and qualities; at least one row, and for each pair at most one |
/// | `rate.type`, `rate.quality` | lists of words of the contract; not set: all |
/// | `rate.per_gigapixel`, `rate.per_megapoint` | what one costs; not set: 0 |
/// | `rate.minimum` | what such a job costs at least, surcharges included; a multiple of the step; not set: 0 |
/// | `[[surcharge]]` | what a job costs on top that asks for one of some formats, once for a row; at most 40 rows |
/// | `surcharge.output` | the formats |
/// | `surcharge.per_gigapixel`, `surcharge.per_megapoint`, `surcharge.flat` | how much; not set: 0 |
///
/// A number is written in quotes, in plain digits, from 0 to 10000 and with at most 12 decimal places; a whole number also without quotes.
///
/// ```
/// use job_model::RateCard;
/// let card = RateCard::from_toml(r#"
///     name = "ours"
///     version = "1"
///     currency = "unit"
///     basis = "agreed in May"
///     [rounding]
///     step = "0.01"
///     mode = "up"
///     [[rate]]
///     per_gigapixel = "1.2"
///     per_megapoint = "0.4"
/// "#).unwrap();
/// assert_eq!((card.name(), card.sha256().len()), ("ours", 64));
///
/// let problems = RateCard::from_toml("name = 'ours'\nprice = 2").unwrap_err();
/// assert_eq!(problems.to_string().lines().next(), Some("price: unknown key; known are name, version, currency, basis, effective_from, effective_until, rounding, rate, surcharge"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateCard {
    card: Arc<CardRef>,
    basis: String,
    effective_from: Option<Timestamp>,
    effective_until: Option<Timestamp>,
    step: Amount,
    mode: RoundingMode,
    rates: Grid,
    surcharges: Vec<Surcharge>,
    json: Value,
}

/// How a sum becomes a multiple of the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RoundingMode {
    HalfEven,
    Up,
    Down,
}

impl RoundingMode {
    const WORDS: [(&'static str, Self); 3] =
        [("half-even", Self::HalfEven), ("up", Self::Up), ("down", Self::Down)];

    fn as_str(self) -> &'static str {
        match self {
            Self::HalfEven => "half-even",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What a card says, as it is written.
struct Content {
    name: String,
    version: String,
    currency: String,
    basis: String,
    effective_from: Option<Timestamp>,
    effective_until: Option<Timestamp>,
    step: Amount,
    mode: RoundingMode,
    /// INVARIANT: no two of them share a type and a quality.
    rates: Vec<Row>,
    surcharges: Vec<Surcharge>,
}

/// A `[[rate]]`.
struct Row {
    types: Vec<JobType>,
    qualities: Vec<Quality>,
    prices: Prices,
}

impl Row {
    fn pairs(&self) -> impl Iterator<Item = (JobType, Quality)> {
        self.types.iter().flat_map(|job_type| self.qualities.iter().map(|quality| (*job_type, *quality)))
    }
}

/// The prices of a type and quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prices {
    per_gigapixel: Decimal,
    per_megapoint: Decimal,
    minimum: Decimal,
}

/// The prices of every type and quality that has some, found without a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Grid([[Option<Prices>; 3]; 3]);

impl Grid {
    fn cell(&mut self, job_type: JobType, quality: Quality) -> &mut Option<Prices> {
        let [full, calibration, reconstruction] = &mut self.0;
        let [draft, medium, extra] = match job_type {
            JobType::Full => full,
            JobType::Calibration => calibration,
            JobType::Reconstruction => reconstruction,
        };
        match quality {
            Quality::Draft => draft,
            Quality::Medium => medium,
            Quality::Extra => extra,
        }
    }

    fn get(&self, job_type: JobType, quality: Quality) -> Option<&Prices> {
        let [full, calibration, reconstruction] = &self.0;
        let [draft, medium, extra] = match job_type {
            JobType::Full => full,
            JobType::Calibration => calibration,
            JobType::Reconstruction => reconstruction,
        };
        match quality {
            Quality::Draft => draft.as_ref(),
            Quality::Medium => medium.as_ref(),
            Quality::Extra => extra.as_ref(),
        }
    }
}

/// What some formats cost on top.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Surcharge {
    output: OutputSet,
    per_gigapixel: Decimal,
    per_megapoint: Decimal,
    flat: Decimal,
}

impl RateCard {
    /// Reads a card.
    ///
    /// # Errors
    /// Every problem there is, each with its key; a card is taken whole or not at all.
    pub fn from_toml(text: &str) -> Result<Self, CardProblems> {
        read::card(&notation::from_toml(text)?)
    }

    /// Reads the same from JSON.
    ///
    /// # Errors
    /// As [`RateCard::from_toml`].
    pub fn from_json(text: &str) -> Result<Self, CardProblems> {
        read::card(&notation::from_json(text)?)
    }

    /// A card for demonstrations: ours, chosen so that the published sample is priced at 3.5. Nobody's tariff.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "its text is part of the crate, and a test loads it"
    )]
    pub fn illustrative() -> Self {
        Self::from_toml(include_str!("../../cards/illustrative.toml")).expect("the built-in card is sound")
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.card.name
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.card.version
    }

    /// What its amounts are.
    pub fn currency(&self) -> &str {
        &self.card.currency
    }

    /// Where its prices come from.
    pub fn basis(&self) -> &str {
        &self.basis
    }

    /// SHA-256 of its canonical form: RFC 8785 of [`RateCard::to_json`].
    pub fn sha256(&self) -> &str {
        &self.card.sha256
    }

    /// When it begins to hold; none: it always did.
    pub const fn effective_from(&self) -> Option<Timestamp> {
        self.effective_from
    }

    /// When it ceases to hold; none: never.
    pub const fn effective_until(&self) -> Option<Timestamp> {
        self.effective_until
    }

    /// Its canonical form, every default filled in.
    pub fn to_json(&self) -> Value {
        self.json.clone()
    }

    fn of(content: Content) -> Self {
        let json = canonical::form(&content);
        let sha256 = crate::fingerprint::sha256(&json);
        let mut rates = Grid::default();
        for row in &content.rates {
            for (job_type, quality) in row.pairs() {
                *rates.cell(job_type, quality) = Some(row.prices);
            }
        }
        let Content { name, version, currency, .. } = content;
        Self {
            card: Arc::new(CardRef { name, version, sha256, currency }),
            basis: content.basis,
            effective_from: content.effective_from,
            effective_until: content.effective_until,
            step: content.step,
            mode: content.mode,
            rates,
            surcharges: content.surcharges,
            json,
        }
    }
}
