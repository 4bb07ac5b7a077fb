//! What an operator decides about the rules: profile, severities, mode and limits.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

use crate::fingerprint;
use crate::rules::Rule;
use crate::severity::{Mode, Profile, Severity};

/// The limits that some rules compare with.
///
/// ```
/// let limits = job_model::Limits { engines: Some(25), ..Default::default() };
/// assert_eq!((limits.inputs, limits.name_chars, limits.string_bytes), (1_000, 255, 16 * 1024));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest string or member name, in bytes of decoded UTF-8.
    pub string_bytes: usize,
    /// The longest job name, in characters, where `name-too-long` is on.
    pub name_chars: usize,
    /// The most inputs of a job.
    pub inputs: usize,
    /// The most engines a job may ask for, where known.
    pub engines: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { string_bytes: 16 * 1024, name_chars: 255, inputs: 1_000, engines: None }
    }
}

/// How strictly requests are judged.
///
/// ```
/// use job_model::{Policy, Profile, Rule, Severity};
/// let policy = Policy::new(Profile::Compatible);
/// let strict = policy.clone().with_severity(Rule::OutputDuplicate, Severity::Deny).unwrap();
/// assert_eq!(strict.severity(Rule::OutputDuplicate), Severity::Deny);
/// assert!(policy.with_severity(Rule::BodySyntax, Severity::Off).is_err(), "some rules are fixed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    severities: [Severity; Rule::COUNT],
    mode: Mode,
    limits: Limits,
}

impl Policy {
    /// A profile's defaults, enforced.
    pub fn new(profile: Profile) -> Self {
        let mut severities = [Severity::Deny; Rule::COUNT];
        for (severity, rule) in severities.iter_mut().zip(Rule::ALL) {
            *severity = rule.default_severity(profile);
        }
        Self { severities, mode: Mode::Enforce, limits: Limits::default() }
    }

    /// The same with another severity for one rule.
    ///
    /// # Errors
    /// [`FixedRule`] where the rule's severity cannot be changed.
    pub fn with_severity(mut self, rule: Rule, severity: Severity) -> Result<Self, FixedRule> {
        if rule.is_fixed() {
            return Err(FixedRule(rule));
        }
        self.set(rule, severity);
        Ok(self)
    }

    /// The same, enforced or in shadow.
    #[must_use]
    pub const fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The same with other limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same for a request that is only to be estimated: it may lack its workspace and its inputs.
    #[must_use]
    pub fn for_estimate(mut self) -> Self {
        self.set(Rule::WorkspaceIdMissing, Severity::Off);
        self.set(Rule::InputsMissing, Severity::Off);
        self
    }

    /// A rule's severity as configured, before the mode is applied.
    pub fn severity(&self, rule: Rule) -> Severity {
        self.severities.get(rule.index()).copied().unwrap_or(Severity::Deny)
    }

    /// Whether refusals are carried out.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The limits.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// SHA-256 of what it decides by, in lower-case hexadecimal: this crate's version, the mode, every severity and limit. What
    /// was judged under the same fingerprint was judged by the same rules.
    ///
    /// ```
    /// use job_model::{Limits, Policy, Profile};
    /// let policy = Policy::new(Profile::Compatible);
    /// assert_eq!(policy.sha256(), Policy::default().sha256());
    /// assert_ne!(policy.sha256(), Policy::new(Profile::Strict).sha256());
    /// assert_ne!(policy.sha256(), policy.clone().with_limits(Limits { inputs: 5, ..Limits::default() }).sha256());
    /// ```
    pub fn sha256(&self) -> String {
        let Limits { string_bytes, name_chars, inputs, engines } = self.limits;
        let rules: BTreeMap<_, _> =
            Rule::ALL.iter().map(|rule| (rule.id(), self.severity(*rule).as_str())).collect();
        // Members in order, as RFC 8785 wants them, whatever a map of JSON keeps them in.
        fingerprint::sha256(&json!({
            "limits": {
                "engines": engines, "inputs": inputs, "name_chars": name_chars, "string_bytes": string_bytes,
            },
            "mode": self.mode.as_str(),
            "rules": rules,
            "version": env!("CARGO_PKG_VERSION"),
        }))
    }

    fn set(&mut self, rule: Rule, severity: Severity) {
        if let Some(slot) = self.severities.get_mut(rule.index()) {
            *slot = severity;
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(Profile::Compatible)
    }
}

/// The severity of a rule that protects every reader alike was to be changed.
///
/// ```
/// use job_model::{Policy, Rule, Severity};
/// let why = Policy::default().with_severity(Rule::BodySyntax, Severity::Off).unwrap_err();
/// assert!(why.to_string().contains("body-syntax"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedRule(Rule);

impl fmt::Display for FixedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the severity of {} is fixed at deny", self.0)
    }
}

impl std::error::Error for FixedRule {}
