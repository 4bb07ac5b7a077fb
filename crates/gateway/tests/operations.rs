//! What operators and clients ask the gateway itself: estimates, rules, prices, schema, health and metrics.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use job_model::{Policy, RateCard};
use serde_json::{Value, json};
use support::money::budget;
use support::{Act, JOB, Recorder, Running, get, head, post, request};

const PRICED: &str = "pricing.rate_card = 'builtin:illustrative'";

fn estimate(gateway: &Running, body: &str) -> Value {
    let reply = gateway.send(&request("POST", "/jobgate/v1/estimate", body));
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("x-jobgate-decision"), None);
    reply.json()
}

#[test]
fn an_estimate_is_what_the_gate_would_decide() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, PRICED);
    let answer = estimate(&gateway, JOB);
    assert_eq!(answer["decision"], "admitted");
    assert_eq!(answer["estimate"]["amount"], "3.5");
    assert_eq!(answer["estimate"]["rateCard"]["name"], "illustrative");
    assert_eq!(answer["estimate"]["lines"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&answer["violations"], &answer["unpriced"], &answer["budgets"]),
        (&json!([]), &Value::Null, &json!([]))
    );
    let members: BTreeSet<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        BTreeSet::from(["budgets", "decision", "estimate", "unpriced", "violations", "warnings"])
    );

    let early = r#"{"type":"Full","name":"n","settings":{"quality":"Extra","outputs":["OBJ","OBJ"]}}"#;
    let answer = estimate(&gateway, early);
    assert_eq!((&answer["decision"], &answer["unpriced"]), (&json!("admitted"), &json!("no-quantities")));
    assert_eq!(answer["warnings"], json!(["output-duplicate"]));

    let answer = estimate(&gateway, &JOB.replace("My first job", ""));
    assert_eq!(answer["decision"], "refused");
    assert_eq!(answer["violations"][0]["rule"], "name-invalid");
    assert_eq!(answer["estimate"]["amount"], "3.5", "a wrong name does not hide the price");

    let answer = estimate(&gateway, "{");
    assert_eq!(answer["violations"][0]["rule"], "body-syntax");
    assert_eq!((&answer["estimate"], &answer["unpriced"]), (&Value::Null, &json!("unreadable")));
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn rules_prices_and_schema_are_there_to_read() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, PRICED);
    let rules = gateway.send(&get("/jobgate/v1/rules")).json();
    let rules = rules["rules"].as_array().unwrap();
    assert_eq!(rules.len(), job_model::Rule::ALL.len());
    for rule in rules {
        let one = gateway.send(&get(rule["help"].as_str().unwrap())).json();
        assert_eq!((&one["id"], &one["severity"]), (&rule["id"], &rule["severity"]));
        assert!(one["text"].as_str().unwrap().len() > 20);
    }
    let card = gateway.send(&get("/jobgate/v1/rate-card")).json();
    assert_eq!(card["rateCard"]["name"], "illustrative");
    let schema = gateway.send(&get("/jobgate/v1/schema")).json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let without = Running::start(upstream.address, "");
    assert_eq!(without.send(&get("/jobgate/v1/rate-card")).json()["rateCard"], Value::Null);
    assert_eq!(without.send(&post(JOB)).header("x-jobgate-estimate"), Some("unpriced; no-rate-card"));
}

#[test]
fn the_admin_address_has_health_and_configuration_and_the_public_one_has_not() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    gateway.wait_ready();
    let mut operator = gateway.operator();
    for (path, status) in
        [("/livez", 200), ("/readyz", 200), ("/v1/config", 200), ("/metrics", 200), ("/", 404)]
    {
        assert_eq!(operator.send(&get(path)).status, status, "{path}");
        assert_eq!(gateway.send(&get(path)).status, 404, "{path}");
    }
    assert_eq!(
        operator.send(&head("POST", "/metrics", "Content-Length: 0\r\n\r\n").into_bytes()).status,
        405
    );
    let config = operator.send(&get("/v1/config")).body;
    assert!(config.contains(&format!("url = \"http://{}\"", upstream.address)), "{config}");
}

