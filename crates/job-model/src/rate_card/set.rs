//! Several cards together, each for its own time.

use jiff::Timestamp;

use super::{CardProblem, CardProblems, RateCard};

/// The cards of an operator, at most one of them in force at any time.
///
/// ```
/// use job_model::{RateCard, RateCards, Timestamp};
/// let cards = RateCards::new(vec![RateCard::illustrative()]).unwrap();
/// let today: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
/// assert_eq!(cards.in_force(today).map(RateCard::name), Some("illustrative"));
/// assert!(RateCards::new(vec![RateCard::illustrative(), RateCard::illustrative()]).is_err(), "twice the same");
/// ```
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

    fn holds_at(&self, at: Timestamp) -> bool {
        self.effective_from.is_none_or(|from| from <= at)
            && self.effective_until.is_none_or(|until| at < until)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let before = |end: Option<Timestamp>, start: Option<Timestamp>| matches!((end, start), (Some(end), Some(start)) if end <= start);
        !before(self.effective_until, other.effective_from)
            && !before(other.effective_until, self.effective_from)
    }
}
