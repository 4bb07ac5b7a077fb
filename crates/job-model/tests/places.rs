//! What a violation points at, and limits where they begin.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use job_model::{JobPatch, JobRequest, Limits, Policy, Profile, Report, Rule, Severity, Violation};

const JOB: &str = r#"{"type":"Full","name":"n","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"],"processingEngines":4},"costEstimationParameters":{"gigaPixels":2}}"#;

/// The rules that a body breaks, with what of it each points at.
fn broken<'a>(body: &'a str, policy: &Policy) -> Vec<(Rule, Option<String>, &'a str)> {
    let verdict = JobRequest::from_json(body.as_bytes(), policy);
    let report = verdict.map_or_else(|no| no.report().clone(), |yes| yes.report().clone());
    let points = |violation: &job_model::Violation| {
        let span = violation.span();
        (violation.rule(), violation.target(), body.get(span).unwrap())
    };
    report.violations().iter().map(points).collect()
}

fn limited(limits: Limits) -> Policy {
    let policy = Policy::new(Profile::Compatible).with_limits(limits);
    policy.with_severity(Rule::NameTooLong, Severity::Deny).unwrap()
}

#[test]
fn a_format_that_its_type_does_not_have_is_pointed_at_and_no_other() {
    let body =
        JOB.replace("Full", "Reconstruction").replace(r#"["OBJ"]"#, r#"["OBJ" , "CCOrientations", "LAS"]"#);
    let odd =
        (Rule::ReconstructionOrientations, Some("settings.outputs[1]".to_owned()), r#""CCOrientations""#);
    assert!(broken(&body, &Policy::default()).contains(&odd), "{:?}", broken(&body, &Policy::default()));
}

#[test]
fn a_null_is_pointed_at_where_a_value_is_required_and_else_the_object_that_lacks_it() {
    let id = r#"{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}"#;
    for (input, expected) in [(r#"{"id":null}"#, "null"), (r#"{"description":"x"}"#, "{")] {
        let body = JOB.replace(id, input);
        let missing = (Rule::InputIdMissing, Some("inputs[0].id".to_owned()), expected);
        assert!(
            broken(&body, &Policy::default()).contains(&missing),
            "{:?}",
            broken(&body, &Policy::default())
        );
    }
}

#[test]
fn as_many_as_a_limit_allows_are_allowed() {
    let (one, name) = (r#"{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}"#, r#""name":"n""#);
    let two = format!("{one},{}", one.replace("cb4d4", "cb4d5"));
    let usual = Limits::default();
    let name_chars = Limits { name_chars: 4, ..usual };
    for (limits, fits, beyond, rule) in [
        (
            Limits { engines: Some(4), ..usual },
            JOB.to_owned(),
            JOB.replace(":4}", ":5}"),
            Rule::EnginesOverLimit,
        ),
        (Limits { inputs: 1, ..usual }, JOB.to_owned(), JOB.replace(one, &two), Rule::InputsTooMany),
        // As many characters, and more bytes.
        (
            name_chars,
            JOB.replace(name, r#""name":"äöüß""#),
            JOB.replace(name, r#""name":"äöüßa""#),
            Rule::NameTooLong,
        ),
    ] {
        let policy = limited(limits);
        assert_eq!(broken(&fits, &policy), [], "{rule}");
        let rules: Vec<_> = broken(&beyond, &policy).into_iter().map(|(rule, ..)| rule).collect();
        assert_eq!(rules, [rule]);
    }
}

/// One that is denied stays denied, whatever sound ones come behind it.
#[test]
fn what_comes_behind_a_fault_does_not_make_up_for_it() {
    let id = r#"{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}"#;
    let behind = format!("{id},{id},{}", id.replace("cb4d4", "cb4d5"));
    for (rule, body) in [
        (Rule::OutputDuplicate, JOB.replace(r#"["OBJ"]"#, r#"["OBJ","OBJ","LAS"]"#)),
        (Rule::InputDuplicate, JOB.replace(id, &behind)),
    ] {
        let policy = Policy::default().with_severity(rule, Severity::Deny).unwrap();
        assert!(JobRequest::from_json(body.as_bytes(), &policy).is_err(), "{rule}");
        assert!(JobRequest::check(body.as_bytes(), &policy).is_err(), "{rule}");
    }
}

/// A word that was probably meant is told of as many as are listed.
#[test]
fn wrong_formats_are_told_with_what_was_meant() {
    let body = JOB.replace(r#"["OBJ"]"#, r#"["OBI","LAZ2"]"#);
    let no = JobRequest::from_json(body.as_bytes(), &Policy::default()).unwrap_err();
    let meant: Vec<_> = no.violations().map(job_model::Violation::suggestion).collect();
    assert_eq!(meant[0], Some("OBJ"), "{no:?}");
}

/// Nobody sees it in an editor, so it is named. Elsewhere it is a fault like another one.
#[test]
fn a_byte_order_mark_before_the_body_is_named() {
    for body in ["\u{feff}{}", "\u{feff}", &format!("\u{feff}{JOB}")] {
        let no = JobRequest::from_json(body.as_bytes(), &Policy::default()).unwrap_err();
        let detail = serde_json::to_value(no.violations().next().unwrap().detail()).unwrap();
        assert_eq!((&detail["code"], &detail["rule"]), (&"InvalidRequestBody".into(), &"body-syntax".into()));
        assert_eq!(
            detail["message"],
            "The body is not valid JSON, at line 1, column 1: it begins with a byte order mark and has to be sent without one."
        );
        assert_eq!(broken(body, &Policy::default()), [(Rule::BodySyntax, None, "\u{feff}")]);
    }
    for (body, place) in [("\u{feff}{}", "line 1, column 1:"), (" \u{feff}{}", "line 1, column 2.")] {
        let no = JobPatch::from_json(body.as_bytes(), &Policy::default()).unwrap_err();
        let message = no.violations().next().unwrap().message();
        assert!(message.contains(place), "{message}");
    }
}

/// Who follows the hint must not be refused for that.
#[test]
fn where_a_member_belongs_that_cannot_be_changed_is_not_told_to_a_change() {
    let policy = Policy::default();
    let told =
        |report: &Report| report.violations().iter().filter_map(Violation::suggestion).collect::<Vec<_>>();
    let job = JobRequest::from_json(br#"{"projectId":"x"}"#, &policy).unwrap_err();
    assert_eq!(told(job.report()), ["workspaceId"]);
    let patch = |body: &str| told(JobPatch::from_json(body.as_bytes(), &policy).unwrap().report());
    assert_eq!(patch(r#"{"projectId":"x"}"#), [""; 0]);
    assert_eq!(patch(r#"{"jobSettings":{},"quality":"Extra"}"#), ["settings", "settings.quality"]);
}
