//! B1, B3, B6 and B7 again, over HTTP/2: there is no length to believe and no connection to close, and the limits are the same.

use crate::frames::{
    DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, Got, HEADERS, RESET, body, field, frame, request,
};
use crate::scene::Scene;
use crate::support::{Act, CREATED, JOB, get, job_of, money, post};

const JOBS: &str = "/contextcapture/jobs";
const H2C: &str = "listen.h2c = true\n";
const JSON: (&str, &str) = ("content-type", "application/json");

fn open(more: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &request("POST", JOBS, &[&[JSON], more].concat()))
}

/// `:status: 431` and nothing else: what the library underneath says of a header that it does not take.
const BARE_431: [u8; 5] = [72, 131, 105, 144, 255];

/// In frames of 8 KiB at most.
fn data(stream: u32, bytes: &[u8], flags: u8) -> Vec<u8> {
    let pieces = bytes.chunks(8 << 10);
    let last = pieces.len().saturating_sub(1);
    pieces
        .enumerate()
        .flat_map(|(n, piece)| frame(DATA, if n == last { flags } else { 0 }, stream, piece))
        .collect()
}

/// A no on that stream: told with a code of these, or the stream or the connection is ended without a word.
fn is_no(got: &[Got], stream: u32, codes: &[&str]) -> bool {
    let said = body(got, stream);
    if said.is_empty() {
        if got.iter().any(|one| one.kind == HEADERS && one.payload == BARE_431) {
            return codes.contains(&"HeadersTooLarge");
        }
        let ended = |one: &Got| one.kind == GOAWAY || (one.kind == RESET && one.stream == stream);
        return got.iter().any(ended);
    }
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    codes.contains(&said["error"]["code"].as_str().unwrap_or_default())
}

/// One connection that asks for something that is refused; upstream hears nothing of it, and a good job passes on another.
fn refuse(scene: &mut Scene, what: &str, bytes: &[u8], codes: &[&str]) {
    let seen = scene.upstream.count();
    let mut client = Frames::connect(scene.gateway.address);
    // Who is refused early may find the stream closed.
    client.write(bytes);
    let got = client.until_end_of(1);
    let good = is_no(&got, 1, codes) && scene.upstream.count() == seen;
    scene.tally.refused(good, || format!("{what}: {} {got:?}", body(&got, 1)));
    client.leave();
    scene.must_serve();
}

#[test]
fn b1_bodies_over_the_limit_over_http_2() {
    let mut scene = Scene::new("b1", &format!("{H2C}limits.body_bytes = '4KiB'"));
    for bytes in [4097, 10_000, 60_000] {
        let spaces = " ".repeat(bytes);
        let length = bytes.to_string();
        let declared = open(&[("content-length", &length)]);
        // Told before any of it is sent.
        refuse(&mut scene, &format!("{bytes} declared"), &declared, &["RequestTooLarge"]);
        for (what, head) in [("declared and sent", declared.clone()), ("not declared", open(&[]))] {
            for end in [0, END_STREAM] {
                let wire = [head.clone(), data(1, spaces.as_bytes(), end)].concat();
                refuse(&mut scene, &format!("{bytes} {what}, {end}"), &wire, &["RequestTooLarge"]);
            }
        }
    }
    let exact = format!("{JOB}{}", " ".repeat(4096 - JOB.len()));
    let mut client = Frames::connect(scene.gateway.address);
    client.write(&[open(&[]), data(1, exact.as_bytes(), END_STREAM)].concat());
    let got = client.until_end_of(1);
    scene.tally.survived(body(&got, 1) == CREATED, || format!("as much as is allowed: {got:?}"));
    client.leave();
    scene.finish();
}

#[test]
fn b3_slow_bodies_over_http_2() {
    let mut scene = Scene::new("b3", &format!("{H2C}limits.body_timeout = '300ms'"));
    let length = JOB.len().to_string();
    for more in [vec![], vec![("content-length", length.as_str())]] {
        for sent in [0, 1, JOB.len() - 1] {
            let wire = [open(&more), data(1, &JOB.as_bytes()[..sent], 0)].concat();
            refuse(&mut scene, &format!("{sent} bytes, then nothing"), &wire, &["RequestTimeout"]);
        }
        // All of it, and only its end is missing.
        let wire = [open(&more), data(1, JOB.as_bytes(), 0)].concat();
        refuse(&mut scene, "all but the end", &wire, &["RequestTimeout"]);
    }
    // Nothing was held for any of them but for the good ones between.
    let held = money::states(&scene.gateway).len();
    let served = scene.upstream.count();
    scene.tally.survived(held == served, || format!("{held} holds of {served} jobs"));
    scene.finish();
}

#[test]
fn b6_large_headers_over_http_2() {
    let mut scene = Scene::new("b6", H2C);
    let large = ["HeadersTooLarge"];
    let asked = |path: &str, more: &[(&str, &str)]| {
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", path, more))
    };
    for bytes in [15_000, 4_000] {
        // By bytes: few fields, or many, of together more than 16 KiB.
        let value = "y".repeat(bytes);
        let count = (16 << 10) / bytes + 1;
        let names: Vec<String> = (0..count).map(|n| format!("x-{n}")).collect();
        let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
        let block = request("GET", JOBS, &fields);
        let mut pieces = block.chunks(16_000);
        let mut wire = frame(HEADERS, END_STREAM, 1, pieces.next().unwrap());
        let rest: Vec<&[u8]> = pieces.collect();
        for (n, piece) in rest.iter().enumerate() {
            let last = if n + 1 == rest.len() { END_HEADERS } else { 0 };
            wire.extend(frame(crate::frames::CONTINUATION, last, 1, piece));
        }
        refuse(&mut scene, &format!("{count} fields of {bytes} bytes"), &wire, &large);
    }
    // By number, however small they are.
    for count in [65, 100, 1000] {
        refuse(&mut scene, &format!("{count} fields"), &asked(JOBS, &vec![("x", "y"); count]), &large);
        let names: Vec<String> = (0..count).map(|n| format!("x{n}")).collect();
        let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        refuse(&mut scene, &format!("{count} names"), &asked(JOBS, &fields), &large);
    }
    let long = format!("{JOBS}?{}", "a".repeat(3000));
    refuse(&mut scene, "a long target", &asked(&long, &[]), &["UriTooLong"]);
    let mut client = Frames::connect(scene.gateway.address);
    client.write(&asked(JOBS, &[("x", "y"); 40]));
    let got = client.until_end_of(1);
    scene.tally.survived(body(&got, 1) == CREATED, || format!("as many as are allowed: {got:?}"));
    client.leave();
    scene.finish();
}

