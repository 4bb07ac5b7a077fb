//! Every documented example is read by its type and written back equal; none is left out.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Debug;

use job_model::response::{
    DetailedErrorResponse, EnginesLimitResponse, ErrorResponse, JobHead, JobHeads, JobProgressResponse,
    JobResponse, JobsResponse, WorkspaceCreation, WorkspaceResponse,
};
use job_model::{JobPatch, JobRequest, Policy, Profile};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Through its type and back; numbers as they are written, no float between. From text, from a stream and from a value it is the same.
fn round_trip<T: DeserializeOwned + Serialize + PartialEq + Debug>(example: &Value) -> Value {
    let text = example.to_string();
    let read: T = serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{fault}: {text}"));
    let streamed: T =
        serde_json::from_reader(text.as_bytes()).unwrap_or_else(|fault| panic!("{fault}: {text}"));
    let taken: T = serde_json::from_value(example.clone()).unwrap_or_else(|fault| panic!("{fault}: {text}"));
    assert_eq!((&streamed, &taken), (&read, &read));
    assert_eq!(&serde_json::to_value(&read).unwrap(), example);
    serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap()
}

/// A request body, judged to the letter.
fn request(operation: &str, example: &Value) -> Value {
    let policy = Policy::new(Profile::Strict);
    let body = example.to_string();
    let written = match operation {
        "POST /jobs" => {
            JobRequest::from_json(body.as_bytes(), &policy).unwrap().into_value().unwrap().to_json()
        }
        "PATCH /jobs/{id}" => {
            JobPatch::from_json(body.as_bytes(), &policy).unwrap().into_value().unwrap().to_json()
        }
        "POST /workspaces" => return round_trip::<WorkspaceCreation>(example),
        other => panic!("{other} has no body"),
    };
    serde_json::from_str(&written).unwrap()
}

fn response(operation: &str, status: &str, example: &Value) -> Value {
    match (operation, status) {
        (_, "204") => example.clone(),
        (_, "422") => round_trip::<DetailedErrorResponse>(example),
        (_, "401" | "404" | "429" | "429-older-docs") => round_trip::<ErrorResponse>(example),
        ("POST /jobs" | "PATCH /jobs/{id}" | "GET /jobs/{id}", _) => {
            let text = example.to_string();
            let head = JobHead::from_json(text.as_bytes()).unwrap();
            assert_eq!(head.id, example["job"]["id"].as_str().unwrap());
            assert_eq!(head.estimated_cost.unwrap().to_string(), "3.5");
            let units = head.execution_information.and_then(|run| run.estimated_units);
            let documented = example["job"]["executionInformation"]["estimatedUnits"].to_string();
            assert_eq!(units.map_or("null".to_owned(), |units| units.to_string()), documented);
            round_trip::<JobResponse>(example)
        }
        ("GET /jobs", _) => {
            let text = example.to_string();
            assert_eq!(
                JobHeads::from_json(text.as_bytes()).unwrap().jobs.len(),
                example["jobs"].as_array().unwrap().len()
            );
            round_trip::<JobsResponse>(example)
        }
        ("GET /jobs/{id}/progress", _) => round_trip::<JobProgressResponse>(example),
        ("GET /limits/engines", _) => round_trip::<EnginesLimitResponse>(example),
        ("POST /workspaces" | "GET /workspaces/{id}", _) => round_trip::<WorkspaceResponse>(example),
        other => panic!("{other:?} has no type"),
    }
}

#[test]
fn the_definition_s_examples() {
    let document: Value = serde_json::from_str(include_str!("data/documented-examples.json")).unwrap();
    let mut count = 0;
    for example in document["examples"].as_array().unwrap() {
        let operation = example["op"].as_str().unwrap();
        let requests = example.get("requests").and_then(Value::as_array).into_iter().flatten();
        for body in example.get("request").into_iter().chain(requests) {
            assert_eq!(&request(operation, body), body, "{operation}");
            count += 1;
        }
        for (status, body) in example["responses"].as_object().unwrap() {
            assert_eq!(&response(operation, status, body), body, "{operation} {status}");
            count += 1;
        }
        let known = ["op", "request", "requests", "responses"];
        assert!(example.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{operation}");
    }
    assert_eq!(count, 49, "no example is passed over");
}

#[test]
fn the_page_s_examples() {
    let blocks: Vec<Value> = serde_json::from_str(include_str!("data/published-page.json")).unwrap();
    let types = ["request", "201", "401", "422", "429"];
    assert_eq!(blocks.len(), types.len());
    let blocks: BTreeMap<_, _> = types.into_iter().zip(&blocks).collect();
    for (what, block) in blocks {
        let again = if what == "request" {
            request("POST /jobs", block)
        } else {
            response("POST /jobs", what, block)
        };
        assert_eq!(&again, block, "{what}");
    }
}
