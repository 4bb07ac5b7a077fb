//! Every rule's documents do what its explanation says.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use job_model::{JobPatch, JobRequest, Limits, Policy, Profile, Report, Rule, Severity};

fn judge(rule: Rule, body: &str) -> Report {
    // The examples of rules that compare with a limit are written for small ones.
    let string_bytes = if rule == Rule::BodyLimits { 64 } else { 16 * 1024 };
    let limits = Limits { string_bytes, name_chars: 8, inputs: 1, engines: Some(4) };
    let limits = if rule == Rule::InputDuplicate { Limits { inputs: 2, ..limits } } else { limits };
    let mut policy = Policy::new(Profile::Compatible).with_limits(limits);
    if rule == Rule::NameTooLong {
        policy = policy.with_severity(rule, Severity::Deny).unwrap();
    }
    if rule >= Rule::PatchEmpty {
        match JobPatch::from_json(body.as_bytes(), &policy) {
            Ok(accepted) => accepted.report().clone(),
            Err(rejected) => rejected.report().clone(),
        }
    } else {
        match JobRequest::from_json(body.as_bytes(), &policy) {
            Ok(accepted) => accepted.report().clone(),
            Err(rejected) => rejected.report().clone(),
        }
    }
}

#[test]
fn the_failing_document_breaks_its_rule_and_the_passing_one_does_not() {
    // Judged only where the job is known to be submitted: no document breaks it by itself.
    for rule in Rule::ALL.iter().filter(|rule| **rule != Rule::ChangeAfterSubmit) {
        let explanation = rule.explanation();
        let failing = judge(*rule, &explanation.failing);
        assert_eq!(
            failing.count(*rule),
            1,
            "{rule} should be broken by {} but: {failing:#?}",
            explanation.failing
        );
        let passing = judge(*rule, &explanation.passing);
        assert_eq!(passing.count(*rule), 0, "{rule} should not be broken by {}", explanation.passing);
        assert_ne!(explanation.failing, explanation.passing, "{rule}");
        assert!(!passing.denies(), "{rule}: {passing:#?}");
    }
}

#[test]
fn ids_and_order_are_as_promised() {
    let ids: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert_eq!(ids.len(), 61);
    for rule in Rule::ALL {
        assert_eq!(Rule::from_id(rule.id()), Some(*rule));
    }
}
