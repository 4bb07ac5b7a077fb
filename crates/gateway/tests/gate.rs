//! The main job on real sockets: what is forwarded, what is refused, and what upstream gets to see of either.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::json;
use support::{Act, CREATED, JOB, Recorder, Running, chunked, get, head, job_of, post, request};

const JOB_ID: &str = "cc3d35cc-416a-4262-9714-b359da70b419";

fn gate() -> (Recorder, Running) {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "pricing.rate_card = 'builtin:illustrative'");
    (upstream, gateway)
}

#[test]
fn an_accepted_job_arrives_byte_for_byte_and_is_priced() {
    let (upstream, gateway) = gate();
    let reply = gateway.send(&post(JOB));
    assert_eq!((reply.status, reply.body.as_str()), (201, CREATED));
    assert_eq!(reply.header("x-jobgate-decision"), Some("admitted"));
    assert_eq!(reply.header("x-jobgate-estimate"), Some("3.5 unit"));
    assert_eq!(reply.header("x-correlation-id"), Some("c-1"));
    assert_eq!(reply.header("x-hop"), None);
    assert_eq!(reply.header("x-jobgate-warnings"), None);
    let seen = upstream.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].line, "POST /contextcapture/jobs HTTP/1.1");
    assert_eq!(seen[0].body, JOB.as_bytes());
    assert_eq!(seen[0].header("authorization"), Some("Bearer t0k-en"));
    assert_eq!(seen[0].header("host"), Some(upstream.address.to_string().as_str()));
    assert_eq!(seen[0].header("x-request-id"), reply.header("x-request-id"));
    let line = &gateway.log.lines(1)[0];
    assert_eq!(line["estimate"], "3.5");
    assert_eq!(line["decision"], "admitted");
    assert_eq!(line["job"], JOB_ID);
    assert!(!gateway.log.text().contains("t0k-en"));
}

#[test]
fn only_allowed_fields_reach_upstream() {
    let (upstream, gateway) = gate();
    let more = format!(
        "Content-Type: application/json; charset=UTF-8\r\nAccept: a/b\r\nUser-Agent: u\r\nCookie: c\r\nX-Forwarded-For: 1\r\n\
         Connection: keep-alive\r\nExpect: 100-continue\r\ntraceparent: t\r\nX-Request-Id: r-1\r\nAccept-Encoding: gzip\r\n\
         Forwarded: f\r\nX_Request_Id: u\r\nContent-Length: {}\r\n\r\n",
        JOB.len()
    );
    let mut client = gateway.client();
    let invited = client.send(head("POST", "/contextcapture/jobs", &more).as_bytes());
    assert_eq!(invited.status, 100);
    let reply = client.send(JOB.as_bytes());
    assert_eq!(reply.status, 201);
    let mut names: Vec<_> = upstream.seen()[0].headers.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "traceparent",
            "user-agent",
            "x-request-id"
        ]
    );
    assert_eq!(upstream.seen()[0].header("accept-encoding"), Some("identity"));
    assert_eq!(upstream.seen()[0].header("content-type"), Some("application/json"));
    assert_eq!(upstream.seen()[0].header("x-request-id"), Some("r-1"));
}

#[test]
fn bodies_of_every_size_arrive_whole_in_either_framing() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "limits.body_bytes = '1MiB'");
    let mut client = gateway.client();
    let mut sent = Vec::new();
    for bytes in [400, 65_000, 65_536, 65_537, 300_000, 1_000_000] {
        let body = job_of(bytes);
        assert!(body.len() + 15_000 > bytes && body.len() <= 1 << 20, "{}", body.len());
        let in_chunks = chunked("POST", "/contextcapture/jobs", &body, 7_001);
        for (request, closes) in [(post(&body), false), (in_chunks, true)] {
            let reply = client.send(&request);
            assert_eq!(reply.status, 201, "{}", reply.body);
            assert_eq!(reply.closes(), closes);
            if closes {
                client = gateway.client();
            }
            sent.push(body.clone());
        }
    }
    let seen = upstream.seen();
    assert_eq!(seen.len(), sent.len());
    for (seen, sent) in seen.iter().zip(&sent) {
        assert!(seen.body == sent.as_bytes());
        assert_eq!(seen.header("content-length"), Some(sent.len().to_string().as_str()));
    }
    assert!(upstream.connections() < sent.len(), "connections are used again");
}

