//! Money on live traffic: what is held, submitted, settled, given back and in doubt, and what is refused with its sum.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;
use std::thread;

use gateway::Config;
use serde_json::Value;
use support::{Act, JOB, Recorder, Running, answer, get, post, request};

const JOB_ID: &str = "cc3d35cc-416a-4262-9714-b359da70b419";

fn budget(limit: &str, more: &str) -> String {
    format!(
        "pricing.rate_card = 'builtin:illustrative'\n{more}\n[[budget]]\nname = 'all'\nscope = 'global'\nlimit = '{limit}'\nwindow = 'total'\n"
    )
}

fn gate(limit: &str) -> (Recorder, Running) {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &budget(limit, ""));
    (upstream, gateway)
}

/// What is settled and held.
fn sums(gateway: &Running) -> (String, String) {
    let rows = gateway.operator().send(&get("/v1/budgets")).json();
    let text = |name: &str| rows["budgets"][0][name].as_str().unwrap().to_owned();
    (text("settled"), text("held"))
}

fn sum(settled: &str, held: &str) -> (String, String) {
    (settled.to_owned(), held.to_owned())
}

fn holds(gateway: &Running) -> Vec<Value> {
    gateway.operator().send(&get("/v1/holds")).json()["holds"].as_array().unwrap().clone()
}

fn states(gateway: &Running) -> Vec<String> {
    holds(gateway).iter().map(|hold| hold["state"].as_str().unwrap().to_owned()).collect()
}

fn patch(body: &str) -> Vec<u8> {
    request("PATCH", &format!("/contextcapture/jobs/{JOB_ID}"), body)
}

fn job_in(state: &str) -> Vec<u8> {
    let run = r#""executionInformation":{"estimatedUnits":0.05}"#;
    answer(200, &format!(r#"{{"job":{{"id":"{JOB_ID}","state":"{state}","estimatedCost":3.5,{run}}}}}"#))
}

#[test]
fn a_job_is_held_submitted_and_settled_and_the_next_is_refused_with_its_sum() {
    let (upstream, gateway) = gate("5");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "3.5"), vec!["bound".to_owned()]));
    let refused = gateway.send(&post(JOB));
    assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"));
    let detail = refused.json()["error"]["details"][0].clone();
    let expected = serde_json::json!({
        "code": "BudgetExceeded", "message": detail["message"], "budget": "all", "limit": "5", "settled": "0",
        "held": "3.5", "requested": "3.5", "missing": "2", "resets": null,
    });
    assert_eq!(detail, expected);
    assert_eq!(refused.header("x-jobgate-decision"), Some("refused"));
    assert_eq!(upstream.seen().len(), 1, "what does not fit sends nothing");
    assert_eq!(gateway.send(&patch(r#"{"state":"active"}"#)).status, 200);
    assert_eq!(states(&gateway), ["submitted"]);
    upstream.script([Act::Answer(job_in("success"))]);
    let target = format!("/contextcapture/jobs/{JOB_ID}");
    assert_eq!(gateway.send(&get(&target)).status, 200);
    while states(&gateway) != ["settled"] {
        thread::yield_now();
    }
    assert_eq!(sums(&gateway), sum("3.5", "0"));
    let hold = &holds(&gateway)[0];
    assert_eq!(
        (hold["upstreamEstimate"].as_str(), hold["upstreamUnits"].as_str()),
        (Some("3.5"), Some("0.05"))
    );
    assert_eq!(hold["job"], JOB_ID);
    let metrics = gateway.operator().send(&get("/metrics")).body;
    assert!(metrics.contains(r#"jobgate_budget_settled_units{budget="all"} 3.5"#), "{metrics}");
    let usage = gateway.operator().send(&get("/v1/usage?by=type")).json();
    assert_eq!(usage["usage"][0]["settled"], "3.5");
}

#[test]
fn what_upstream_refuses_is_given_back_and_what_nobody_knows_stays_held() {
    let (upstream, gateway) = gate("100");
    upstream.script([Act::Answer(answer(422, "{}")), Act::Answer(answer(429, "{}"))]);
    assert_eq!(gateway.send(&post(JOB)).status, 422);
    assert_eq!(gateway.send(&post(JOB)).status, 429);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "0"), vec!["released".to_owned(); 2]));
    upstream.script([
        Act::Close,
        Act::Answer(answer(503, "{}")),
        Act::Answer(answer(201, "{}")),
        Act::AnswerAndClose(b"HTTP/1.1 201 X\r\nContent-Length: 99\r\n\r\n{".to_vec()),
    ]);
    let unknown = gateway.send(&post(JOB));
    assert_eq!(unknown.status, 502);
    let detail = &unknown.json()["error"]["details"][0];
    assert_eq!(detail["outcome"], "unknown");
    assert!(holds(&gateway).iter().any(|hold| hold["id"] == detail["hold"]), "{detail}");
    for status in [503, 201, 502] {
        assert_eq!(gateway.send(&post(JOB)).status, status);
    }
    assert_eq!(sums(&gateway), sum("0", "14"));
    assert_eq!(states(&gateway).iter().filter(|state| *state == "in-doubt").count(), 4);
}

/// Nothing is refused at the soft part of a limit: the answer, the log and the metrics tell of it.
#[test]
fn somebody_is_told_before_a_budget_is_used_up() {
    let upstream = Recorder::start();
    let text = budget("10", "").replace("window", "soft = '0.7'\nwindow");
    let gateway = Running::start(upstream.address, &text);
    let first = gateway.send(&post(JOB));
    let near = |gateway: &Running| gateway.operator().send(&get("/metrics")).body;
    assert_eq!((first.status, first.header("x-jobgate-budget-near")), (201, None));
    assert!(near(&gateway).contains("jobgate_budget_near{budget=\"all\"} 0\n"));
    let second = gateway.send(&post(JOB));
    assert_eq!((second.status, second.header("x-jobgate-budget-near")), (201, Some("all")));
    assert!(near(&gateway).contains("jobgate_budget_near{budget=\"all\"} 1\n"));
    assert_eq!(gateway.send(&post(JOB)).status, 402);
    let lines = gateway.log.lines(3);
    assert!(lines.iter().all(|line| line["budget"] == "all"), "{lines:?}");
}

/// Upstream has spent it, so it is charged, beyond the hold and beyond the limit; and it is shown.
#[test]
fn what_upstream_spends_beyond_the_hold_is_charged_and_flagged() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &budget("5", "pricing.settle = 'upstream-units'"));
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 200);
    let run = r#""executionInformation":{"estimatedUnits":6.25}"#;
    let over = format!(r#"{{"job":{{"id":"{JOB_ID}","state":"success",{run}}}}}"#);
    upstream.script([Act::Answer(answer(200, &over))]);
    assert_eq!(gateway.send(&get(&format!("/contextcapture/jobs/{JOB_ID}"))).status, 200);
    while states(&gateway) != ["settled"] {
        thread::yield_now();
    }
    assert_eq!((sums(&gateway), holds(&gateway)[0]["overdraft"].as_str()), (sum("6.25", "0"), Some("2.75")));
    assert_eq!(gateway.send(&post(JOB)).status, 402);
}

