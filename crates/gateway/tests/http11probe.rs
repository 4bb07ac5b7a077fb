//! Public raw requests at their worst: what must be refused is, and nothing behind a refusal is read as a request.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells its figures"
)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::{JOB, PATIENCE, Recorder, Running, Seen, post};

const CASES: &str = include_str!("data/http11probe.txt");
const LLHTTP: &str = include_str!("data/llhttp.txt");
/// A method that no operation has: refused as such.
const NO_OPERATION: [&str; 1] = ["COMP-OPTIONS-STAR"];

struct Case {
    name: &'static str,
    verdict: &'static str,
    requests: Vec<Vec<u8>>,
}

fn cases() -> Vec<Case> {
    let lines = CASES.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut parts = line.split('\t');
            let (name, verdict) = (parts.next().unwrap(), parts.next().unwrap());
            Case { name, verdict, requests: parts.map(unescaped).collect() }
        })
        .collect()
}

fn unescaped(mut text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(first) = text.bytes().next() {
        let run = text.strip_prefix('{').and_then(|rest| rest.split_once('*'));
        if let Some((count, rest)) = run.and_then(|(count, rest)| Some((count.parse().ok()?, rest))) {
            bytes.extend(vec![rest.as_bytes()[0]; count]);
            text = &rest[2..];
        } else if first != b'\\' {
            bytes.push(first);
            text = &text[1..];
        } else {
            let (byte, taken) = match text.as_bytes()[1] {
                b'r' => (b'\r', 2),
                b'n' => (b'\n', 2),
                b'\\' => (b'\\', 2),
                _ => (u8::from_str_radix(&text[2..4], 16).unwrap(), 4),
            };
            bytes.push(byte);
            text = &text[taken..];
        }
    }
    bytes
}

/// The same for operations that the gate forwards, with a token: only its framing can then be wrong.
fn addressed(request: &[u8]) -> Vec<u8> {
    let mut bytes = request.to_vec();
    for (from, to) in [
        ("GET / ", "GET /contextcapture/jobs "),
        ("POST / ", "POST /contextcapture/workspaces "),
        ("POST /echo ", "POST /contextcapture/workspaces "),
    ] {
        while let Some(at) = find(&bytes, from.as_bytes()) {
            bytes.splice(at..at + from.len(), to.bytes());
        }
    }
    let start = bytes.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(0);
    if let Some(end) = find(&bytes[start..], b"\r\n\r\n") {
        let at = start + end + 2;
        let fields = "Authorization: Bearer t0k-en\r\nContent-Type: application/json\r\n";
        bytes.splice(at..at, fields.bytes());
    }
    bytes
}

