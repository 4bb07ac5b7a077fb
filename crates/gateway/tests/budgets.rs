//! Budgets on live traffic: what fits is admitted and nothing beyond, who is told before, and what a restart or a clock changes.
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
use support::money::{budget, gate, sum, sums};
use support::{Act, JOB, Recorder, Running, answer, get, post, request};

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
/// `JOBGATE_ROUNDS=1000 cargo nextest run -p gateway --test budgets` is the longer run.
#[test]
fn many_clients_at_one_budget_spend_exactly_what_fits() {
    #[expect(clippy::disallowed_methods, reason = "how long a test runs is no configuration")]
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
        terms: ledger::Terms::default(),
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
        (&Value::from("refused"), &Value::from(false)),
        "what has no price fits no budget that asks for one"
    );
    assert_eq!(gateway.send(&post(&unpriced)).status, 402, "as was told");
    for (more, fits) in [("mode = 'shadow'\nunpriced = 'refuse'", false), ("unpriced = 'admit'", true)] {
        let gateway = Running::start(Recorder::start().address, &(budget("5", "") + more));
        let reply = gateway.send(&request("POST", "/jobgate/v1/estimate", &unpriced)).json();
        assert_eq!(
            (&reply["decision"], &reply["budgets"][0]["fits"]),
            (&Value::from("admitted"), &Value::from(fits)),
            "{more}"
        );
    }
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
