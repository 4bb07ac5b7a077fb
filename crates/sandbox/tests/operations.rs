//! The ten operations end to end: statuses, members, and the life of a job.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may stop")]

mod wire;

use std::collections::BTreeSet;
use std::time::Duration;

use sandbox::Sandbox;
use serde_json::{Value, json};
use wire::{INPUT, TOKEN, WORKSPACE, call, created, documented, exchange, get, job, request, start, still};

/// The paths of all members; elements of an array share one.
fn members(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = format!("{path}/{name}");
                into.insert(path.clone());
                members(value, &path, into);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| members(element, path, into)),
        _ => {}
    }
}

fn names(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    members(value, "", &mut found);
    found
}

fn full_job() -> Value {
    let mut job = job();
    job["settings"]["cacheSettings"] =
        json!({ "createCache": true, "useCache": "799b11bd-71cf-481a-b284-bf48f672cd9a" });
    job
}

#[test]
fn a_created_job_has_the_documented_members_and_echoes_the_request() {
    let (running, _) = still();
    let answer = call(&running, "POST", "/jobs", &full_job());
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    assert_eq!(names(&body), names(&documented("POST /jobs", "201")));
    let job = &body["job"];
    for (member, value) in [
        ("name", json!("Bridge 7")),
        ("type", json!("Full")),
        ("state", json!("unsubmitted")),
        ("createdDateTime", json!("2026-03-02T09:00:00Z")),
        ("lastModifiedDateTime", json!("2026-03-02T09:00:00Z")),
        ("location", json!("East US")),
        ("workspaceId", json!(WORKSPACE)),
        ("inputs", json!([{ "id": INPUT, "description": "Drone ImageCollection" }])),
        ("costEstimationParameters", json!({ "gigaPixels": 2.1, "megaPoints": 1.5, "meshQuality": "Extra" })),
        ("estimatedCost", json!(3.5)),
    ] {
        assert_eq!(job[member], value, "{member}");
    }
    let outputs = json!([{ "format": "OBJ", "id": null }, { "format": "3MX", "id": null }]);
    assert_eq!(job["jobSettings"]["outputs"], outputs);
    assert_eq!(running.journal().jobs(), 1);
}

#[test]
fn quantities_keep_all_their_digits() {
    let (running, _) = still();
    let body = job().to_string().replace("2.1", "2.1000000000000000000000001");
    let seen = exchange(running.addr(), &request("POST", "/jobs", &[TOKEN], body.as_bytes()));
    assert_eq!(seen.answer().status, 201);
    assert!(String::from_utf8(seen.bytes).unwrap().contains("2.1000000000000000000000001"));
}

#[test]
fn a_job_without_quantities_has_no_estimate() {
    let (running, _) = still();
    let mut body = job();
    body.as_object_mut().unwrap().remove("costEstimationParameters");
    let answer = call(&running, "POST", "/jobs", &body).json();
    assert_eq!(answer["job"].get("estimatedCost"), None);
    assert_eq!(answer["job"].get("costEstimationParameters"), None);
}

#[test]
fn a_job_lives_from_unsubmitted_over_active_to_success() {
    let (running, clock) = still();
    let path = created(&running);
    let progress = |running| get(running, &format!("{path}/progress")).json()["jobProgress"].clone();
    assert_eq!(
        progress(&running),
        json!({ "percentage": 0, "state": "Unsubmitted", "step": "Prepare_Step" })
    );

    clock.advance(Duration::from_secs(60));
    let submitted = call(&running, "PATCH", &path, &json!({ "state": "active" }));
    assert_eq!(submitted.status, 200);
    let body = submitted.json();
    assert_eq!(body["job"]["state"], "active");
    assert_eq!(body["job"]["executionInformation"], json!({ "submittedDateTime": "2026-03-02T09:01:00Z" }));

    clock.advance(Duration::from_secs(10));
    assert_eq!(get(&running, &path).json()["job"]["state"], "active");
    assert_eq!(progress(&running), json!({ "percentage": 50, "state": "Active", "step": "Run_Production" }));

    clock.advance(Duration::from_secs(10));
    let body = get(&running, &path).json();
    assert_eq!(body["job"]["state"], "success");
    assert_eq!(body["job"]["lastModifiedDateTime"], "2026-03-02T09:01:20Z");
    assert_eq!(
        body["job"]["executionInformation"],
        json!({
            "submittedDateTime": "2026-03-02T09:01:00Z",
            "startedDateTime": "2026-03-02T09:01:01Z",
            "endedDateTime": "2026-03-02T09:01:20Z",
            "estimatedUnits": 3.6,
        })
    );
    let outputs = body["job"]["jobSettings"]["outputs"].as_array().unwrap();
    assert!(outputs.iter().all(|output| output["id"].is_string()));
    assert_eq!(progress(&running), json!({ "percentage": 100, "state": "Over", "step": "Final_Step" }));
    assert_eq!(get(&running, &path).json(), body, "identifiers stay");
}

#[test]
fn a_finished_job_has_the_documented_members() {
    let (running, clock) = still();
    let id = call(&running, "POST", "/jobs", &full_job()).json()["job"]["id"].clone();
    let path = format!("/jobs/{}", id.as_str().unwrap());
    let submitted = call(&running, "PATCH", &path, &json!({ "state": "Active" })).json();
    assert_eq!(names(&submitted), names(&documented("PATCH /jobs/{id}", "200")));
    clock.advance(Duration::from_secs(20));
    assert_eq!(names(&get(&running, &path).json()), names(&documented("GET /jobs/{id}", "200")));
    let progress = get(&running, &format!("{path}/progress")).json();
    assert_eq!(names(&progress), names(&documented("GET /jobs/{id}/progress", "200")));
}