/// One that brings a body, for an operation that takes one.
fn to_ours(request: &[u8]) -> Vec<u8> {
    let mut bytes = request.to_vec();
    let ends = [b"POST ".as_slice(), b"PUT "]
        .iter()
        .any(|method| request.starts_with(method))
        .then(|| find(request, b" HTTP/"));
    if let Some(end) = ends.flatten() {
        bytes.splice(..end, *b"POST /contextcapture/workspaces");
    }
    addressed(&bytes)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// What is answered to requests on one connection, to its end.
fn statuses(address: SocketAddr, requests: &[Vec<u8>]) -> Vec<u16> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for request in requests {
        // Who is refused early may find the connection closed.
        let _ = stream.write_all(request);
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    if let Err(fault) = stream.read_to_end(&mut answers) {
        assert_eq!(fault.kind(), std::io::ErrorKind::ConnectionReset, "{fault}");
    }
    let text = String::from_utf8_lossy(&answers).into_owned();
    let starts = text.split("HTTP/1.1 ").skip(1);
    starts.map(|answer| answer[..3].parse().unwrap()).filter(|status| *status >= 200).collect()
}

fn well_formed(seen: &Seen) {
    let lines = ["GET /contextcapture/jobs HTTP/1.1", "POST /contextcapture/workspaces HTTP/1.1"];
    assert!(lines.contains(&seen.line.as_str()), "{seen:?}");
    assert_eq!(seen.header("authorization"), Some("Bearer t0k-en"));
    assert_eq!(seen.header("host").map(|host| host.starts_with("127.0.0.1:")), Some(true));
    let length = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    assert_eq!(length, seen.body.len());
}

#[test]
fn a1_to_a6_what_must_be_refused_is_refused_and_nothing_is_smuggled() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    let (mut refused, mut accepted, mut misses) = (0, 0, Vec::new());
    for case in cases() {
        let before = upstream.seen().len();
        let requests: Vec<_> = case.requests.iter().map(|request| addressed(request)).collect();
        let statuses = statuses(gateway.address, &requests);
        let seen = upstream.seen().split_off(before);
        seen.iter().for_each(well_formed);
        let good = statuses.iter().filter(|status| **status < 300).count();
        let behind = statuses.iter().skip_while(|status| !matches!(status, 400 | 413 | 414 | 431)).count();
        let mut fine = seen.len() <= good && behind <= 1 && good <= requests.len();
        let first = statuses.first().copied();
        match case.verdict {
            "refuse" => {
                fine &= statuses.len() <= 1 && first.is_none_or(|status| (400..500).contains(&status));
                fine &= seen.is_empty();
                refused += 1;
            }
            "accept" if !NO_OPERATION.contains(&case.name) => {
                fine &= first.is_some_and(|status| status < 300);
                accepted += 1;
            }
            _ => {}
        }
        if !fine {
            misses.push((case.name, statuses, seen));
        }
    }
    println!("refused {refused}, accepted {accepted}");
    assert!(misses.is_empty(), "{misses:#?}");
    assert_eq!((refused, accepted), (63, 4));
    assert_eq!(gateway.send(&post(JOB)).status, 201);
}

/// Debian's nginx in front of an upstream, as it comes; ended when dropped.
struct Nginx {
    address: SocketAddr,
    process: Child,
    folder: PathBuf,
}

