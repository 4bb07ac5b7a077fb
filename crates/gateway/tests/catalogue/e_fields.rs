//! E, its second half: who a request is from, what its fields may say, what answers repeat of it, and where upstream leads.

use crate::scene::Scene;
use crate::support::{Act, JOB, Running, get, head, post, request};

const JOBS: &str = "/contextcapture/jobs";

#[test]
fn e7_who_somebody_in_front_is_said_to_be() {
    let mut scene =
        Scene::new("e7", "[[rate_limit]]\nscope = 'address'\nrequests = 200\nper = '1h'\nmode = 'enforce'\n");
    let names = [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Prefix",
        "X-Real-IP",
        "X-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "Forwarded",
        "Via",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Port",
        "X-Original-Host",
        "Client-IP",
    ];
    for name in names {
        for value in ["10.0.0.1", "for=10.0.0.1;host=other", "/contextcapture/jobs", "1.1 other"] {
            let end = scene.try_bytes(
                head("GET", "/contextcapture/workspaces/w", &format!("{name}: {value}\r\n\r\n")).as_bytes(),
            );
            let good = end.statuses() == [200]
                && end.seen[0].header(&name.to_lowercase()).is_none()
                && end.seen[0].line == "GET /contextcapture/workspaces/w HTTP/1.1";
            scene.tally.survived(good, || format!("{name}: {value}: {end:?}"));
        }
    }
    // A sender is its socket: no field gives it another allowance.
    let mut refused = 0;
    for n in 0..250 {
        let fields = format!("X-Forwarded-For: 10.0.{n}.1\r\nX-Real-IP: 10.1.{n}.1\r\n\r\n");
        let status = scene.gateway.send(head("GET", "/jobgate/v1/rules", &fields).as_bytes()).status;
        refused += usize::from(status == 429);
    }
    scene.tally.survived(refused > 100, || format!("only {refused} of 250 were refused"));
    scene.without_a_last_good_one().finish();
}

#[test]
fn e8_fields_named_by_connection() {
    let mut scene = Scene::new("e8", "");
    for value in [
        "authorization",
        "close, authorization",
        "Authorization",
        "content-length",
        "content-type",
        "host",
        "x-request-id",
        "transfer-encoding",
        "keep-alive, x-y",
        "cookie",
        "traceparent",
        "close,authorization,",
        "a b",
        "\"close\"",
        "accept",
    ] {
        for wire in [
            head("GET", JOBS, &format!("Connection: {value}\r\n\r\n")),
            String::from_utf8(post(JOB)).unwrap().replacen(
                "\r\n\r\n",
                &format!("\r\nConnection: {value}\r\n\r\n"),
                1,
            ),
            head("GET", JOBS, &format!("Connection: close\r\nConnection: {value}\r\n\r\n")),
        ] {
            scene.refuse(wire.as_bytes(), &[400]);
        }
    }
    for value in [
        "close",
        "keep-alive",
        "Keep-Alive",
        "",
        "close, TE",
        "Upgrade, HTTP2-Settings",
        "keep-alive, Proxy-Connection",
    ] {
        let end = scene.try_bytes(head("GET", JOBS, &format!("Connection: {value}\r\n\r\n")).as_bytes());
        let good = end.statuses() == [200] && end.seen[0].header("authorization") == Some("Bearer t0k-en");
        scene.tally.survived(good, || format!("{value}: {end:?}"));
    }
    scene.finish();
}

