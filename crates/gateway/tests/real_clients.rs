//! What the official clients really send, byte for byte: a good job is never refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use support::{Recorder, Running};

/// A captured request as it was on the wire.
fn wire(request: &Value) -> Vec<u8> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut wire = format!("{} {} HTTP/1.1\r\n", text(&request["method"]), text(&request["target"]));
    for field in request["headers"].as_array().unwrap() {
        wire.extend([&text(&field[0]), ": ", &text(&field[1]), "\r\n"].map(str::to_owned));
    }
    format!("{wire}\r\n{}", text(&request["body"])).into_bytes()
}

#[test]
fn captured_requests_pass_and_arrive_unchanged() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    let mut passed = 0;
    for capture in
        [include_str!("data/python-client-1.4.0.json"), include_str!("data/python-client-0.0.1.json")]
    {
        let capture: Value = serde_json::from_str(capture).unwrap();
        for request in capture["requests"].as_array().unwrap() {
            let name = request["name"].as_str().unwrap();
            let reply = gateway.send(&wire(request));
            let rules = |reply: &support::Reply| -> Vec<String> {
                let details = reply.json()["error"]["details"].as_array().cloned().unwrap_or_default();
                details.iter().filter_map(|detail| Some(detail["rule"].as_str()?.to_owned())).collect()
            };
            match name {
                // Nothing was set: this describes no job.
                "job-create-all-defaults" => {
                    assert_eq!(reply.status, 422);
                    assert_eq!(rules(&reply), ["inputs-empty", "quality-invalid", "outputs-empty"]);
                }
                // The preview of 2022, which the interface has left behind.
                "job-create" => {
                    assert_eq!(reply.status, 422);
                    assert_eq!(rules(&reply), ["quality-missing"]);
                }
                "cost-estimate" => assert_eq!((reply.status, reply.code().as_str()), (404, "NotFound")),
                _ => {
                    assert!((200..300).contains(&reply.status), "{name}: {reply:?}");
                    let seen = upstream.seen();
                    assert_eq!(seen.len(), passed + 1, "{name}");
                    assert_eq!(seen[passed].body, request["body"].as_str().unwrap().as_bytes(), "{name}");
                    passed += 1;
                }
            }
        }
    }
    assert_eq!(passed, 14);
}

#[test]
fn the_typescript_client_passes_too() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    let body = r#"{"type":"Full","name":"Réalité","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"outputs":["GaussianSplats"],"quality":"Medium","cacheSettings":{"createCache":false,"useCache":""}},"workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25"}"#;
    let request = format!(
        "POST /contextcapture/jobs HTTP/1.1\r\nAccept: application/vnd.bentley.v1+json\r\nContent-Type: application/json\r\n\
         Authorization: Bearer test-token\r\nUser-Agent: axios/1.7.4\r\nContent-Length: {}\r\nAccept-Encoding: gzip, compress, deflate, br\r\n\
         Host: localhost:18443\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let reply = gateway.send(request.as_bytes());
    assert_eq!((reply.status, reply.header("x-jobgate-warnings")), (201, None));
    assert_eq!(upstream.seen()[0].body, body.as_bytes());
}
