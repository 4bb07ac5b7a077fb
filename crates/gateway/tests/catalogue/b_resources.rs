//! B: sizes, times and numbers. Whoever takes too much or too long is refused or let go, and the others do not notice.

use std::io::Write;
use std::net::Shutdown;
use std::thread;

use crate::scene::Scene;
use crate::support::{self, Act, Client, JOB, Running, chunked, get, head, job_of, money, post};

const JOBS: &str = "/contextcapture/jobs";

#[test]
fn b1_bodies_over_the_limit() {
    let mut scene = Scene::new("b1", "limits.body_bytes = '4KiB'");
    for bytes in [4097, 10_000, 100_000, 1 << 20] {
        let body = " ".repeat(bytes);
        for target in [JOBS, "/contextcapture/workspaces", "/jobgate/v1/estimate"] {
            scene.refuse(&support::request("POST", target, &body), &[413]);
            scene.refuse(&chunked("POST", target, &body, 1000), &[413]);
            let mut client = scene.gateway.client();
            // Told before any of it is sent.
            let more = format!("Content-Type: application/json\r\nContent-Length: {bytes}\r\n\r\n");
            let reply = client.send(head("POST", target, &more).as_bytes());
            scene.tally.refused(reply.status == 413 && reply.closes(), || format!("{reply:?}"));
        }
    }
    let exact = format!("{JOB}{}", " ".repeat(4096 - JOB.len()));
    for wire in [post(&exact), chunked("POST", JOBS, &exact, 999)] {
        let end = scene.try_bytes(&wire);
        scene
            .tally
            .survived(end.statuses() == [201] && end.seen[0].body.len() == 4096, || format!("{end:?}"));
    }
    scene.finish();
}

#[test]
fn b2_slow_headers() {
    let mut scene = Scene::new("b2", "limits.head_timeout = '300ms'");
    for requests_before in [0, 1, 3] {
        for begun in [
            "P",
            "POST /contextcapture/jobs HTTP/1.1\r\n",
            "GET /contextcapture/jobs HTTP/1.1\r\nHost: gate\r\nx: ",
        ] {
            let mut client = scene.gateway.client();
            for _ in 0..requests_before {
                assert_eq!(client.send(&post(JOB)).status, 201);
            }
            let mut drip = client.stream.try_clone().unwrap();
            // However often a byte comes, the whole is timed; the last ones find the connection closed.
            let dripping = thread::spawn(move || {
                let _ = drip.write_all(begun.as_bytes());
                while drip.write_all(b"y").is_ok() {
                    thread::park_timeout(std::time::Duration::from_millis(20));
                }
            });
            let reply = client.read();
            let good = (reply.status, reply.code().as_str()) == (408, "RequestTimeout") && client.is_closed();
            scene.tally.refused(good, || format!("{begun:?} after {requests_before}: {reply:?}"));
            let _ = client.stream.shutdown(Shutdown::Both);
            dripping.join().unwrap();
        }
    }
    // As well where the beginning came in one piece with the request before.
    for before in [get("/jobgate/v1/rules"), post(JOB)] {
        for begun in ["P", "GET /jobgate/v1/rules HTTP/1.1\r\nHost: gate\r\n", "\r\nGET / HTTP/1.1\r\nx"] {
            let mut client = scene.gateway.client();
            client.write(&[&before, begun.as_bytes()].concat());
            assert!(matches!(client.read().status, 200 | 201));
            let reply = client.try_read();
            let told = reply.as_ref().is_ok_and(|reply| reply.status == 408 && reply.closes());
            scene.tally.refused(told && client.is_closed(), || format!("{begun:?} behind: {reply:?}"));
        }
    }
    scene.finish();
}

#[test]
fn b3_slow_bodies() {
    let card = "limits.body_timeout = '300ms'\npricing.rate_card = 'builtin:illustrative'\n\
                [[budget]]\nname = 'b'\nscope = 'global'\nlimit = '10'\nwindow = 'total'\n";
    let mut scene = Scene::new("b3", card);
    let whole = [post(JOB), chunked("POST", JOBS, JOB, 100)];
    for wire in whole {
        for missing in [1, 5, JOB.len()] {
            let mut client = scene.gateway.client();
            let reply = client.send(&wire[..wire.len() - missing]);
            let good = reply.status == 408 && reply.closes() && client.is_closed();
            scene.tally.refused(good, || format!("{missing} missing: {reply:?}"));
        }
    }
    // Nothing was reserved for any of them.
    let budgets = scene.gateway.operator().send(&get("/v1/budgets")).json();
    let held = budgets["budgets"][0]["held"].clone();
    scene.tally.survived(held.as_str().is_none_or(|held| held == "0"), || budgets.to_string());
    scene.finish();
}

