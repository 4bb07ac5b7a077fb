//! The list of jobs: what its filter selects, and how its pages follow each other.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may stop")]

mod wire;

use std::time::Duration;

use sandbox::Running;
use serde_json::{Value, json};
use wire::{INPUT, call, created, get, job, still};

fn encoded(filter: &str) -> String {
    filter.replace(' ', "%20")
}

fn names(body: &Value) -> Vec<&str> {
    body["jobs"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap()).collect()
}

fn named(running: &Running, name: &str) -> String {
    let mut body = job();
    body["name"] = json!(name);
    let answer = call(running, "POST", "/jobs", &body).json();
    format!("/jobs/{}", answer["job"]["id"].as_str().unwrap())
}

fn found(running: &Running, filter: &str) -> Vec<String> {
    let answer = get(running, &format!("/jobs?$filter={}", encoded(filter)));
    assert_eq!(answer.status, 200, "{filter}");
    names(&answer.json()).into_iter().map(str::to_owned).collect()
}

#[test]
fn pages_follow_each_other_until_the_last() {
    let (running, _) = still();
    let all: Vec<String> = (0..7).map(|number| format!("job {number}")).collect();
    for name in &all {
        named(&running, name);
    }
    let mut target = format!("/contextcapture/jobs?$filter={}&$top=3", encoded("name ne 'other'"));
    let mut pages = Vec::new();
    loop {
        let body = get(&running, &target).json();
        pages.push(names(&body).into_iter().map(str::to_owned).collect::<Vec<_>>());
        let Some(next) = body["_links"]["next"]["href"].as_str() else { break };
        let next = next.strip_prefix("http://sandbox.test").unwrap();
        assert!(next.starts_with("/contextcapture/jobs?$filter="), "{next}");
        next.clone_into(&mut target);
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    assert_eq!(pages.concat(), all);
}

#[test]
fn a_page_holds_a_hundred_where_nothing_is_said_and_a_thousand_at_most() {
    let (running, _) = still();
    for _ in 0..101 {
        created(&running);
    }
    let filter = encoded("type eq Full");
    let usual = get(&running, &format!("/jobs?$filter={filter}")).json();
    assert_eq!(usual["jobs"].as_array().unwrap().len(), 100);
    assert!(usual["_links"]["next"]["href"].is_string());
    let most = get(&running, &format!("/jobs?$filter={filter}&$top=1000")).json();
    assert_eq!(most["jobs"].as_array().unwrap().len(), 101);
    assert_eq!(most["_links"], json!({}));
}

#[test]
fn every_property_can_be_asked_for() {
    let (running, clock) = still();
    let first = named(&running, "first");
    clock.advance(Duration::from_secs(60));
    named(&running, "it's second");
    call(&running, "PATCH", &first, &json!({ "state": "Active" }));
    clock.advance(Duration::from_secs(20));
    let id = first.strip_prefix("/jobs/").unwrap();
    let job = get(&running, &first).json()["job"].clone();
    let output = job["jobSettings"]["outputs"][1]["id"].as_str().unwrap();
    let itwin = job["iTwinId"].as_str().unwrap();
    let both = ["first", "it's second"];

    for (filter, expected) in [
        (format!("id eq {}", id.to_uppercase()), &both[..1]),
        (format!("iTwinId eq {itwin}"), &both[..]),
        (format!("iTwinId eq '{itwin}' and state eq success"), &both[..1]),
        ("iTwinId eq 60805594-3e04-43b5-8fd8-5ccae0de23cc".to_owned(), &[]),
        ("name eq 'it''s second'".to_owned(), &both[1..]),
        ("name gt 'first'".to_owned(), &both[1..]),
        ("email eq john.smith@example.com".to_owned(), &both[..]),
        ("email ne john.smith@example.com".to_owned(), &[]),
        ("type in (Calibration, Full)".to_owned(), &both[..]),
        ("state in ('unsubmitted', 'active')".to_owned(), &both[1..]),
        ("createdDateTime lt 2026-03-02T09:00:30Z".to_owned(), &both[..1]),
        ("createdDateTime ge 2026-03-02T09:01:00Z".to_owned(), &both[1..]),
        ("createdDateTime le 2026-03-02T10:00:00.0000000%2B01:00".to_owned(), &both[..1]),
        (format!("inputId eq {INPUT}"), &both[..]),
        (format!("outputId eq {output}"), &both[..1]),
        (format!("outputId ne {output}"), &both[1..]),
        ("state eq active or (name eq first and type eq Full)".to_owned(), &both[..1]),
    ] {
        assert_eq!(found(&running, &filter), expected, "{filter}");
    }
}

#[test]
fn a_deleted_job_is_not_listed() {
    let (running, _) = still();
    let gone = named(&running, "gone");
    named(&running, "kept");
    call(&running, "DELETE", &gone, &Value::Null);
    assert_eq!(found(&running, "type eq Full"), ["kept"]);
}
