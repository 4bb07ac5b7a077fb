//! Every rule's documents do what its explanation says.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use job_model::{JobPatch, JobRequest, Limits, Policy, Profile, Report, Rule, Severity, Workload};

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

/// Of a job is known what has a price. Rules that look at something else judge a change by less, and say so.
#[test]
fn what_a_change_is_not_judged_by_is_explained() {
    let policy = [Rule::MeshQualityMismatch, Rule::SingleInput]
        .into_iter()
        .try_fold(Policy::default(), |policy, rule| policy.with_severity(rule, Severity::Deny))
        .unwrap();
    let job = serde_json::json!({"type": "Full", "quality": "Extra", "outputs": ["OBJ"], "gigaPixels": "2"});
    let job = Workload::from_json(&job).unwrap();
    let rules = |body: &str| -> Vec<Rule> {
        let read = JobPatch::from_json(body.as_bytes(), &policy).unwrap();
        match read.value().unwrap().judge_on(&job, false, read.report(), &policy) {
            Ok(report) => report.rules().collect(),
            Err(no) => no.report().rules().collect(),
        }
    };
    // What they had been created with stood in the way of neither.
    assert_eq!(rules(r#"{"settings":{"quality":"Draft"}}"#), []);
    assert_eq!(rules(r#"{"type":"Reconstruction"}"#), []);
    let named = r#"{"costEstimationParameters":{"gigaPixels":2,"meshQuality":"Draft"}}"#;
    assert_eq!(rules(named), [Rule::MeshQualityMismatch]);
    for (rule, said) in [
        (Rule::MeshQualityMismatch, "A change is judged by the meshQuality that it names itself"),
        (Rule::SingleInput, "A change is not judged by this"),
    ] {
        let text = rule.explanation().text;
        assert!(text.contains(said), "{text}");
    }
}