#[test]
fn e9_tokens_that_are_none() {
    let mut scene = Scene::new("e9", "");
    let (long, longest) = ("a".repeat(20_000), "a".repeat(64 << 10));
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "Basic dDBrLWVu",
        "Token abc",
        "bearer",
        "Bearer a b",
        "Bearer a,b",
        "Bearer a, Bearer b",
        "Bearer =",
        "Bearer a=b",
        "Bearer a b=",
        "Bearer\ta",
        "Bearera",
        "BearerX a",
        "Bearer \"a\"",
        "Bearer a;",
        "Bearer {a}",
        "Bearer a\u{e9}",
        "Bearer \u{fc}",
        "Negotiate x",
        "Bearer a:b",
        "Bearer a@b",
        "Bearer a%20b",
        "Bearer <a>",
        " ",
        ",",
        "Digest username=\"a\"",
        "Bearer a\\b",
    ] {
        for (method, target) in [
            ("POST", JOBS),
            ("GET", JOBS),
            ("POST", "/jobgate/v1/estimate"),
            ("DELETE", "/contextcapture/workspaces/w"),
        ] {
            let body = if method == "POST" {
                "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
            } else {
                "\r\n"
            };
            let wire = head(method, target, body).replace("Bearer t0k-en", value);
            let end = scene.try_bytes(wire.as_bytes());
            let good = end.is_refusal(&[401])
                && end.replies[0].code() == "InvalidToken"
                && end.replies[0].header("www-authenticate").is_some();
            scene.tally.refused(good, || format!("{value:?} {method}: {end:?}"));
        }
    }
    let twice = head("GET", JOBS, "Authorization: Bearer t0k-en\r\n\r\n");
    scene.deny(twice.as_bytes(), 401);
    for token in [&long, &longest] {
        for wire in [head("GET", JOBS, "\r\n"), String::from_utf8(post(JOB)).unwrap()] {
            scene.refuse(wire.replace("t0k-en", token).as_bytes(), &[431]);
        }
    }
    for value in ["Bearer\u{1} a", "Bearer a\0", "Bearer a\u{7f}"] {
        scene.refuse(head("GET", JOBS, "\r\n").replace("Bearer t0k-en", value).as_bytes(), &[400]);
    }
    let none =
        scene.try_bytes(head("GET", JOBS, "\r\n").replace("Authorization: Bearer t0k-en\r\n", "").as_bytes());
    scene.tally.refused(none.is_refusal(&[401]) && none.replies[0].code() == "HeaderNotFound", || {
        format!("{none:?}")
    });
    for token in ["a", "A-._~+/0==", &"b".repeat(8000)] {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let value = format!("{scheme} {token}");
            let end = scene.try_bytes(head("GET", JOBS, "\r\n").replace("Bearer t0k-en", &value).as_bytes());
            let good = end.statuses() == [200] && end.seen[0].header("authorization") == Some(&value);
            scene.tally.survived(good, || format!("{scheme} {}: {end:?}", token.len()));
        }
    }
    scene.finish();
}