impl Nginx {
    fn start(upstream: SocketAddr) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nginx-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        // It cannot be asked for any free port; this one was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {}/{kind};\n", folder.display()))
            .concat();
        let text = format!(
            "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\
             server {{ listen {address}; location / {{ proxy_pass http://{upstream}; proxy_ignore_client_abort on; }} }}\n}}\n",
            folder.display()
        );
        fs::write(folder.join("nginx.conf"), text).unwrap();
        let process = Command::new(nginx())
            .args(["-p", ".", "-e", "error.log", "-c", "nginx.conf"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is missing: the test command puts it in place");
        let mut nginx = Self { address, process, folder };
        while TcpStream::connect(address).is_err() {
            assert!(nginx.process.try_wait().unwrap().is_none(), "nginx has ended");
            std::thread::yield_now();
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where the test command or the package puts it; else from the PATH.
fn nginx() -> PathBuf {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/usr/sbin/nginx");
    let places = [fetched, PathBuf::from("/usr/sbin/nginx")];
    places.into_iter().find(|place| place.exists()).unwrap_or_else(|| PathBuf::from("nginx"))
}

/// What the cases come to that must be refused and those that must be taken.
fn score(address: SocketAddr, upstream: &Recorder) -> Vec<(&'static str, bool, Vec<u16>)> {
    let judged = cases().into_iter().filter(|case| {
        case.verdict == "refuse" || (case.verdict == "accept" && !NO_OPERATION.contains(&case.name))
    });
    judged
        .map(|case| {
            let before = upstream.seen().len();
            let requests: Vec<_> = case.requests.iter().map(|request| addressed(request)).collect();
            let statuses = statuses(address, &requests);
            let refused = upstream.seen().len() == before
                && statuses.len() <= 1
                && statuses.iter().all(|status| (400..500).contains(status) || *status == 501);
            (case.name, refused == (case.verdict == "refuse"), statuses)
        })
        .collect()
}

#[test]
fn beside_nginx_in_the_same_run() {
    let (ours, theirs) = (Recorder::start(), Recorder::of_anybody());
    let gateway = Running::start(ours.address, "");
    let nginx = Nginx::start(theirs.address);
    let (gate, other) = (score(gateway.address, &ours), score(nginx.address, &theirs));
    println!("{:<40} {:>16} {:>16}", "case", "jobgate", "nginx");
    for ((name, right, statuses), (_, other_right, other_statuses)) in gate.iter().zip(&other) {
        let shown = |right: bool, statuses: &[u16]| {
            let statuses: Vec<String> = statuses.iter().map(ToString::to_string).collect();
            let what = if statuses.is_empty() { "closed".to_owned() } else { statuses.join(" ") };
            if right { what } else { format!("{what} (!)") }
        };
        println!("{name:<40} {:>16} {:>16}", shown(*right, statuses), shown(*other_right, other_statuses));
    }
    let right = |column: &[(&str, bool, Vec<u16>)]| column.iter().filter(|(_, right, _)| *right).count();
    println!("as they must be, of {}: jobgate {}, nginx {}", gate.len(), right(&gate), right(&other));
    assert_eq!((gate.len(), right(&gate)), (63 + 4, 63 + 4));
    // It ran: it takes what must be taken.
    assert!(other.iter().any(|(name, right, _)| *name == "COMP-BASELINE" && *right), "{other:?}");
}

#[test]
fn a5_without_a_token_nothing_passes_in_any_form() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    for case in cases() {
        let statuses = statuses(gateway.address, &case.requests);
        assert!(statuses.iter().all(|status| (400..500).contains(status)), "{}: {statuses:?}", case.name);
        assert!(case.verdict != "refuse" || statuses.len() <= 1, "{}: {statuses:?}", case.name);
    }
    assert_eq!(upstream.connections(), 0);
}

/// Requests that a parser known to be strict refuses and that are answered, once: how, and why that is right.
const ANSWERED: [(&str, u16, &str); 3] = [
    (
        "connection: No restart when keep-alive is off",
        404,
        "what follows the end of a connection is not read",
    ),
    ("invalid: HTTP protocol and ANNOUNCE method", 404, "no path has the method"),
    ("transfer-encoding: ", 404, "nothing is there, and what is said of the body is not read any more"),
];

/// The requests of llhttp's own tests, to their operations and with a token to ours: nothing of them gets through, and what its strict
/// parser refuses is 400 or cut off.
#[test]
fn what_a_parser_known_to_be_strict_refuses_is_refused() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "limits.head_timeout = '1s'\nlimits.body_timeout = '1s'");
    let (mut cases, mut strict) = (0, 0);
    for line in LLHTTP.lines().filter(|line| !line.starts_with('#')) {
        let [title, reason, text] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let plain = unescaped(text);
        // Most end behind a field: the end of the header makes them whole.
        let whole = if find(&plain, b"\r\n\r\n").is_some() { plain } else { [&plain[..], b"\r\n"].concat() };
        // It pauses for whoever upgrades; nothing is upgraded here.
        let is_strict = reason != "-" && !reason.starts_with("Pause");
        for (ours, request) in [(false, whole.clone()), (true, to_ours(&whole))] {
            if ours && title.starts_with(ANSWERED[0].0) {
                // Its first request is a good one of ours.
                continue;
            }
            let answers = statuses(gateway.address, &[request]);
            cases += 1;
            assert!(upstream.take().iter().all(|_| ours && !is_strict), "{title}: something got through");
            if is_strict {
                strict += 1;
                let told = |(other, status, _): &(&str, u16, &str)| {
                    title.starts_with(other)
                        && answers == [*status]
                        && !(ours && *other == "transfer-encoding: ")
                };
                let refused = answers.last().is_none_or(|status| *status == 400) || ANSWERED.iter().any(told);
                assert!(refused, "{title} ({reason}), {ours}: {answers:?}");
            }
        }
    }
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    println!("{cases} requests, of {strict} of which a strict parser says no");
}
