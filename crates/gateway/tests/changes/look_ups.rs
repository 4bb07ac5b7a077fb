//! What upstream answers when it is asked for a job before a change of it is priced, and what it tells in passing that nobody here
//! expects.

use serde_json::{Value, json};

use super::*;

/// Upstream's answer to a look: one status, and fields that it has.
fn says(status: u16, field: &str) -> Act {
    let bytes = String::from_utf8(answer(status, "{}")).unwrap();
    Act::Answer(bytes.replacen("x-correlation-id", &format!("{field}x-correlation-id"), 1).into_bytes())
}

/// Whoever may change a job that upstream does not show would have it run past its budgets.
#[test]
fn a_job_that_upstream_does_not_have_is_not_changed() {
    let (upstream, gateway) = gate("5");
    upstream.script([Act::Answer(answer(404, r#"{"error":{"code":"JobNotFound","message":"m"}}"#))]);
    let reply = gateway.send(&submission());
    assert_eq!((reply.status, reply.code().as_str()), (404, "JobNotFound"));
    let seen = upstream.seen();
    assert!(seen[0].line.starts_with("GET ") && seen.len() == 1, "{seen:?}");
    assert!(holds(&gateway).is_empty());
}

/// Who hears 402 does not come back; what upstream cannot tell now it can later.
#[test]
fn a_look_that_fails_is_no_final_answer_to_a_change() {
    let (upstream, gateway) = gate("5");
    for (look, status, code, wait) in [
        (says(429, "Retry-After: 7\r\n"), 429, "TooManyRequests", "7"),
        (says(429, ""), 429, "TooManyRequests", "1"),
        (says(500, ""), 502, "UpstreamUnavailable", "1"),
        (says(503, ""), 502, "UpstreamUnavailable", "1"),
        (Act::Close, 502, "UpstreamUnavailable", "1"),
    ] {
        let before = upstream.count();
        upstream.script([look]);
        let reply = gateway.send(&submission());
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{}", reply.body);
        assert_eq!(reply.header("retry-after"), Some(wait), "{reply:?}");
        if status == 502 {
            assert_eq!(reply.json()["error"]["details"][0]["outcome"], "not-sent");
        }
        assert_eq!(upstream.since(before).len(), 1, "the change was not sent");
    }
    assert!(holds(&gateway).is_empty());
}

/// As upstream tells of a job, changed by a test.
fn job(state: &str, change: impl Fn(&mut Value)) -> Act {
    let Act::Answer(bytes) = made_elsewhere(state, 2) else { panic!() };
    let text = String::from_utf8(bytes).unwrap();
    let mut told: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    change(&mut told["job"]);
    Act::Answer(answer(200, &told.to_string()))
}

#[test]
fn a_job_is_priced_whatever_else_upstream_does_not_tell_of_it() {
    const NOT_PRICED: [&str; 7] =
        ["email", "location", "name", "createdDateTime", "lastModifiedDateTime", "inputs", "estimatedCost"];
    for name in NOT_PRICED {
        for value in [None, Some(Value::Null), Some(json!({"x": []}))] {
            let (upstream, gateway) = gate("5");
            upstream.script([job("unsubmitted", |job| {
                let members = job.as_object_mut().unwrap();
                members.remove(name);
                members.extend(value.clone().map(|value| (name.to_owned(), value)));
            })]);
            assert_eq!(gateway.send(&submission()).status, 200, "{name} {value:?}");
            assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "3.5"), vec!["submitted".to_owned()]));
        }
    }
    // What it has a price by has to be told.
    for name in ["type", "jobSettings", "workspaceId", "state"] {
        let (upstream, gateway) = gate("5");
        upstream.script([job("unsubmitted", |job| drop(job.as_object_mut().unwrap().remove(name)))]);
        assert_eq!(gateway.send(&submission()).status, 402, "{name}");
    }
}

/// Nothing is made of it: the hold stays, and somebody has to hear why.
#[test]
fn a_state_that_nobody_knows_is_told_of_once() {
    warnings::listen();
    let (upstream, gateway) = gate("5");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(gateway.send(&submission()).status, 200);
    let look = get(&format!("/contextcapture/jobs/{JOB_ID}"));
    let long = "frozen".repeat(99);
    for word in ["Success", "Success", "unheard", long.as_str(), "success"] {
        upstream.script([job(word, |_| {})]);
        assert_eq!(gateway.send(&look).status, 200);
    }
    while states(&gateway) != ["settled"] {
        thread::yield_now();
    }
    for (word, count) in [("\"Success\"", 1), ("\"unheard\"", 1), ("frozen", 1), ("\"success\"", 0)] {
        assert_eq!(warnings::said(word).len(), count, "{word}");
    }
    assert!(warnings::said("frozen")[0].len() < 300);
}

/// What was given back is in no budget any more: somebody has to hear that upstream spends it.
#[test]
fn a_job_that_runs_though_nothing_is_held_for_it_is_told_of_once() {
    warnings::listen();
    let (upstream, gateway) = gate("20");
    upstream.script([job("unsubmitted", |_| {}), Act::Answer(answer(422, "{}"))]);
    assert_eq!(gateway.send(&submission()).status, 422);
    assert_eq!(states(&gateway), ["released"]);
    let hold = holds(&gateway)[0]["id"].as_str().unwrap().to_owned();
    let look = get(&format!("/contextcapture/jobs/{JOB_ID}"));
    for state in ["unsubmitted", "active", "active", "success"] {
        upstream.script([job(state, |_| {})]);
        assert_eq!(gateway.send(&look).status, 200);
    }
    gateway.log.lines(5);
    assert_eq!(warnings::said(&hold).len(), 1, "{:?}", warnings::said(&hold));
}
