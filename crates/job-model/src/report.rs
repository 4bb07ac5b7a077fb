//! Everything a reader found out about one body, in contract order and bounded in size.

use crate::policy::Policy;
use crate::rules::Rule;
use crate::severity::{Mode, Severity};
use crate::target::Target;
use crate::violation::{Position, Violation};

/// The most violations that are listed, as refusals and as notices each.
pub(crate) const LISTED: usize = 50;
/// How many are kept before the list is cut back to what can still be shown.
const KEPT: usize = 512;

/// What was found: every violation that is not switched off.
///
/// ```
/// use job_model::{JobRequest, Policy, Rule};
/// let refused = JobRequest::from_json(br#"{"type":"full"}"#, &Policy::default()).unwrap_err();
/// let report = refused.report();
/// assert!(report.denies());
/// assert_eq!((report.rules().next(), report.count(Rule::TypeInvalid)), (Some(Rule::TypeInvalid), 1));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    violations: Vec<Violation>,
    tally: Vec<u32>,
}

impl Report {
    /// The violations in contract order: at most 50 that deny and 50 that do not, and of each rule at least the first.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Each rule that is broken, with its first violation and how often it is.
    ///
    /// ```
    /// use job_model::{JobRequest, Policy};
    /// let refused = JobRequest::from_json(br#"{"type":"full"}"#, &Policy::default()).unwrap_err();
    /// let all: Vec<_> = refused.report().by_rule().map(|(first, count)| (first.rule().id(), count)).collect();
    /// assert_eq!(all[..2], [("type-invalid", 1), ("name-missing", 1)]);
    /// ```
    pub fn by_rule(&self) -> impl Iterator<Item = (&Violation, u32)> {
        self.first_of_each().map(|first| (first, self.count(first.rule)))
    }

    /// How often a rule is broken, unlisted cases included.
    pub fn count(&self, rule: Rule) -> u32 {
        self.tally.get(rule.index()).copied().unwrap_or(0)
    }

    /// The rules that are broken, each once, in the order of their first violations.
    pub fn rules(&self) -> impl Iterator<Item = Rule> {
        self.first_of_each().map(Violation::rule)
    }

    /// The rules that a client is warned of, each once, in the order of their first violations.
    pub fn warnings(&self) -> impl Iterator<Item = Rule> {
        self.first_of_each().filter(|violation| violation.severity == Severity::Warn).map(Violation::rule)
    }

    /// Whether the request would have been refused if the mode were not shadow.
    pub fn would_deny(&self) -> bool {
        self.violations.iter().any(|violation| violation.would_deny)
    }

    /// Whether the request is refused.
    pub fn denies(&self) -> bool {
        self.violations.iter().any(|violation| violation.severity == Severity::Deny)
    }

    /// How many violations deny, unlisted ones included.
    pub fn denied(&self) -> u32 {
        // INVARIANT: a rule has one severity in one report, so its whole count denies or none of it does.
        self.first_of_each()
            .filter(|violation| violation.severity == Severity::Deny)
            .fold(0, |sum, violation| sum.saturating_add(self.count(violation.rule)))
    }

    fn first_of_each(&self) -> impl Iterator<Item = &Violation> {
        let mut seen = [false; Rule::COUNT];
        self.violations.iter().filter(move |violation| {
            seen.get_mut(violation.rule.index()).is_some_and(|seen| !std::mem::replace(seen, true))
        })
    }

    /// The one violation of a body rule.
    pub(crate) fn of_body(rule: Rule, position: Position, span: (u32, u32), policy: &Policy) -> Self {
        let mut findings = Findings::default();
        findings.push(Violation {
            rule,
            severity: Severity::Deny,
            would_deny: false,
            target: Target::Body,
            span,
            suggestion: None,
            limit: u32::try_from(policy.limits().string_bytes).unwrap_or(u32::MAX),
            position: Some(position),
        });
        findings.into_report()
    }
}

/// Collects violations while a body is read.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Violation>,
    tally: Vec<u32>,
}

impl Findings {
    /// Goes on from what was found.
    pub(crate) fn behind(found: &Report) -> Self {
        Self { list: found.violations.clone(), tally: found.tally.clone() }
    }

    /// Adds a violation unless its rule is off; true if the rule denies, the mode left aside.
    pub(crate) fn add(
        &mut self,
        policy: &Policy,
        rule: Rule,
        target: Target,
        span: (u32, u32),
        suggestion: Option<&'static str>,
        limit: u32,
    ) -> bool {
        let configured = policy.severity(rule);
        let denies = configured == Severity::Deny;
        let shadowed = denies && policy.mode() == Mode::Shadow;
        let severity = if shadowed { Severity::Audit } else { configured };
        if severity != Severity::Off {
            self.push(Violation {
                rule,
                severity,
                would_deny: shadowed,
                target,
                span,
                suggestion,
                limit,
                position: None,
            });
        }
        denies
    }

    fn push(&mut self, violation: Violation) {
        if self.tally.is_empty() {
            self.tally.resize(Rule::COUNT, 0);
        }
        if let Some(count) = self.tally.get_mut(violation.rule.index()) {
            *count = count.saturating_add(1);
        }
        self.list.push(violation);
        if self.list.len() >= KEPT {
            self.cut();
        }
    }

    /// Takes over what another collector found.
    pub(crate) fn append(&mut self, other: Self) {
        for violation in other.list {
            let rule = violation.rule.index();
            self.push(violation);
            // The tally of the other counts its unlisted cases, too; `push` counted this one.
            if let (Some(mine), false) = (self.tally.get_mut(rule), other.tally.is_empty()) {
                *mine = mine.saturating_sub(1);
            }
        }
        for (mine, theirs) in self.tally.iter_mut().zip(other.tally) {
            *mine = mine.saturating_add(theirs);
        }
    }

    pub(crate) fn into_report(mut self) -> Report {
        self.cut();
        Report { violations: self.list, tally: self.tally }
    }

    /// Sorts, and keeps what a report shows.
    fn cut(&mut self) {
        if self.list.is_empty() {
            return;
        }
        self.list.sort_by_key(Violation::order);
        let mut denied = 0_usize;
        let mut noticed = 0_usize;
        let mut seen = [false; Rule::COUNT];
        self.list.retain(|violation| {
            let kept = if violation.severity == Severity::Deny { &mut denied } else { &mut noticed };
            *kept = kept.saturating_add(1);
            let first =
                seen.get_mut(violation.rule.index()).is_some_and(|seen| !std::mem::replace(seen, true));
            first || *kept <= LISTED
        });
    }
}
