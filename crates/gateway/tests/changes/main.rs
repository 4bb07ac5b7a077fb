//! Changes of jobs and their money: one at a time, priced by what the job is, and never cheaper than what it may have become.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/warnings.rs"]
mod warnings;

mod doubts;
mod ends;
mod found;
mod judged;
mod look_ups;
mod lowered;

use std::thread;

use support::money::{budget, gate, holds, states, sum, sums};
use support::{Act, JOB, Recorder, Running, answer, get, post, request};

const JOB_ID: &str = "cc3d35cc-416a-4262-9714-b359da70b419";

fn patch(body: &str) -> Vec<u8> {
    request("PATCH", &format!("/contextcapture/jobs/{JOB_ID}"), body)
}

fn pixels(number: u32) -> Vec<u8> {
    patch(&format!(r#"{{"costEstimationParameters":{{"gigaPixels":{number}}}}}"#))
}

fn submission() -> Vec<u8> {
    patch(r#"{"state":"Active"}"#)
}

/// Both would be priced by the same look at the job, and the cheaper one, answered last, would undo what the dearer one holds.
#[test]
fn changes_of_one_job_do_not_undo_each_others_price() {
    for (first, second) in [(pixels(90), pixels(3)), (pixels(3), pixels(90)), (submission(), pixels(3))] {
        let (upstream, gateway) = gate("100");
        assert_eq!(gateway.send(&post(JOB)).status, 201);
        upstream.script([Act::Hold]);
        thread::scope(|scope| {
            let slow = scope.spawn(|| gateway.send(&first));
            upstream.wait_held(1);
            let refused = gateway.send(&second);
            assert_eq!((refused.status, refused.code().as_str()), (409, "RequestInProgress"));
            assert_eq!(refused.header("retry-after"), Some("1"));
            assert_eq!(states(&gateway), ["changing"]);
            upstream.release();
            assert_eq!(slow.join().unwrap().status, 200);
        });
        let before = sums(&gateway);
        assert_eq!(upstream.seen().len(), 2, "the other one was not sent");
        assert_eq!(gateway.send(&second).status, 200);
        if states(&gateway) == ["submitted"] {
            assert_eq!(sums(&gateway), before, "upstream changes no job that runs");
        } else {
            assert_ne!(sums(&gateway), before);
        }
    }
}

/// A job may be submitted while its end is on its way: what was submitted is charged.
#[test]
fn a_job_that_was_submitted_meanwhile_is_charged_when_it_is_deleted() {
    let (upstream, gateway) = gate("5");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    upstream.script([Act::Hold]);
    thread::scope(|scope| {
        let target = format!("/contextcapture/jobs/{JOB_ID}");
        let delete = support::head("DELETE", &target, "") + "\r\n";
        let sender = &gateway;
        let slow = scope.spawn(move || sender.send(delete.as_bytes()));
        upstream.wait_held(1);
        assert_eq!(gateway.send(&submission()).status, 200);
        upstream.release();
        slow.join().unwrap();
    });
    assert_eq!((sums(&gateway), states(&gateway)), (sum("3.5", "0"), vec!["settled".to_owned()]));
}

/// An end that is not answered does not end what else is under way, nor what is known of a job that runs.
#[test]
fn an_unanswered_end_of_a_job_changes_nothing_that_is_known() {
    let (upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let delete = support::head("DELETE", &format!("/contextcapture/jobs/{JOB_ID}"), "") + "\r\n";
    upstream.script([Act::Hold, Act::Close]);
    thread::scope(|scope| {
        let slow = scope.spawn(|| gateway.send(&pixels(90)));
        upstream.wait_held(1);
        assert_eq!(gateway.send(delete.as_bytes()).status, 502);
        assert_eq!(states(&gateway), ["changing"]);
        assert_eq!(gateway.send(&submission()).status, 409);
        upstream.release();
        assert_eq!(slow.join().unwrap().status, 200);
    });
    assert_eq!(gateway.send(&submission()).status, 200);
    upstream.script([Act::Close]);
    assert_eq!(gateway.send(delete.as_bytes()).status, 502);
    assert_eq!(states(&gateway), ["submitted"]);
}

/// Upstream reads an id that is none here by its own rules.
#[test]
fn a_change_of_a_job_whose_id_cannot_be_read_is_not_sent_past_budgets() {
    let (upstream, gateway) = gate("5");
    let target = format!("/contextcapture/jobs/{}", JOB_ID.replace('-', ""));
    let refused = gateway.send(&request("PATCH", &target, r#"{"state":"Active"}"#));
    assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"));
    assert!(upstream.seen().is_empty());
    assert_eq!(gateway.send(&request("PATCH", &target, r#"{"state":"Cancelled"}"#)).status, 200);
}

/// Official clients send what a price is made of with a change, behind the job's creation.
#[test]
fn a_changed_job_is_told_with_its_price_and_compared_with_upstreams_own() {
    let (upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    upstream.script([made_elsewhere("unsubmitted", 8)]);
    let changed = gateway.send(&pixels(8));
    assert_eq!((changed.status, changed.header("x-jobgate-estimate")), (200, Some("8 unit")));
    let lines = gateway.log.lines(2);
    assert_eq!((lines[1]["route"].as_str(), lines[1]["estimate"].as_str()), (Some("jobs-patch"), Some("8")));
    let metrics = gateway.operator().send(&get("/metrics")).body;
    assert!(metrics.contains("jobgate_estimate_error_ratio_count 2\n"), "{metrics}");
}

/// What does not fit is what the change takes on top, and so the sum of the answer adds up.
#[test]
fn a_change_that_does_not_fit_is_refused_with_a_sum_that_adds_up() {
    let (_, gateway) = gate("10");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let refused = gateway.send(&pixels(11)).json();
    let detail = &refused["error"]["details"][0];
    let number = |name: &str| detail[name].as_str().unwrap().parse::<f64>().unwrap();
    assert!(
        (number("settled") + number("held") + number("requested") - number("limit") - number("missing"))
            .abs()
            < 1e-9
    );
    assert_eq!(
        (detail["held"].as_str(), detail["requested"].as_str()),
        (Some("3.5"), Some("7.5")),
        "{detail}"
    );
}

/// Which window a job counts in is decided when its budgets are asked, and not when its header came.
#[test]
fn a_job_whose_body_comes_late_is_opened_when_its_budgets_are_asked() {
    let (_, gateway) = gate("100");
    let mut slow = gateway.client();
    let length = JOB.len();
    let fields =
        format!("Content-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n");
    slow.write(support::head("POST", "/contextcapture/jobs", &fields).as_bytes());
    assert_eq!(slow.read().status, 100, "its header is here");
    // Times are kept to the millisecond.
    let heard = jiff::Timestamp::now().as_millisecond();
    while jiff::Timestamp::now().as_millisecond() <= heard + 2 {}
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(slow.send(JOB.as_bytes()).status, 201);
    let opened =
        |hold: &serde_json::Value| hold["opened"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let opened: Vec<_> = holds(&gateway).iter().map(opened).collect();
    assert!(opened[0] <= opened[1], "{opened:?}");
}

/// As upstream answers with a job that was made elsewhere.
fn made_elsewhere(state: &str, pixels: u32) -> Act {
    Act::Answer(answer(
        200,
        &format!(
            r#"{{"job":{{"id":"{JOB_ID}","name":"Bridge 7","type":"Full","state":"{state}",
            "createdDateTime":"2020-09-14T14:29:55Z","lastModifiedDateTime":"2020-09-14T14:29:55Z","location":"East US",
            "workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","email":"someone@example.com","inputs":[],
            "jobSettings":{{"quality":"Extra","outputs":[{{"format":"OBJ","id":null}}]}},
            "costEstimationParameters":{{"gigaPixels":{pixels},"megaPoints":1.5}},"estimatedCost":3.6}}}}"#
        ),
    ))
}

#[test]
fn a_job_made_elsewhere_is_asked_for_with_its_callers_token_before_it_is_priced() {
    let (upstream, gateway) = gate("5");
    upstream.script([made_elsewhere("unsubmitted", 2)]);
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 200);
    let seen = upstream.seen();
    assert_eq!(seen[0].line, format!("GET /contextcapture/jobs/{JOB_ID} HTTP/1.1"));
    assert_eq!(seen[0].header("authorization"), Some("Bearer t0k-en"));
    assert!(seen[1].line.starts_with("PATCH ") && seen.len() == 2);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "3.5"), vec!["submitted".to_owned()]));
    // It is known now.
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 200);
    assert_eq!(upstream.seen().len(), 3);
}

#[test]
fn a_job_made_elsewhere_that_does_not_fit_is_refused_and_one_that_runs_is_not_held() {
    let (upstream, gateway) = gate("5");
    upstream.script([made_elsewhere("unsubmitted", 2)]);
    let refused = gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":9}}"#));
    assert_eq!((refused.status, refused.code().as_str(), upstream.seen().len()), (402, "BudgetExceeded", 1));
    assert_eq!(sums(&gateway), sum("0", "0"), "what is refused changes no budget");
    assert_eq!(holds(&gateway)[0]["upstreamEstimate"], "3.6");
    let (upstream, gateway) = gate("5");
    upstream.script([made_elsewhere("active", 2), Act::Answer(answer(422, "{}"))]);
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 422);
    assert_eq!((upstream.seen().len(), holds(&gateway).len()), (2, 0));
}

#[test]
fn a_job_that_upstream_does_not_tell_of_is_refused_unless_that_is_allowed() {
    let (upstream, gateway) = gate("5");
    upstream.script([Act::Answer(answer(403, "{}")), Act::Answer(answer(200, "{}"))]);
    for asked in 1..=3 {
        let refused = gateway.send(&patch(r#"{"state":"Active"}"#));
        assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"));
        assert_eq!(upstream.seen().len(), asked, "it was asked, and the change was not sent");
    }
    assert_eq!(gateway.send(&patch(r#"{"state":"Cancelled"}"#)).status, 200, "that costs nothing");
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &budget("5", "holds.unknown_job = 'admit'"));
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 200);
}
