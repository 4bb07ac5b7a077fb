//! What must hold of any bytes on a connection, from the socket to upstream: whatever passes the gate was there for every reader of
//! the connection, as one request with the same body, and every reader of its body finds the same job. Run by a fuzz target and,
//! on the seeds, by a test.

use std::io::{Read, Write, sink};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, OnceLock};

use super::{PATIENCE, Recorder, Running, Seen};

/// Not so much that whole bodies of this size would be what a fuzzer is busy with.
const LIMITS: &str = "limits.body_bytes = '16KiB'\nlimits.head_bytes = '4KiB'\nlimits.threads = 1";

/// A gate, its upstream, and what the last connection carried: an exchange may outlive its client.
struct Stage {
    upstream: Recorder,
    gateway: Running,
    before: Mutex<Vec<Found>>,
}

/// A request as a reader finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    /// Method and target.
    operation: String,
    body: Vec<u8>,
}

/// Which of two contradicting fields a reader believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Believes {
    Length,
    Chunks,
}

/// Sends bytes on a connection of their own, and holds what upstream heard to what they are.
pub fn exchange(bytes: &[u8]) {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    let stage = STAGE.get_or_init(|| {
        let upstream = Recorder::start();
        let text = format!("upstream.url = 'http://{}'\n{LIMITS}", upstream.address);
        Stage { upstream, gateway: Running::logging(&text, Box::new(sink())), before: Mutex::default() }
    });
    send(stage, bytes);
    let mut before = stage.before.lock().unwrap();
    let heard = stage.upstream.take();
    for believes in [Believes::Length, Believes::Chunks] {
        let mut found = before.clone();
        found.extend(requests(bytes, believes));
        let mut found = found.iter();
        for seen in &heard {
            let heard = Found { operation: operation(&seen.line), body: seen.body.clone() };
            assert!(
                found.any(|found| *found == heard),
                "{believes:?} finds no such request: {:?} {:?}",
                heard.operation,
                String::from_utf8_lossy(&heard.body)
            );
        }
    }
    heard.iter().for_each(well_formed);
    *before = requests(bytes, Believes::Length);
}

fn send(stage: &Stage, bytes: &[u8]) {
    let mut stream = TcpStream::connect(stage.gateway.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Who is refused early may find the connection closed.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    if let Err(fault) = stream.read_to_end(&mut answers) {
        assert_eq!(fault.kind(), std::io::ErrorKind::ConnectionReset, "{fault}");
    }
    assert!(answers.is_empty() || answers.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&answers));
}

/// Upstream hears documented operations, with a token, and of jobs only such as all understand alike.
fn well_formed(seen: &Seen) {
    assert!(seen.line.ends_with(" HTTP/1.1"), "{seen:?}");
    assert!(seen.header("authorization").is_some_and(|token| token.len() > 7), "{seen:?}");
    let operation = operation(&seen.line);
    let (method, target) = operation.split_once(' ').unwrap();
    let method = http::Method::from_bytes(method.as_bytes()).unwrap();
    match gateway::route(&method, target).map_err(|no| format!("{no:?}")) {
        Ok(gateway::Route::CreateJob) => testkit::fuzz::read_alike(&seen.body),
        Ok(gateway::Route::ChangeJob) => {
            let judged = testkit::naive::read_patch(&seen.body, &testkit::naive::Settings::default());
            assert!(judged.accepted, "{judged:?}");
        }
        Ok(gateway::Route::CreateWorkspace) => {}
        Ok(_) => assert!(seen.body.is_empty(), "{seen:?}"),
        Err(no) => panic!("{no}: {seen:?}"),
    }
}

fn operation(line: &str) -> String {
    line.rsplit_once(' ').map_or("", |(operation, _)| operation).to_owned()
}

/// All requests on a connection, as a reader finds them that is as lenient as any.
fn requests(mut bytes: &[u8], believes: Believes) -> Vec<Found> {
    let mut found = Vec::new();
    while let Some(one) = request(&mut bytes, believes) {
        found.push(one);
    }
    found
}

fn request(bytes: &mut &[u8], believes: Believes) -> Option<Found> {
    let mut first = line(bytes)?;
    while first.is_empty() {
        first = line(bytes)?;
    }
    let (mut length, mut chunked) = (None, false);
    loop {
        let field = line(bytes)?;
        if field.is_empty() {
            break;
        }
        let (name, value) = field.split_once(':').unwrap_or((&field, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse::<usize>().ok(),
            "transfer-encoding" => chunked = true,
            _ => {}
        }
    }
    let body = match length {
        Some(length) if !chunked || believes == Believes::Length => take(bytes, length)?,
        _ if chunked => chunks(bytes)?,
        _ => Vec::new(),
    };
    Some(Found { operation: operation(&first), body })
}

fn chunks(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(bytes)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            while !line(bytes)?.is_empty() {}
            return Some(body);
        }
        body.extend(take(bytes, size)?);
        line(bytes)?;
    }
}

/// Up to a line feed, with or without a carriage return before it.
fn line(bytes: &mut &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = take(bytes, end)?;
    take(bytes, 1)?;
    Some(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned())
}

fn take(bytes: &mut &[u8], count: usize) -> Option<Vec<u8>> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken.to_vec())
}