#[test]
fn what_was_never_sent_is_given_back() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = Running::start(nobody, &budget("100", ""));
    let reply = gateway.send(&post(JOB));
    assert_eq!(
        (reply.status, &reply.json()["error"]["details"][0]["outcome"]),
        (502, &Value::from("not-sent"))
    );
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "0"), vec!["released".to_owned()]));
}

#[test]
fn a_change_is_priced_before_it_is_sent_and_taken_back_when_it_is_refused() {
    let (upstream, gateway) = gate("10");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let dearer = r#"{"costEstimationParameters":{"gigaPixels":8}}"#;
    upstream.script([Act::Answer(answer(422, "{}"))]);
    assert_eq!(gateway.send(&patch(dearer)).status, 422);
    assert_eq!(sums(&gateway), sum("0", "3.5"));
    assert_eq!(gateway.send(&patch(dearer)).status, 200);
    assert_eq!(sums(&gateway), sum("0", "8"));
    let seen = upstream.seen().len();
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":11}}"#)).status, 402);
    assert_eq!((upstream.seen().len(), sums(&gateway)), (seen, sum("0", "8")));
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":1}}"#)).status, 200);
    assert_eq!(sums(&gateway), sum("0", "1"));
    let delete = support::head("DELETE", &format!("/contextcapture/jobs/{JOB_ID}"), "\r\n");
    assert_eq!(gateway.send(delete.as_bytes()).status, 204);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "0"), vec!["released".to_owned()]));
}

