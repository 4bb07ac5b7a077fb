//! Each documented error, word for word.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may stop")]

mod wire;

use serde_json::{Value, json};
use wire::{call, created, documented, exchange, get, job, request, still};

const UNKNOWN: &str = "799b11bd-71cf-481a-b284-bf48f672cd9a";

const OPERATIONS: [(&str, &str, &str); 10] = [
    ("POST /jobs", "POST", "/jobs"),
    ("GET /jobs", "GET", "/jobs?$filter=state%20eq%20active"),
    ("GET /jobs/{id}", "GET", "/jobs/799b11bd-71cf-481a-b284-bf48f672cd9a"),
    ("PATCH /jobs/{id}", "PATCH", "/jobs/799b11bd-71cf-481a-b284-bf48f672cd9a"),
    ("DELETE /jobs/{id}", "DELETE", "/jobs/799b11bd-71cf-481a-b284-bf48f672cd9a"),
    ("GET /jobs/{id}/progress", "GET", "/jobs/799b11bd-71cf-481a-b284-bf48f672cd9a/progress"),
    ("POST /workspaces", "POST", "/workspaces"),
    ("GET /workspaces/{id}", "GET", "/workspaces/799b11bd-71cf-481a-b284-bf48f672cd9a"),
    ("DELETE /workspaces/{id}", "DELETE", "/workspaces/799b11bd-71cf-481a-b284-bf48f672cd9a"),
    ("GET /limits/engines", "GET", "/limits/engines"),
];

#[test]
fn without_authorization_every_operation_answers_401() {
    let (running, _) = still();
    for (operation, method, target) in OPERATIONS {
        for headers in [&[][..], &[("authorization", "Basic YTpi")]] {
            let answer = exchange(running.addr(), &request(method, target, headers, b"{}")).answer();
            assert_eq!(answer.status, 401, "{operation}");
            assert_eq!(answer.json(), documented(operation, "401"), "{operation}");
        }
    }
    assert_eq!(running.journal().jobs(), 0);
}

#[test]
fn with_too_many_requests_every_operation_answers_429() {
    let (running, _) = still();
    running.set_fault("429".parse::<sandbox::Fault>().unwrap());
    for (operation, method, target) in OPERATIONS {
        let answer = call(&running, method, target, &json!({}));
        assert_eq!(answer.status, 429, "{operation}");
        assert_eq!(answer.json(), documented(operation, "429"), "{operation}");
        assert_eq!(answer.header("retry-after"), Some("5"));
        assert!(answer.header("itwinplatform-ratelimited-tier").is_some());
        assert_ne!(answer.header("itwinplatform-ratelimited-operation"), Some("unknown"));
    }
}

#[test]
fn what_is_not_there_is_404() {
    let (running, _) = still();
    for (operation, method, target) in OPERATIONS {
        if target.contains(UNKNOWN) {
            let answer = call(&running, method, target, &json!({ "state": "Active" }));
            assert_eq!(answer.status, 404, "{operation}");
            assert_eq!(answer.json(), documented(operation, "404"), "{operation}");
        }
    }
    let no_job = documented("GET /jobs/{id}", "404");
    for target in ["/jobs/7", "/jobs/%FF", "/jobs/00000000-0000-0000-0000-000000000000"] {
        assert_eq!(get(&running, target).json(), no_job, "{target}");
    }
    let nil = "00000000-0000-0000-0000-000000000000";
    let answer = get(&running, &format!("/limits/engines?iTwinId={nil}"));
    assert_eq!((answer.status, answer.json()), (404, documented("GET /limits/engines", "404")));
    let answer = get(&running, &format!("/jobs?$filter=iTwinId%20eq%20{nil}"));
    assert_eq!((answer.status, answer.json()), (404, documented("GET /jobs", "404")));
}

#[test]
fn a_job_with_a_wrong_type_gets_the_documented_words() {
    let (running, _) = still();
    let mut body = job();
    body["type"] = json!("Partial");
    let answer = call(&running, "POST", "/jobs", &body);
    assert_eq!(answer.status, 422);
    let mut expected = documented("POST /jobs", "422");
    expected["error"]["details"][0]["target"] = json!("type");
    assert_eq!(answer.json(), expected);
    assert_eq!(running.journal().jobs(), 0);
}

#[test]
fn every_wrong_parameter_is_named_once() {
    let (running, _) = still();
    let mut body = job();
    body["settings"] = json!({ "quality": "Best", "outputs": ["OBJ", "PDF"] });
    let answer = call(&running, "POST", "/jobs", &body).json();
    let messages: Vec<&str> = answer["error"]["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| detail["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        messages,
        ["Invalid 'settings.quality' parameter.", "Invalid 'settings.outputs[1]' parameter."]
    );
    let answer = call(&running, "POST", "/jobs", &json!([]));
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["error"]["details"][0]["message"], "Invalid request body.");
}

