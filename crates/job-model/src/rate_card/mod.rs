//! Rate cards: an operator's prices, checked as a whole when they are loaded, so that pricing cannot fail.

mod price;
mod problems;
mod read;

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::format::OutputSet;
use crate::kind::JobType;
use crate::quality::Quality;
use crate::quote::CardRef;

pub use problems::{CardProblem, CardProblems};

/// An operator's prices.
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
    step: Decimal,
    mode: RoundingMode,
    rates: Vec<Rate>,
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

/// The prices of some types and qualities. INVARIANT: no two of a card share a type and a quality.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rate {
    types: Vec<JobType>,
    qualities: Vec<Quality>,
    per_gigapixel: Decimal,
    per_megapoint: Decimal,
    minimum: Decimal,
}

impl Rate {
    fn covers(&self, job_type: JobType, quality: Quality) -> bool {
        self.types.contains(&job_type) && self.qualities.contains(&quality)
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
        read::from_toml(text)
    }

    /// Reads the same from JSON.
    ///
    /// # Errors
    /// As [`RateCard::from_toml`].
    pub fn from_json(text: &str) -> Result<Self, CardProblems> {
        read::from_json(text)
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

    fn holds_at(&self, at: Timestamp) -> bool {
        self.effective_from.is_none_or(|from| from <= at)
            && self.effective_until.is_none_or(|until| at < until)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let before = |end: Option<Timestamp>, start: Option<Timestamp>| matches!((end, start), (Some(end), Some(start)) if end <= start);
        !before(self.effective_until, other.effective_from)
            && !before(other.effective_until, self.effective_from)
    }

    /// Fills in the canonical form and its fingerprint.
    fn seal(mut self, name: String, version: String, currency: String) -> Self {
        self.json = canonical(&self, [&name, &version, &currency]);
        let mut sha256 = String::with_capacity(64);
        for byte in Sha256::digest(self.json.to_string()) {
            // Writing to a string cannot fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        self.card = Arc::new(CardRef { name, version, sha256, currency });
        self
    }
}

/// RFC 8785 wants members sorted, no white space and the shortest escapes. All names are ASCII and all values strings, so
/// it is enough to insert in order.
fn canonical(card: &RateCard, [name, version, currency]: [&String; 3]) -> Value {
    let number = |number: Decimal| Value::from(number.normalize().to_string());
    let rates = card.rates.iter().map(|rate| {
        object([
            ("minimum", number(rate.minimum)),
            ("per_gigapixel", number(rate.per_gigapixel)),
            ("per_megapoint", number(rate.per_megapoint)),
            ("quality", rate.qualities.iter().map(|quality| quality.as_str()).collect()),
            ("type", rate.types.iter().map(|job_type| job_type.as_str()).collect()),
        ])
    });
    let surcharges = card.surcharges.iter().map(|surcharge| {
        object([
            ("flat", number(surcharge.flat)),
            ("output", surcharge.output.iter().map(crate::OutputFormat::as_str).collect()),
            ("per_gigapixel", number(surcharge.per_gigapixel)),
            ("per_megapoint", number(surcharge.per_megapoint)),
        ])
    });
    let date = |date: Option<Timestamp>| date.map_or(Value::Null, |date| Value::from(date.to_string()));
    object([
        ("basis", Value::from(card.basis.as_str())),
        ("currency", Value::from(currency.as_str())),
        ("effective_from", date(card.effective_from)),
        ("effective_until", date(card.effective_until)),
        ("name", Value::from(name.as_str())),
        ("rate", rates.collect()),
        ("rounding", object([("mode", Value::from(card.mode.as_str())), ("step", number(card.step))])),
        ("surcharge", surcharges.collect()),
        ("version", Value::from(version.as_str())),
    ])
}

/// An object with these members in this order, without those that are null.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// The cards of an operator, at most one of them in force at any time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateCards(Vec<RateCard>);

impl RateCards {
    /// Several cards together.
    ///
    /// # Errors
    /// When two of them hold at the same time, or are the same by name and version.
    pub fn new(cards: Vec<RateCard>) -> Result<Self, CardProblems> {
        let mut problems = Vec::new();
        for (index, one) in cards.iter().enumerate() {
            for other in cards.iter().take(index) {
                let (a, b) = (one.title(), other.title());
                if a == b {
                    problems
                        .push(CardProblem::new("", format!("{a} is there twice; give it another version")));
                } else if one.overlaps(other) {
                    let what = format!(
                        "{a} and {b} hold at the same time; end one with effective_until where the other begins"
                    );
                    problems.push(CardProblem::new("", what));
                }
            }
        }
        match CardProblems::of(problems) {
            Some(problems) => Err(problems),
            None => Ok(Self(cards)),
        }
    }

    /// The card that prices at an instant.
    pub fn in_force(&self, at: Timestamp) -> Option<&RateCard> {
        self.0.iter().find(|card| card.holds_at(at))
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, RateCard> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a RateCards {
    type Item = &'a RateCard;
    type IntoIter = std::slice::Iter<'a, RateCard>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl RateCard {
    fn title(&self) -> String {
        format!("card {:?} version {:?}", self.name(), self.version())
    }
}
