//! A7 to A10 and A12: what else a request can ask of a connection, and what of it upstream gets to see.

use std::io::Write;

use crate::scene::{SMUGGLED, Scene};
use crate::support::strict::TOLD;
use crate::support::{Act, JOB, get, head, post};

const JSON: &str = "Content-Type: application/json\r\n";

fn job_with(fields: &str) -> String {
    head("POST", "/contextcapture/jobs", &format!("{JSON}{fields}Content-Length: {}\r\n\r\n", JOB.len()))
}

#[test]
fn a7_expectations() {
    let mut scene = Scene::new("a7", "limits.body_bytes = '64KiB'");
    for value in [
        "",
        "wonders",
        "100-continu",
        "100-continue, wonders",
        "200-ok",
        "100-continue;q=1",
        "100 continue",
        "continue",
    ] {
        let wire = format!("{}{JOB}", job_with(&format!("Expect: {value}\r\n")));
        scene.deny(wire.as_bytes(), 417);
    }
    scene.deny(format!("{}{JOB}", job_with("Expect: 100-continue\r\nExpect: wonders\r\n")).as_bytes(), 417);
    scene.deny(
        format!("{}{JOB}", job_with("Expect: 100-continue\r\nExpect: 100-continue\r\n")).as_bytes(),
        417,
    );
    for (method, target) in [("GET", "/contextcapture/jobs"), ("DELETE", "/contextcapture/jobs/1")] {
        scene.deny(head(method, target, "Expect: wonders\r\n\r\n").as_bytes(), 417);
    }
    for value in ["100-continue", "100-Continue"] {
        let mut client = scene.gateway.client();
        let invited = client.send(job_with(&format!("Expect: {value}\r\n")).as_bytes()).status;
        let reply = client.send(JOB.as_bytes());
        let seen = scene.upstream.seen();
        let passed_on = seen.last().is_some_and(|seen| seen.header("expect").is_some());
        scene
            .tally
            .survived((invited, reply.status, passed_on) == (100, 201, false), || format!("{reply:?}"));
    }
    // Nobody is invited to send a body that is refused by its header.
    let asked = job_with("Expect: 100-continue\r\n");
    for (wire, status) in [
        (asked.replace("Authorization: Bearer t0k-en\r\n", ""), 401),
        (asked.replace("/jobs", "/jabs"), 404),
        (asked.replace("application/json", "text/json"), 415),
        (asked.replace(&format!("Length: {}", JOB.len()), "Length: 99999999"), 413),
        (asked.replace("POST", "PUT"), 405),
    ] {
        let mut client = scene.gateway.client();
        let reply = client.send(wire.as_bytes());
        scene.tally.refused(reply.status == status, || format!("{status}: {reply:?}"));
        scene.must_serve();
    }
    scene.finish();
}

#[test]
fn a8_upgrades_and_tunnels() {
    let mut scene = Scene::new("a8", "");
    for fields in [
        "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\nSec-WebSocket-Version: 13\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Connection: keep-alive, upgrade\r\nUpgrade: TLS/1.0\r\n",
        "Upgrade: websocket\r\n",
    ] {
        for wire in [
            head("GET", "/contextcapture/jobs", &format!("{fields}\r\n")),
            format!("{}{JOB}", job_with(fields)),
        ] {
            let end = scene.try_bytes(wire.as_bytes());
            let passed = ["upgrade", "connection", "http2-settings", "sec-websocket-key"];
            let none = |seen: &crate::support::Seen| passed.iter().all(|name| seen.header(name).is_none());
            let good = end.statuses().iter().all(|status| *status < 300) && end.seen.iter().all(none);
            scene.tally.survived(good && end.seen.len() == 1, || format!("{fields:?}: {end:?}"));
        }
    }
    // Upstream cannot lead a client out of the protocol either.
    for wire in [get("/contextcapture/jobs"), post(JOB)] {
        let switch = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n".to_vec();
        scene.upstream.script([Act::AnswerAndClose(switch)]);
        let end = scene.try_bytes(&wire);
        scene.tally.refused(end.statuses() == [502], || format!("{end:?}"));
    }
    for target in ["gate:443", "/contextcapture/jobs", "127.0.0.1:22", "*"] {
        scene.refuse(format!("{}{SMUGGLED}", head("CONNECT", target, "\r\n")).as_bytes(), &[400, 405]);
    }
    scene.refuse(head("TRACE", "/contextcapture/jobs", "\r\n").as_bytes(), &[405]);
    scene.refuse(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[400]);
    scene.finish();
}