#[test]
fn b4_slow_readers() {
    let mut scene = Scene::new("b4", "");
    let large = support::answer(200, &"x".repeat(32 << 20));
    scene.upstream.script([Act::Answer(large.clone()), Act::Answer(large)]);
    let mut clients: Vec<Client> = (0..2).map(|_| scene.gateway.client()).collect();
    for client in &mut clients {
        client.write(&get(JOBS));
    }
    // The lines are written when the requests are over, though nothing was read.
    let lines = scene.gateway.log.lines(2);
    for (client, line) in clients.iter_mut().zip(&lines) {
        scene.tally.survived(line["status"] == 200 && client.try_read().is_err(), || line.to_string());
    }
    // A job is recorded though its client reads nothing.
    let mut client = scene.gateway.client();
    client.write(&post(JOB));
    let line = scene.gateway.log.lines(3).pop().unwrap();
    scene.tally.survived(line["upstream_status"] == 201, || line.to_string());
    let states = money::states(&scene.gateway);
    scene.tally.survived(states == ["bound"], || format!("what was held for it is {states:?}"));
    scene.finish();
}

#[test]
fn b5_idle_and_endless_connections() {
    let mut scene = Scene::new("b5", "limits.keep_alive = '1s'\nlimits.requests_per_connection = 7");
    for requests_before in [0, 1, 2, 6] {
        let mut client = scene.gateway.client();
        let replies: Vec<_> = (0..requests_before).map(|_| client.send(&post(JOB))).collect();
        let kept = replies.iter().all(|reply| reply.status == 201 && !reply.closes());
        // It would wait for us for ever.
        scene.tally.survived(kept && client.is_closed(), || format!("{requests_before}: {replies:?}"));
    }
    for bytes in [get("/jobgate/v1/rules"), post(JOB), get(JOBS)] {
        let mut client = scene.gateway.client();
        let closing: Vec<bool> = (0..7).map(|_| client.send(&bytes).closes()).collect();
        let good = closing == [false, false, false, false, false, false, true] && client.is_closed();
        scene.tally.survived(good, || format!("{closing:?}"));
        // Sent in one piece the eighth is not answered either; behind a streamed answer not even the second is.
        let end = scene.try_bytes(&bytes.repeat(9));
        scene.tally.survived((1..=7).contains(&end.replies.len()), || format!("{end:?}"));
    }
    let few = Running::start(scene.upstream.address, "limits.connections = 3");
    let mut held: Vec<Client> = (0..3).map(|_| few.client()).collect();
    assert!(held.iter_mut().all(|client| client.send(&get("/jobgate/v1/rules")).status == 200));
    for _ in 0..20 {
        scene.tally.refused(few.client().is_closed(), || "one connection too many is not closed".to_owned());
    }
    let all = held.iter_mut().all(|client| client.send(&post(JOB)).status == 201);
    scene.tally.survived(all, || "those that are there are not served".to_owned());
    let shared = Running::start(scene.upstream.address, "limits.connections_per_address = 2");
    let ask = |client: &mut Client| client.send(&get("/jobgate/v1/rules")).status;
    let mut of_one: Vec<Client> = (0..2).map(|_| shared.client()).collect();
    assert!(of_one.iter_mut().all(|client| ask(client) == 200));
    for _ in 0..20 {
        scene
            .tally
            .refused(shared.client().is_closed(), || "one too many of an address is not closed".to_owned());
    }
    drop(of_one);
    // The gateway hears of it a moment later.
    let mut again = shared.client();
    while again.try_send(&get("/jobgate/v1/rules")).is_err() {
        again = shared.client();
    }
    scene.finish();
}

