//! B4: a crowd of slow clients of each kind at one time. Each is let go, and good ones do not notice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use crate::scene::Scene;
use crate::support::{self, Act, JOB, PATIENCE, Running, get, post};

const JOBS: &str = "/contextcapture/jobs";

/// How many slow clients there are of each kind; the environment can ask for more.
fn crowd() -> usize {
    let all = std::env::var("JOBGATE_SLOW_CLIENTS").ok().and_then(|count| count.parse::<usize>().ok());
    all.unwrap_or(150).div_ceil(3)
}

/// Requests of a route that are over.
fn counted(gateway: &Running, route: &str) -> usize {
    let metrics = gateway.operator().send(&get("/metrics")).body;
    let of_route = format!("route=\"{route}\"");
    let lines = metrics
        .lines()
        .filter(|line| line.starts_with("jobgate_requests_total{") && line.contains(&of_route));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum()
}

#[test]
fn b4_a_crowd_of_slow_clients() {
    let limits = "limits.head_timeout = '2s'\nlimits.body_timeout = '2s'\nlimits.keep_alive = '2s'\nlimits.requests_per_connection = 1000000";
    let mut scene = Scene::new("b4", limits);
    let crowd = crowd();
    let job = post(JOB);
    let large = support::answer(200, &"x".repeat(8 << 20));
    let connect = || {
        let stream = TcpStream::connect(scene.gateway.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    // The answers are read by nobody until the end.
    scene.upstream.script((0..crowd).map(|_| Act::Answer(large.clone())));
    let mut readers: Vec<TcpStream> = Vec::new();
    for count in 1..=crowd {
        let mut reader = connect();
        reader.write_all(&get(JOBS)).unwrap();
        while scene.upstream.seen().len() < count {
            thread::yield_now();
        }
        readers.push(reader);
    }
    let mut slow: Vec<(Instant, TcpStream)> = Vec::new();
    for _ in 0..crowd {
        for begun in [b"POST /contextcapture/jobs HTTP/1.1\r\nHost: ga".as_slice(), &job[..job.len() - 1]] {
            let mut stream = connect();
            let came = Instant::now();
            stream.write_all(begun).unwrap();
            slow.push((came, stream));
        }
    }
    let over = AtomicBool::new(false);
    let (ends, lines, served) = thread::scope(|scope| {
        let good = scope.spawn(|| {
            let mut client = scene.gateway.client();
            let mut served = 0;
            while !over.load(Ordering::Relaxed) {
                let status = client.send(&job).status;
                assert_eq!(status, 201, "a good request among slow ones, behind {served}");
                served += 1;
            }
            served
        });
        let end = |(opened, mut stream): (Instant, TcpStream)| {
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            (answer, opened.elapsed())
        };
        let slow: Vec<_> = slow.into_iter().map(|one| scope.spawn(move || end(one))).collect();
        let ends: Vec<_> = slow.into_iter().map(|one| one.join().unwrap()).collect();
        // Whoever reads nothing for 10 s is let go.
        while counted(&scene.gateway, "jobs-get-all") < crowd {
            thread::yield_now();
        }
        over.store(true, Ordering::Relaxed);
        let served = good.join().unwrap();
        (ends, scene.gateway.log.lines(3 * crowd + served), served)
    });
    let latest = ends.iter().map(|(_, took)| *took).max().unwrap();
    println!(
        "{} slow ones let go, the last {latest:?} after it came, at 2 s; {served} good ones served",
        ends.len() + crowd
    );
    for (index, (answer, _)) in ends.iter().enumerate() {
        scene.tally.refused(answer.starts_with("HTTP/1.1 408 "), || format!("{index}: {answer:?}"));
    }
    scene.tally.survived(served > 0, || "no good request was served".to_owned());
    let read: Vec<_> = lines.iter().filter(|line| line["route"] == "jobs-get-all").collect();
    for line in &read {
        scene.tally.survived(line["status"] == 200, || line.to_string());
    }
    assert_eq!(read.len(), crowd);
    drop(readers);
    scene.finish();
}
