//! Money on live traffic: what is held, submitted, settled, given back and in doubt, and what is refused with its sum.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;
#[path = "support/warnings.rs"]
mod warnings;

use std::thread;

use serde_json::Value;
use support::money::{budget, gate, holds, states, sum, sums};
use support::{Act, JOB, Recorder, Running, answer, get, post, request};

const JOB_ID: &str = "cc3d35cc-416a-4262-9714-b359da70b419";

fn patch(body: &str) -> Vec<u8> {
    request("PATCH", &format!("/contextcapture/jobs/{JOB_ID}"), body)
}

fn job_in(state: &str) -> Vec<u8> {
    let run = r#""executionInformation":{"estimatedUnits":0.05}"#;
    answer(200, &format!(r#"{{"job":{{"id":"{JOB_ID}","state":"{state}","estimatedCost":3.5,{run}}}}}"#))
}

/// The figure is kept beside ours and decides nothing.
#[test]
fn an_estimate_of_upstream_s_that_cannot_be_read_hides_no_job() {
    let (upstream, gateway) = gate("100");
    let body = |state: &str| format!(r#"{{"id":"{JOB_ID}","state":"{state}","estimatedCost":"3.5"}}"#);
    upstream.script([Act::Answer(answer(201, &format!(r#"{{"job":{}}}"#, body("unsubmitted"))))]);
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!((states(&gateway), &holds(&gateway)[0]["job"]), (vec!["bound".to_owned()], &JOB_ID.into()));
    let listed = format!(r#"{{"jobs":[{{"state":"active"}},7,{}]}}"#, body("success"));
    upstream.script([Act::Answer(answer(200, &listed))]);
    let target = "/contextcapture/jobs?$filter=workspaceId%20eq%20%276881117d-9fd2-4900-870b-9b721dc90f25%27";
    assert_eq!(gateway.send(&get(target)).status, 200);
    while states(&gateway) != ["settled"] {
        thread::yield_now();
    }
    assert_eq!(sums(&gateway), sum("3.5", "0"));
}

#[test]
fn a_job_is_held_submitted_and_settled_and_the_next_is_refused_with_its_sum() {
    let (upstream, gateway) = gate("5");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "3.5"), vec!["bound".to_owned()]));
    let refused = gateway.send(&post(JOB));
    assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"));
    let detail = refused.json()["error"]["details"][0].clone();
    let expected = serde_json::json!({
        "code": "BudgetExceeded", "message": detail["message"], "budget": "all", "currency": "unit", "limit": "5",
        "settled": "0", "held": "3.5", "requested": "3.5", "missing": "2", "resets": null,
    });
    assert_eq!(detail, expected);
    assert_eq!(refused.header("x-jobgate-decision"), Some("refused"));
    assert_eq!(upstream.seen().len(), 1, "what does not fit sends nothing");
    assert_eq!(gateway.send(&patch(r#"{"state":"active"}"#)).status, 200);
    assert_eq!(states(&gateway), ["submitted"]);
    upstream.script([Act::Answer(job_in("success"))]);
    let target = format!("/contextcapture/jobs/{JOB_ID}");
    assert_eq!(gateway.send(&get(&target)).status, 200);
    while states(&gateway) != ["settled"] {
        thread::yield_now();
    }
    assert_eq!(sums(&gateway), sum("3.5", "0"));
    let hold = &holds(&gateway)[0];
    assert_eq!(
        (hold["upstreamEstimate"].as_str(), hold["upstreamUnits"].as_str()),
        (Some("3.5"), Some("0.05"))
    );
    assert_eq!(hold["job"], JOB_ID);
    let metrics = gateway.operator().send(&get("/metrics")).body;
    assert!(metrics.contains(r#"jobgate_budget_settled_units{budget="all"} 3.5"#), "{metrics}");
    let usage = gateway.operator().send(&get("/v1/usage?by=type")).json();
    assert_eq!(usage["usage"][0]["settled"], "3.5");
}

#[test]
fn what_upstream_refuses_is_given_back_and_what_nobody_knows_stays_held() {
    let (upstream, gateway) = gate("100");
    // That it was refused needs no body.
    let torn = b"HTTP/1.1 422 X\r\nContent-Length: 99\r\n\r\n{".to_vec();
    let refusals =
        [Act::Answer(answer(422, "{}")), Act::Answer(answer(429, "{}")), Act::AnswerAndClose(torn)];
    upstream.script(refusals);
    for status in [422, 429, 422] {
        assert_eq!(gateway.send(&post(JOB)).status, status);
    }
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "0"), vec!["released".to_owned(); 3]));
    upstream.script([
        Act::Close,
        Act::Answer(answer(503, "{}")),
        Act::Answer(answer(201, "{}")),
        Act::AnswerAndClose(b"HTTP/1.1 201 X\r\nContent-Length: 99\r\n\r\n{".to_vec()),
    ]);
    let unknown = gateway.send(&post(JOB));
    assert_eq!(unknown.status, 502);
    let detail = &unknown.json()["error"]["details"][0];
    assert_eq!(detail["outcome"], "unknown");
    assert!(holds(&gateway).iter().any(|hold| hold["id"] == detail["hold"]), "{detail}");
    for status in [503, 201, 502] {
        assert_eq!(gateway.send(&post(JOB)).status, status);
    }
    assert_eq!(sums(&gateway), sum("0", "14"));
    assert_eq!(states(&gateway).iter().filter(|state| *state == "in-doubt").count(), 4);
}

/// It passes all the same, and nothing is settled by it: somebody has to hear why.
#[test]
fn a_list_that_is_too_long_to_be_read_is_told_of() {
    warnings::listen();
    let (upstream, gateway) = gate("100");
    let long = format!(r#"{{"jobs":[{{"id":"{JOB_ID}","state":"success"}}],"x":"{}"}}"#, "x".repeat(4 << 20));
    upstream.script([Act::Answer(answer(200, &long)), Act::Answer(answer(200, &long))]);
    let ids = ["r-first", "r-second"];
    for id in ids {
        let list = String::from_utf8(get("/contextcapture/jobs")).unwrap();
        let reply =
            gateway.send(list.replacen("Host:", &format!("x-request-id: {id}\r\nHost:"), 1).as_bytes());
        assert_eq!((reply.status, reply.body.len()), (200, long.len()));
    }
    let said = warnings::said("is longer than 4 MiB");
    assert!(
        said.len() == 1 && said[0].contains("r-first") && said[0].contains("nothing is settled"),
        "{said:?}"
    );
}

/// Upstream has spent it, so it is charged, beyond the hold and beyond the limit; and it is shown.
#[test]
fn what_upstream_spends_beyond_the_hold_is_charged_and_flagged() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &budget("5", "pricing.settle = 'upstream-units'"));
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 200);
    let run = r#""executionInformation":{"estimatedUnits":6.25}"#;
    let over = format!(r#"{{"job":{{"id":"{JOB_ID}","state":"success",{run}}}}}"#);
    upstream.script([Act::Answer(answer(200, &over))]);
    assert_eq!(gateway.send(&get(&format!("/contextcapture/jobs/{JOB_ID}"))).status, 200);
    while states(&gateway) != ["settled"] {
        thread::yield_now();
    }
    assert_eq!((sums(&gateway), holds(&gateway)[0]["overdraft"].as_str()), (sum("6.25", "0"), Some("2.75")));
    assert_eq!(gateway.send(&post(JOB)).status, 402);
}

/// Each hold ends once: a figure that upstream tells later is kept beside the charge and does not change it.
#[test]
fn the_first_sight_of_an_end_decides_what_is_charged() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &budget("5", "pricing.settle = 'upstream-units'"));
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 200);
    for (run, units) in [("null", None), (r#"{"estimatedUnits":6.25}"#, Some("6.25"))] {
        let over = format!(r#"{{"job":{{"id":"{JOB_ID}","state":"success","executionInformation":{run}}}}}"#);
        upstream.script([Act::Answer(answer(200, &over))]);
        assert_eq!(gateway.send(&get(&format!("/contextcapture/jobs/{JOB_ID}"))).status, 200);
        while states(&gateway) != ["settled"] || holds(&gateway)[0]["upstreamUnits"].as_str() != units {
            thread::yield_now();
        }
        assert_eq!(sums(&gateway), sum("3.5", "0"));
    }
}

#[test]
fn what_was_never_sent_is_given_back() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = Running::start(nobody, &budget("100", ""));
    let reply = gateway.send(&post(JOB));
    assert_eq!(
        (reply.status, &reply.json()["error"]["details"][0]["outcome"]),
        (502, &Value::from("not-sent"))
    );
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "0"), vec!["released".to_owned()]));
}

#[test]
fn a_change_is_priced_before_it_is_sent_and_taken_back_when_it_is_refused() {
    let (upstream, gateway) = gate("10");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let dearer = r#"{"costEstimationParameters":{"gigaPixels":8}}"#;
    upstream.script([Act::Answer(answer(422, "{}"))]);
    assert_eq!(gateway.send(&patch(dearer)).status, 422);
    assert_eq!(sums(&gateway), sum("0", "3.5"));
    assert_eq!(gateway.send(&patch(dearer)).status, 200);
    assert_eq!(sums(&gateway), sum("0", "8"));
    let seen = upstream.seen().len();
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":11}}"#)).status, 402);
    assert_eq!((upstream.seen().len(), sums(&gateway)), (seen, sum("0", "8")));
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":1}}"#)).status, 200);
    assert_eq!(sums(&gateway), sum("0", "1"));
    let delete = support::head("DELETE", &format!("/contextcapture/jobs/{JOB_ID}"), "\r\n");
    assert_eq!(gateway.send(delete.as_bytes()).status, 204);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "0"), vec!["released".to_owned()]));
}

