//! Requests with an Idempotency-Key: carried out once, answered as often as they are asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::thread;

use support::{Act, JOB, Recorder, Reply, Running, answer, get, head};

const JOB_ID: &str = "cc3d35cc-416a-4262-9714-b359da70b419";

fn config(more: &str) -> String {
    format!(
        "pricing.rate_card = 'builtin:illustrative'\n{more}\n[[budget]]\nname = 'all'\nscope = 'global'\nlimit = '100'\nwindow = 'total'\n"
    )
}

fn gate() -> (Recorder, Running) {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &config(""));
    (upstream, gateway)
}

fn keyed(method: &str, target: &str, key: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let more = format!(
        "Content-Type: application/json\r\nIdempotency-Key: {key}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    head(method, target, &more).into_bytes()
}

fn post(key: &str, body: &str) -> Vec<u8> {
    keyed("POST", "/contextcapture/jobs", key, body)
}

fn is_replayed(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == Some("true")
}

fn holds(gateway: &Running) -> usize {
    gateway.operator().send(&get("/v1/holds")).json()["holds"].as_array().unwrap().len()
}

#[test]
fn what_is_asked_twice_is_done_once_and_answered_twice() {
    let (upstream, gateway) = gate();
    let first = gateway.send(&post("k-1", JOB));
    // Its line may come behind its answer.
    gateway.log.lines(1);
    let second = gateway.send(&post("k-1", JOB));
    gateway.log.lines(2);
    assert_eq!((first.status, second.status, &first.body), (201, 201, &second.body));
    assert_eq!((is_replayed(&first), is_replayed(&second)), (false, true));
    for name in ["x-correlation-id", "x-jobgate-estimate", "x-jobgate-decision", "content-type"] {
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"), "each request has its own");
    assert_eq!((upstream.seen().len(), holds(&gateway)), (1, 1));
    assert_eq!(upstream.seen()[0].header("idempotency-key"), None, "upstream knows none");
    let third = gateway.send(&post("k-2", JOB));
    assert_eq!((third.status, is_replayed(&third), upstream.seen().len()), (201, false, 2));
    let lines = gateway.log.lines(3);
    let decisions: Vec<_> = lines.iter().map(|line| line["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["admitted", "replayed", "admitted"]);
    assert_eq!(lines[0]["hold"], lines[1]["hold"]);
    let metrics = gateway.operator().send(&get("/metrics")).body;
    assert!(
        metrics.contains(r#"jobgate_jobs_total{outcome="admitted",quality="Extra",type="Full"} 2"#),
        "{metrics}"
    );
}

#[test]
fn a_token_is_the_same_however_it_is_written() {
    let (upstream, gateway) = gate();
    let written = |scheme: &str| String::from_utf8(post("k-1", JOB)).unwrap().replace("Bearer ", scheme);
    for scheme in ["Bearer ", "Bearer  ", "bearer "] {
        let reply = gateway.send(written(scheme).as_bytes());
        assert_eq!((reply.status, is_replayed(&reply)), (201, scheme != "Bearer "), "{scheme:?}");
    }
    assert_eq!((upstream.seen().len(), holds(&gateway)), (1, 1));
}

#[test]
fn a_key_belongs_to_one_request() {
    let (upstream, gateway) = gate();
    assert_eq!(gateway.send(&post("k", JOB)).status, 201);
    let other = gateway.send(&post("k", &JOB.replace("2.1", "2.2")));
    assert_eq!((other.status, other.code().as_str()), (422, "IdempotencyKeyReused"));
    let patch = keyed("PATCH", &format!("/contextcapture/jobs/{JOB_ID}"), "k", r#"{"state":"Active"}"#);
    assert_eq!(gateway.send(&patch).code(), "IdempotencyKeyReused");
    assert_eq!((upstream.seen().len(), is_replayed(&other)), (1, false));
    // Whoever has another token is somebody else, as long as nobody is verified.
    let stranger = String::from_utf8(post("k", JOB)).unwrap().replace("t0k-en", "an0ther");
    let reply = gateway.send(stranger.as_bytes());
    assert_eq!((reply.status, is_replayed(&reply), upstream.seen().len()), (201, false, 2));
}

#[test]
fn a_principal_keeps_its_keys_when_its_token_changes() {
    let upstream = Recorder::start();
    let more = "identity = { mode = 'header', header = 'x-who' }";
    let gateway = Running::start(upstream.address, &config(more));
    let by = |who: &str, token: &str| {
        let plain = String::from_utf8(post("k", JOB)).unwrap();
        let named = plain.replace("Host: gate", &format!("Host: gate\r\nx-who: {who}"));
        gateway.send(named.replace("t0k-en", token).as_bytes())
    };
    assert!(!is_replayed(&by("alice", "one")));
    assert!(is_replayed(&by("alice", "two")));
    assert!(!is_replayed(&by("bob", "one")));
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn while_the_first_is_under_way_the_second_is_told_to_wait() {
    let (upstream, gateway) = gate();
    upstream.script([Act::Hold]);
    thread::scope(|scope| {
        let first = scope.spawn(|| gateway.send(&post("k", JOB)));
        upstream.wait_held(1);
        let second = gateway.send(&post("k", JOB));
        assert_eq!((second.status, second.code().as_str()), (409, "RequestInProgress"));
        assert_eq!(second.header("retry-after"), Some("1"));
        upstream.release();
        assert_eq!(first.join().unwrap().status, 201);
    });
    assert!(is_replayed(&gateway.send(&post("k", JOB))));
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn what_nobody_knows_stays_unknown_and_is_not_sent_again() {
    let (upstream, gateway) = gate();
    upstream.script([Act::Close]);
    let first = gateway.send(&post("k", JOB));
    // Its line may come behind its answer.
    gateway.log.lines(1);
    let second = gateway.send(&post("k", JOB));
    assert_eq!((first.status, second.status), (502, 502));
    let detail = |reply: &Reply| reply.json()["error"]["details"][0].clone();
    assert_eq!((detail(&first)["outcome"].as_str(), detail(&first)), (Some("unknown"), detail(&second)));
    assert!(detail(&first)["hold"].is_string());
    assert_eq!((is_replayed(&first), is_replayed(&second)), (false, true));
    assert_eq!((upstream.seen().len(), holds(&gateway)), (1, 1));
    // Only the first has failed: the second one did nothing, and is told apart where requests are counted.
    let lines = gateway.log.lines(2);
    let decisions: Vec<_> = lines.iter().map(|line| line["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["failed", "replayed"]);
    let metrics = gateway.operator().send(&get("/metrics")).body;
    let counted = |decision: &str| {
        let line = format!("jobgate_requests_total{{outcome=\"{decision}\"");
        metrics.lines().filter(|counted| counted.starts_with(&line)).count()
    };
    assert_eq!((counted("failed"), counted("replayed")), (1, 1), "{metrics}");
    assert_eq!(second.header("x-jobgate-decision"), Some("failed"), "it is told what the first was");
}

/// An answer about the request is kept; one about the moment is not, and neither is one of ours.
#[test]
fn a_key_stays_free_where_asking_again_is_what_helps() {
    let (upstream, gateway) = gate();
    for (key, status, kept) in [("a", 422, true), ("b", 429, false), ("c", 401, false), ("d", 500, true)] {
        upstream.script([Act::Answer(answer(status, r#"{"error":{}}"#))]);
        assert_eq!(gateway.send(&post(key, JOB)).status, status);
        let again = gateway.send(&post(key, JOB));
        assert_eq!(
            (again.status, is_replayed(&again)),
            if kept { (status, true) } else { (201, false) },
            "{key}"
        );
    }
    assert_eq!(upstream.seen().len(), 6);
    let broken = JOB.replace("Extra", "Best");
    assert_eq!(gateway.send(&post("e", &broken)).status, 422, "refused before anything is held");
    assert_eq!(gateway.send(&post("e", JOB)).status, 201);
    let dear = JOB.replace("2.1", "99.5");
    assert_eq!(gateway.send(&post("f", &dear)).status, 402);
    assert_eq!(gateway.send(&post("f", JOB)).status, 201);
}

#[test]
fn what_was_not_sent_may_be_sent_under_the_same_key() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = Running::start(nobody, &config(""));
    for _ in 0..2 {
        let reply = gateway.send(&post("k", JOB));
        assert_eq!((reply.status, is_replayed(&reply)), (502, false));
    }
    assert_eq!(holds(&gateway), 2);
}

#[test]
fn a_change_has_a_key_too_whether_it_spends_or_not() {
    let (upstream, gateway) = gate();
    assert_eq!(gateway.send(&post("k", JOB)).status, 201);
    let target = format!("/contextcapture/jobs/{JOB_ID}");
    for (key, body) in [("s", r#"{"state":"Active"}"#), ("c", r#"{"state":"Cancelled"}"#)] {
        let first = gateway.send(&keyed("PATCH", &target, key, body));
        let second = gateway.send(&keyed("PATCH", &target, key, body));
        assert_eq!((first.status, second.status, is_replayed(&second)), (200, 200, true), "{key}");
    }
    assert_eq!(upstream.seen().len(), 3);
}

/// What only a budget that watches would refuse, or only a rule, is carried out once, too.
#[test]
fn the_key_of_a_change_that_only_watchers_would_refuse_is_kept() {
    let target = format!("/contextcapture/jobs/{JOB_ID}");
    let dearer = r#"{"costEstimationParameters":{"gigaPixels":900}}"#;
    let broken = r#"{"settings":{"quality":"Best","outputs":["OBJ"]}}"#;
    // Of a job that is known, of one that upstream does not tell of, and with a body that only a shadow lets pass.
    for (is_known, body, asked) in
        [(true, dearer, 1), (false, dearer, 2), (true, broken, 1), (false, broken, 1)]
    {
        let upstream = Recorder::start();
        let text = config("validation.mode = 'shadow'") + "mode = 'shadow'\n";
        let gateway = Running::start(upstream.address, &text);
        if is_known {
            assert_eq!(gateway.send(&post("k", JOB)).status, 201);
        }
        let before = upstream.seen().len();
        let first = gateway.send(&keyed("PATCH", &target, "p", body));
        let second = gateway.send(&keyed("PATCH", &target, "p", body));
        assert_eq!((first.status, is_replayed(&first)), (200, false), "{body}");
        assert_eq!((second.status, is_replayed(&second)), (200, true), "{body}");
        assert_eq!(upstream.seen().len() - before, asked, "{body}: {:?}", upstream.seen());
        assert_eq!(
            gateway.send(&keyed("PATCH", &target, "p", r#"{"state":"Cancelled"}"#)).code(),
            "IdempotencyKeyReused"
        );
    }
}

#[test]
fn a_key_is_one_field_of_visible_characters() {
    let (upstream, gateway) = gate();
    for key in ["", "a b", "\u{e9}", &"x".repeat(256), "one\r\nIdempotency-Key: two"] {
        let reply = gateway.send(&post(key, JOB));
        assert_eq!((reply.status, reply.code().as_str()), (400, "BadRequest"), "{key:?}");
    }
    assert!(upstream.seen().is_empty());
    assert_eq!(gateway.send(&post(&"x".repeat(255), JOB)).status, 201);
    let read = head("GET", "/contextcapture/jobs", "Idempotency-Key: a b\r\n\r\n");
    assert_eq!(gateway.send(read.as_bytes()).status, 200, "a look needs none, and has none");
}

/// However many ask with one key at once, upstream is asked once, and nobody is told anything else than that answer.
#[test]
fn many_with_one_key_are_one() {
    const KEYS: usize = 20;
    let (upstream, gateway) = gate();
    let told: Vec<Reply> = thread::scope(|scope| {
        let one = |key: usize| {
            let (gateway, request) = (&gateway, post(&format!("k-{key}"), JOB));
            scope.spawn(move || {
                let mut client = gateway.client();
                loop {
                    let reply = client.send(&request);
                    if reply.status != 409 {
                        return reply;
                    }
                }
            })
        };
        let all: Vec<_> = (0..KEYS * 4).map(|n| one(n % KEYS)).collect();
        all.into_iter().map(|client| client.join().unwrap()).collect()
    });
    assert!(told.iter().all(|reply| reply.status == 201), "{told:?}");
    assert_eq!(told.iter().filter(|reply| !is_replayed(reply)).count(), KEYS);
    assert_eq!((upstream.seen().len(), holds(&gateway)), (KEYS, KEYS));
}

#[test]
fn an_answer_outlives_its_gateway() {
    let folder = std::env::temp_dir().join(format!("jobgate-repeat-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let text = config(&format!("ledger.url = 'sqlite:{}'", folder.join("book.db").display()));
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &text);
    let first = gateway.send(&post("k", JOB));
    gateway.stop();
    let gateway = Running::start_patiently(upstream.address, &text);
    let second = gateway.send(&post("k", JOB));
    assert_eq!((second.status, is_replayed(&second), &second.body), (201, true, &first.body));
    assert_eq!(upstream.seen().len(), 1);
    drop(gateway);
    std::fs::remove_dir_all(folder).unwrap();
}
