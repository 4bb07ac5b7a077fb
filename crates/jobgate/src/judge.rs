//! Judges one document as the gate would, and keeps count.

use job_model::{JobPatch, JobRequest, Policy, Report};

/// What there is to tell of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It breaks rules, whether it is refused for that or not; the report lists at least one violation.
    Report(Report),
    /// It is longer than [`crate::stream::LONGEST`] and was not read to its end.
    TooLong,
}

impl Finding {
    /// Whether the document is refused.
    pub fn denies(&self) -> bool {
        match self {
            Self::Report(report) => report.denies(),
            Self::TooLong => true,
        }
    }
}

/// Judges documents by one policy.
#[derive(Clone, Debug)]
pub struct Judge {
    policy: Policy,
    patch: bool,
}

impl Judge {
    /// For bodies that create jobs.
    pub const fn of_jobs(policy: Policy) -> Self {
        Self { policy, patch: false }
    }

    /// For bodies that change jobs.
    pub const fn of_patches(policy: Policy) -> Self {
        Self { policy, patch: true }
    }

    /// None where the document is accepted and nothing was noticed.
    ///
    /// ```
    /// use job_model::{Policy, Rule};
    /// use jobgate::judge::{Finding, Judge};
    /// let judge = Judge::of_patches(Policy::default());
    /// assert_eq!(judge.finding(br#"{"state":"Active"}"#), None);
    /// let Some(Finding::Report(report)) = judge.finding(b"{}") else { unreachable!() };
    /// assert_eq!(report.rules().collect::<Vec<_>>(), [Rule::PatchEmpty]);
    /// ```
    pub fn finding(&self, body: &[u8]) -> Option<Finding> {
        let noticed =
            |report: &Report| (!report.violations().is_empty()).then(|| Finding::Report(report.clone()));
        if self.patch {
            match JobPatch::from_json(body, &self.policy) {
                Ok(accepted) => noticed(accepted.report()),
                Err(rejected) => noticed(rejected.report()),
            }
        } else {
            match JobRequest::from_json(body, &self.policy) {
                Ok(accepted) => noticed(accepted.report()),
                Err(rejected) => noticed(rejected.report()),
            }
        }
    }
}

/// How many documents there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub documents: u64,
    /// Those that are refused.
    pub refused: u64,
    /// Those that are accepted, but of which there is something to tell.
    pub noticed: u64,
}

impl Tally {
    /// Adds one document.
    pub fn count(&mut self, finding: Option<&Finding>) {
        self.documents = self.documents.saturating_add(1);
        match finding {
            Some(finding) if finding.denies() => self.refused = self.refused.saturating_add(1),
            Some(_) => self.noticed = self.noticed.saturating_add(1),
            None => {}
        }
    }
}
