//! Budgets: who is limited, by what, from when on.

use std::path::Path;
use std::{fs, thread};

use gateway::Config;
use serde_json::Value;

use crate::by;
use crate::support::folder::Folder;
use crate::support::money::{budget, gate, states, sum, sums};
use crate::support::{Act, JOB, Recorder, Running, answer, get, post, request};

/// Two jobs of 3.5 units for each.
const EACH: &str = "identity = { mode = 'header', header = 'x-who' }\npricing.rate_card = 'builtin:illustrative'\n[[budget]]\nname = 'each'\nscope = 'principal'\nlimit = '7'\nwindow = 'total'\n";

/// A budget holds from the first request of somebody who was never seen before, however many of them come at once.
#[test]
fn who_was_never_seen_before_has_the_same_budget_from_the_first_request_on() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, EACH);
    let admitted: usize = thread::scope(|scope| {
        let one = |n: usize| {
            let request = by(&format!("somebody-{}", n % 8), &post(JOB));
            scope.spawn(|| usize::from(gateway.send(&{ request }).status == 201))
        };
        let all: Vec<_> = (0..80).map(one).collect();
        all.into_iter().map(|client| client.join().unwrap()).sum()
    });
    assert_eq!((admitted, upstream.seen().len()), (16, 16), "two each");
}

/// What is refused costs nobody anything: no budget, no row, and no file that grows under somebody's scan.
#[test]
fn what_is_refused_leaves_nothing_in_the_ledger() {
    let folder = Folder::new("refused");
    let file = folder.0.join("book.db");
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &format!("{}{EACH}", folder.ledger()));
    let journal = folder.0.join("book.db-wal");
    let size = || fs::metadata(&file).unwrap().len() + fs::metadata(&journal).map_or(0, |file| file.len());
    assert_eq!(gateway.send(&by("a", &post(JOB))).status, 201);
    assert_eq!(gateway.send(&by("a", &post(JOB))).status, 201);
    let before = size();
    let without_a_token =
        String::from_utf8(post(JOB)).unwrap().replace("Authorization: Bearer t0k-en\r\n", "");
    for round in 0..100 {
        let broken = JOB.replace("Extra", "Best");
        let new = format!("never-seen-{round}");
        for (request, status) in [
            (without_a_token.as_bytes().to_vec(), 401),
            (post(JOB), 401),
            (by(&new, &post(&broken)), 422),
            (by("a", &post(JOB)), 402),
            (by(&new, &post(&JOB.replace("2.1", "99"))), 402),
            (by(&new, &request("POST", "/jobgate/v1/estimate", JOB)), 200),
        ] {
            assert_eq!(gateway.send(&request).status, status);
        }
    }
    assert_eq!((size(), upstream.seen().len()), (before, 2));
    let rows = gateway.operator().send(&get("/v1/budgets")).json();
    assert_eq!(rows["budgets"].as_array().unwrap().len(), 1, "{rows}");
}

/// The price is held, and seen to be held, while upstream has not said a word.
#[test]
fn a_budget_is_charged_before_upstream_is_asked() {
    let (upstream, gateway) = gate("5");
    upstream.script([Act::Hold]);
    thread::scope(|scope| {
        let first = scope.spawn(|| gateway.send(&post(JOB)).status);
        upstream.wait_held(1);
        assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "3.5"), vec!["open".to_owned()]));
        assert_eq!(gateway.send(&post(JOB)).status, 402, "there is no room for a second one meanwhile");
        upstream.release();
        assert_eq!(first.join().unwrap(), 201);
    });
    assert_eq!(upstream.seen().len(), 1);
}

/// One ledger, one gateway; and where each process counts for itself, that is said before anybody relies on it.
#[test]
fn a_second_process_does_not_get_the_limit_once_more() {
    let folder = Folder::new("second");
    let upstream = Recorder::start();
    let text = budget("5", &folder.ledger());
    let _first = Running::start(upstream.address, &text);
    let beside = format!("listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\n{text}");
    let second = Config::parse(&beside, Path::new("."), []).unwrap();
    let refused = gateway::Gateway::bind(second, None).unwrap_err().to_string();
    assert!(refused.contains("another gateway is using it"), "{refused}");
    let warnings = |text: &str| Config::parse(text, Path::new("."), []).unwrap().warnings();
    let said = warnings(&budget("5", ""));
    let said: Vec<_> = said.iter().filter(|warning| warning.contains("memory:")).collect();
    assert!(said.len() == 1 && said[0].contains("each gateway counts for itself"), "{said:?}");
    assert!(said[0].contains("begin anew at each start") && said[0].contains("Idempotency-Key"), "{said:?}");
    assert!(!warnings(&text).iter().any(|warning| warning.contains("memory:")));
}