#[test]
fn a_refused_job_sends_nothing_and_tells_every_reason() {
    let (upstream, gateway) = gate();
    let body = JOB.replace("Full", "full").replace("3MX", "3mx").replace("2.1", "-2");
    let mut client = gateway.client();
    let reply = client.send(&post(&body));
    assert_eq!((reply.status, reply.code().as_str()), (422, "InvalidContextCaptureRequest"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-jobgate-decision"), Some("refused"));
    assert_eq!(reply.header("x-jobgate-estimate"), None);
    let error = &reply.json()["error"];
    assert_eq!(error["message"], "Cannot create job. 3 problems, first: Invalid 'type' parameter.");
    let targets: Vec<_> = error["details"].as_array().unwrap().iter().map(|d| d["target"].clone()).collect();
    assert_eq!(
        targets,
        [json!("type"), json!("costEstimationParameters.gigaPixels"), json!("settings.outputs[1]")]
    );
    assert_eq!((upstream.connections(), upstream.seen().len()), (0, 0));
    // The connection lives on.
    assert_eq!(client.send(&post(JOB)).status, 201);
    let lines = gateway.log.lines(2);
    assert_eq!(lines[0]["rules"], json!(["type-invalid", "giga-pixels-invalid", "output-invalid"]));
    assert_eq!(lines[0]["status"], 422);
}

#[test]
fn an_empty_body_is_a_syntax_fault_at_its_first_place() {
    let (upstream, gateway) = gate();
    for request in [
        post(""),
        head("POST", "/contextcapture/jobs", "Content-Type: application/json\r\n\r\n").into_bytes(),
    ] {
        let reply = gateway.send(&request);
        assert_eq!(reply.status, 422);
        let detail = &reply.json()["error"]["details"][0];
        assert_eq!(detail["code"], "InvalidRequestBody");
        assert!(detail["message"].as_str().unwrap().contains("line 1, column 1"), "{detail}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn every_other_no_has_its_status_code_and_shape() {
    let upstream = Recorder::start();
    let gateway = Running::start(
        upstream.address,
        "[limits]\nbody_bytes = '1KiB'\nhead_bytes = '2KiB'\nhead_fields = 20\ntarget_bytes = 256",
    );
    let jobs = "/contextcapture/jobs";
    let json = "Content-Type: application/json\r\nContent-Length: 2\r\n";
    let plain = |text: &str| text.as_bytes().to_vec();
    let many = "a: b\r\n".repeat(20);
    let cases: Vec<(Vec<u8>, u16, &str)> = vec![
        (plain(&head("POST", "/contextcapture/job", &format!("{json}\r\n{{}}"))), 404, "NotFound"),
        (plain(&head("POST", "//contextcapture/jobs", &format!("{json}\r\n{{}}"))), 404, "NotFound"),
        (plain(&head("POST", "/contextcapture/%6aobs", &format!("{json}\r\n{{}}"))), 404, "NotFound"),
        (plain(&head("PUT", jobs, &format!("{json}\r\n{{}}"))), 405, "MethodNotAllowed"),
        (plain(&head("POST", "/contextcapture/jobs?x=1", &format!("{json}\r\n{{}}"))), 400, "BadRequest"),
        (
            plain("POST /contextcapture/jobs HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}"),
            401,
            "HeaderNotFound",
        ),
        (
            plain(
                "POST /contextcapture/jobs HTTP/1.1\r\nHost: g\r\nAuthorization: Basic x\r\nContent-Length: 2\r\n\r\n{}",
            ),
            401,
            "InvalidToken",
        ),
        (
            plain("GET /contextcapture/jobs HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer a b\r\n\r\n"),
            401,
            "InvalidToken",
        ),
        (plain(&head("GET", jobs, "Authorization: Bearer x\r\n\r\n")), 401, "InvalidToken"),
        (plain("GET /jobgate/v1/rules HTTP/1.1\r\nHost: g\r\n\r\n"), 401, "HeaderNotFound"),
        (plain(&head("POST", jobs, "Content-Length: 2\r\n\r\n{}")), 415, "UnsupportedMediaType"),
        (
            plain(&head("POST", jobs, "Content-Type: text/json\r\nContent-Length: 2\r\n\r\n{}")),
            415,
            "UnsupportedMediaType",
        ),
        (
            plain(&head(
                "POST",
                jobs,
                "Content-Type: application/json; charset=utf-16\r\nContent-Length: 2\r\n\r\n{}",
            )),
            415,
            "UnsupportedMediaType",
        ),
        (
            plain(&head("POST", jobs, &format!("{json}Content-Encoding: gzip\r\n\r\n{{}}"))),
            415,
            "UnsupportedMediaType",
        ),
        (plain(&head("POST", jobs, &format!("{json}Expect: magic\r\n\r\n{{}}"))), 417, "ExpectationFailed"),
        (
            plain(&head("POST", jobs, "Content-Type: application/json\r\nContent-Length: 1025\r\n\r\n")),
            413,
            "RequestTooLarge",
        ),
        (chunked("POST", jobs, &job_of(2_000), 100), 413, "RequestTooLarge"),
        (plain(&head("GET", jobs, "Content-Length: 2\r\n\r\n{}")), 400, "BadRequest"),
        (
            plain(&head("DELETE", "/contextcapture/jobs/1", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
            400,
            "BadRequest",
        ),
        (
            plain(&head("POST", jobs, &format!("{json}Transfer-Encoding: chunked\r\n\r\n{{}}"))),
            400,
            "BadRequest",
        ),
        (
            plain(&head("GET", &format!("/contextcapture/jobs?{}", "a".repeat(256)), "\r\n")),
            414,
            "UriTooLong",
        ),
        (plain(&head("GET", jobs, &format!("{many}\r\n"))), 431, "HeadersTooLarge"),
        (plain(&head("GET", jobs, &format!("a: {}\r\n\r\n", "b".repeat(2048)))), 431, "HeadersTooLarge"),
        (plain(&head("GET", jobs, "a: b\n\r\n")), 400, "BadRequest"),
    ];
    for (bytes, status, code) in cases {
        let shown = String::from_utf8_lossy(&bytes).chars().take(160).collect::<String>();
        let reply = gateway.send(&bytes);
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{shown:?}");
        assert_eq!(reply.header("x-jobgate-decision"), Some("refused"), "{shown:?}");
        assert!(reply.header("x-request-id").is_some());
        assert_eq!(reply.header("allow").is_some(), status == 405);
        assert_eq!(reply.header("www-authenticate").is_some(), status == 401);
    }
    assert_eq!((upstream.connections(), upstream.seen().len()), (0, 0));
}

#[test]
fn a_refusal_before_a_small_body_keeps_the_connection() {
    let (_, gateway) = gate();
    let mut client = gateway.client();
    let wrong =
        head("POST", "/contextcapture/jobs", "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(client.send(wrong.as_bytes()).status, 415);
    assert_eq!(client.send(&post(JOB)).status, 201);
}

#[test]
fn what_is_sent_in_one_write_is_answered_in_order() {
    let (upstream, gateway) = gate();
    let mut client = gateway.client();
    let three = [post("{}"), post(JOB), get("/contextcapture/jobs?$filter=x")].concat();
    client.write(&three);
    let statuses = [client.read().status, client.read().status, client.read().status];
    assert_eq!(statuses, [422, 201, 200]);
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn other_operations_pass_and_are_told_apart() {
    let (upstream, gateway) = gate();
    let mut client = gateway.client();
    let one = format!("/contextcapture/jobs/{JOB_ID}");
    let no_body = head("DELETE", &one, "Content-Length: 0\r\n\r\n").into_bytes();
    for (bytes, status, decision) in [
        (get(&format!("{one}?a=%20b&$top=1")), 200, "observed"),
        (get("/contextcapture/jobs?$filter=name%20eq%20'x'"), 200, "observed"),
        (no_body, 204, "observed"),
        (get(&format!("{one}/progress")), 200, "bypassed"),
        (get("/contextcapture/workspaces/w"), 200, "bypassed"),
        (head("DELETE", "/contextcapture/workspaces/w", "\r\n").into_bytes(), 204, "bypassed"),
        (get("/contextcapture/limits/engines?iTwinId=1"), 200, "bypassed"),
        (request("POST", "/contextcapture/workspaces", r#"{"name":"w"}"#), 201, "bypassed"),
        (request("PATCH", &one, r#"{"state":"active"}"#), 200, "admitted"),
    ] {
        let reply = client.send(&bytes);
        assert_eq!((reply.status, reply.header("x-jobgate-decision")), (status, Some(decision)), "{reply:?}");
        assert!(reply.header("x-request-id").is_some());
        assert_eq!(reply.header("x-hop"), None);
    }
    let seen = upstream.seen();
    assert_eq!(seen.len(), 9);
    assert_eq!(seen[0].line, format!("GET {one}?a=%20b&$top=1 HTTP/1.1"));
    assert_eq!(seen[7].body, br#"{"name":"w"}"#);
    assert_eq!(seen[8].body, br#"{"state":"active"}"#);
    assert_eq!(seen[2].header("content-length"), None);
}

#[test]
fn a_change_is_judged_by_the_rules_for_changes() {
    let (upstream, gateway) = gate();
    let target = format!("/contextcapture/jobs/{JOB_ID}");
    for (body, rule) in [
        ("{}", "patch-empty"),
        (r#"{"state":"Paused"}"#, "state-invalid"),
        (r#"{"settings":{"outputs":[]}}"#, "outputs-empty"),
        (r#"{"state":"Active","state":"Cancelled"}"#, "body-duplicate-member"),
    ] {
        let reply = gateway.send(&request("PATCH", &target, body));
        assert_eq!(reply.status, 422);
        let error = &reply.json()["error"];
        assert!(error["message"].as_str().unwrap().starts_with("Cannot modify job."), "{error}");
        assert_eq!(error["details"][0]["rule"], rule);
    }
    assert_eq!(upstream.connections(), 0);
    let reply = gateway.send(&request("PATCH", &target, r#"{"name":"new"}"#));
    assert_eq!((reply.status, reply.header("x-jobgate-warnings")), (200, Some("patch-member")));
    assert_eq!(reply.header("x-jobgate-estimate"), None);
}

#[test]
fn shadow_lets_pass_and_tells_what_it_would_have_refused() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "validation.mode = 'shadow'");
    let reply = gateway.send(&post(&JOB.replace("Full", "full")));
    assert_eq!((reply.status, reply.header("x-jobgate-decision")), (201, Some("admitted")));
    assert_eq!(reply.header("x-jobgate-estimate"), Some("unpriced; unreadable"));
    assert_eq!(gateway.send(&post("{} ")).status, 201);
    // What every reader is protected from stays refused.
    assert_eq!(gateway.send(&post("{")).status, 422);
    let text = gateway.operator().send(&get("/metrics")).body;
    assert!(
        text.contains(r#"jobgate_violations_total{rule="type-invalid",severity="would_deny"} 1"#),
        "{text}"
    );
}

#[test]
fn severities_are_configurable() {
    let upstream = Recorder::start();
    let gateway = Running::start(
        upstream.address,
        "[validation.severity]\n'output-duplicate' = 'deny'\n'unknown-member' = 'off'",
    );
    let twice = JOB.replace(r#"["OBJ","3MX"]"#, r#"["OBJ","OBJ"]"#);
    assert_eq!(gateway.send(&post(&twice)).status, 422);
    let unknown = JOB.replacen('{', r#"{"x":1,"#, 1);
    let reply = gateway.send(&post(&unknown));
    assert_eq!((reply.status, reply.header("x-jobgate-warnings")), (201, None));
}

#[test]
fn upstream_refusals_pass_through_unchanged() {
    let (upstream, gateway) = gate();
    let body = r#"{"error":{"code":"RateLimitExceeded","message":"Slow down."}}"#;
    let bytes = format!(
        "HTTP/1.1 429 Too Many\r\nretry-after: 7\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    upstream.script([
        Act::Answer(bytes.into_bytes()),
        Act::Answer(b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n0\r\n\r\n".to_vec()),
    ]);
    let reply = gateway.send(&post(JOB));
    assert_eq!((reply.status, reply.body.as_str(), reply.header("retry-after")), (429, body, Some("7")));
    assert_eq!(reply.header("x-jobgate-decision"), Some("admitted"));
    // Somebody else, who has not been told to wait.
    let other = String::from_utf8(post(JOB)).unwrap().replace("t0k-en", "an0ther");
    let reply = gateway.send(other.as_bytes());
    assert_eq!((reply.status, reply.body.as_str(), reply.header("content-length")), (201, "{}\n", Some("3")));
}