#[test]
fn a_submitted_job_can_be_neither_resubmitted_nor_changed_nor_deleted() {
    let (running, _) = still();
    let path = created(&running);
    call(&running, "PATCH", &path, &json!({ "state": "Active" }));
    for patch in [
        json!({ "state": "Active" }),
        json!({ "type": "Calibration" }),
        json!({ "settings": { "quality": "Draft" } }),
        json!({ "costEstimationParameters": { "gigaPixels": 1 } }),
        json!({ "state": "Cancelled", "type": "Calibration" }),
    ] {
        let answer = call(&running, "PATCH", &path, &patch);
        assert_eq!(answer.status, 422, "{patch}");
        assert_eq!(answer.json(), documented("PATCH /jobs/{id}", "422"), "{patch}");
    }
    let answer = call(&running, "DELETE", &path, &Value::Null);
    assert_eq!((answer.status, answer.json()), (422, documented("DELETE /jobs/{id}", "422")));
    assert_eq!(get(&running, &path).json()["job"]["state"], "active");
}

#[test]
fn only_an_active_job_can_be_cancelled() {
    let (running, _) = still();
    let path = created(&running);
    let cancel = json!({ "state": "Cancelled" });
    let refused = call(&running, "PATCH", &path, &cancel);
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["error"]["details"][0]["code"], "InvalidChange");
    call(&running, "PATCH", &path, &json!({ "state": "Active" }));
    assert_eq!(call(&running, "PATCH", &path, &cancel).status, 200);
    assert_eq!(call(&running, "PATCH", &path, &cancel).status, 422);
}

#[test]
fn a_wrong_patch_changes_nothing() {
    let (running, _) = still();
    let path = created(&running);
    let before = get(&running, &path).json();
    for patch in [
        json!({}),
        json!({ "state": "Done" }),
        json!({ "type": "Partial", "state": "Active" }),
        json!({ "settings": { "outputs": [] } }),
    ] {
        let answer = call(&running, "PATCH", &path, &patch);
        assert_eq!(answer.status, 422, "{patch}");
        assert_eq!(answer.json()["error"]["message"], "Cannot modify job.");
        assert_eq!(answer.json()["error"]["details"][0]["code"], "InvalidParameter");
    }
    assert_eq!(get(&running, &path).json(), before);
}

#[test]
fn a_workspace_without_name_or_cluster_is_refused() {
    let (running, _) = still();
    let nil = json!({ "name": "here", "iTwinId": "00000000-0000-0000-0000-000000000000" });
    let answer = call(&running, "POST", "/workspaces", &nil);
    assert_eq!((answer.status, answer.json()), (422, documented("POST /workspaces", "422")));
    for (body, parameter) in [
        (json!({}), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": 7 }), "name"),
        (json!({ "name": "here", "iTwinId": "there" }), "iTwinId"),
    ] {
        let answer = call(&running, "POST", "/workspaces", &body);
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(answer.json()["error"]["details"][0]["target"], parameter, "{body}");
    }
}

#[test]
fn a_list_needs_a_filter_and_a_page_of_at_most_a_thousand() {
    let (running, _) = still();
    for top in ["1001", "0", "-1", "ten", ""] {
        let answer = get(&running, &format!("/jobs?$filter=state%20eq%20active&$top={top}"));
        assert_eq!(answer.status, 422, "{top}");
        assert_eq!(answer.json(), documented("GET /jobs", "422"), "{top}");
    }
    for (query, target) in [
        ("", "$filter"),
        ("?$top=5", "$filter"),
        ("?$filter=colour%20eq%20red", "$filter"),
        ("?$filter=state%20eq%20active&continuationToken=next", "continuationToken"),
    ] {
        let answer = get(&running, &format!("/jobs{query}"));
        assert_eq!(answer.status, 422, "{query}");
        let error = &answer.json()["error"];
        assert_eq!(error["code"], "InvalidRealityModelingRequest");
        assert_eq!(error["message"], "Cannot find jobs.");
        assert_eq!(error["details"][0]["target"], target, "{query}");
    }
}

#[test]
fn paths_and_methods_outside_the_contract_are_refused() {
    let (running, _) = still();
    assert_eq!(get(&running, "/cost/estimate").status, 404);
    assert_eq!(call(&running, "PUT", "/jobs", &job()).status, 405);
}
