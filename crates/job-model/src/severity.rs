//! What a broken rule leads to, and the two published sets of defaults.

crate::word::words! {
    /// What happens to a request that breaks a rule.
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
    Profile, 2 {
        /// Accepts what the official clients send today.
        Compatible = "compatible",
        /// The published definition to the letter.
        Strict = "strict",
    }
}

crate::word::words! {
    /// Whether refusals are carried out.
    Mode, 2 {
        /// A denied request is refused.
        Enforce = "enforce",
        /// A denied request goes on, marked as one that would have been refused; fixed rules still refuse.
        Shadow = "shadow",
    }
}