#[test]
fn usage_is_told_of_a_span_of_days() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, PRICED);
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let ask = |query: &str| gateway.operator().send(&get(&format!("/v1/usage?{query}")));
    for (query, groups) in [
        ("by=type&from=2020-01-01", 1),
        ("from=2020-01-01&until=9000-01-01", 1),
        ("by=type&until=2020-01-01", 0),
        ("from=9000-01-01", 0),
    ] {
        assert_eq!(ask(query).json()["usage"].as_array().unwrap().len(), groups, "{query}");
    }
    for (query, said) in [
        ("from=November", "2026-11-30"),
        ("until=2026-02-30", "2026-11-30"),
        ("since=2026-11-30", "by, from and until"),
    ] {
        let reply = ask(query);
        assert!(reply.status == 400 && reply.body.contains(said), "{query}: {}", reply.body);
    }
}

#[test]
fn what_is_running_is_told_by_name_and_fingerprint() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, PRICED);
    let metrics = gateway.operator().send(&get("/metrics")).body;
    let line = metrics.lines().find(|line| line.starts_with("jobgate_build_info{")).unwrap();
    let (card, rules) = (RateCard::illustrative().sha256().to_owned(), Policy::default().sha256());
    for label in [
        r#"rate_card="illustrative 2026-11""#.to_owned(),
        format!(r#"rate_card_sha256="{card}""#),
        r#"rule_set="compatible""#.to_owned(),
        format!(r#"rule_set_sha256="{rules}""#),
    ] {
        assert!(line.contains(&label), "{label}: {line}");
    }
    let config = gateway.operator().send(&get("/v1/config")).body;
    assert!(
        config.starts_with(&format!(
            "# Rule set compatible: {rules}\n# Rate card illustrative 2026-11: {card}\n"
        ))
    );
}

/// From the PATH, or where the test command puts it.
fn tool(name: &str) -> PathBuf {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/usr/bin").join(name);
    if fetched.exists() { fetched } else { PathBuf::from(name) }
}

/// One that has something to tell of everything that it counts.
fn busy_gateway() -> Running {
    let upstream = Recorder::start();
    let counting = "[[rate_limit]]\nscope = 'global'\nrequests = 1\nper = '1h'\nmode = 'shadow'";
    let gateway = Running::start(upstream.address, &budget("100", counting));
    let mut client = gateway.client();
    for body in [JOB, "{}", "{", &JOB.replace(r#""gigaPixels":2.1,"megaPoints":1.5,"#, "")] {
        client.send(&post(body));
    }
    let job = "/contextcapture/jobs/cc3d35cc-416a-4262-9714-b359da70b419";
    assert_eq!(client.send(&request("PATCH", job, r#"{"state":"Active"}"#)).status, 200);
    client.send(&get("/contextcapture/jobs"));
    upstream.script([Act::Answer(b"BLAH\r\n\r\n".to_vec())]);
    assert_eq!(client.send(&get("/contextcapture/jobs")).status, 502);
    gateway.log.lines(7);
    gateway
}

#[test]
fn it_tells_every_metric_that_is_promised_and_no_other() {
    let text = busy_gateway().operator().send(&get("/metrics")).body;
    let told: BTreeSet<_> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let promised = include_str!("../../../deploy/prometheus/metrics.txt");
    assert_eq!(told, promised.lines().filter(|line| !line.starts_with('#')).collect());
}

/// An alert that is tried with what is never told is not tried.
#[test]
fn the_alerts_are_tested_with_labels_that_it_tells() {
    let text = busy_gateway().operator().send(&get("/metrics")).body;
    let tests = include_str!("../../../deploy/prometheus/alerts.test.yml");
    let mut tried = 0;
    for series in tests.lines().filter_map(|line| line.split_once("series: '")?.1.split('\'').next()) {
        let (name, labels) = series.split_once('{').unwrap();
        let pairs = labels.trim_end_matches('}').split(", ");
        for pair in pairs.filter(|pair| {
            ["route=", "outcome=", "state=", "le="].iter().any(|label| pair.starts_with(label))
        }) {
            tried += 1;
            let told = text.lines().any(|line| line.starts_with(&format!("{name}{{")) && line.contains(pair));
            assert!(told, "{name} never has {pair}");
        }
    }
    assert!(tried > 10, "{tried}");
}

#[test]
fn prometheus_own_tool_accepts_the_exposition() {
    let gateway = busy_gateway();
    let text = gateway.operator().send(&get("/metrics")).body;
    for line in [
        r#"jobgate_jobs_total{outcome="admitted",quality="Extra",type="Full"} 2"#,
        r#"jobgate_jobs_total{outcome="refused",quality="unknown",type="unknown"} 2"#,
        r#"jobgate_estimated_units_total{quality="Extra",type="Full"} 3.5"#,
        r#"jobgate_gigapixels_total{quality="Extra",type="Full"} 2.1"#,
        r#"jobgate_unpriced_total{reason="no-quantities"} 1"#,
        r#"jobgate_requests_total{outcome="observed",route="jobs-get-all",status="200"} 1"#,
        r#"jobgate_violations_total{rule="type-missing",severity="deny"} 1"#,
        r#"rule_set="compatible""#,
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    let mut promtool = Command::new(tool("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is missing: the test command puts it in place");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

/// Ended when dropped, so that no failed test leaves one behind.
struct Server(std::process::Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_prometheus_scrapes_it() {
    let gateway = busy_gateway();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("prometheus-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let config = folder.join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\nscrape_configs:\n- job_name: jobgate\n  static_configs:\n  - targets: ['{}']\n",
        gateway.admin
    );
    fs::write(&config, text).unwrap();
    // Prometheus cannot be asked for any free port; this one was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _server = Server(
        Command::new(tool("prometheus"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is missing: the test command puts it in place"),
    );
    let query = get("/api/v1/query?query=jobgate_estimated_units_total");
    let deadline = 150;
    for turn in 0..=deadline {
        if let Ok(stream) = std::net::TcpStream::connect(port) {
            drop(stream);
            let reply = support::Client::connect(port).send(&query);
            // It listens before it can be asked.
            let told = if reply.status == 200 { reply.json() } else { Value::Null };
            if let Some(value) = told["data"]["result"][0]["value"][1].as_str() {
                assert_eq!(value, "3.5");
                break;
            }
        }
        assert!(turn < deadline, "prometheus never had the metric");
        thread::park_timeout(Duration::from_millis(200));
    }
    fs::remove_dir_all(folder).unwrap();
}

/// The names and labels of every series.
fn series(gateway: &Running) -> BTreeSet<String> {
    let text = gateway.operator().send(&get("/metrics")).body;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name.to_owned()).collect()
}

/// Requests with the number `n` in every place where a client can put one.
fn varied(n: usize) -> [Vec<u8>; 4] {
    let id = format!("58e0c0ca-f730-4e5b-808d-{n:012x}");
    let job =
        JOB.replace("My first job", &format!("job {n}")).replace("6881117d-9fd2-4900-870b-9b721dc90f25", &id);
    let token =
        |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("t0k-en", &format!("t{n}")).into_bytes();
    [
        token(post(&job.replace("\"Full\"", &format!("\"Full{n}\"")))),
        token(get(&format!("/contextcapture/{n}"))),
        token(head(&format!("M{n}"), "/contextcapture/jobs", "\r\n").into_bytes()),
        token(post(&job.replacen('{', &format!("{{\"member{n}\":1,\"type\":1,"), 1))),
    ]
}

#[test]
fn a_hundred_thousand_different_requests_add_no_series() {
    const EACH: usize = 12_500;
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "limits.requests_per_connection = 1000000");
    let statuses = |replies: [support::Reply; 4]| replies.map(|reply| reply.status);
    let mut client = gateway.client();
    assert_eq!(statuses(varied(0).map(|bytes| client.send(&bytes))), [422, 404, 405, 422]);
    gateway.log.lines(4);
    let before = series(&gateway);
    thread::scope(|scope| {
        for part in 1..=2_usize {
            let gateway = &gateway;
            scope.spawn(move || {
                let mut client = gateway.client();
                for n in 0..EACH {
                    let requests = varied(part * 1_000_000 + n);
                    client.write(&requests.concat());
                    assert_eq!(statuses(requests.map(|_| client.read())), [422, 404, 405, 422]);
                }
            });
        }
    });
    let after = series(&gateway);
    assert_eq!(after.symmetric_difference(&before).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// A series that is first seen when it is at 5 has not risen, as Prometheus counts.
#[test]
fn what_alerts_wait_for_is_at_0_from_the_start() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, PRICED);
    let metrics = gateway.operator().send(&get("/metrics")).body;
    for series in [
        r#"refusals_total{code="Overloaded"}"#,
        r#"refusals_total{code="LedgerUnavailable"}"#,
        r#"unpriced_total{reason="no-rate"}"#,
        r#"unpriced_total{reason="no-rate-card"}"#,
        r#"upstream_errors_total{kind="unresolved"}"#,
        r#"upstream_errors_total{kind="timeout"}"#,
    ] {
        assert!(metrics.contains(&format!("\njobgate_{series} 0\n")), "{series}");
    }
}