#[test]
fn b6_huge_headers() {
    let mut scene = Scene::new("b6", "");
    let request = |line: &str, fields: &str| {
        format!("{line} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer t0k-en\r\n{fields}\r\n")
    };
    let long = format!("GET {JOBS}?{}", "x".repeat(2100));
    scene.refuse(request(&long, "").as_bytes(), &[414]);
    scene.refuse(request(&format!("GET /{}", "x".repeat(100_000)), "").as_bytes(), &[414, 400]);
    for fields in [
        "x: y\r\n".repeat(63),
        "x: y\r\n".repeat(250),
        (0..100).map(|n| format!("x{n}: y\r\n")).collect(),
        format!("x: {}\r\n", "y".repeat(17_000)),
        format!("x: {}\r\n", "y".repeat(900_000)),
        format!("{}: y\r\n", "x".repeat(17_000)),
        format!("x: {}\r\n", "y".repeat(5000)).repeat(4),
        format!("Cookie: {}\r\n", "a=b; ".repeat(4000)),
    ] {
        scene.refuse(request(&format!("GET {JOBS}"), &fields).as_bytes(), &[431]);
    }
    for fields in
        ["x: y\r\n".repeat(300), "x: y\r\n".repeat(20_000), format!("x: {}\r\n", "y".repeat(3 << 20))]
    {
        // Beyond what the parser takes at all.
        scene.refuse(request(&format!("GET {JOBS}"), &fields).as_bytes(), &[400, 431]);
    }
    let end = scene.try_bytes(request(&format!("GET {JOBS}"), &"x: y\r\n".repeat(62)).as_bytes());
    scene.tally.survived(end.statuses() == [200], || format!("{end:?}"));
    scene.finish();
}

/// A header that has no end takes no more room than one that has, and is not waited for.
#[test]
fn b6_headers_without_end() {
    let mut scene = Scene::new("b6", "limits.head_timeout = '1h'");
    let begun = format!("GET {JOBS} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer t0k-en\r\n");
    // The parser above would mend the first of these, and see nothing of the second.
    let torn = format!("GET  {JOBS} HTTP/1.1\r\nHost: gate\r\n");
    for bytes in [17_000, 100_000, 900_000] {
        let (field, fields) = (format!("x: {}", "y".repeat(bytes)), format!("x: {}\r\n", "y".repeat(1000)));
        for (wire, status) in [
            (format!("{begun}{field}"), 431),
            (format!("{begun}{}", fields.repeat(bytes / 1000)), 431),
            (format!("{torn}{field}"), 431),
            ("\r\n".repeat(bytes / 2), 431),
            (format!("GET {JOBS}?{}", "y".repeat(bytes)), 414),
        ] {
            for before in [&[][..], &get("/jobgate/v1/rules")] {
                let mut client = scene.gateway.client();
                let _ = client.stream.write_all(&[before, wire.as_bytes()].concat());
                let good = before.is_empty() || client.read().status == 200;
                let reply = client.try_read();
                let told = reply.as_ref().is_ok_and(|reply| {
                    (reply.status, reply.closes()) == (status, true) && !reply.code().is_empty()
                });
                scene.tally.refused(good && told && client.is_closed(), || {
                    format!("{bytes} bytes of {wire:.100} behind {}: {reply:?}", before.len())
                });
            }
        }
    }
    // As much as is allowed passes in whatever pieces, and one byte more does not.
    for (size, status) in [(16 << 10, 200), ((16 << 10) + 1, 431)] {
        let rest = size - begun.len() - "x: \r\n\r\n".len();
        let wire = format!("{begun}x: {}\r\n\r\n", "y".repeat(rest));
        for at in [1, 8 << 10, wire.len() - 2] {
            let (first, second) = wire.split_at(at);
            let end = scene.try_pieces(&[first.as_bytes(), second.as_bytes()]);
            scene.tally.survived(end.statuses() == [status], || format!("{size}, {at}: {end:?}"));
        }
    }
    scene.finish();
}

#[test]
fn b7_many_bodies_at_once() {
    let limits = "[limits]\nbody_bytes = '16KiB'\nbuffered_bytes = '64KiB'";
    let mut scene = Scene::new("b7", limits);
    let body = job_of(15_000);
    scene.upstream.script((0..4).map(|_| Act::Hold));
    let mut held: Vec<Client> = (0..4).map(|_| scene.gateway.client()).collect();
    held.iter_mut().for_each(|client| client.write(&post(&body)));
    scene.upstream.wait_held(4);
    for wire in [post(&body), chunked("POST", JOBS, &body, 5000)] {
        for _ in 0..5 {
            let reply = scene.gateway.send(&wire);
            let good = (reply.status, reply.header("retry-after")) == (503, Some("1"));
            scene.tally.refused(good && reply.code() == "Overloaded", || format!("{reply:?}"));
        }
    }
    (0..4).for_each(|_| scene.upstream.release());
    let all = held.iter_mut().all(|client| client.read().status == 201);
    scene.tally.survived(all, || "those within the room are not served".to_owned());
    scene.gateway.log.lines(14);
    scene.finish();
}

