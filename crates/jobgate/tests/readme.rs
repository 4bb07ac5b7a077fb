//! The README's examples are what the demo answers; its rule count is true.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;

const README: &str = include_str!("../../../README.md");

/// Ended when dropped.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A demo on free ports, its ledger in a folder, and the address of its gateway.
fn demo(data: &Path) -> (Demo, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jobgate"))
        .args(["demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let demo = Demo(child);
    let line =
        lines.map_while(Result::ok).find(|line| line.starts_with("gateway http://")).expect("an address");
    (demo, line["gateway http://".len()..].split_whitespace().next().unwrap().to_owned())
}

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// What a curl line asks, sent to an address.
fn send(curl: &str, address: &str) -> String {
    let quoted: Vec<&str> = curl.split('\'').skip(1).step_by(2).collect();
    let [authorization, media_type, body] = quoted[..] else { panic!("{curl}") };
    let method = if curl.contains("-X PATCH") { "PATCH" } else { "POST" };
    let path = curl.split("http://127.0.0.1:8080").nth(1).unwrap().split(' ').next().unwrap();
    ask(address, method, path, &format!("{authorization}\r\n{media_type}"), body)
}

fn ask(address: &str, method: &str, path: &str, fields: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{fields}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}",
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What the words of a console's lines say, without the lines of a table.
fn words(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.filter(|words| words.iter().any(|word| word.is_ascii())).collect()
}

/// What commands of the README say is what they say about the demo's ledger.
fn console(data: &Path) {
    let [shown] = blocks("console")[..] else { panic!("one console") };
    for shown in shown.split("$ jobgate ").skip(1) {
        let (line, shown) = shown.split_once('\n').unwrap();
        let line = line.replace("DIR", data.to_str().unwrap());
        let say = || {
            let output = Command::new(env!("CARGO_BIN_EXE_jobgate")).args(line.split(' ')).output().unwrap();
            String::from_utf8(output.stdout).unwrap() + std::str::from_utf8(&output.stderr).unwrap()
        };
        // What an answer told is written down a moment after its client has it.
        let said = (0..100).map(|_| say()).find(|said| words(said) == words(shown)).unwrap_or_else(say);
        assert_eq!(words(&said), words(shown), "{line}");
    }
}

/// What every entry follows from is what is in force, and its job and budget are told with it.
fn audited(data: &Path, job: &str) {
    let config = data.join("jobgate.toml");
    let read = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_jobgate")).args(args).arg(&config).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let in_force = read(&["check-config"]);
    let fingerprint = |what: &str| {
        let line = in_force.lines().find(|line| line.starts_with(what)).expect(what);
        line.rsplit(' ').next().unwrap().to_owned()
    };
    let (rules, card) = (fingerprint("# Rule set "), fingerprint("# Rate card illustrative "));
    assert_eq!((rules.len(), card.len()), (64, 64));
    let entries = read(&["ledger", "export", "--format", "json", "--config"]);
    assert_eq!(entries.lines().count(), 5);
    for entry in entries.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        assert_eq!((entry["ruleSet"].as_str(), entry["rateCard"].as_str()), (Some(&*rules), Some(&*card)));
        assert_eq!((&entry["job"], &entry["budgets"][0]["name"]), (&job.into(), &"demo".into()));
    }
}

/// Equal, where `…` stands for any text.
fn alike(shown: &Value, real: &Value) -> bool {
    match (shown, real) {
        (Value::String(shown), Value::String(_)) if shown == "…" => true,
        (Value::Array(shown), Value::Array(real)) => {
            shown.len() == real.len() && shown.iter().zip(real).all(|(shown, real)| alike(shown, real))
        }
        (Value::Object(shown), Value::Object(real)) => {
            shown.len() == real.len()
                && shown.iter().all(|(key, value)| real.get(key).is_some_and(|real| alike(value, real)))
        }
        _ => shown == real,
    }
}

#[test]
fn every_example_is_what_the_demo_answers() {
    let data = std::env::temp_dir().join(format!("jobgate-readme-{}", std::process::id()));
    let (_demo, address) = demo(&data);
    let (asked, shown) = (blocks("sh"), blocks("http"));
    assert_eq!((asked.len(), shown.len()), (4, 4));
    let mut job = "JOB".to_owned();
    for (curl, shown) in asked.iter().zip(shown) {
        let answer = send(&curl.replace("/JOB", &format!("/{job}")), &address);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let (shown_head, shown_body) = shown.split_once("\n\n").unwrap();
        for line in shown_head.lines() {
            assert!(head.lines().any(|real| real.eq_ignore_ascii_case(line)), "{line} is not in\n{head}");
        }
        let (shown, real): (Value, Value) =
            (serde_json::from_str(shown_body).unwrap(), serde_json::from_str(body).unwrap());
        assert!(alike(&shown, &real), "{shown}\n{real}");
        if let Some(id) = real["job"]["id"].as_str() {
            id.clone_into(&mut job);
        }
    }
    // The sandbox takes its time for a job; whoever looks at it then settles it.
    let path = format!("/contextcapture/jobs/{job}");
    while !ask(&address, "GET", &path, "Authorization: Bearer demo", "").contains(r#""state":"success""#) {
        thread::yield_now();
    }
    console(&data);
    audited(&data, &job);
    std::fs::remove_dir_all(data).unwrap();
}

#[test]
fn the_number_of_rules_is_true() {
    let output = Command::new(env!("CARGO_BIN_EXE_jobgate")).arg("rules").output().unwrap();
    let rules = String::from_utf8(output.stdout).unwrap().lines().count() - 1;
    assert!(README.contains(&format!("{rules} rules,")), "there are {rules} rules");
}

#[test]
fn every_link_leads_to_a_file() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for link in README.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(root.join(link).exists(), "{link}");
    }
}