#[test]
fn the_run_time_can_be_set() {
    let running = start(Sandbox::builder().run_time(Duration::ZERO));
    let path = created(&running);
    call(&running, "PATCH", &path, &json!({ "state": "Active" }));
    assert_eq!(get(&running, &path).json()["job"]["state"], "success");
}

#[test]
fn an_active_job_can_be_cancelled() {
    let (running, clock) = still();
    let path = created(&running);
    call(&running, "PATCH", &path, &json!({ "state": "Active" }));
    clock.advance(Duration::from_secs(5));
    let body = call(&running, "PATCH", &path, &json!({ "state": "cancelled" })).json();
    assert_eq!(body["job"]["state"], "cancelled");
    clock.advance(Duration::from_secs(60));
    let body = get(&running, &path).json();
    assert_eq!(body["job"]["state"], "cancelled", "it does not succeed any more");
    assert_eq!(body["job"]["executionInformation"]["endedDateTime"], "2026-03-02T09:00:05Z");
    assert_eq!(body["job"]["jobSettings"]["outputs"][0]["id"], Value::Null);
    let progress = get(&running, &format!("{path}/progress")).json();
    assert_eq!(progress["jobProgress"]["state"], "Over");
    assert_eq!(progress["jobProgress"]["percentage"], 25);
}

#[test]
fn an_unsubmitted_job_changes_and_is_estimated_anew() {
    let (running, clock) = still();
    let path = created(&running);
    clock.advance(Duration::from_secs(1));
    let change = json!({
        "type": "Reconstruction",
        "settings": { "quality": "Draft", "outputs": ["LAS"] },
        "costEstimationParameters": { "gigaPixels": 10, "meshQuality": "Draft" },
    });
    let job = call(&running, "PATCH", &path, &change).json()["job"].clone();
    assert_eq!(job["type"], "Reconstruction");
    assert_eq!(job["state"], "unsubmitted");
    assert_eq!(job["estimatedCost"], 10);
    assert_eq!(job["jobSettings"]["outputs"], json!([{ "format": "LAS", "id": null }]));
    assert_eq!(job["jobSettings"]["processingEngines"], 5, "what the patch does not name stays");
    assert_eq!(job["lastModifiedDateTime"], "2026-03-02T09:00:01Z");
    assert_eq!(job["createdDateTime"], "2026-03-02T09:00:00Z");
}

#[test]
fn an_unsubmitted_job_can_be_deleted() {
    let (running, _) = still();
    let path = created(&running);
    let answer = call(&running, "DELETE", &path, &Value::Null);
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(get(&running, &path).status, 404);
    assert_eq!(running.journal().jobs(), 1, "it was created all the same");
}

#[test]
fn a_workspace_is_created_read_and_deleted() {
    let (running, _) = still();
    let itwin = "60805594-3e04-43b5-8fd8-5ccae0de23cc";
    let answer =
        call(&running, "POST", "/workspaces", &json!({ "name": "Workspace test", "iTwinId": itwin }));
    assert_eq!(answer.status, 201);
    let body = answer.json();
    assert_eq!(names(&body), names(&documented("POST /workspaces", "201")));
    assert_eq!(body["workspace"]["name"], "Workspace test");
    let id = body["workspace"]["id"].as_str().unwrap();
    assert_eq!(get(&running, &format!("/workspaces/{id}")).json(), body);

    let mut job = job();
    job["workspaceId"] = json!(id);
    let job = call(&running, "POST", "/jobs", &job).json();
    assert_eq!(job["job"]["iTwinId"], itwin, "a job belongs to its workspace's iTwin");

    let deleted = call(&running, "DELETE", &format!("/workspaces/{id}"), &Value::Null);
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    assert_eq!(get(&running, &format!("/workspaces/{id}")).status, 404);
}

#[test]
fn the_limit_of_engines_is_told() {
    let running = start(Sandbox::builder().engines(7));
    let target = "/limits/engines?iTwinId=60805594-3e04-43b5-8fd8-5ccae0de23cc";
    assert_eq!(get(&running, target).json(), json!({ "enginesLimit": { "maxEngines": 7 } }));
}

#[test]
fn the_paths_of_the_real_address_lead_to_the_same_jobs() {
    let (running, _) = still();
    let path = created(&running);
    let both = [get(&running, &path), get(&running, &format!("/contextcapture{path}"))];
    assert_eq!(both[0].status, 200);
    assert_eq!(both[0].json(), both[1].json());
}

#[test]
fn each_answer_carries_the_correlation_of_its_request() {
    let (running, _) = still();
    for headers in [&[TOKEN, ("x-correlation-id", "trace-7")][..], &[("x-correlation-id", "trace-7")]] {
        let answer = exchange(running.addr(), &request("GET", "/limits/engines", headers, b"")).answer();
        assert_eq!(answer.header("x-correlation-id"), Some("trace-7"), "{}", answer.status);
    }
    let answer = get(&running, "/limits/engines");
    assert!(answer.header("x-correlation-id").is_some(), "or one of its own");
}