#[test]
fn b8_compressed_bodies() {
    let mut scene = Scene::new("b8", "");
    let with = |coding: &str| {
        let more = format!(
            "Content-Type: application/json\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n{JOB}",
            JOB.len()
        );
        head("POST", JOBS, &more)
    };
    for coding in [
        "gzip",
        "GZIP",
        "x-gzip",
        "br",
        "deflate",
        "zstd",
        "compress",
        "identity;x",
        "identity, gzip",
        "gzip, identity",
        "identity,",
        "",
        "*",
        "identity\r\nContent-Encoding: gzip",
        "aes128gcm",
        "exi",
    ] {
        scene.deny(with(coding).as_bytes(), 415);
    }
    for coding in ["identity", "Identity"] {
        let end = scene.try_bytes(with(coding).as_bytes());
        let good = end.statuses() == [201] && end.seen[0].header("content-encoding").is_none();
        scene.tally.survived(good, || format!("{end:?}"));
    }
    // Nothing is inflated: without the field it is no JSON.
    for magic in [
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..],
        &[0x78, 0x9c, 1],
        &[0x28, 0xb5, 0x2f, 0xfd],
        &[0x1b, 0xff, 0xff],
    ] {
        let mut wire = head(
            "POST",
            JOBS,
            &format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", magic.len()),
        )
        .into_bytes();
        wire.extend_from_slice(magic);
        scene.deny(&wire, 422);
    }
    scene.finish();
}

#[test]
fn b9_documents_that_are_much_work() {
    let mut scene = Scene::new("b9", "");
    let members = |count: usize, name: &dyn Fn(usize) -> String| {
        let all: Vec<String> = (0..count).map(|n| format!("\"{}\":1", name(n))).collect();
        format!("{{{}}}", all.join(","))
    };
    let input = r#"{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}"#;
    for body in [
        members(20_000, &|n| format!("m{n}")),
        members(20_000, &|_| "a".to_owned()),
        members(12_000, &|n| format!("{}{n}", "a".repeat(10))),
        JOB.replace(
            r#"{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photos"}"#,
            &vec![input; 5000].join(","),
        ),
        JOB.replace(r#""OBJ","3MX""#, &vec![r#""OBJ""#; 30_000].join(",")),
        JOB.replace(r#""OBJ","3MX""#, &vec![r#""x""#; 50_000].join(",")),
        JOB.replace("My first job", &"n".repeat(200_000)),
        JOB.replace("My first job", &"\\u0041".repeat(40_000)),
        JOB.replace("2.1", &"9".repeat(200_000)),
        JOB.replace("2.1", &format!("1e{}", "9".repeat(200_000))),
        "[".repeat(250_000),
        "{\"a\":".repeat(40_000),
        " ".repeat(250_000),
        "\"".repeat(250_000),
        format!("\"{}", "\\".repeat(250_000)),
    ] {
        assert!(body.len() < 256 * 1024, "{}", body.len());
        scene.deny(&post(&body), 422);
    }
    scene.finish();
}

#[test]
fn b10_overload() {
    let mut scene = Scene::new("b10", "limits.in_flight = 4");
    scene.upstream.script((0..4).map(|_| Act::Hold));
    let mut held: Vec<Client> = (0..4).map(|_| scene.gateway.client()).collect();
    held.iter_mut().for_each(|client| client.write(&post(JOB)));
    scene.upstream.wait_held(4);
    for bytes in [post(JOB), get(JOBS), get("/jobgate/v1/rules"), post("{}")] {
        for _ in 0..10 {
            let reply = scene.gateway.send(&bytes);
            let good = (reply.status, reply.header("retry-after")) == (503, Some("1"));
            scene.tally.refused(good, || format!("{reply:?}"));
        }
    }
    // Nobody waits for a body that would be read for nothing.
    let bodiless = String::from_utf8(post(JOB)).unwrap().replace(JOB, "");
    let reply = scene.gateway.send(bodiless.as_bytes());
    scene.tally.refused(reply.status == 503 && reply.closes(), || format!("{reply:?}"));
    for target in ["/livez", "/readyz", "/metrics", "/v1/holds"] {
        let status = scene.gateway.operator().send(&get(target)).status;
        scene.tally.survived(status == 200, || format!("{target}: {status}"));
    }
    (0..4).for_each(|_| scene.upstream.release());
    let all = held.iter_mut().all(|client| client.read().status == 201);
    scene.tally.survived(all, || "what was under way is not finished".to_owned());
    scene.gateway.log.lines(44);
    scene.finish();
}
