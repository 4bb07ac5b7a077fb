//! What restarts and new windows make of what is held: nothing.

use std::path::Path;
use std::thread;

use gateway::Config;
use jiff::{SignedDuration, Timestamp};
use ledger::{Ledger, Note, Told, Url};

use crate::support::folder::Folder;
use crate::support::money::{budget, holds, sum, sums, unsubmitted};
use crate::support::{Act, JOB, Recorder, Running, answer, get, post, request};

const ID: &str = "cc3d35cc-416a-4262-9714-b359da70b410";

/// A ledger in which a job of 3.5 units was created some days ago.
fn created(folder: &Folder, text: &str, days: i64) {
    let when = Timestamp::now() - SignedDuration::from_hours(24 * days);
    let config = Config::parse(text, Path::new("."), []).unwrap();
    let new = unsubmitted(&config, when);
    let id = new.id;
    let book = Ledger::open(&Url::Sqlite(folder.0.join("book.db")), &[], when).unwrap();
    let told = Told { job: job_model::JobId::parse(ID), ..Told::default() };
    let bound = Note { events: vec![admission::Event::Bind], told, ..Note::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(book.reserve(new, None, when)).unwrap();
    runtime.block_on(book.note(id, bound, when)).unwrap();
}

/// A gate that has given back what was held for a job of eight days ago.
fn lapsed(folder: &Folder) -> (Recorder, Running) {
    let text = budget("5", &folder.ledger());
    created(folder, &text, 8);
    let upstream = Recorder::start();
    let gateway = Running::start_patiently(upstream.address, &text);
    while sums(&gateway) != sum("0", "0") {
        thread::yield_now();
    }
    (upstream, gateway)
}

/// A job that was created eight days ago and never run gives its price back by itself.
#[test]
fn jobs_that_are_never_run_do_not_starve_a_budget() {
    let folder = Folder::new("starve");
    let (_, gateway) = lapsed(&folder);
    assert_eq!(holds(&gateway)[0]["state"], "lapsed");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
}

/// What lapsed is reserved anew by whatever is done to its job, and a change that is not answered is not forgotten.
#[test]
fn a_change_of_what_lapsed_is_held_like_any_other() {
    let folder = Folder::new("anew");
    let (upstream, gateway) = lapsed(&folder);
    let change = |pixels: u32| {
        let body = format!(r#"{{"costEstimationParameters":{{"gigaPixels":{pixels}}}}}"#);
        gateway.send(&request("PATCH", &format!("/contextcapture/jobs/{ID}"), &body)).status
    };
    upstream.script([Act::Answer(answer(422, "{}"))]);
    assert_eq!(
        (change(4), sums(&gateway), holds(&gateway)[0]["state"].as_str()),
        (422, sum("0", "0"), Some("lapsed"))
    );
    assert_eq!(change(6), 402, "it does not fit");
    upstream.script([Act::Close]);
    assert_eq!(
        (change(4), sums(&gateway), holds(&gateway)[0]["state"].as_str()),
        (502, sum("0", "4"), Some("in-doubt"))
    );
}

/// A change that upstream refuses leaves no price behind that the job never had, cheaper or dearer.
#[test]
fn a_refused_change_of_what_lapsed_leaves_its_price_alone() {
    let folder = Folder::new("alone");
    let (upstream, gateway) = lapsed(&folder);
    let change =
        |body: &str| gateway.send(&request("PATCH", &format!("/contextcapture/jobs/{ID}"), body)).status;
    for body in [
        r#"{"costEstimationParameters":{"gigaPixels":1},"state":"Active"}"#,
        r#"{"costEstimationParameters":{"gigaPixels":5},"state":"Active"}"#,
        r#"{"costEstimationParameters":{"gigaPixels":1}}"#,
        r#"{"costEstimationParameters":{"gigaPixels":5}}"#,
    ] {
        upstream.script([Act::Answer(answer(422, "{}"))]);
        assert_eq!(change(body), 422);
        let hold = &holds(&gateway)[0];
        assert_eq!(
            (hold["state"].as_str(), hold["amount"].as_str()),
            (Some("lapsed"), Some("3.5")),
            "{body}"
        );
        assert_eq!((sums(&gateway), hold["overdraft"].as_str()), (sum("0", "0"), Some("0")), "{body}");
    }
    assert_eq!(change(r#"{"state":"Active"}"#), 200);
    assert_eq!(sums(&gateway), sum("0", "3.5"));
}

/// However many were never run: all of them are given back at once, and not a part of them each minute.
#[test]
fn thousands_of_jobs_that_were_never_run_are_given_back_in_one_go() {
    const JOBS: usize = 2300;
    let folder = Folder::new("thousands");
    let text = budget("10000", &folder.ledger());
    let when = Timestamp::now() - SignedDuration::from_hours(24 * 8);
    let config = Config::parse(&text, Path::new("."), []).unwrap();
    let book = Ledger::open(&Url::Sqlite(folder.0.join("book.db")), &[], when).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let create = |number: usize| {
        let (book, new) = (book.clone(), unsubmitted(&config, when));
        let told = Told {
            job: job_model::JobId::parse(&format!("cc3d35cc-416a-4262-9714-{number:012x}")),
            ..Told::default()
        };
        runtime.spawn(async move {
            let id = new.id;
            book.reserve(new, None, when).await.unwrap();
            let bound = Note { events: vec![admission::Event::Bind], told, ..Note::default() };
            book.note(id, bound, when).await.unwrap();
        })
    };
    let all: Vec<_> = (0..JOBS).map(create).collect();
    for one in all {
        runtime.block_on(one).unwrap();
    }
    drop((book, runtime));
    let gateway = Running::start_patiently(Recorder::start().address, &text);
    // It looks again after a minute, which is not waited for.
    #[expect(clippy::disallowed_methods, reason = "how long a test waits is no configuration")]
    let now = std::time::Instant::now;
    let deadline = now() + crate::support::PATIENCE;
    while sums(&gateway) != sum("0", "0") {
        assert!(now() < deadline, "{:?}", sums(&gateway));
        thread::yield_now();
    }
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(sums(&gateway), sum("0", "3.5"));
}

/// Six days are not seven.
#[test]
fn no_hold_lapses_before_its_time() {
    let folder = Folder::new("early");
    let text = budget("5", &folder.ledger());
    created(&folder, &text, 6);
    let upstream = Recorder::start();
    let gateway = Running::start_patiently(upstream.address, &text);
    assert_eq!(gateway.send(&post(JOB)).status, 402);
    assert_eq!(holds(&gateway)[0]["state"], "bound");
}

#[test]
fn a_restart_does_not_count_again_what_is_held() {
    let folder = Folder::new("restart");
    let text = budget("100", &folder.ledger());
    let upstream = Recorder::start();
    for start in 1..=4 {
        let gateway = Running::start_patiently(upstream.address, &text);
        assert_eq!(gateway.send(&post(JOB)).status, 201);
        let held = ["3.5", "7", "10.5", "14"][start - 1];
        assert_eq!(sums(&gateway), sum("0", held), "after start {start}");
        gateway.stop();
    }
}

/// A window is a place of its own: today's limit is whole whatever yesterday holds, and what ends today of yesterday's is
/// charged there.
#[test]
fn a_new_window_resets_nothing_and_an_old_one_is_settled_in_its_own() {
    let folder = Folder::new("window");
    let text = budget("5", &folder.ledger()).replace("window = 'total'", "window = 'day'\ntime_zone = 'UTC'");
    created(&folder, &text, 2);
    let upstream = Recorder::start();
    let gateway = Running::start_patiently(upstream.address, &text);
    let rows = || {
        let rows = gateway.operator().send(&get("/v1/budgets")).json();
        let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
        let mut rows: Vec<_> = rows["budgets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (text(row, "window"), text(row, "settled"), text(row, "held")))
            .collect();
        rows.sort();
        rows.into_iter().map(|(_, settled, held)| (settled, held)).collect::<Vec<_>>()
    };
    assert_eq!(rows(), [sum("0", "3.5"), sum("0", "0")]);
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(rows(), [sum("0", "3.5"), sum("0", "3.5")]);
    let over = format!(r#"{{"job":{{"id":"{ID}","state":"success"}}}}"#);
    upstream.script([Act::Answer(answer(200, &over))]);
    assert_eq!(gateway.send(&get(&format!("/contextcapture/jobs/{ID}"))).status, 200);
    while rows() != [sum("3.5", "0"), sum("0", "3.5")] {
        thread::yield_now();
    }
    assert_eq!(gateway.send(&post(JOB)).status, 402, "today's is as full as it was");
}
