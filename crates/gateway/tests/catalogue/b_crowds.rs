//! B4: a crowd of slow clients of each kind at one time. Each is let go, and good ones do not notice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::scene::Scene;
use crate::support::{self, Act, JOB, PATIENCE, Running, get, post};

const JOBS: &str = "/contextcapture/jobs";
/// How long a header or a body may take here.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long a piece of an answer may wait to be taken.
const UNTAKEN: Duration = Duration::from_secs(10);

/// Between two good requests: some 200 in a second.
const BETWEEN: Duration = Duration::from_millis(5);

/// How many slow clients there are of each kind, and for how long new ones come for those that were let go. The environment can ask
/// for more, and then they come for half a minute.
fn crowd() -> (usize, Duration) {
    let all = std::env::var("JOBGATE_SLOW_CLIENTS").ok().and_then(|count| count.parse::<usize>().ok());
    let long = if all.is_some() { Duration::from_secs(30) } else { Duration::ZERO };
    (all.unwrap_or(150).div_ceil(3), long)
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

fn connect(gateway: &Running) -> TcpStream {
    let stream = TcpStream::connect(gateway.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What one slow client was told, and when after it came; another one comes for it until then.
fn slow(gateway: &Running, begun: &[u8], until: Instant) -> Vec<(String, Duration)> {
    let mut ends = Vec::new();
    loop {
        let mut stream = connect(gateway);
        let came = Instant::now();
        stream.write_all(begun).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        ends.push((answer, came.elapsed()));
        if Instant::now() >= until {
            return ends;
        }
    }
}

/// Clients that ask for an answer and take nothing of it; others come for those that were let go. Tells how many there were.
fn readers(scene: &Scene, crowd: usize, until: Instant) -> usize {
    let large = support::answer(200, &"x".repeat(8 << 20));
    let mut all: Vec<TcpStream> = Vec::new();
    loop {
        let over = counted(&scene.gateway, "jobs-get-all");
        let more = Instant::now() < until;
        if !more && (1..=over).contains(&all.len()) {
            return all.len();
        }
        for _ in 0..if more || all.is_empty() { (over + crowd).saturating_sub(all.len()) } else { 0 } {
            // The good ones have their own answers: this one is told to the next who reads.
            let mut reader = connect(&scene.gateway);
            scene.upstream.script_for("GET", Act::Answer(large.clone()));
            reader.write_all(&get(JOBS)).unwrap();
            all.push(reader);
        }
        // Whoever looks without end takes the time of those that are looked at.
        thread::park_timeout(5 * BETWEEN);
    }
}

#[test]
fn b4_a_crowd_of_slow_clients() {
    let limits = "limits.head_timeout = '2s'\nlimits.body_timeout = '2s'\nlimits.keep_alive = '2s'\nlimits.requests_per_connection = 1000000";
    let mut scene = Scene::new("b4", limits);
    let (crowd, long) = crowd();
    let job = post(JOB);
    let until = Instant::now() + long;
    let over = AtomicBool::new(false);
    let (heads, bodies, read, served) = thread::scope(|scope| {
        let scene = &scene;
        let good = scope.spawn(|| {
            let mut client = scene.gateway.client();
            let mut served = 0;
            while !over.load(Ordering::Relaxed) {
                let status = client.send(&job).status;
                assert_eq!(status, 201, "a good request among slow ones, behind {served}");
                served += 1;
                thread::park_timeout(BETWEEN);
            }
            served
        });
        let gateway = &scene.gateway;
        let begin = |begun: &'static [u8]| -> Vec<ScopedJoinHandle<'_, _>> {
            (0..crowd).map(|_| scope.spawn(move || slow(gateway, begun, until))).collect()
        };
        let cut: &'static [u8] = post(JOB)[..post(JOB).len() - 1].to_vec().leak();
        let heads = begin(b"POST /contextcapture/jobs HTTP/1.1\r\nHost: ga");
        let bodies = begin(cut);
        let read = readers(scene, crowd, until);
        let all = |of: Vec<ScopedJoinHandle<'_, Vec<_>>>| -> Vec<(String, Duration)> {
            of.into_iter().flat_map(|one| one.join().unwrap()).collect()
        };
        let (heads, bodies) = (all(heads), all(bodies));
        over.store(true, Ordering::Relaxed);
        (heads, bodies, read, good.join().unwrap())
    });
    let lines = scene.gateway.log.lines(heads.len() + bodies.len() + read + served);
    let lines: Vec<_> = lines.iter().filter(|line| line["route"] == "jobs-get-all").collect();
    let taken = |line: &&serde_json::Value| Duration::from_secs_f64(line["seconds_total"].as_f64().unwrap());
    let latest = lines.iter().map(taken).max().unwrap();
    for (kind, ends) in [("header", &heads), ("body", &bodies)] {
        let latest = ends.iter().map(|(_, took)| *took).max().unwrap();
        println!(
            "{} slow by their {kind} let go, the last {latest:?} after it came, at {DEADLINE:?}",
            ends.len()
        );
        for (answer, _) in ends {
            scene.tally.refused(answer.starts_with("HTTP/1.1 408 "), || format!("{kind}: {answer:?}"));
        }
        on_time(&mut scene, long, kind, latest, DEADLINE);
    }
    // Their time begins when a piece is not taken, and not when they come: until then all of them are served at once.
    println!("{read} that read nothing let go, the last {latest:?} after it came, at {UNTAKEN:?}");
    println!("{served} good ones served meanwhile, none of them failed");
    scene.tally.survived(served > 0, || "no good request was served".to_owned());
    for line in &lines {
        scene.tally.survived(line["status"] == 200, || line.to_string());
    }
    assert_eq!(lines.len(), read);
    scene.finish();
}

/// Only where it was asked for: no test of every day depends on how fast a machine is.
fn on_time(scene: &mut Scene, asked: Duration, kind: &str, latest: Duration, deadline: Duration) {
    if !asked.is_zero() {
        scene.tally.survived(latest <= deadline + Duration::from_secs(1), || format!("{kind}: {latest:?}"));
    }
}
