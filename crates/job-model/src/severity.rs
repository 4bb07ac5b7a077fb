//! What a broken rule leads to, and the two published sets of defaults.

crate::word::words! {
    /// What happens to a request that breaks a rule.
    ///
    /// ```
    /// assert!(job_model::Severity::Off < job_model::Severity::Deny);
    /// assert_eq!(job_model::Severity::from_wire("warn"), Some(job_model::Severity::Warn));
    /// ```
    Severity, 4 {
        /// Not evaluated, nowhere reported.
        Off = "off",
        /// The request goes on; metrics and log tell.
        Audit = "audit",
        /// The request goes on; the response's warnings tell, too.
        Warn = "warn",
        /// The request is refused.
        Deny = "deny",
    }
}

crate::word::words! {
    /// A set of default severities.
    ///
    /// ```
    /// use job_model::{Profile, Rule, Severity};
    /// assert_eq!(Rule::UnknownMember.default_severity(Profile::Compatible), Severity::Warn);
    /// assert_eq!(Rule::UnknownMember.default_severity(Profile::Strict), Severity::Deny);
    /// ```
    Profile, 2 {
        /// Accepts what the official clients send today.
        Compatible = "compatible",
        /// The published definition to the letter.
        Strict = "strict",
    }
}

crate::word::words! {
    /// Whether refusals are carried out.
    ///
    /// ```
    /// use job_model::{JobRequest, Mode, Policy};
    /// let watching = Policy::default().with_mode(Mode::Shadow);
    /// assert!(JobRequest::from_json(b"{}", &watching).unwrap().report().would_deny());
    /// ```
    Mode, 2 {
        /// A denied request is refused.
        Enforce = "enforce",
        /// A denied request goes on, marked as one that would have been refused; fixed rules still refuse.
        Shadow = "shadow",
    }
}
