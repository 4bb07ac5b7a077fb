//! E: paths, queries, methods and hosts. Nothing but a documented operation leads anywhere, and no field makes it another.

use std::collections::BTreeSet;

use crate::scene::{Dice, Scene};
use crate::support::{JOB, get, head, post, request};

const JOBS: &str = "/contextcapture/jobs";
const ID: &str = "cc3d35cc-416a-4262-9714-b359da70b419";

#[test]
fn e1_paths_that_another_reader_would_normalise() {
    let mut scene = Scene::new("e1", "");
    let mut targets: Vec<String> = [
        "/contextcapture/jobs/",
        "//contextcapture/jobs",
        "/contextcapture//jobs",
        "/./contextcapture/jobs",
        "/contextcapture/./jobs",
        "/x/../contextcapture/jobs",
        "/contextcapture/x/../jobs",
        "/contextcapture/jobs/.",
        "/contextcapture/jobs/..",
        "/contextcapture/jobs/x/..",
        "/contextcapture/jobs;x=1",
        "/contextcapture;x/jobs",
        "/contextcapture\\jobs",
        "\\contextcapture\\jobs",
        "/ContextCapture/jobs",
        "/contextcapture/Jobs",
        "/CONTEXTCAPTURE/JOBS",
        "/contextcapture/jobs#f",
        "/contextcapture/jobs%00",
        "/contextcapture/jobs%20",
        "/contextcapture/jobs%09",
        "/contextcapture/jobs.",
        "/contextcapture/jobs.json",
        "/contextcapture/jobs:",
        "/contextcapture/jobs,",
        "/contextcapture/jobs%3Fa",
        "/contextcapture/jobs%23",
        "/contextcapture/jobs%3b",
        "/contextcapture/%2e/jobs",
        "/%2e%2e/contextcapture/jobs",
        "/contextcapture%2Fjobs",
        "/contextcapture%2fjobs",
        "/contextcapture%5cjobs",
        "/contextcapture/%252e%252e/jobs",
        "/contextcapture%252Fjobs",
        "/contextcapture/jobs%2f",
        "/%63ontextcapture/jobs",
        "/contextcapture/%6Aobs",
        "/contextcapture/%6aobs",
        "/contextcapture/job%73",
        "/contextcapture/%256aobs",
        "/contextcapture/jo\u{ff42}s",
        "/contextcapture/jobs\u{a0}",
        "/contextcapture/j\u{f6}bs",
        "/contextcapture/jobs\u{200b}",
        "contextcapture/jobs",
        "*",
        "http://gate/contextcapture/jobs",
        "HTTP://gate/contextcapture/jobs",
        "https://gate/contextcapture/jobs",
        "http://other/contextcapture/jobs",
        "//gate/contextcapture/jobs",
        "gate:80/contextcapture/jobs",
        "/contextcapture/jobs/%2e%2e/jobs",
        "/contextcapture/jobs%c0%af",
        "/contextcapture/%u006aobs",
        "/contextcapture/jobs%",
        "/contextcapture/jobs%2",
        "/contextcapture/jobs%zz",
    ]
    .map(str::to_owned)
    .into();
    // Every character of the path escaped, one at a time, in both cases.
    for (at, byte) in JOBS.bytes().enumerate() {
        targets.push(format!("{}%{byte:02x}{}", &JOBS[..at], &JOBS[at + 1..]));
        targets.push(format!("{}%25{byte:02X}{}", &JOBS[..at], &JOBS[at + 1..]));
    }
    for target in targets {
        for method in ["POST", "GET", "DELETE"] {
            let wire = if method == "POST" {
                request(method, &target, JOB)
            } else {
                head(method, &target, "\r\n").into_bytes()
            };
            let end = scene.try_bytes(&wire);
            let good = end.is_refusal(&[404, 400, 405]);
            scene.tally.refused(good, || format!("{method} {target}: {end:?}"));
        }
    }
    scene.finish();
}

