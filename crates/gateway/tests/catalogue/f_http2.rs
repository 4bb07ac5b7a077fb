//! F: HTTP/2 by clients who keep to no rule. Upstream hears of whole valid requests only, memory stays bounded, and others are served.

use std::fs;
use std::process::Command;

use crate::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PING, PRIORITY, RESET, SETTINGS, WINDOW,
    body, field, frame, kept, request,
};
use crate::scene::Scene;
use crate::support::{Act, CREATED, JOB, Running, answer, money};

const JOBS: &str = "/contextcapture/jobs";
const H2C: &str = "listen.h2c = true\nlimits.keep_alive = '1s'\n";
const JSON: (&str, &str) = ("content-type", "application/json");

fn scene(id: &'static str) -> Scene {
    Scene::new(id, H2C)
}

/// A job on a connection of its own.
fn serves(gateway: &Running) -> bool {
    let mut client = Frames::connect(gateway.address);
    client.write(&frame(HEADERS, END_HEADERS, 1, &request("POST", JOBS, &[JSON])));
    client.write(&frame(DATA, END_STREAM, 1, JOB.as_bytes()));
    body(&client.until_end_of(1), 1) == CREATED
}

fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// One attack: upstream hears nothing of it, it takes less than 64 MiB, and a good job passes afterwards.
fn attack(scene: &mut Scene, name: &str, mut attack: impl FnMut(&mut Frames)) {
    let (seen, memory) = (scene.upstream.seen().len(), resident());
    let mut client = Frames::connect(scene.gateway.address);
    attack(&mut client);
    let grown = resident().saturating_sub(memory);
    let heard = scene.upstream.seen().len() - seen;
    let good = serves(&scene.gateway);
    let fine = heard == 0 && grown < 64 << 20 && good;
    scene.tally.survived(fine, || format!("{name}: {heard} heard, {grown} bytes more, serves: {good}"));
    client.leave();
}

#[test]
fn f1_streams_that_are_reset() {
    let mut scene = scene("f1");
    let open = request("POST", JOBS, &[JSON]);
    let reset = |id: u32| {
        [frame(HEADERS, END_HEADERS, id, &open), frame(RESET, 0, id, &8_u32.to_be_bytes())].concat()
    };
    // Bursts as they are sent: thousands of streams in one write.
    attack(&mut scene, "rapid reset", |client| {
        let burst: Vec<u8> = (0..20_000).flat_map(|n| reset(2 * n + 1)).collect();
        client.write(&burst);
        assert!(client.is_closed_in_the_end(), "nobody ends it");
    });
    // What makes *us* reset a stream.
    let faults: [(&str, fn(u32) -> Vec<u8>); 4] = [
        ("window of nothing", |id| frame(WINDOW, 0, id, &[0; 4])),
        ("window beyond all", |id| {
            [
                frame(WINDOW, 0, id, &0x7fff_ffff_u32.to_be_bytes()),
                frame(WINDOW, 0, id, &0x7fff_ffff_u32.to_be_bytes()),
            ]
            .concat()
        }),
        ("data behind the end", |id| {
            [frame(DATA, END_STREAM, id, b"{}"), frame(DATA, 0, id, b"{}")].concat()
        }),
        ("depends on itself", |id| frame(PRIORITY, 0, id, &[id.to_be_bytes().to_vec(), vec![1]].concat())),
    ];
    for (name, fault) in faults {
        attack(&mut scene, name, |client| {
            let block = request("POST", "/contextcapture/jobs", &[JSON]);
            let burst: Vec<u8> = (0..5_000_u32)
                .flat_map(|n| [frame(HEADERS, END_HEADERS, 2 * n + 1, &block), fault(2 * n + 1)].concat())
                .collect();
            client.write(&burst);
            assert!(client.is_closed_in_the_end(), "nobody ends it");
        });
    }
    // Whole requests that are reset at once: at most one call each, and never more at one time than streams are allowed.
    let seen = scene.upstream.seen().len();
    let mut client = Frames::connect(scene.gateway.address);
    let whole = request("GET", JOBS, &[]);
    let burst: Vec<u8> = (0..2_000_u32)
        .flat_map(|n| {
            [
                frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &whole),
                frame(RESET, 0, 2 * n + 1, &8_u32.to_be_bytes()),
            ]
            .concat()
        })
        .collect();
    client.write(&burst);
    let closed = client.is_closed_in_the_end();
    let heard = scene.upstream.seen().len() - seen;
    scene.tally.survived(closed && heard <= 2_000 && serves(&scene.gateway), || {
        format!("closed {closed}, {heard} heard")
    });
    println!("whole requests that were reset: 2000, calls of upstream: {heard}");
    scene.finish();
}

