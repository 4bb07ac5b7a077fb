//! F: HTTP/2 as its standard has it, by clients that nobody here wrote; and how many requests a connection may have.

use std::path::Path;
use std::process::Command;

use crate::frames::{END_HEADERS, END_STREAM, Frames, GOAWAY, Got, HEADERS, PING, frame, request};
use crate::scene::Scene;

const JOBS: &str = "/contextcapture/jobs";

/// The frames, the header compression and the client of python-hyper, at what the standard asks of servers.
#[test]
fn f4_what_the_standard_asks_of_a_server() {
    let mut scene = Scene::new(
        "f4",
        "listen.h2c = true\nlimits.keep_alive = '2s'\nlimits.requests_per_http2_connection = 1000",
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/h2_conformance.py");
    let tried = Command::new("/usr/bin/python3")
        .arg("-B")
        .arg(script)
        .args([scene.gateway.address.ip().to_string(), scene.gateway.address.port().to_string()])
        .output()
        .expect("python3, and its h2, are installed by `cargo xtask catalogue` and `cargo xtask test`");
    let said = String::from_utf8_lossy(&tried.stdout).into_owned();
    for line in said.lines().filter(|line| *line != "done") {
        scene.tally.survived(line.starts_with("ok\t"), || line.to_owned());
    }
    let more = String::from_utf8_lossy(&tried.stderr).into_owned();
    assert!(said.ends_with("done\n"), "the cases were not all tried: {said}{more}");
    assert!(scene.tally.cases() >= 90, "{said}");
    scene.finish();
}

#[test]
fn b5_the_requests_of_a_connection_are_numbered() {
    let limits = "listen.h2c = true\nlimits.keep_alive = '1s'\nlimits.requests_per_http2_connection = 5";
    let mut scene = Scene::new("b5", limits);
    let get = |n: u32| frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &request("GET", JOBS, &[]));
    // Whoever leaves when asked to has all answers.
    let mut client = Frames::connect(scene.gateway.address);
    for n in 0..5 {
        client.write(&get(n));
    }
    let got = until_closed(&mut client, true);
    let ended = (0..5).all(|n| ends(&got, 2 * n + 1));
    let told = got.iter().any(|one| one.kind == GOAWAY && one.payload[4..8] == [0; 4]);
    scene.tally.survived(ended && told, || format!("{got:?}"));
    // Whoever hears nothing and stands still is let go.
    let mut client = Frames::connect(scene.gateway.address);
    for n in 0..5 {
        client.write(&get(n));
    }
    let got = until_closed(&mut client, false);
    scene.tally.survived((0..5).all(|n| ends(&got, 2 * n + 1)), || format!("{got:?}"));
    // Whoever goes on is cut off, two hundred streams behind the limit at the latest.
    let mut client = Frames::connect(scene.gateway.address);
    let mut answered = 0;
    for n in 0..1_000 {
        if !client.write(&get(n)) || !ends(&client.until_end_or_close(2 * n + 1), 2 * n + 1) {
            break;
        }
        answered += 1;
    }
    scene.tally.survived((5..=206).contains(&answered), || format!("{answered} requests were answered"));
    // The request that was cut off may still be under way.
    scene.without_a_last_good_one().finish();
}

/// Clients of HTTP/2 send many requests at one time, and there are some that take those for lost which are under way when they are
/// asked to leave: the number that HTTP/1 has is not theirs.
#[test]
fn b5_the_number_of_http1_is_not_that_of_http2() {
    let mut scene = Scene::new("b5", "listen.h2c = true\nlimits.requests_per_connection = 3");
    let mut client = Frames::connect(scene.gateway.address);
    for n in 0..500 {
        let id = 2 * n + 1;
        client.write(&frame(HEADERS, END_HEADERS | END_STREAM, id, &request("GET", JOBS, &[])));
        let got = client.until_end_or_close(id);
        let good = ends(&got, id) && got.iter().all(|one| one.kind != GOAWAY);
        scene.tally.survived(good, || format!("request {n}: {got:?}"));
    }
    client.leave();
    scene.finish();
}

/// All that comes until the connection ends; pings are answered or not.
fn until_closed(client: &mut Frames, polite: bool) -> Vec<Got> {
    let mut got = Vec::new();
    while let Some(one) = client.next() {
        if polite && one.kind == PING && one.flags == 0 {
            client.write(&frame(PING, 1, 0, &one.payload));
        }
        got.push(one);
    }
    got
}

fn ends(got: &[Got], stream: u32) -> bool {
    got.iter().any(|one| one.stream == stream && one.kind <= HEADERS && one.flags & END_STREAM != 0)
}