/// Each budget of the configuration is seen in metrics and rows before the first request; what is misspelt is no budget.
#[test]
fn no_budget_is_silently_off() {
    let watched = budget("7", "")
        + "mode = 'shadow'\n[[budget]]\nname = 'each'\nscope = 'workspace'\nlimit = '3'\nwindow = 'month'\ntime_zone = 'UTC'\n";
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &watched);
    let metrics = gateway.operator().send(&get("/metrics")).body;
    for line in
        ["jobgate_budget_limit_units{budget=\"all\"} 7\n", "jobgate_budget_limit_units{budget=\"each\"} 3\n"]
    {
        assert!(metrics.contains(line), "{metrics}");
    }
    let rows = gateway.operator().send(&get("/v1/budgets")).json();
    let names: Vec<_> = rows["budgets"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["all", "each"]);
    assert_eq!(
        gateway.send(&post(JOB)).status,
        402,
        "the second one refuses where the first one only watches"
    );
    for wrong in ["[[budgets]]\nname = 'a'", "[budget]\nname = 'a'", "budget = []\n[[bugdet]]"] {
        assert!(Config::parse(wrong, Path::new("."), []).is_err(), "{wrong}");
    }
}

/// A budget that is full of what was not spent yet says so, each by itself.
#[test]
fn a_refusal_tells_what_is_held_from_what_is_spent() {
    let (_, gateway) = gate("7");
    for _ in 0..2 {
        assert_eq!(gateway.send(&post(JOB)).status, 201);
    }
    let detail = gateway.send(&post(JOB)).json()["error"]["details"][0].clone();
    assert_eq!((&detail["settled"], &detail["held"]), (&Value::from("0"), &Value::from("7")));
}

/// Whatever comes in whatever sizes: what is admitted is held at its price, and what was refused once is refused again.
#[test]
fn a_budget_is_spent_by_price_and_does_not_fill_up_again() {
    let (upstream, gateway) = gate("20");
    let sized = |size: &str| gateway.send(&post(&JOB.replace("2.1", size)));
    // Half a unit is the card's step: with 1.5 megapoints these are 2.5, 4.5, 6.5 and 8.5 units.
    let mut held = 0.0;
    for (size, price) in [("1", 2.5), ("3", 4.5), ("5", 6.5), ("7", 8.5), ("3", 4.5), ("1", 2.5), ("1", 2.5)]
    {
        let fits = held + price <= 20.0;
        assert_eq!(sized(size).status, if fits { 201 } else { 402 }, "{size} on top of {held}");
        held += if fits { price } else { 0.0 };
    }
    let admitted = upstream.seen().len();
    for _ in 0..200 {
        assert_eq!(sized("1").status, 402);
    }
    assert_eq!((sums(&gateway), upstream.seen().len()), (sum("0", &held.to_string()), admitted));
}

/// 402 tells generic clients not to try again; there is no `retry-after`, whatever else is limited.
#[test]
fn no_money_is_no_reason_to_try_again() {
    let limits = "[[rate_limit]]\nscope = 'global'\nrequests = 1000\nper = '1m'\n";
    let upstream = Recorder::start();
    let text = budget("3", "").replace("window = 'total'", "window = 'day'\ntime_zone = 'UTC'") + limits;
    let gateway = Running::start(upstream.address, &text);
    let refused = gateway.send(&post(JOB));
    assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"));
    assert_eq!(refused.header("retry-after"), None);
    assert!(upstream.seen().is_empty());
}

/// Of two budgets the one that refuses is named; whose else there are, and what they have spent, is not told.
#[test]
fn a_refusal_names_its_budget_and_tells_nobody_elses() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &EACH.replace("limit = '7'", "limit = '4'"));
    assert_eq!(gateway.send(&by("alice", &post(JOB))).status, 201);
    assert_eq!(gateway.send(&by("bob", &post(JOB))).status, 201);
    let refused = gateway.send(&by("bob", &post(JOB)));
    assert_eq!(refused.json()["error"]["details"][0]["budget"], "each");
    assert!(!refused.body.contains("alice") && !refused.body.contains("\"7\""), "{}", refused.body);
}

/// Upstream says twice, three times that a job is over.
#[test]
fn a_job_that_is_seen_to_end_twice_is_charged_once() {
    const ID: &str = "cc3d35cc-416a-4262-9714-b359da70b419";
    let (upstream, gateway) = gate("10");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let over = |state: &str, cost: &str| {
        Act::Answer(answer(
            200,
            &format!(r#"{{"job":{{"id":"{ID}","state":"{state}","estimatedCost":{cost}}}}}"#),
        ))
    };
    upstream.script([over("success", "3.5"), over("success", "9"), over("failed", "9")]);
    for _ in 0..3 {
        assert_eq!(gateway.send(&get(&format!("/contextcapture/jobs/{ID}"))).status, 200);
        while states(&gateway) != ["settled"] {
            thread::yield_now();
        }
    }
    assert_eq!(sums(&gateway), sum("3.5", "0"));
}