/// A documented path with one or two things done to it, wherever they can be: what any reader of paths takes for a documented one is
/// none here, unless it is that one byte by byte.
#[test]
fn e1_whatever_some_reader_takes_for_a_documented_path() {
    const DONE: [&str; 22] = [
        "/", "//", "/.", "/./", "/../x", "/x/..", "\\", ";", ";a=b", ".", "#", "%00", "%20", "%09", "%0a",
        "%2e", "%2e%2e/", "%2f", "%5c", "%23", "%3f", "%25",
    ];
    let mut scene = Scene::new("e1", "");
    let mut targets = BTreeSet::new();
    let mut once = Vec::new();
    for at in 0..=JOBS.len() {
        let (before, behind) = JOBS.split_at(at);
        once.extend(DONE.map(|done| format!("{before}{done}{behind}")));
        if let Some(byte) = behind.bytes().next() {
            let rest = &behind[1..];
            let other = char::from(byte ^ if byte.is_ascii_alphabetic() { 0x20 } else { 0 });
            once.push(format!("{before}%{byte:02x}{rest}"));
            once.push(format!("{before}%25{byte:02X}{rest}"));
            once.push(format!("{before}{other}{rest}"));
        }
    }
    let mut dice = Dice::new(0x9a7);
    for target in &once {
        targets.insert(target.clone());
        for _ in 0..20 {
            let (before, behind) = target.split_at(dice.below(target.len() + 1));
            targets.insert(format!("{before}{}{behind}", DONE[dice.below(DONE.len())]));
        }
    }
    let (mut taken, mut tried) = (0, 0);
    for target in targets.iter().filter(|target| *target != JOBS) {
        let reader = testkit::paths::READERS.iter().find(|(_, read)| read(target) == JOBS);
        tried += 1;
        let Some((name, _)) = reader else { continue };
        taken += 1;
        let end = scene.try_bytes(&request("POST", target, JOB));
        scene.tally.refused(end.is_refusal(&[400, 404]), || format!("{name}: {target}\n{end:?}"));
    }
    println!("{taken} of {tried} targets are a documented path to some reader");
    assert!(taken > 300);
    scene.finish();
}

#[test]
fn e2_operations_that_nobody_documented() {
    let mut scene = Scene::new("e2", "");
    for target in [
        "/",
        "/contextcapture",
        "/contextcapture/",
        "/contextcapture/job",
        "/contextcapture/jobs2",
        "/contextcapture/jobs/1/2/3",
        "/contextcapture/jobs/1/submit",
        "/contextcapture/workspaces/1/jobs",
        "/contextcapture/limits",
        "/contextcapture/limits/engine",
        "/contextcapture/v2/jobs",
        "/api/contextcapture/jobs",
        "/realityconversion/jobs",
        "/costs",
        "/contextcapture/costs",
        "/itwins",
        "/.well-known/openid-configuration",
        "/admin",
        "/jobgate",
        "/jobgate/v1",
        "/jobgate/v2/rules",
        "/jobgate/v1/holds",
        "/favicon.ico",
        "/robots.txt",
    ] {
        for method in ["GET", "POST", "PATCH", "DELETE", "PUT"] {
            scene.deny(&request(method, target, "{}"), 404);
        }
    }
    scene.finish();
}