#[test]
fn e10_somebody_elses_token() {
    // What upstream refuses costs nothing: neither the budget of everybody nor that of the workspace named.
    let budgets = "pricing.rate_card = 'builtin:illustrative'\n[[budget]]\nname = 'w'\nscope = 'workspace'\nlimit = '7'\nwindow = 'total'\n";
    let mut scene = Scene::new("e10", budgets);
    for status in [401, 403] {
        for _ in 0..10 {
            let body = r#"{"error":{"code":"InvalidToken","message":"no"}}"#;
            let bytes = format!(
                "HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            scene.upstream.script([Act::Answer(bytes.into_bytes())]);
            let reply = scene.gateway.send(&post(JOB));
            scene.tally.survived(reply.status == status, || format!("{reply:?}"));
        }
    }
    let held = scene.gateway.operator().send(&get("/v1/holds?state=open")).json();
    let none = held["holds"].as_array().is_some_and(Vec::is_empty);
    scene.tally.survived(none, || held.to_string());
    // Two jobs of 3.5 fit, as if nothing had been tried.
    let first = scene.gateway.send(&post(JOB)).status;
    scene.tally.survived(first == 201, || format!("{first}"));
    scene.finish();
}

#[test]
fn e11_names_with_underscores() {
    let mut scene = Scene::new("e11", "");
    for name in [
        "Content_Length",
        "Transfer_Encoding",
        "X_Request_Id",
        "Authorization_",
        "If_Match",
        "User_Agent",
        "x.y",
        "!x",
        "x~",
    ] {
        let more = format!(
            "{name}: 7\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{JOB}",
            JOB.len()
        );
        let end = scene.try_bytes(head("POST", JOBS, &more).as_bytes());
        let good = end.statuses() == [201] && !end.seen[0].headers.iter().any(|(_, value)| value == "7");
        scene.tally.survived(good && end.seen[0].body == JOB.as_bytes(), || format!("{name}: {end:?}"));
    }
    let mut wire =
        head("POST", JOBS, "Content-Type: application/json\r\n").replace("Authorization", "Authorization_");
    wire.push_str(&format!("Content-Length: {}\r\n\r\n{JOB}", JOB.len()));
    scene.deny(wire.as_bytes(), 401);
    let mut wire = head("POST", JOBS, "Content_Type: application/json\r\n");
    wire.push_str(&format!("Content-Length: {}\r\n\r\n{JOB}", JOB.len()));
    scene.deny(wire.as_bytes(), 415);
    scene.finish();
}

#[test]
fn e12_what_answers_repeat_of_a_request() {
    let mut scene = Scene::new("e12", "");
    let canary = "c4n4ry";
    for text in [
        "c4n4ry",
        "c4n4ry\\r\\nSet-Cookie: a=b",
        "c4n4ry\\u0000",
        "c4n4ry<script>alert(1)</script>",
        "c4n4ry\\u2028\\u202e",
        "c4n4ry\\\"}",
    ] {
        for (from, to) in [
            ("\"Full\"", format!("\"{text}\"")),
            ("\"Extra\"", format!("\"{text}\"")),
            ("\"OBJ\"", format!("\"{text}\"")),
            ("\"type\"", format!("\"{text}\"")),
            ("\"outputs\"", format!("\"{text}\"")),
            ("6881117d-9fd2-4900-870b-9b721dc90f25", text.to_owned()),
            ("58e0c0ca-f730-4e5b-808d-1c8cacacb4d4", text.to_owned()),
            ("2.1", format!("\"{text}\"")),
        ] {
            let end = scene.try_bytes(&post(&JOB.replacen(from, &to, 1)));
            let reply = &end.replies[0];
            let headers = reply.headers.iter().all(|(_, value)| !value.contains(canary));
            let body = !reply.body.contains("<script>")
                && !reply.body.contains('\u{2028}')
                && !reply.body.contains(canary);
            scene
                .tally
                .survived(end.is_refusal(&[422]) && headers && body, || format!("{from} {text}: {end:?}"));
        }
    }
    for value in ["c4n4ry x", "c4n4ry\"", "c4n4ry<", &"c4n4ry".repeat(40), "c4n4ry\u{e9}"] {
        let reply =
            scene.gateway.send(head("GET", JOBS, &format!("X-Request-Id: {value}\r\n\r\n")).as_bytes());
        let id = reply.header("x-request-id").unwrap_or_default().to_owned();
        scene.tally.survived(id.len() == 36 && !id.contains(canary), || format!("{reply:?}"));
    }
    scene.finish();
}

#[test]
fn e13_what_is_for_operators() {
    let mut scene = Scene::new("e13", "");
    for target in [
        "/metrics",
        "/livez",
        "/readyz",
        "/v1/usage",
        "/v1/budgets",
        "/v1/holds",
        "/v1/config",
        "/healthz",
        "/debug/pprof",
        "/v1/holds?state=open",
    ] {
        scene.deny(&get(target), 404);
        scene.deny(&request("POST", target, "{}"), 404);
    }
    // And it is on this machine only, unless it is configured otherwise.
    let config =
        gateway::Config::parse("upstream.url = 'http://127.0.0.1:1'", std::path::Path::new("."), []).unwrap();
    scene.tally.survived(config.admin.ip().is_loopback(), || config.admin.to_string());
    let raw = [
        &b"\0\0\0\0"[..],
        b"GET /metrics\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
    ];
    for bytes in raw {
        let mut client = scene.gateway.operator();
        client.write(bytes);
        let _ = client.stream.shutdown(std::net::Shutdown::Write);
        let answered = client.try_read().map(|reply| reply.status);
        let fine = answered.as_ref().map_or(true, |status| [200, 400, 404, 405, 413].contains(status));
        let alive = scene.gateway.operator().send(&get("/livez")).status == 200;
        scene.tally.survived(fine && alive, || format!("{answered:?}"));
    }
    scene.finish();
}

#[test]
fn e14_where_upstream_sends_us() {
    let mut scene = Scene::new("e14", "");
    let elsewhere = Running::start(scene.upstream.address, "");
    for status in [301, 302, 303, 307, 308] {
        for wire in [post(JOB), get(JOBS)] {
            let bytes = format!(
                "HTTP/1.1 {status} Go\r\nLocation: http://{}/x\r\nContent-Length: 0\r\n\r\n",
                elsewhere.address
            );
            scene.upstream.script([Act::Answer(bytes.into_bytes())]);
            let end = scene.try_bytes(&wire);
            scene.tally.survived(end.statuses() == [status] && end.seen.len() == 1, || format!("{end:?}"));
        }
    }
    // Whoever it was sent to has heard nothing.
    elsewhere.stop_handle().stop();
    scene.tally.survived(elsewhere.log.text().is_empty(), || elsewhere.log.text());
    // No address, or one that is not to be used, is a refusal and not another address.
    let seen = scene.upstream.seen().len();
    let near = format!("upstream = {{ url = 'http://{}', public_only = true }}", scene.upstream.address);
    for nowhere in ["upstream.url = 'http://no-such-host.invalid:80'", &near] {
        let nowhere = Running::configured(nowhere);
        for wire in [post(JOB), get(JOBS)] {
            let reply = nowhere.send(&wire);
            let not_sent = reply.json()["error"]["details"][0]["outcome"] == "not-sent";
            scene.tally.refused(reply.status == 502 && not_sent, || format!("{reply:?}"));
        }
    }
    scene.tally.refused(scene.upstream.seen().len() == seen, || "it was asked all the same".to_owned());
    scene.finish();
}