#[test]
fn f2_headers_and_frames_without_end() {
    let mut scene = scene("f2");
    let open = request("POST", JOBS, &[JSON]);
    for (name, piece) in
        [("empty", vec![]), ("small", field("x", b"y")), ("full", field("x", &[b'y'; 16_000]))]
    {
        attack(&mut scene, &format!("continuations, {name}"), |client| {
            client.write(&frame(HEADERS, 0, 1, &open));
            let burst = frame(CONTINUATION, 0, 1, &piece).repeat(100);
            let mut bursts = 0;
            while bursts < 200 && client.write(&burst) {
                bursts += 1;
            }
            assert!(client.is_closed_in_the_end(), "nobody ends it");
        });
    }
    // One large field, kept once and then named again and again with one byte each.
    attack(&mut scene, "named again and again", |client| {
        let mut block = [open.clone(), kept("x-large", &[b'y'; 3_900])].concat();
        block.extend(vec![0x80 | 0x3e; 12_000]);
        for n in 0..50_u32 {
            client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &block));
        }
        client.is_closed_in_the_end();
    });
    attack(&mut scene, "very many small ones", |client| {
        let mut block = open.clone();
        block.extend(kept("x", b"y"));
        block.extend(vec![0x80 | 0x3e; 15_000]);
        for n in 0..50_u32 {
            client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &block));
        }
        client.is_closed_in_the_end();
    });
    attack(&mut scene, "cookies in crumbs", |client| {
        let mut block = request("GET", JOBS, &[]);
        block.extend(field("cookie", b"a=b").repeat(900));
        for n in 0..50_u32 {
            client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &block));
        }
        client.is_closed_in_the_end();
    });
    for padding in [vec![], vec![0_u8; 1]] {
        attack(&mut scene, "data without bytes", |client| {
            client.write(&frame(HEADERS, END_HEADERS, 1, &open));
            let flags = if padding.is_empty() { 0 } else { 8 };
            let burst = frame(DATA, flags, 1, &padding).repeat(1_000);
            let mut bursts = 0;
            while bursts < 100 && client.write(&burst) {
                bursts += 1;
            }
            client.leave();
        });
    }
    scene.finish();
}

#[test]
fn f3_windows_settings_and_pings() {
    // One that counts an answer as lost for which it would have to connect again.
    let mut scene = Scene::new("f3", &format!("{H2C}limits.requests_per_connection = 10000"));
    let setting = |id: u16, value: u32| [id.to_be_bytes().to_vec(), value.to_be_bytes().to_vec()].concat();
    for (name, one) in [
        ("settings", frame(SETTINGS, 0, 0, &setting(4, 65_535))),
        ("settings of many", frame(SETTINGS, 0, 0, &setting(4, 65_535).repeat(1_000))),
        ("table sizes", frame(SETTINGS, 0, 0, &[setting(1, 0), setting(1, 4096)].concat())),
        ("pings", frame(PING, 0, 0, &[7; 8])),
        ("answers to no ping", frame(PING, 1, 0, &[7; 8])),
        ("windows of the connection", frame(WINDOW, 0, 0, &1_u32.to_be_bytes())),
        ("priorities", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])),
        ("frames of no kind", frame(99, 255, 1, &[1; 100])),
    ] {
        attack(&mut scene, name, |client| {
            client.stream.set_nonblocking(true).unwrap();
            // Nothing is read: whatever has to be answered piles up, or stops us.
            let burst = one.repeat(20_000_usize.min((1 << 20) / one.len()));
            for _ in 0..20 {
                client.write(&burst);
            }
            client.leave();
        });
    }
    // Nobody waits for ever: neither for a request, nor for the rest of a header.
    for begun in [vec![], frame(HEADERS, 0, 1, &request("GET", JOBS, &[])), vec![0, 0, 9]] {
        let mut client = Frames::connect(scene.gateway.address);
        client.write(&begun);
        let closed = client.is_closed_in_the_end();
        scene.tally.survived(closed, || format!("{begun:?} is waited for without end"));
    }
    // Nor for whoever takes nothing of an answer.
    for window in [0, 1] {
        let large = answer(200, &"x".repeat(1 << 20));
        scene.upstream.script([Act::Answer(large)]);
        let mut client = Frames::connect(scene.gateway.address);
        client.write(&frame(SETTINGS, 0, 0, &setting(4, window)));
        client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", JOBS, &[])));
        let closed = client.is_closed_in_the_end();
        scene.tally.survived(closed, || format!("a window of {window} is waited for without end"));
    }
    foreign(&mut scene);
    scene.finish();
}