/// The end of a job is written down whether its client waits for it or not; what nobody knows stays held.
#[test]
fn a_job_that_is_deleted_gives_its_hold_back_also_when_its_client_leaves() {
    let (upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let target = format!("/contextcapture/jobs/{JOB_ID}");
    let delete = support::head("DELETE", &target, "Content-Length: 0\r\n\r\n");
    upstream.script([Act::Close]);
    let reply = gateway.send(delete.as_bytes());
    // Deleted or not, it is held until it lapses or somebody knows.
    assert_eq!((reply.status, states(&gateway)), (502, vec!["bound".to_owned()]));
    let detail = &reply.json()["error"]["details"][0];
    assert_eq!((&detail["outcome"], &detail["hold"]), (&Value::from("unknown"), &holds(&gateway)[0]["id"]));
    upstream.script([Act::Answer(answer(404, "{}"))]);
    let reply = gateway.send(delete.as_bytes());
    assert_eq!((reply.status, sums(&gateway)), (404, sum("0", "3.5")), "it may be upstream's hiccup");
    let mut client = gateway.client();
    client.write(delete.as_bytes());
    while upstream.seen().len() < 4 {
        thread::yield_now();
    }
    drop(client);
    while states(&gateway) != ["released"] {
        thread::yield_now();
    }
    let seen = upstream.seen();
    let last = seen.last().unwrap();
    assert_eq!(last.line, format!("DELETE {target} HTTP/1.1"));
    for name in ["content-length", "content-type", "transfer-encoding"] {
        assert_eq!(last.header(name), None, "{name}");
    }
    let again = gateway.send(delete.as_bytes());
    assert_eq!((again.status, again.header("x-jobgate-decision")), (204, Some("observed")));
}

#[test]
fn a_job_without_a_price_is_counted_and_priced_when_it_has_one() {
    let (_, gateway) = gate("5");
    let unpriced = JOB.replace(
        r#""costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5,"meshQuality":"Extra"},"#,
        "",
    );
    assert_eq!(gateway.send(&post(&unpriced)).status, 201);
    assert_eq!((sums(&gateway), holds(&gateway)[0]["amount"].clone()), (sum("0", "0"), Value::Null));
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":"9"}}"#)).status, 402);
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":"4"}}"#)).status, 200);
    assert_eq!(sums(&gateway), sum("0", "4"));
    let strict = budget("5", "").replace("window", "unpriced = 'refuse'\nwindow");
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &strict);
    assert_eq!(gateway.send(&post(&unpriced)).status, 402);
    assert!(upstream.seen().is_empty());
}

#[test]
fn a_price_that_is_taken_away_stays_held_and_shown() {
    let (_, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{}}"#)).status, 200);
    assert_eq!((sums(&gateway), holds(&gateway)[0]["amount"].clone()), (sum("0", "3.5"), Value::from("3.5")));
}
