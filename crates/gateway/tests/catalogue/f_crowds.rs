//! F: a hundred connections of HTTP/2 that attack at one time. What they take together is bounded, and others are answered meanwhile.

use std::io::Write;

use crate::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PING, SETTINGS, field, frame, kept, request,
};
use crate::scene::Scene;
use crate::support::{JOB, post};

const CROWD: usize = 100;
const MOST: usize = 64 << 20;
/// The most that a request may take whose answer nobody takes: all of its state is kept until it is given up.
const UNTAKEN: usize = 32 << 10;

/// Each connection writes its opening once and its burst again and again, as far as somebody reads; nobody reads what is answered.
fn crowd(scene: &mut Scene, name: &str, opening: &[u8], burst: &[u8]) {
    bounded(scene, name, opening, burst, (CROWD, MOST));
}

fn bounded(scene: &mut Scene, name: &str, opening: &[u8], burst: &[u8], (count, bound): (usize, usize)) {
    let before = resident();
    let mut crowd: Vec<Frames> = (0..count).map(|_| Frames::connect(scene.gateway.address)).collect();
    for client in &mut crowd {
        client.stream.set_nonblocking(true).unwrap();
        let _ = client.stream.write_all(opening);
    }
    let (mut most, mut statuses) = (0, Vec::new());
    for _ in 0..10 {
        for client in &mut crowd {
            // A write that would have to wait is not waited for.
            let _ = client.stream.write_all(burst);
        }
        statuses.push(scene.gateway.send(&post(JOB)).status);
        most = most.max(resident().saturating_sub(before));
    }
    crowd.iter_mut().for_each(Frames::leave);
    let answered = statuses.iter().all(|status| [201, 503].contains(status));
    println!("{name}: {} KiB more", most >> 10);
    scene.tally.survived(most < bound && answered, || {
        format!("{name}: {most} bytes more, good jobs were answered {statuses:?}")
    });
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

fn scene(id: &'static str) -> Scene {
    Scene::new(id, "listen.h2c = true\nlimits.keep_alive = '5s'")
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn f2_headers_and_data_of_a_hundred_connections() {
    let mut scene = scene("f2");
    let open = request("POST", "/contextcapture/jobs", &[JSON]);
    let begun = frame(HEADERS, 0, 1, &open);
    crowd(
        &mut scene,
        "headers without end",
        &begun,
        &frame(CONTINUATION, 0, 1, &field("x", &[b'y'; 16_000])),
    );
    crowd(&mut scene, "continuations without bytes", &begun, &frame(CONTINUATION, 0, 1, &[]).repeat(1_000));
    let mut named = open.clone();
    named.extend(kept("x", b"y"));
    named.extend(vec![0x80 | 0x3e; 15_000]);
    let streams: Vec<u8> =
        (0..20_u32).flat_map(|n| frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &named)).collect();
    crowd(&mut scene, "fields that are named again and again", &[], &streams);
    let large = request("POST", "/contextcapture/jobs", &[JSON, ("x", &"y".repeat(12_000))]);
    // More of them than may be in flight at one time.
    let held: Vec<u8> = (0..12_u32).flat_map(|n| frame(HEADERS, END_HEADERS, 2 * n + 1, &large)).collect();
    crowd(&mut scene, "requests with large headers that are held open", &held, &frame(PING, 0, 0, &[0; 8]));
    let opened = frame(HEADERS, END_HEADERS, 1, &open);
    crowd(&mut scene, "data without bytes", &opened, &frame(DATA, 0, 1, &[]).repeat(5_000));
    crowd(&mut scene, "data with padding alone", &opened, &frame(DATA, 8, 1, &[200; 201]).repeat(300));
    scene.without_a_last_good_one().finish();
}

#[test]
fn f3_settings_and_pings_of_a_hundred_connections() {
    let mut scene = scene("f3");
    let size = [0, 4, 0, 0, 0xff, 0xff];
    crowd(&mut scene, "settings", &[], &frame(SETTINGS, 0, 0, &size).repeat(1_000));
    crowd(&mut scene, "pings", &[], &frame(PING, 0, 0, &[7; 8]).repeat(1_000));
    let none = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let asked: Vec<u8> = (0..100_u32)
        .flat_map(|n| {
            frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, &request("GET", "/jobgate/v1/schema", &[]))
        })
        .collect();
    let ping = frame(PING, 0, 0, &[7; 8]);
    let untaken = (25, 25 * 100 * UNTAKEN);
    bounded(&mut scene, "answers that nobody takes", &[none, asked].concat(), &ping, untaken);
    scene.without_a_last_good_one().finish();
}