#[test]
fn a_job_without_a_price_is_counted_and_priced_when_it_has_one() {
    let (_, gateway) = gate("5");
    let unpriced = JOB.replace(
        r#""costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5,"meshQuality":"Extra"},"#,
        "",
    );
    assert_eq!(gateway.send(&post(&unpriced)).status, 201);
    assert_eq!((sums(&gateway), holds(&gateway)[0]["amount"].clone()), (sum("0", "0"), Value::Null));
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":"9"}}"#)).status, 402);
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":"4"}}"#)).status, 200);
    assert_eq!(sums(&gateway), sum("0", "4"));
    let strict = budget("5", "").replace("window", "unpriced = 'refuse'\nwindow");
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &strict);
    assert_eq!(gateway.send(&post(&unpriced)).status, 402);
    assert!(upstream.seen().is_empty());
}

/// What an unanswered change may have made of a job is not forgotten when the job is submitted.
#[test]
fn a_hold_in_doubt_is_not_lowered_by_what_was_known_before() {
    let (upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    upstream.script([Act::Close]);
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":8}}"#)).status, 502);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "8"), vec!["in-doubt".to_owned()]));
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 200);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "8"), vec!["submitted".to_owned()]));
}

/// That the job is there is not to say what the change made of it.
#[test]
fn a_doubt_that_a_look_has_ended_does_not_lower_the_hold_either() {
    let (upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    upstream.script([Act::Close, Act::Answer(job_in("unsubmitted"))]);
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":8}}"#)).status, 502);
    assert_eq!(gateway.send(&get(&format!("/contextcapture/jobs/{JOB_ID}"))).status, 200);
    while states(&gateway) != ["bound"] {
        thread::yield_now();
    }
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 200);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "8"), vec!["submitted".to_owned()]));
}

#[test]
fn a_price_that_is_taken_away_stays_held_and_shown() {
    let (_, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(gateway.send(&patch(r#"{"costEstimationParameters":{}}"#)).status, 200);
    assert_eq!((sums(&gateway), holds(&gateway)[0]["amount"].clone()), (sum("0", "3.5"), Value::from("3.5")));
}

/// As upstream answers with a job that was made elsewhere.
fn made_elsewhere(state: &str) -> Act {
    Act::Answer(answer(
        200,
        &format!(
            r#"{{"job":{{"id":"{JOB_ID}","name":"Bridge 7","type":"Full","state":"{state}",
            "createdDateTime":"2020-09-14T14:29:55Z","lastModifiedDateTime":"2020-09-14T14:29:55Z","location":"East US",
            "workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","email":"someone@example.com","inputs":[],
            "jobSettings":{{"quality":"Extra","outputs":[{{"format":"OBJ","id":null}}]}},
            "costEstimationParameters":{{"gigaPixels":2.1,"megaPoints":1.5}},"estimatedCost":3.6}}}}"#
        ),
    ))
}

#[test]
fn a_job_made_elsewhere_is_asked_for_with_its_callers_token_before_it_is_priced() {
    let (upstream, gateway) = gate("5");
    upstream.script([made_elsewhere("unsubmitted")]);
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 200);
    let seen = upstream.seen();
    assert_eq!(seen[0].line, format!("GET /contextcapture/jobs/{JOB_ID} HTTP/1.1"));
    assert_eq!(seen[0].header("authorization"), Some("Bearer t0k-en"));
    assert!(seen[1].line.starts_with("PATCH ") && seen.len() == 2);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "3.5"), vec!["submitted".to_owned()]));
    // It is known now.
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 200);
    assert_eq!(upstream.seen().len(), 3);
}