#[test]
fn f3_connections_on_which_nothing_begins() {
    let mut scene =
        Scene::new("f3", "listen.h2c = true\nlimits.keep_alive = '1s'\nlimits.head_timeout = '500ms'");
    for begun in ["", "P", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r", "GET / HTTP/1.0\r\n\r\n"] {
        let mut client = scene.gateway.client();
        client.write(begun.as_bytes());
        // It would wait for us for ever.
        scene.tally.survived(client.is_closed(), || format!("{begun:?} is waited for without end"));
    }
    scene.finish();
}

/// A client that nobody here wrote: many streams at once, every one answered.
fn foreign(scene: &mut Scene) {
    let url = format!("http://{}{JOBS}", scene.gateway.address);
    let load = Command::new("h2load")
        .args(["-n", "2000", "-c", "8", "-m", "50", "-t", "1", "-H", "authorization: Bearer t0k-en", &url])
        .output()
        .expect("h2load, of the package nghttp2-client, is installed by `cargo xtask catalogue` and `cargo xtask test`");
    let said = String::from_utf8_lossy(&load.stdout).into_owned();
    scene
        .tally
        .survived(said.contains("2000 succeeded, 0 failed, 0 errored") && said.contains("2000 2xx"), || said);
}

#[test]
fn f4_what_only_http_1_can_misread() {
    let mut scene = scene("f4");
    let fields: [&[(&str, &str)]; 20] = [
        &[JSON, ("content-length", "5")],
        &[JSON, ("content-length", "0")],
        &[JSON, ("content-length", "332"), ("content-length", "333")],
        &[JSON, ("content-length", "-1")],
        &[JSON, ("content-length", "+332")],
        &[JSON, ("content-length", "")],
        &[JSON, ("transfer-encoding", "chunked")],
        &[JSON, ("connection", "close")],
        &[JSON, ("upgrade", "h2c")],
        &[JSON, ("te", "gzip")],
        &[JSON, ("x", "a\r\nauthorization: Bearer other")],
        &[JSON, ("x", "a\nb")],
        &[JSON, ("x", "a\0b")],
        &[JSON, ("x\r\ny", "a")],
        &[JSON, ("X-Upper", "a")],
        &[JSON, ("", "a")],
        &[JSON, (":path", "/other")],
        &[JSON, (":authority", "other")],
        &[JSON, ("host", "other.example.com")],
        &[JSON, (":status", "200")],
    ];
    for more in fields {
        refused(&mut scene, &request("POST", JOBS, more));
    }
    for path in [
        "",
        "contextcapture/jobs",
        "/contextcapture/jobs HTTP/1.1\r\nx: y",
        "/contextcapture/jo bs",
        "http://gate/contextcapture/jobs",
        "*",
        "/contextcapture//jobs",
        "/contextcapture/%6aobs",
        "/contextcapture/jobs\u{e9}",
    ] {
        refused(&mut scene, &request("POST", path, &[JSON]));
    }
    for method in ["", "POST /x HTTP/1.1\r\n\r\n", "CONNECT", "PO ST", "post"] {
        refused(&mut scene, &request(method, JOBS, &[JSON]));
    }
    for block in [
        vec![],
        field(":method", b"POST"),
        vec![0xff; 20],
        vec![0x80],
        vec![0x3f, 0xff, 0xff, 0xff, 0xff, 0x0f],
    ] {
        refused(&mut scene, &block);
    }
    scene.finish();
}

/// A request with a body that is whole by its frames: upstream hears nothing of it.
fn refused(scene: &mut Scene, block: &[u8]) {
    let seen = scene.upstream.seen().len();
    let mut client = Frames::connect(scene.gateway.address);
    client.write(&frame(HEADERS, END_HEADERS, 1, block));
    client.write(&frame(DATA, END_STREAM, 1, JOB.as_bytes()));
    let got = client.until_end_of(1);
    let heard = scene.upstream.seen().len() - seen;
    let said = body(&got, 1);
    let fine = heard == 0 && !said.contains(CREATED) && (said.is_empty() || said.contains("\"error\""));
    scene
        .tally
        .refused(fine, || format!("{:?}: {heard} heard, {said}, {got:?}", String::from_utf8_lossy(block)));
    client.leave();
    scene.must_serve();
}