/// What the library underneath answers before anybody here sees it has no body, but a line and a count.
#[test]
fn f4_what_nobody_here_sees_is_counted() {
    let mut scene = Scene::new("f4", H2C);
    let block = |fields: &[(&str, &str)]| {
        fields.iter().flat_map(|(name, value)| field(name, value.as_bytes())).collect::<Vec<u8>>()
    };
    let (get, http, path) = ((":method", "GET"), (":scheme", "http"), (":path", JOBS));
    let token = ("authorization", "Bearer t0k-en");
    for (fields, code) in [
        (vec![get, http, path, token], "BadRequest"),
        (vec![get, http, (":authority", "user@gate"), path, token], "BadRequest"),
        (vec![get, http, (":authority", "gate"), path, token, ("host", "other")], "BadRequest"),
        (vec![get, http, path, token, ("host", "gate"), ("host", "gate")], "BadRequest"),
        (vec![(":method", "CONNECT"), (":authority", "gate:80"), token], "MethodNotAllowed"),
    ] {
        let before = scene.gateway.log.text().lines().count();
        let mut client = Frames::connect(scene.gateway.address);
        client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields)));
        let got = client.until_end_of(1);
        let (line, seen) = (scene.gateway.log.lines(before + 1).pop().unwrap(), scene.upstream.count());
        let fine = line["code"] == code && line["decision"] == "refused" && !body(&got, 1).contains(CREATED);
        scene.tally.refused(fine && seen == 0, || format!("{fields:?}: {line} {got:?}"));
        client.leave();
    }
    // So often that it is no mistake.
    let before = scene.gateway.log.text().lines().count();
    let mut client = Frames::connect(scene.gateway.address);
    let wrong = block(&[get, http, path, token]);
    let burst: Vec<u8> =
        (0..100).flat_map(|n| frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &wrong)).collect();
    client.write(&burst);
    let closed = client.is_closed_in_the_end();
    let lines = scene.gateway.log.lines(before + 32).len() - before;
    scene.tally.refused(closed && lines == 32, || format!("closed {closed}, {lines} lines"));
    // What only begins as HTTP/2 does is a request of HTTP/1 that cannot be read.
    let mut client = scene.gateway.client();
    client.write(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
    let reply = client.read();
    let fine = (reply.status, reply.code().as_str()) == (400, "BadRequest") && client.is_closed();
    scene.tally.refused(fine, || format!("{reply:?}"));
    scene.finish();
}

#[test]
fn b7_many_bodies_at_once_over_http_2() {
    let limits = format!("{H2C}limits.body_bytes = '16KiB'\nlimits.buffered_bytes = '64KiB'");
    let mut scene = Scene::new("b7", &limits);
    let large = job_of(15_000);
    let before = scene.upstream.count();
    let ask = |stream: u32| {
        let head = frame(HEADERS, END_HEADERS, stream, &request("POST", JOBS, &[JSON]));
        [head, data(stream, large.as_bytes(), END_STREAM)].concat()
    };
    scene.upstream.script((0..4).map(|_| Act::Hold));
    // Those that have room are with upstream, on one connection and on another.
    let mut clients = [Frames::connect(scene.gateway.address), Frames::connect(scene.gateway.address)];
    for client in &mut clients {
        // Beyond what a stream may be sent unasked nothing of these is.
        client.write(&[ask(1), ask(3)].concat());
    }
    scene.upstream.wait_held(4);
    for n in 0..5 {
        let mut other = Frames::connect(scene.gateway.address);
        other.write(&ask(1));
        let got = other.until_end_of(1);
        scene.tally.refused(is_no(&got, 1, &["Overloaded"]), || format!("{n}: {got:?}"));
        let got = {
            let client = &mut clients[0];
            let stream = 5 + 2 * n;
            client.write(&ask(stream));
            client.until_end_of(stream)
        };
        scene.tally.refused(is_no(&got, 5 + 2 * n, &["Overloaded"]), || format!("{n}: {got:?}"));
    }
    // What takes no room of that is served.
    let status = scene.gateway.send(&get("/jobgate/v1/rules")).status;
    scene.tally.survived(status == 200, || format!("{status}"));
    scene.tally.survived(scene.upstream.count() == before + 4, || "more than had room were sent".to_owned());
    (0..4).for_each(|_| scene.upstream.release());
    for client in &mut clients {
        let mut got = client.until_end_of(1);
        if body(&got, 3) != CREATED {
            got.extend(client.until_end_of(3));
        }
        let both = [1, 3].iter().all(|stream| body(&got, *stream) == CREATED);
        scene.tally.survived(both, || format!("those within the room are not served: {got:?}"));
        client.leave();
    }
    let status = scene.gateway.send(&post(&large)).status;
    scene.tally.survived(status == 201, || format!("the room was not given back: {status}"));
    scene.finish();
}
