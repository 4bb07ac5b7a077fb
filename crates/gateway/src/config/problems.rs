//! What is wrong with a configuration: every problem at once, each under the key that it is about.

use std::fmt;

/// One thing that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    key: String,
    text: String,
}

impl ConfigProblem {
    pub(super) fn new(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self { key: key.into(), text: text.into() }
    }

    /// The key as written in TOML, the environment variable, or the place in the file.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong with it, in one line.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.text)
    }
}

/// All problems of a configuration; there is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblems(Vec<ConfigProblem>);

impl ConfigProblems {
    pub(super) fn one(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self(vec![ConfigProblem::new(key, text)])
    }

    /// `Ok` where nothing was found.
    pub(super) fn check(found: Vec<ConfigProblem>) -> Result<(), Self> {
        if found.is_empty() { Ok(()) } else { Err(Self(found)) }
    }

    /// The problems, in the order of the sections.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigProblem> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigProblems {}