#[test]
fn a9_what_follows_in_the_same_bytes() {
    let mut scene = Scene::new("a9", "");
    // A whole request behind another is one of its own, judged like any other.
    let behind = [
        (post(JOB), vec![201, 201], 2),
        (post("{}"), vec![201, 422], 1),
        (get("/nowhere"), vec![201, 404], 1),
        (b"\r\n".to_vec(), vec![201], 1),
        (b"garbage\r\n\r\n".to_vec(), vec![201, 400], 1),
        (b"{\"more\":1}".to_vec(), vec![201, 400], 1),
        (b"\0\0\0\0".to_vec(), vec![201, 400], 1),
        ([b"GET / HTTP/1.1\r\nx\r\n\r\n", SMUGGLED.as_bytes()].concat(), vec![201, 400], 1),
    ];
    for (more, statuses, forwarded) in behind {
        let end = scene.try_bytes(&[post(JOB), more.clone()].concat());
        let good = end.statuses() == statuses || (statuses.len() > 1 && end.statuses() == statuses[..1]);
        scene.tally.survived(good && end.seen.len() == forwarded, || {
            format!("{:?}: {end:?}", String::from_utf8_lossy(&more))
        });
    }
    // Nothing of the second is sent before the first is answered.
    scene.upstream.script([Act::Hold]);
    let before = scene.upstream.seen().len();
    let mut client = scene.gateway.client();
    client.stream.write_all(&[post(JOB), post(JOB)].concat()).unwrap();
    scene.upstream.wait_held(1);
    let one = scene.upstream.seen().len() - before;
    scene.upstream.release();
    let statuses = [client.read().status, client.read().status];
    scene.tally.survived(one == 1 && statuses == [201, 201], || format!("{one} {statuses:?}"));
    // As much as is handed to the parser at once is the first of them to the byte.
    let line = String::from_utf8(get("/jobgate/v1/rules")).unwrap();
    let long = line.replace("\r\n\r\n", &format!("\r\nx: {}\r\n\r\n", "y".repeat(8192 - 5 - line.len())));
    let mut client = scene.gateway.client();
    client.stream.write_all(&[long.as_bytes(), &get("/jobgate/v1/schema")].concat()).unwrap();
    let both = [client.try_read(), client.try_read()];
    let good = long.len() == 8192 && both.iter().all(|one| one.as_ref().is_ok_and(|one| one.status == 200));
    scene.tally.survived(good, || format!("{} bytes: {both:?}", long.len()));
    // A body that is longer than it says.
    let wire = format!("{}{JOB}{SMUGGLED}", job_with("Connection: close\r\n"));
    let end = scene.try_bytes(wire.as_bytes());
    scene.tally.survived(end.statuses() == [201] && end.seen.len() == 1, || format!("{end:?}"));
    scene.finish();
}

#[test]
fn a10_trailers() {
    let mut scene = Scene::new("a10", "");
    let chunked = |trailers: &str| {
        let wire = head("POST", "/contextcapture/jobs", &format!("{JSON}Transfer-Encoding: chunked\r\n\r\n"));
        format!("{wire}{:x}\r\n{JOB}\r\n0\r\n{trailers}\r\n{SMUGGLED}", JOB.len())
    };
    for trailer in [
        "x-trailer: 1",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Authorization: Bearer other",
        "Host: elsewhere",
        "Content-Type: text/plain",
        "traceparent: forged",
        "User-Agent: forged",
        "X-Request-Id: forged",
    ] {
        let end = scene.try_bytes(chunked(&format!("{trailer}\r\n")).as_bytes());
        let good = end.statuses() == [201] && end.seen.len() == 1 && {
            let seen = &end.seen[0];
            let text = format!("{:?}", seen.headers);
            !text.contains("forged")
                && !text.contains("other")
                && seen.header("x-trailer").is_none()
                && seen.header("content-length") == Some(&JOB.len().to_string())
                && seen.body == JOB.as_bytes()
        };
        scene.tally.survived(good, || format!("{trailer}: {end:?}"));
    }
    let large = format!("x: {}\r\n", "y".repeat(900)).repeat(12);
    for trailers in ["no colon\r\n", "x : y\r\n", "x: \0\r\n", ": y\r\n", "x: y\n", &large] {
        scene.refuse(chunked(trailers).as_bytes(), &[400]);
    }
    scene.finish();
}

#[test]
fn a12_what_upstream_is_sent() {
    let mut scene = Scene::new("a12", "");
    let hostile = [
        "Connection: close, TE",
        "Connection: Keep-Alive, Upgrade, HTTP2-Settings",
        "Proxy-Connection: keep-alive",
        "Keep-Alive: 5",
        "TE: trailers",
        "Trailer: x",
        "Proxy-Authorization: x",
        "Cookie: a=b",
        "X-Forwarded-For: 10.0.0.1",
        "X-HTTP-Method-Override: DELETE",
        "X-Original-URL: /admin",
        "Content-Language: x",
        "Content-Location: /x",
        "Content-MD5: x",
        "Range: bytes=0-1",
        "Via: 1.1 x",
        "Max-Forwards: 0",
        "Content_Length: 3",
        "Transfer_Encoding: chunked",
        "x-jobgate-decision: admitted",
    ];
    let all: String = hostile.iter().map(|field| format!("{field}\r\n")).collect();
    let singles = hostile.iter().map(|field| format!("{field}\r\n"));
    let host = scene.upstream.address.to_string();
    for fields in singles.chain([all]) {
        for wire in [
            format!("{}{JOB}", job_with(&fields)),
            format!(
                "{}{JOB}",
                job_with(&fields).replace("/contextcapture/jobs", "/contextcapture/workspaces")
            ),
            head("GET", "/contextcapture/jobs?a=b", &format!("{fields}\r\n")),
            head("DELETE", "/contextcapture/jobs/1", &format!("{fields}\r\n")),
        ] {
            let end = scene.try_bytes(wire.as_bytes());
            let good = end.seen.len() == 1 && {
                let seen = &end.seen[0];
                let body = if wire.starts_with("POST") { Some(JOB.len().to_string()) } else { None };
                seen.headers.iter().all(|(name, _)| TOLD.contains(&name.as_str()))
                    && seen.header("host") == Some(&host)
                    && seen.header("authorization") == Some("Bearer t0k-en")
                    && seen.header("content-length").map(str::to_owned) == body
                    && wire.starts_with(seen.line.as_str())
            };
            scene.tally.survived(good, || format!("{fields:?}: {end:?}"));
        }
    }
    scene.finish();
}
