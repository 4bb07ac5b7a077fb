//! The words of every refusal and notice, as a client reads them.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fmt::Write as _;

use job_model::{JobPatch, JobRequest, Limits, Policy, Profile, Report, Rule, Severity};

/// What is found in the failing example of a rule.
fn judge(rule: Rule, body: &str) -> Report {
    // The examples of rules that compare with a limit are written for small ones.
    let string_bytes = if rule == Rule::BodyLimits { 64 } else { 16 * 1024 };
    let inputs = if rule == Rule::InputDuplicate { 2 } else { 1 };
    let limits = Limits { string_bytes, name_chars: 8, inputs, engines: Some(4) };
    let mut policy = Policy::new(Profile::Compatible).with_limits(limits);
    if rule == Rule::NameTooLong {
        policy = policy.with_severity(rule, Severity::Deny).unwrap();
    }
    if rule >= Rule::PatchEmpty {
        let verdict = JobPatch::from_json(body.as_bytes(), &policy);
        verdict.map_or_else(|rejected| rejected.report().clone(), |accepted| accepted.report().clone())
    } else {
        let verdict = JobRequest::from_json(body.as_bytes(), &policy);
        verdict.map_or_else(|rejected| rejected.report().clone(), |accepted| accepted.report().clone())
    }
}

#[test]
fn every_message_reads_as_agreed() {
    let mut text = String::new();
    for rule in Rule::ALL {
        let (compatible, strict) =
            (rule.default_severity(Profile::Compatible), rule.default_severity(Profile::Strict));
        writeln!(text, "{rule} ({} | {})", compatible.as_str(), strict.as_str()).unwrap();
        let report = judge(*rule, &rule.explanation().failing);
        let broken: Vec<_> =
            report.violations().iter().filter(|violation| violation.rule() == *rule).collect();
        if broken.is_empty() {
            writeln!(text, "  broken by no document alone: {}", rule.explanation().summary).unwrap();
        }
        for violation in broken {
            writeln!(text, "  {}", serde_json::to_string(&violation.detail()).unwrap()).unwrap();
            if let Some(word) = violation.suggestion() {
                writeln!(text, "  suggestion: {word}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(text);
}
