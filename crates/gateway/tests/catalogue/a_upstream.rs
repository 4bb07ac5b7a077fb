//! A11: upstream's answers at their worst. The client is told, and the connection that they came on is not used again.

use crate::scene::Scene;
use crate::support::{Act, CREATED, JOB, answer, get, post};

fn created(fields: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 201 Created\r\n{fields}\r\n{body}").into_bytes()
}

/// What cannot be an answer, or has no certain end.
fn no_answers() -> Vec<Act> {
    let many: String = (0..2000).map(|n| format!("x-{n}: y\r\n")).collect();
    let large = format!("x: {}\r\n", "y".repeat(2 << 20));
    let beyond = format!("x: {}\r\n", "y".repeat(64 << 10));
    [
        created("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"),
        created("Content-Length: 2, 3\r\n", "{}"),
        created("Content-Length: -2\r\n", "{}"),
        created("Content-Length: +2\r\n", "{}"),
        created("Content-Length: 0x2\r\n", "{}"),
        created("Content-Length: 99999999999999999999\r\n", "{}"),
        created("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"),
        created("Transfer-Encoding: chunked\r\n", "2\r\n{}x\r\n0\r\n\r\n"),
        created("Transfer-Encoding: chunked\r\n", "2\r\n{"),
        created("Content-Length: 20\r\n", "{}"),
        created("x: a\0b\r\nContent-Length: 2\r\n", "{}"),
        created("no colon\r\nContent-Length: 2\r\n", "{}"),
        created("bad name: x\r\nContent-Length: 2\r\n", "{}"),
        created(&format!("{many}Content-Length: 2\r\n"), "{}"),
        created(&format!("{large}Content-Length: 2\r\n"), "{}"),
        created(&format!("{beyond}Content-Length: 2\r\n"), "{}"),
        b"".to_vec(),
        b"\r\n\r\n\r\n".to_vec(),
        b"{\"job\":1}".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        b"HTTP/9.9 201 Created\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
        b"HTTP/1.1 abc Created\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
        b"HTTP/1.1 2010 Created\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_vec(),
        b"HTTP/1.1 103 Early\r\n\r\n".repeat(1000),
    ]
    .into_iter()
    .map(Act::AnswerAndClose)
    .chain([
        Act::Endless(b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n".to_vec()),
        Act::Endless(b"x".repeat(100)),
        Act::Close,
    ])
    .collect()
}

#[test]
fn a11_answers_of_upstream_that_are_none() {
    let quick = "upstream.response_timeout = '5s'\nupstream.connect_timeout = '5s'";
    let mut scene = Scene::new("a11", quick);
    for act in no_answers() {
        scene.upstream.script([act.clone()]);
        let connections = scene.upstream.connections();
        let end = scene.try_bytes(&post(JOB));
        let told = end.statuses() == [502] && end.replies[0].code() == "UpstreamUnavailable";
        // A POST is never sent again.
        let good = told && end.seen.len() == 1 && scene.upstream.connections() <= connections + 1;
        scene.tally.refused(good, || format!("{}: {end:?}", shown(&act)));
        let before = scene.upstream.connections();
        scene.must_serve();
        scene.tally.survived(scene.upstream.connections() == before + 1, || {
            format!("a connection was used again after {}", shown(&act))
        });
    }
    for act in no_answers() {
        // What only reads may be tried once more.
        scene.upstream.script([act.clone(), act.clone()]);
        scene.may_cut(true);
        let end = scene.try_bytes(&get("/contextcapture/jobs"));
        let good = end.statuses().iter().all(|status| *status == 502) && end.replies.len() <= 1;
        scene.tally.refused(good, || format!("{}: {end:?}", shown(&act)));
        scene.may_cut(false);
        scene.upstream.unscript();
        scene.must_serve();
    }
    split(&mut scene);
    scene.finish();
}

/// More than the answer: what follows it is not taken for the next one.
fn split(scene: &mut Scene) {
    let forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    let whole = String::from_utf8(answer(201, CREATED)).unwrap();
    for more in [forged, "\r\n", "x", "HTTP/1.1 100 Continue\r\n\r\n"] {
        for first in [post(JOB), get("/contextcapture/jobs")] {
            scene.upstream.script([Act::Answer(format!("{whole}{more}").into_bytes())]);
            let end = scene.try_bytes(&first);
            let mut good = end.statuses() == [201] && end.replies[0].body == CREATED;
            for second in [get("/contextcapture/jobs"), post(JOB)] {
                let reply = scene.gateway.send(&second);
                good &= [200, 201].contains(&reply.status) && reply.body == CREATED;
            }
            scene.tally.survived(good, || format!("{more:?}: {end:?}"));
        }
    }
    both_framings(scene, forged);
}

/// Content-Length and Transfer-Encoding at once, or a coding that would be lost on the way: no answer, and the connection ends with it.
fn both_framings(scene: &mut Scene, forged: &str) {
    let chunks = "2\r\n{}\r\n0\r\n\r\n";
    for fields in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 12",
        "transfer-encoding: CHUNKED\r\nCONTENT-LENGTH:12",
        "Transfer-Encoding: chunked\r\nx: y\r\ncontent-length:\t0",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding:",
    ] {
        let both = format!("HTTP/1.1 201 C\r\n{fields}\r\n\r\n{chunks}");
        for request in [post(JOB), get("/contextcapture/jobs")] {
            scene.upstream.script([Act::Answer(format!("{both}{forged}").into_bytes())]);
            let end = scene.try_bytes(&request);
            let good = end.statuses() == [502] && end.seen.len() == 1;
            scene.tally.refused(good, || format!("{fields:?}: {end:?}"));
            let again = scene.try_bytes(&request);
            let other = again.seen[0].connection != end.seen[0].connection;
            scene.tally.survived(other, || format!("used again after both framings: {end:?}"));
        }
    }
}

fn shown(act: &Act) -> String {
    format!("{act:?}").chars().take(200).collect()
}