#[test]
fn a_job_made_elsewhere_that_does_not_fit_is_refused_and_one_that_runs_is_not_held() {
    let (upstream, gateway) = gate("5");
    upstream.script([made_elsewhere("unsubmitted")]);
    let refused = gateway.send(&patch(r#"{"costEstimationParameters":{"gigaPixels":9}}"#));
    assert_eq!((refused.status, refused.code().as_str(), upstream.seen().len()), (402, "BudgetExceeded", 1));
    assert_eq!(sums(&gateway), sum("0", "3.5"), "it is followed from here on, as it is");
    assert_eq!(holds(&gateway)[0]["upstreamEstimate"], "3.6");
    let (upstream, gateway) = gate("5");
    upstream.script([made_elsewhere("active"), Act::Answer(answer(422, "{}"))]);
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 422);
    assert_eq!((upstream.seen().len(), holds(&gateway).len()), (2, 0));
}

#[test]
fn a_job_that_upstream_does_not_tell_of_is_refused_unless_that_is_allowed() {
    let (upstream, gateway) = gate("5");
    upstream.script([Act::Answer(answer(404, "{}")), Act::Close]);
    for asked in 1..=3 {
        let refused = gateway.send(&patch(r#"{"state":"Active"}"#));
        assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"));
        assert_eq!(upstream.seen().len(), asked, "it was asked, and the change was not sent");
    }
    assert_eq!(gateway.send(&patch(r#"{"state":"Cancelled"}"#)).status, 200, "that costs nothing");
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &budget("5", "holds.unknown_job = 'admit'"));
    assert_eq!(gateway.send(&patch(r#"{"state":"Active"}"#)).status, 200);
}

/// How many of so many requests of so many clients at once were created.
fn created(gateway: &Running, clients: usize, rounds: usize) -> usize {
    thread::scope(|scope| {
        let one = || {
            let mut client = gateway.client();
            let one = |_: &usize| {
                let reply = client.send(&post(JOB));
                if reply.closes() {
                    client = gateway.client();
                }
                reply.status == 201
            };
            (0..rounds).filter(one).count()
        };
        let all: Vec<_> = (0..clients).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|client| client.join().unwrap()).sum()
    })
}

/// At the edge of a budget all that fits is admitted and nothing beyond, however many ask at once:
/// `JOBGATE_ROUNDS=1000 cargo nextest run -p gateway --test money` is the longer run.
#[test]
fn many_clients_at_one_budget_spend_exactly_what_fits() {
    let rounds = std::env::var("JOBGATE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(50);
    // 256 x 50 ask for 44,800; there is room for 5,000 jobs of 3.5, and 2 are left over.
    let (upstream, gateway) = gate("17502");
    assert_eq!(created(&gateway, 256, rounds), 5000);
    assert_eq!((upstream.seen().len(), sums(&gateway)), (5000, sum("0", "17500")));
}

/// What upstream refuses is given back: no hold is left over, and at rest nothing is refused that fits.
#[test]
fn refusals_of_upstream_leave_no_hold_behind() {
    let (upstream, gateway) = gate("350");
    upstream.script((0..200).map(|n| Act::Answer(answer([400, 422, 429][n % 3], "{}"))));
    let first = created(&gateway, 32, 10);
    let rest = created(&gateway, 1, 101);
    assert_eq!((first + rest, upstream.seen().len()), (100, 300));
    assert_eq!(sums(&gateway), sum("0", "350"));
}

#[test]
fn a_ledger_in_a_file_outlives_its_gateway_and_has_one_at_a_time() {
    let folder = std::env::temp_dir().join(format!("jobgate-money-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("book.db");
    let text = budget("5", &format!("ledger.url = 'sqlite:{}'", file.display()));
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &text);
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let config = format!("listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\n{text}");
    let config = Config::parse(&config, Path::new("."), []).unwrap();
    let second = gateway::Gateway::bind(config.clone(), None).unwrap_err().to_string();
    assert!(second.contains("another gateway is using it"), "{second}");
    assert_eq!(gateway.stop(), 0);
    // The lock goes with the last task that holds the ledger.
    let gateway = loop {
        match gateway::Gateway::bind(config.clone(), None) {
            Ok(gateway) => break gateway,
            Err(_) => thread::yield_now(),
        }
    };
    drop(gateway);
    let book = ledger::Ledger::visit(&ledger::Url::Sqlite(file)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let verified = runtime.block_on(book.verify()).unwrap().unwrap();
    assert_eq!((verified.entries, verified.balances, verified.holds), (2, 1, 1));
    std::fs::remove_dir_all(folder).unwrap();
}

/// A ledger that was written by a clock ahead of ours: its windows stay where they were, and none that is over is opened again.
#[test]
fn a_clock_that_was_set_back_opens_no_window_again() {
    let folder = std::env::temp_dir().join(format!("jobgate-clock-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("book.db");
    let text = budget("5", &format!("ledger.url = 'sqlite:{}'", file.display()))
        .replace("window = 'total'", "window = 'day'\ntime_zone = 'UTC'");
    let tomorrow = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 365);
    let config = Config::parse(&text, Path::new("."), []).unwrap();
    let workspace = job_model::WorkspaceId::parse("6881117d-9fd2-4900-870b-9b721dc90f25").unwrap();
    let workload = serde_json::json!({"type": "Full", "quality": "Extra", "outputs": ["OBJ"]});
    let new = ledger::NewHold {
        id: ledger::HoldId::new(),
        job: None,
        workspace,
        principal: String::new(),
        workload: job_model::Workload::from_json(&workload).unwrap(),
        amount: Some("3.5".parse().unwrap()),
        card: String::new(),
        currency: "unit".to_owned(),
        claims: config.budgets.iter().map(|budget| budget.claim(None, "", tomorrow).unwrap()).collect(),
    };
    let book = ledger::Ledger::open(&ledger::Url::Sqlite(file), &[], tomorrow).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(book.reserve(new, None, tomorrow)).unwrap();
    drop(book);
    let upstream = Recorder::start();
    let gateway = Running::start_patiently(upstream.address, &text);
    assert_eq!(
        gateway.send(&post(JOB)).status,
        402,
        "that day's limit is used up, and this one's is not opened"
    );
    let metrics = gateway.operator().send(&get("/metrics")).body;
    let skew = metrics.lines().find_map(|line| line.strip_prefix("jobgate_clock_skew_seconds ")).unwrap();
    assert!(skew.parse::<f64>().unwrap() < -360.0 * 86_400.0, "{skew}");
    drop(gateway);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_estimate_tells_the_room_of_each_budget_and_takes_none() {
    let (_, gateway) = gate("5");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let reply = gateway.send(&request("POST", "/jobgate/v1/estimate", JOB)).json();
    assert_eq!(
        (&reply["decision"], &reply["budgets"][0]["fits"]),
        (&Value::from("refused"), &Value::from(false))
    );
    let expected =
        serde_json::json!([{"name": "all", "limit": "5", "settled": "0", "held": "3.5", "fits": false}]);
    assert_eq!(reply["budgets"], expected);
    assert_eq!(sums(&gateway), sum("0", "3.5"));
    let anywhere = JOB.replace(r#""workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","#, "");
    let reply = gateway.send(&request("POST", "/jobgate/v1/estimate", &anywhere)).json();
    assert_eq!((&reply["decision"], &reply["budgets"]), (&Value::from("refused"), &expected));
    let strict = budget("5", "").replace("window", "unpriced = 'refuse'\nwindow");
    let gateway = Running::start(Recorder::start().address, &strict);
    let unpriced = JOB.replace(r#""gigaPixels":2.1,"megaPoints":1.5,"#, "");
    let reply = gateway.send(&request("POST", "/jobgate/v1/estimate", &unpriced)).json();
    assert_eq!(
        (&reply["decision"], &reply["budgets"][0]["fits"]),
        (&Value::from("refused"), &Value::from(true))
    );
    assert_eq!(gateway.send(&post(&unpriced)).status, 402, "as was told");
}

#[test]
fn budgets_are_checked_when_they_are_loaded_and_shown_as_they_are() {
    let problems = |text: &str| Config::parse(text, Path::new("."), []).unwrap_err().to_string();
    let wrong = "pricing.rate_card = 'builtin:illustrative'\n[[budget]]\nname = 'a b'\nscope = 'team'\nlimit = '-1'\nwindow = 'week'\nsoft = '80%'\nsofter = '1'\ncurrency = 'EUR'\n[[budget]]\nname = 'm'\nscope = 'global'\nlimit = '1'\nwindow = 'month'";
    let all = problems(wrong);
    for expected in [
        "budget[0].softer: unknown key; did you mean \"soft\"?",
        "budget[0].soft: must be a part of the limit in quotes, above 0 and at most 1, such as \"0.8\", not \"80%\"",
        "budget[0].currency: is \"EUR\", and the rate card illustrative prices in \"unit\"",
        "budget[0].name: must be",
        "budget[0].scope: must be \"global\", \"workspace\" or \"principal\", not \"team\"",
        "budget[0].limit: must be an amount in quotes",
        "budget[0].window: must be \"day\", \"month\" or \"total\", not \"week\"",
        "budget[1].time_zone: missing",
    ] {
        assert!(all.contains(expected), "{expected}\n{all}");
    }
    assert!(
        problems(&budget("1", "").replace("pricing.rate_card = 'builtin:illustrative'", ""))
            .contains("budget: needs pricing.rate_card")
    );
    let whom = budget("1", "identity = { mode = 'header', header = 'x-who' }");
    for (one, expected) in
        [("3", "budget[0].match: must be a principal"), ("''", "budget[0].match: must be a principal")]
    {
        let one = whom.replace("scope = 'global'", &format!("scope = 'principal'\nmatch = {one}"));
        assert!(problems(&one).contains(expected), "{one}");
    }
    let config = Config::parse(&budget("1.50", ""), Path::new("."), []).unwrap();
    assert_eq!(Config::parse(&config.effective(), Path::new("."), []).unwrap(), config);
}
