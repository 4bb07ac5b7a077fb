//! Usage events: one for each entry of the ledger, in order, at least once, each with an id that never changes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;
#[path = "support/warnings.rs"]
mod warnings;

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;
use std::{fs, thread};

use gateway::Config;
use serde_json::Value;
use support::folder::Folder;
use support::{Act, JOB, Recorder, Running, answer, get, post, request};

const JOB_ID: &str = "cc3d35cc-416a-4262-9714-b359da70b419";

fn config(more: &str) -> String {
    format!("pricing.rate_card = 'builtin:illustrative'\n{more}\n")
}

fn to_file(file: &str) -> String {
    format!("[[event_sink]]\nname = 'book'\nfile = '{file}'")
}

fn read(file: &str) -> Vec<Value> {
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap().strip_prefix("jobgate.hold.").unwrap())
        .collect()
}

fn ids(events: &[Value]) -> BTreeSet<&str> {
    events.iter().map(|event| event["id"].as_str().unwrap()).collect()
}

#[test]
fn the_life_of_a_job_is_told_in_order_and_nothing_is_lost_at_the_end() {
    let folder = Folder::new("life");
    let file = folder.at("events.ndjson");
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &config(&to_file(&file)));
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let target = format!("/contextcapture/jobs/{JOB_ID}");
    assert_eq!(gateway.send(&request("PATCH", &target, r#"{"state":"Active"}"#)).status, 200);
    let run = r#""executionInformation":{"estimatedUnits":0.05}"#;
    let over = format!(r#"{{"job":{{"id":"{JOB_ID}","state":"success","estimatedCost":3.5,{run}}}}}"#);
    upstream.script([Act::Answer(answer(200, &over)), Act::Answer(answer(422, "{}"))]);
    assert_eq!(gateway.send(&get(&target)).status, 200);
    // What passes by is noted behind its answer.
    while gateway.operator().send(&get("/v1/holds")).json()["holds"][0]["state"] != "settled" {
        thread::yield_now();
    }
    assert_eq!(gateway.send(&post(JOB)).status, 422);
    // The ledger is in memory: what is not sent when it stops is lost.
    gateway.stop();
    let events = read(&file);
    assert_eq!(types(&events), ["reserved", "bound", "submitted", "settled", "reserved", "released"]);
    assert_eq!(ids(&events).len(), events.len());
    let settled = &events[3];
    let expected = serde_json::json!({
        "specversion": "1.0", "id": settled["id"], "source": "/jobgate", "type": "jobgate.hold.settled",
        "subject": events[0]["subject"], "time": settled["time"], "datacontenttype": "application/json",
        "data": {
            "hold": events[0]["subject"], "state": "settled", "job": JOB_ID,
            "workspace": "6881117d-9fd2-4900-870b-9b721dc90f25", "principal": null, "amount": "3.5", "held": "-3.5",
            "settled": "3.5", "currency": "unit", "workload": events[0]["data"]["workload"],
            "upstreamEstimate": "3.5", "upstreamUnits": "0.05",
            "overdraft": "0",
        },
    });
    assert_eq!(*settled, expected);
    assert!(fs::read_to_string(&file).unwrap().lines().all(|line| !line.contains("t0k-en")));
}

#[test]
fn a_server_gets_batches_until_it_has_confirmed_them() {
    let (upstream, sink) = (Recorder::start(), Recorder::start());
    // Not now, and then for nobody: the first time as if it were down, then one of two for good.
    let refused = [503, 400, 204, 422].map(|status| Act::Answer(answer(status, "")));
    sink.script(refused);
    let folder = Folder::new("server");
    fs::write(folder.at("token"), "s3cret\n").unwrap();
    let more = format!(
        "[[event_sink]]\nname = 'meter'\nurl = 'http://{}/v1/events?x=1'\ntoken = 'file:{}'",
        sink.address,
        folder.at("token")
    );
    let gateway = Running::start(upstream.address, &config(&more));
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let metrics = || gateway.operator().send(&get("/metrics")).body;
    while !(metrics().contains("jobgate_dead_letters 1\n")
        && metrics().contains("jobgate_outbox_pending 0\n"))
    {
        thread::yield_now();
    }
    let seen = sink.seen();
    let batches: Vec<Vec<Value>> =
        seen.iter().map(|seen| serde_json::from_slice(&seen.body).unwrap()).collect();
    let told: Vec<_> = batches.iter().map(|batch| types(batch)).collect();
    let (both, first, second) = (vec!["reserved", "bound"], vec!["reserved"], vec!["bound"]);
    // Whether the first try had one event or both is a matter of time.
    assert_eq!((told.len(), &told[1..]), (4, [both, first, second].as_slice()));
    let all: Vec<Value> = batches.concat();
    assert_eq!(ids(&all).len(), 2, "an event that is sent again is the same");
    assert_eq!(seen[0].line, "POST /v1/events?x=1 HTTP/1.1");
    assert_eq!(seen[0].header("authorization"), Some("Bearer s3cret"));
    assert_eq!(seen[0].header("content-type"), Some("application/cloudevents-batch+json"));
    assert!(!gateway.operator().send(&get("/v1/config")).body.contains("s3cret"));
}

/// A server may take less at once than a batch has; what it does not take at all is one event, and not all of them.
#[test]
fn a_batch_that_is_too_large_is_halved_and_what_failed_before_it_is_forgotten() {
    warnings::listen();
    let folder = Folder::new("large");
    let (upstream, sink) = (Recorder::start(), Recorder::of_anybody());
    let text = |port: u16| {
        config(&format!(
            "ledger.url = 'sqlite:{}'\n[[event_sink]]\nname = 'small'\nurl = 'http://127.0.0.1:{port}/'",
            folder.at("book.db")
        ))
    };
    // Nobody listens there yet, so that all of them wait for the next one.
    let gateway = Running::start(upstream.address, &text(1));
    for _ in 0..3 {
        assert_eq!(gateway.send(&post(JOB)).status, 201);
    }
    gateway.stop();
    let before = warnings::said("event sink small: status 503").len();
    sink.script([503, 413, 204, 503, 413, 413, 204].map(|status| Act::Answer(answer(status, ""))));
    let gateway = Running::start_patiently(upstream.address, &text(sink.address.port()));
    let metrics = || gateway.operator().send(&get("/metrics")).body;
    while sink.seen().len() < 7 {
        thread::yield_now();
    }
    assert!(metrics().contains("jobgate_dead_letters 1\n"));
    let sizes: Vec<_> = sink
        .seen()
        .iter()
        .map(|seen| serde_json::from_slice::<Vec<Value>>(&seen.body).unwrap().len())
        .collect();
    assert_eq!(sizes, [6, 6, 3, 3, 3, 1, 2]);
    let said = warnings::said("event sink small: status 503");
    assert!(said[before..].iter().all(|line| line.ends_with("again in 1 s")), "{said:?}");
}

/// What is not sent when a gateway ends is sent by the next one, behind what a crash has left half written.
/// It may take all the time that a stop has, and nothing else is under way then.
#[test]
fn a_sink_that_does_not_answer_while_the_gateway_stops_is_told_of() {
    warnings::listen();
    let (upstream, sink) = (Recorder::start(), Recorder::of_anybody());
    sink.script([Act::Hold, Act::Hold]);
    let more = format!("[[event_sink]]\nname = 'late'\nurl = 'http://{}/'", sink.address);
    let gateway = Running::start(upstream.address, &config(&more));
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    sink.wait_held(1);
    let before = warnings::said("event sinks were not done").len();
    let (stop, address) = (gateway.stop_handle(), gateway.address);
    let stopping = thread::spawn(move || gateway.stop());
    while TcpStream::connect(address).is_ok() {
        thread::yield_now();
    }
    stop.stop();
    assert_eq!(stopping.join().unwrap(), 0);
    assert!(warnings::said("event sinks were not done").len() > before);
    sink.release();
}

#[test]
fn what_could_not_be_sent_is_sent_after_the_next_start() {
    let folder = Folder::new("again");
    let (book, file) = (folder.at("book.db"), folder.at("gone/events.ndjson"));
    let text = config(&format!("ledger.url = 'sqlite:{book}'\n{}", to_file(&file)));
    fs::create_dir(folder.0.join("gone")).unwrap();
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &text);
    fs::remove_dir_all(folder.0.join("gone")).unwrap();
    for _ in 0..3 {
        assert_eq!(gateway.send(&post(JOB)).status, 201, "a sink that fails is in nobody's way");
    }
    gateway.stop();
    fs::create_dir(folder.0.join("gone")).unwrap();
    fs::write(&file, "{\"id\":\"whole\"}\n{\"da").unwrap();
    Running::start_patiently(upstream.address, &text).stop();
    let events = read(&file);
    assert_eq!(events[0]["id"], "whole");
    assert_eq!(types(&events[1..]), ["reserved", "bound", "reserved", "bound", "reserved", "bound"]);
    assert_eq!(ids(&events[1..]).len(), 6);
}

/// What is cut off at the end of a file is a part of an event and nothing else: who names a file by mistake finds it as it was.
#[test]
fn a_file_that_ends_in_no_event_is_left_alone_and_named() {
    let folder = Folder::new("foreign");
    let (file, upstream) = (folder.at("events.ndjson"), Recorder::start());
    let text = config(&to_file(&file));
    let bind = || {
        let more = "admin.address = '127.0.0.1:0'\nlisten.address = '127.0.0.1:0'\nledger.url = 'memory:'";
        let text = format!("{more}\nupstream.url = 'http://{}'\n{text}", upstream.address);
        gateway::Gateway::bind(Config::parse(&text, Path::new("."), []).unwrap(), None)
    };
    for foreign in ["{\"keys\":[]}", "{\"data\":{}}", "a = 1\nb = 2", "{\"id\":\"whole\"}\n\0", "\0\0"] {
        fs::write(&file, foreign).unwrap();
        let refused = bind().unwrap_err().to_string();
        assert_eq!(fs::read_to_string(&file).unwrap(), foreign);
        assert_eq!(
            refused,
            format!(
                "event sink book: {file} is not written to: it ends in a part of a line that is no event; name another file, or end that line"
            )
        );
    }
    fs::remove_file(&file).unwrap();
    let gateway = Running::start(upstream.address, &text);
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    gateway.stop();
    let events = fs::read_to_string(&file).unwrap();
    let (first, _) = events.split_once('\n').unwrap();
    // Wherever a crash cuts it off, and where the file had grown before what is in it was written.
    for length in [1, 5, 18, 30, first.len()] {
        for end in ["", "\0\0"] {
            fs::write(&file, format!("{first}\n{}{end}", first.get(..length).unwrap())).unwrap();
            drop(bind().unwrap());
            assert_eq!(fs::read_to_string(&file).unwrap(), format!("{first}\n"));
        }
    }
    fs::write(&file, format!("{first}\n\0\0")).unwrap();
    drop(bind().unwrap());
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{first}\n"));
}

#[test]
fn sinks_are_checked_when_they_are_loaded_and_their_secrets_are_never_shown() {
    let parse = |text: &str| {
        let env = [("METER_TOKEN".to_owned(), "s3cret".to_owned())];
        Config::parse(&format!("ledger.url = 'memory:'\n{text}"), Path::new("."), env)
    };
    let row = |keys: &str| format!("[[event_sink]]\nname = 'a'\n{keys}\n");
    for (keys, expected) in [
        ("", "event_sink[0]: needs either file or url"),
        ("file = 'a'\nurl = 'http://a'", "event_sink[0]: needs either file or url"),
        ("file = 1", "event_sink[0].file: must be the path of a file"),
        ("file = 'a'\ntoken = 'env:METER_TOKEN'", "event_sink[0].token: is for a url"),
        ("url = 'ftp://a'", "event_sink[0].url: must start with https:// or http://"),
        ("url = 'http://a/b c'", "event_sink[0].url: must have a path of visible ASCII"),
        ("url = 'http://a'\ntoken = 's3cret'", "event_sink[0].token: must be \"env:NAME\" or \"file:PATH\""),
        (
            "url = 'http://a'\ntoken = 'env:NO'",
            "event_sink[0].token: there is no environment variable \"NO\"",
        ),
        ("url = 'http://a'\ntoken = 'file:/no/such'", "event_sink[0].token: /no/such cannot be read"),
        ("file = 'a'\nfiel = 'b'", "event_sink[0].fiel: unknown key; did you mean \"file\"?"),
    ] {
        let problems = parse(&row(keys)).unwrap_err().to_string();
        assert!(problems.contains(expected) && !problems.contains("s3cret"), "{keys}: {problems}");
    }
    let twice = row("file = 'a'").repeat(2);
    assert!(parse(&twice).unwrap_err().to_string().contains("event_sink[1].name: is another sink's name"));
    let config = parse(&row("url = 'https://meter.example/v1'\ntoken = 'env:METER_TOKEN'")).unwrap();
    assert!(!format!("{config:?}{}", config.effective()).contains("s3cret"));
    let effective = config.effective();
    let env = [("METER_TOKEN".to_owned(), "s3cret".to_owned())];
    assert_eq!(Config::parse(&effective, Path::new("."), env).unwrap(), config);
    let folder = Folder::new("config");
    let config = parse(&format!(
        "listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\n{}",
        to_file(&folder.at("no/such/folder"))
    ));
    let refused = gateway::Gateway::bind(config.unwrap(), None).unwrap_err().to_string();
    let begins = format!("event sink book: {} cannot be written: ", folder.at("no/such/folder"));
    assert!(refused.starts_with(&begins), "{refused}");
    assert!(
        refused.ends_with("; see that its folder is there and that the gateway may write to it"),
        "{refused}"
    );
}
