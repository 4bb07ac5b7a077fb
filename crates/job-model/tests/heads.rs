//! What is metered of upstream's answers, where some of it cannot be read.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use job_model::response::{JobHead, JobHeads};

/// What upstream might write where a number belongs.
const NO_FIGURES: [&str; 9] = [
    r#""3.5""#,
    "1e50",
    "1e400",
    "1234567890123456789012345678901234567890",
    "{}",
    r#"{"value":[3.5]}"#,
    "[3.5]",
    "true",
    "null",
];

fn job(more: &str) -> String {
    format!(r#"{{"id":"a","state":"success"{more},"name":"n"}}"#)
}

/// Id, state, estimated cost and estimated units.
type Head = (String, Option<String>, Option<String>, Option<String>);

fn head(job: &str) -> Option<Head> {
    let answer = format!(r#"{{"job":{job}}}"#);
    let head = JobHead::from_json(answer.as_bytes())?;
    let units = head.execution_information.and_then(|run| run.estimated_units);
    Some((
        head.id.into_owned(),
        head.state.map(String::from),
        head.estimated_cost.map(|cost| cost.to_string()),
        units.map(|units| units.to_string()),
    ))
}

fn listed(jobs: &str) -> Vec<String> {
    let answer = format!(r#"{{"jobs":[{jobs}],"_links":{{}}}}"#);
    let heads = JobHeads::from_json(answer.as_bytes()).unwrap_or_else(|| panic!("{answer}"));
    heads.jobs.iter().map(|head| head.id.to_string()).collect()
}

#[test]
fn a_figure_that_cannot_be_read_is_none_and_hides_nothing_else() {
    let success = Some("success".to_owned());
    for figure in NO_FIGURES {
        let cost =
            job(&format!(r#","estimatedCost":{figure},"executionInformation":{{"estimatedUnits":2}}"#));
        assert_eq!(head(&cost), Some(("a".into(), success.clone(), None, Some("2".into()))), "{figure}");
        let units =
            job(&format!(r#","estimatedCost":3,"executionInformation":{{"estimatedUnits":{figure}}}"#));
        assert_eq!(head(&units), Some(("a".into(), success.clone(), Some("3".into()), None)), "{figure}");
        assert_eq!(listed(&format!(r#"{cost},{{"id":"b"}},{units}"#)), ["a", "b", "a"], "{figure}");
    }
}

#[test]
fn a_run_that_is_no_object_tells_no_units() {
    for run in ["[2]", "7", r#""ran""#, "false", "null", "1.5e3", "-1"] {
        let job = job(&format!(r#","executionInformation":{run},"estimatedCost":3"#));
        assert_eq!(head(&job), Some(("a".into(), Some("success".into()), Some("3".into()), None)), "{run}");
    }
}

#[test]
fn a_state_that_is_no_text_is_none() {
    for state in ["7", "{}", "null", r#"["success"]"#, "1e400"] {
        let job = format!(r#"{{"state":{state},"id":"a","estimatedCost":3}}"#);
        assert_eq!(head(&job), Some(("a".into(), None, Some("3".into()), None)), "{state}");
    }
}

/// Which of the two is meant nobody knows.
#[test]
fn what_is_told_twice_is_not_told() {
    let twice = r#","estimatedCost":3,"estimatedCost":4,"executionInformation":{"estimatedUnits":1,"estimatedUnits":1}"#;
    assert_eq!(head(&job(twice)), Some(("a".into(), Some("success".into()), None, None)));
    assert_eq!(head(r#"{"id":"a","id":"b"}"#), None);
}

#[test]
fn a_list_is_read_around_what_is_no_job() {
    let no_jobs = [
        "{}",
        "null",
        "7",
        "-7",
        "1.5",
        "true",
        r#""a""#,
        "[]",
        r#"["a","success"]"#,
        r#"{"id":7}"#,
        r#"{"id":null}"#,
        r#"{"id":"c","id":"d"}"#,
        r#"{"state":"success"}"#,
    ];
    for no_job in no_jobs {
        assert_eq!(listed(&format!(r#"{{"id":"a"}},{no_job},{{"id":"b"}}"#)), ["a", "b"], "{no_job}");
        assert_eq!(head(no_job), None, "{no_job}");
    }
    for no_list in [r#"{"jobs":{}}"#, r#"{"jobs":[{"id":"a"}"#, "[]", "{}"] {
        assert!(JobHeads::from_json(no_list.as_bytes()).is_none(), "{no_list}");
    }
}
