//! What deploy/ claims, held to Prometheus' own tool and to itself; the configuration files are loaded by jobgate's tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

fn read(file: &str) -> String {
    fs::read_to_string(deploy().join(file)).unwrap_or_else(|fault| panic!("deploy/{file}: {fault}"))
}

/// From the PATH, or where `cargo xtask test` puts it.
fn promtool(arguments: &[&str]) -> Output {
    let fetched = deploy().join("../target/tools/usr/bin/promtool");
    [Path::new("promtool"), &fetched]
        .into_iter()
        .find_map(|program| {
            Command::new(program).args(arguments).current_dir(deploy().join("prometheus")).output().ok()
        })
        .expect("promtool is missing: `cargo xtask test` puts it in place")
}

fn accepted(arguments: &[&str]) {
    let output = promtool(arguments);
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "promtool {arguments:?}: {}", String::from_utf8_lossy(&said));
}

/// The expressions of the Grafana board, with Grafana's variables filled in.
fn board_expressions() -> Vec<String> {
    let board: serde_json::Value = serde_json::from_str(&read("grafana/jobgate.json")).unwrap();
    let panels = board.get("panels").unwrap().as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel.get("targets").unwrap().as_array().unwrap());
    let expressions = targets.map(|target| target.get("expr").unwrap().as_str().unwrap());
    expressions.map(|text| text.replace("$__rate_interval", "5m").replace("$instance", ".*")).collect()
}

/// Every word of a text that begins like one of our metrics.
fn metrics_named(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("jobgate_"))
        .collect()
}

/// The values of `key` in a YAML file, as they are written.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches("- "));
    lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim).collect()
}

#[test]
fn prometheus_accepts_its_configuration_and_every_alert() {
    accepted(&["check", "config", "prometheus.yml"]);
    accepted(&["check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"]);
}

#[test]
fn each_alert_fires_when_it_should_and_only_then() {
    accepted(&["test", "rules", "alerts.test.yml"]);
}

#[test]
fn each_alert_is_tested_firing_and_silent() {
    let (alerts, tests) = (read("prometheus/alerts.yml"), read("prometheus/alerts.test.yml"));
    for alert in values(&alerts, "alert") {
        assert!(values(&tests, "alertname").contains(&alert), "{alert} never fires in alerts.test.yml");
        let silent = format!("alertname: {alert}, exp_alerts: []");
        assert!(tests.contains(&silent), "{alert} is never silent in alerts.test.yml");
    }
}

#[test]
fn the_runbook_has_a_section_for_each_alert_and_no_other() {
    let (alerts, runbook) = (read("prometheus/alerts.yml"), read("runbook.md"));
    let sections: Vec<&str> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(sections, values(&alerts, "alert"));
}

#[test]
fn every_expression_of_the_board_is_one() {
    let rules: Vec<String> = (0..)
        .zip(board_expressions())
        .map(|(n, expression)| format!("  - record: board:panel_{n}\n    expr: '{expression}'\n"))
        .collect();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("board.yml");
    fs::write(&file, format!("groups:\n- name: board\n  rules:\n{}", rules.concat())).unwrap();
    accepted(&["check", "rules", file.to_str().unwrap()]);
}

#[test]
fn only_metrics_that_are_promised_are_asked_for() {
    let (promised, board) = (read("prometheus/metrics.txt"), board_expressions().join("\n"));
    let asked =
        [read("prometheus/alerts.yml"), read("prometheus/alerts.test.yml"), read("runbook.md"), board];
    for name in asked.iter().flat_map(|text| metrics_named(text)) {
        let family = promised.lines().any(|metric| name == metric || name == format!("{metric}_bucket"));
        assert!(family, "{name} is not in prometheus/metrics.txt");
    }
}

#[test]
fn kubernetes_asks_the_admin_address_whether_it_lives_and_is_ready() {
    let deployment = read("kubernetes/deployment.yaml");
    assert_eq!(values(&deployment, "path"), ["/livez", "/readyz"]);
    assert_eq!(values(&deployment, "port"), ["admin", "admin"]);
    assert_eq!(values(&deployment, "containerPort"), ["8080", "9090"]);
    for configuration in ["kubernetes/jobgate.toml", "compose/jobgate.toml"] {
        let text = read(configuration);
        for address in ["\"0.0.0.0:8080\"", "\"0.0.0.0:9090\""] {
            assert!(text.contains(address), "{configuration} must listen on {address}");
        }
    }
}

#[test]
fn kustomize_names_every_manifest() {
    let kustomization = read("kubernetes/kustomization.yaml");
    for entry in fs::read_dir(deploy().join("kubernetes")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "kustomization.yaml" || kustomization.contains(&name),
            "{name} is not in kustomization.yaml"
        );
    }
}

#[test]
fn everywhere_a_stopping_gateway_gets_the_same_time() {
    assert_eq!(values(&read("kubernetes/deployment.yaml"), "terminationGracePeriodSeconds"), ["90"]);
    assert_eq!(values(&read("compose.yaml"), "stop_grace_period"), ["90s"]);
    assert!(read("systemd/jobgate.service").lines().any(|line| line == "TimeoutStopSec=90s"));
}

/// Whoever sends it requests has to hear first that it stops: by a hook before the signal, or by the time that its listener waits behind it.
#[test]
fn kubernetes_hears_that_it_stops_before_its_listener_closes() {
    let deployment = read("kubernetes/deployment.yaml");
    assert!(!deployment.contains("preStop:"), "with a hook the lead below is too much");
    let configuration = read("kubernetes/jobgate.toml");
    let lines = configuration.lines().skip_while(|line| *line != "[shutdown]").skip(1);
    let lead = lines.take_while(|line| !line.starts_with('[')).find_map(|line| line.strip_prefix("lead = "));
    let seconds = |text: &str| text.trim_matches('"').trim_end_matches('s').parse::<u32>().unwrap();
    let lead =
        seconds(lead.expect("kubernetes/jobgate.toml has no shutdown.lead: the listener closes at once"));
    let period = values(&deployment, "periodSeconds").last().map(|text| seconds(text)).unwrap();
    assert!(lead > 2 * period, "a lead of {lead} s is over before a probe each {period} s is heard of");
    // The grace that the configuration does not set is the default one.
    let example = read("jobgate.example.toml");
    let grace = example.lines().find_map(|line| line.strip_prefix("grace = ")).map(seconds).unwrap();
    let given =
        values(&deployment, "terminationGracePeriodSeconds").first().map(|text| seconds(text)).unwrap();
    assert!(
        !configuration.contains("grace = ") && lead + grace < given,
        "{lead} s and {grace} s in {given} s"
    );
}

#[test]
fn a_wrong_configuration_is_not_started_again() {
    assert!(read("systemd/jobgate.service").lines().any(|line| line == "RestartPreventExitStatus=78"));
}

#[test]
fn nothing_runs_as_root() {
    assert!(read("Containerfile").lines().any(|line| line == "USER 65532:65532"));
    let deployment = read("kubernetes/deployment.yaml");
    assert_eq!(values(&deployment, "runAsNonRoot"), ["true"]);
    assert_eq!(values(&deployment, "runAsUser"), ["65532"]);
    assert!(read("systemd/jobgate.service").lines().any(|line| line == "DynamicUser=yes"));
}