#[test]
fn f5_a_whole_job_and_then_a_reset() {
    let mut scene = scene("f5");
    for count in 1..=5_usize {
        scene.upstream.script([Act::Hold]);
        let mut client = Frames::connect(scene.gateway.address);
        client.write(&frame(HEADERS, END_HEADERS, 1, &request("POST", JOBS, &[JSON])));
        client.write(&frame(DATA, END_STREAM, 1, JOB.as_bytes()));
        scene.upstream.wait_held(count);
        if count.is_multiple_of(2) {
            client.leave();
        } else {
            client.write(&frame(RESET, 0, 1, &8_u32.to_be_bytes()));
        }
        scene.upstream.release();
        let line = scene.gateway.log.lines(count).pop().unwrap();
        scene
            .tally
            .survived(line["upstream_status"] == 201 && line["decision"] == "admitted", || line.to_string());
        // As if the client had stayed: what is held is the job's.
        let states = money::states(&scene.gateway);
        scene.tally.survived(states.len() == count && states.iter().all(|state| state == "bound"), || {
            format!("{states:?}")
        });
    }
    // What does more than ask and is no job is finished, too.
    scene.upstream.script([Act::Hold]);
    let mut client = Frames::connect(scene.gateway.address);
    let ends = request("DELETE", "/contextcapture/workspaces/w", &[]);
    client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &ends));
    scene.upstream.wait_held(6);
    let next = frame(HEADERS, END_HEADERS | END_STREAM, 3, &request("GET", JOBS, &[]));
    client.write(&[frame(RESET, 0, 1, &8_u32.to_be_bytes()), next].concat());
    client.until_end_of(3);
    scene.upstream.release();
    let lines = scene.gateway.log.lines(7);
    let line = lines.iter().find(|line| line["route"] == "workspaces-delete").unwrap();
    let fine = line["upstream_status"] == 204 && line["decision"] == "bypassed";
    scene.tally.survived(fine, || line.to_string());
    scene.finish();
}

/// A request is whole where its stream ends, and has no body where none belongs, be it without a length.
#[test]
fn f4_bodies_where_none_belongs() {
    let mut scene = Scene::new("f4", &format!("{H2C}limits.body_timeout = '300ms'"));
    let job = format!("{JOBS}/58e0c0ca-f730-4e5b-808d-1c8cacacb4d4");
    let begun = |method: &str, path: &str| frame(HEADERS, END_HEADERS, 1, &request(method, path, &[]));
    let long = frame(DATA, 0, 1, &[b'x'; 9000]).repeat(6);
    for (method, path) in
        [("DELETE", job.as_str()), ("GET", &job), ("GET", JOBS), ("GET", "/jobgate/v1/rules")]
    {
        for (more, code) in [
            (frame(DATA, END_STREAM, 1, br#"{"force":true}"#), "BadRequest"),
            (frame(DATA, 0, 1, b"x"), "BadRequest"),
            ([frame(DATA, 0, 1, b""), long.clone()].concat(), "BadRequest"),
            (frame(DATA, 0, 1, b""), "RequestTimeout"),
            (vec![], "RequestTimeout"),
        ] {
            let seen = scene.upstream.count();
            let mut client = Frames::connect(scene.gateway.address);
            client.write(&[begun(method, path), more.clone()].concat());
            let said = body(&client.until_end_of(1), 1);
            let heard = scene.upstream.count() - seen;
            scene.tally.refused(said.contains(code) && heard == 0, || {
                format!("{method} {path} and {} bytes: {heard} heard, {said}", more.len())
            });
            client.leave();
            scene.must_serve();
        }
        // It ends without a body all the same.
        let trailers = frame(HEADERS, END_HEADERS | END_STREAM, 1, &field("x", b"y"));
        for end in [frame(DATA, END_STREAM, 1, b""), trailers] {
            let mut client = Frames::connect(scene.gateway.address);
            client.write(&[begun(method, path), end].concat());
            let got = client.until_end_of(1);
            let fine = !got.is_empty() && !body(&got, 1).contains("\"error\"");
            scene.tally.survived(fine, || format!("{method} {path}: {got:?}"));
            client.leave();
        }
    }
    scene.finish();
}

/// The library writes no interim answer over HTTP/2: who waits for one is told so, and not left waiting for the body's whole time.
#[test]
fn f4_who_waits_to_be_invited_is_told_not_to() {
    let scene = scene("f4");
    let mut client = Frames::connect(scene.gateway.address);
    let expects = request("POST", JOBS, &[JSON, ("expect", "100-continue")]);
    client.write(&frame(HEADERS, END_HEADERS, 1, &expects));
    assert!(body(&client.until_end_of(1), 1).contains("ExpectationFailed"));
    client.write(&frame(HEADERS, END_HEADERS, 3, &expects));
    client.write(&frame(DATA, END_STREAM, 3, JOB.as_bytes()));
    assert_eq!(body(&client.until_end_of(3), 3), CREATED, "who does not wait is served");
}