#[test]
fn e3_queries() {
    let mut scene = Scene::new("e3", "");
    let job = format!("{JOBS}/{ID}");
    for query in ["?", "?a=b", "?_method=DELETE", "?$top=1", "??", "?/../x", "?%00"] {
        for (method, path, body) in [
            ("POST", JOBS, JOB),
            ("POST", "/contextcapture/workspaces", "{}"),
            ("PATCH", &job, r#"{"name":"n"}"#),
            ("POST", "/jobgate/v1/estimate", JOB),
        ] {
            scene.deny(&request(method, &format!("{path}{query}"), body), 400);
        }
        scene.deny(head("DELETE", &format!("{job}{query}"), "\r\n").as_bytes(), 400);
    }
    for query in
        ["?", "?a=b&a=c", "?$filter=name%20eq%20'x'", "?%2e%2e/", "?a=%00", "?a=b?c=d", "?&&==", "?;x"]
    {
        let end = scene.try_bytes(&get(&format!("{JOBS}{query}")));
        let good = end.statuses() == [200] && end.seen[0].line == format!("GET {JOBS}{query} HTTP/1.1");
        scene.tally.survived(good, || format!("{query}: {end:?}"));
    }
    scene.finish();
}

#[test]
fn e4_methods_by_another_way() {
    let mut scene = Scene::new("e4", "");
    let names =
        ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method", "_method"];
    for name in names {
        for method in ["POST", "DELETE", "PATCH", "PUT"] {
            let end = scene.try_bytes(head("GET", JOBS, &format!("{name}: {method}\r\n\r\n")).as_bytes());
            let good = end.statuses() == [200]
                && end.seen[0].line == format!("GET {JOBS} HTTP/1.1")
                && end.seen[0].header(&name.to_lowercase()).is_none();
            scene.tally.survived(good, || format!("{name}: {end:?}"));
            let more = format!(
                "{name}: {method}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
            );
            scene.deny(head("POST", JOBS, &more).as_bytes(), 422);
        }
    }
    scene.finish();
}

#[test]
fn e5_methods_that_are_odd() {
    let mut scene = Scene::new("e5", "");
    for method in [
        "post",
        "Post",
        "POSTS",
        "PUT",
        "HEAD",
        "OPTIONS",
        "TRACE",
        "GETPOST",
        "BREW",
        "PROPFIND",
        "M-SEARCH",
        "PRI",
        "get",
        "delete",
        "P0ST",
        "_",
        "!#$%&'*+-.^_`|~",
    ] {
        let end = scene.try_bytes(head(method, JOBS, "\r\n").as_bytes());
        let told =
            end.replies.iter().all(|reply| reply.status != 405 || reply.header("allow") == Some("GET, POST"));
        scene.tally.refused(end.is_refusal(&[405, 400]) && told, || format!("{method}: {end:?}"));
    }
    for method in ["POST\t", "PO ST", "POST\u{e9}", "\"POST\"", "(POST)", "POST,GET", "{POST}", ""] {
        scene.refuse(head(method, JOBS, "\r\n").as_bytes(), &[400]);
    }
    scene.finish();
}

#[test]
fn e6_hosts() {
    let mut scene = Scene::new("e6", "");
    let good = String::from_utf8(post(JOB)).unwrap();
    for host in [
        "",
        "\r\nHost: gate",
        "\r\nHost: other",
        "a b",
        "user@gate",
        "user:secret@gate",
        "gate/path",
        "gate?x",
        "gate#x",
        "gate,other",
        "gate\\x",
        "g\u{e4}te",
        "http://gate",
        "gate;x",
        "\"gate\"",
        "gate\u{1}",
        "<gate>",
        "gate|x",
        "gate\tx",
        "{gate}",
    ] {
        let fields =
            if host.starts_with('\r') { format!("Host: gate{host}") } else { format!("Host: {host}") };
        scene.refuse(good.replacen("Host: gate", &fields, 1).as_bytes(), &[400]);
    }
    scene.refuse(good.replacen("Host: gate\r\n", "", 1).as_bytes(), &[400]);
    let configured = scene.upstream.address.to_string();
    for host in [
        "gate",
        "169.254.169.254",
        "localhost:22",
        "[::1]:8080",
        "evil.example.com",
        "a:b:c",
        "GATE",
        "127.0.0.1:1",
    ] {
        let end = scene.try_bytes(good.replacen("Host: gate", &format!("Host: {host}"), 1).as_bytes());
        let ours = end.statuses() == [201] && end.seen[0].header("host") == Some(&configured);
        scene.tally.survived(ours, || format!("{host}: {end:?}"));
    }
    scene.finish();
}
