//! What is written down: who is in it, and that nothing merges or multiplies.

use std::collections::BTreeSet;
use std::{fs, thread};

use serde_json::Value;

use crate::by;
use crate::support::folder::Folder;
use crate::support::money::{budget, holds, states};
use crate::support::{Act, JOB, Recorder, Running, answer, get, head, post};

/// The books are read by auditors: they have no token, no name, no description and no email in them.
#[test]
fn nothing_secret_and_nothing_personal_is_in_the_books() {
    let folder = Folder::new("secrets");
    let events = folder.0.join("events.ndjson");
    let upstream = Recorder::start();
    let text = format!(
        "{}pricing.rate_card = 'builtin:illustrative'\n[[event_sink]]\nname = 'file'\nfile = '{}'\n",
        folder.ledger(),
        events.display()
    );
    let gateway = Running::start(upstream.address, &text);
    let job = JOB.replace("My first job", "canary-name").replace("photos", "canary-text");
    let more = format!(
        "Content-Type: application/json\r\nIdempotency-Key: canary-key\r\nx-correlation-id: canary-id\r\nContent-Length: {}\r\n\r\n{job}",
        job.len()
    );
    let request = head("POST", "/contextcapture/jobs", &more).replace("t0k-en", "canary-token");
    assert_eq!(gateway.send(request.as_bytes()).status, 201);
    gateway.stop();
    assert!(fs::read_to_string(&events).unwrap().contains("jobgate.hold.bound"));
    let mut read = 0;
    for entry in fs::read_dir(&folder.0).unwrap() {
        let file = entry.unwrap().path();
        // The ledger's last thread tidies up by itself.
        let Ok(bytes) = fs::read(&file) else { continue };
        read += 1;
        assert!(!String::from_utf8_lossy(&bytes).contains("canary"), "{}", file.display());
    }
    // The events and the ledger.
    assert!(read >= 2, "{read}");
}

#[test]
fn two_tenants_with_one_key_do_not_hear_each_others_answer() {
    let upstream = Recorder::start();
    let text = budget("100", "identity = { mode = 'header', header = 'x-who' }");
    let gateway = Running::start(upstream.address, &text);
    let keyed = |who: &str, job: &str| {
        let plain = String::from_utf8(by(who, &post(job))).unwrap();
        let request = plain.replacen("Host: gate", "Host: gate\r\nIdempotency-Key: 1", 1);
        gateway.send(request.as_bytes())
    };
    let other = JOB.replace("2.1", "7");
    for (who, job) in [("alice", JOB), ("bob", other.as_str()), ("carol", JOB)] {
        let reply = keyed(who, job);
        assert_eq!((reply.status, reply.header("idempotency-replayed")), (201, None), "{who}");
    }
    assert_eq!((upstream.seen().len(), holds(&gateway).len()), (3, 3));
}

/// Names are minted here: what upstream calls its jobs decides about no hold and no event.
#[test]
fn a_job_id_that_upstream_uses_twice_or_leaves_out_merges_nothing() {
    let folder = Folder::new("ids");
    let file = folder.0.join("events.ndjson");
    let upstream = Recorder::start();
    let text = budget("100", "") + &format!("[[event_sink]]\nname = 'file'\nfile = '{}'\n", file.display());
    let gateway = Running::start(upstream.address, &text);
    let job = |id: &str| Act::Answer(answer(201, &format!(r#"{{"job":{{"id":{id}}}}}"#)));
    let same = "\"cc3d35cc-416a-4262-9714-b359da70b419\"";
    upstream.script([job(same), job(same), job("\"\""), job("null"), job("\"\"")]);
    for _ in 0..5 {
        assert_eq!(gateway.send(&post(JOB)).status, 201);
    }
    let mut found = states(&gateway);
    found.sort();
    assert_eq!(found, ["bound", "bound", "in-doubt", "in-doubt", "in-doubt"], "each is held by itself");
    gateway.stop();
    let text = fs::read_to_string(&file).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let texts =
        |name: &str| events.iter().map(|event| event[name].as_str().unwrap()).collect::<BTreeSet<_>>();
    assert_eq!((events.len(), texts("id").len(), texts("subject").len()), (10, 10, 5));
}

/// One flush for many: with clients that all wait for the ledger, there are fewer transactions than orders in them.
#[test]
fn many_requests_at_once_share_writes() {
    let folder = Folder::new("shared");
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &budget("1000000", &folder.ledger()));
    let sums = || {
        let metrics = gateway.operator().send(&get("/metrics")).body;
        let number = |name: &str| -> f64 {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().parse().unwrap()
        };
        (number("jobgate_ledger_batch_size_sum"), number("jobgate_ledger_batch_size_count"))
    };
    // Whether two of them meet is a matter of luck each time, and of none in the end.
    loop {
        thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| assert_eq!(gateway.send(&post(JOB)).status, 201));
            }
        });
        let (orders, transactions) = sums();
        assert!(orders >= transactions);
        if orders > transactions * 1.5 {
            break;
        }
    }
}
