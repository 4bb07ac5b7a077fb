//! What is wrong with a rate card: every problem, each with the key that it is about.

use std::fmt;

/// One problem of a card.
///
/// ```
/// let problems = job_model::RateCard::from_json(r#"{"name":"n"}"#).unwrap_err();
/// let first = problems.iter().next().unwrap();
/// assert_eq!((first.key(), first.what().is_empty()), ("version", false));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardProblem {
    key: String,
    what: String,
}

impl CardProblem {
    pub(super) fn new(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self { key: key.into(), what: what.into() }
    }

    /// The path of the key, as `rate[2].per_gigapixel`; empty for the card as a whole.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong with it and what to do.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for CardProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}

/// Why a card is refused; at least one problem.
///
/// ```
/// let problems = job_model::RateCard::from_toml("name = ''").unwrap_err();
/// assert!(problems.iter().count() > 1, "all of them at once: {problems}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardProblems(Vec<CardProblem>);

impl CardProblems {
    pub(super) fn of(problems: Vec<CardProblem>) -> Option<Self> {
        (!problems.is_empty()).then_some(Self(problems))
    }

    pub(super) fn one(problem: CardProblem) -> Self {
        Self(vec![problem])
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, CardProblem> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a CardProblems {
    type Item = &'a CardProblem;
    type IntoIter = std::slice::Iter<'a, CardProblem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for CardProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for CardProblems {}
