//! What is said of a change beside its money: the rules that only its job tells, its line in the log, and what is counted.

use super::support::Reply;
use super::*;

/// The published example as the official clients create it: its size comes with a change.
fn unsized_job() -> String {
    JOB.replace(
        r#""costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5,"meshQuality":"Extra"},"#,
        "",
    )
}

/// Behind so many requests, which are counted before they are logged.
fn metrics(gateway: &Running, requests: usize) -> String {
    gateway.log.lines(requests);
    gateway.operator().send(&get("/metrics")).body
}

fn rules(reply: &Reply) -> Vec<String> {
    let details = reply.json()["error"]["details"].clone();
    let rules = details.as_array().unwrap().iter().map(|detail| detail["rule"].as_str().unwrap().to_owned());
    rules.collect()
}

#[test]
fn rules_that_only_the_job_tells_refuse_a_change() {
    let upstream = Recorder::start();
    let denied = "[validation.severity]\nchange-after-submit = 'deny'\nmesh-quality-mismatch = 'deny'\n\
                  cost-parameters-zero = 'deny'\ncalibration-outputs = 'deny'\n";
    let gateway = Running::start(upstream.address, &budget("100", denied));
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    for (body, rule) in [
        (r#"{"costEstimationParameters":{"gigaPixels":1,"meshQuality":"Draft"}}"#, "mesh-quality-mismatch"),
        (r#"{"costEstimationParameters":{"gigaPixels":0}}"#, "cost-parameters-zero"),
        (r#"{"type":"Calibration"}"#, "calibration-outputs"),
        (r#"{"type":"Calibration","settings":{"outputs":["OBJ"]}}"#, "calibration-outputs"),
    ] {
        let reply = gateway.send(&patch(body));
        assert_eq!((reply.status, rules(&reply)), (422, vec![rule.to_owned()]), "{body}: {}", reply.body);
        assert!(reply.json()["error"]["message"].as_str().unwrap().starts_with("Cannot modify job."));
    }
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "3.5"), vec!["bound".to_owned()]));
    assert_eq!(gateway.send(&patch(r#"{"settings":{"quality":"Draft"}}"#)).status, 200);
    assert_eq!(gateway.send(&submission()).status, 200);
    let seen = upstream.seen().len();
    for body in [r#"{"settings":{"quality":"Extra"}}"#, r#"{"state":"Active"}"#, r#"{"type":"Full"}"#] {
        let reply = gateway.send(&patch(body));
        assert_eq!((reply.status, rules(&reply)), (422, vec!["change-after-submit".to_owned()]), "{body}");
        assert_eq!(reply.json()["error"]["details"][0]["code"], "InvalidChange");
    }
    assert_eq!(upstream.seen().len(), seen, "none of them was forwarded");
    assert_eq!(gateway.send(&patch(r#"{"state":"Cancelled"}"#)).status, 200);
}

#[test]
fn a_change_of_a_job_that_was_submitted_is_told_of_in_the_log() {
    let (_upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    assert_eq!(gateway.send(&submission()).status, 200);
    gateway.send(&patch(r#"{"settings":{"quality":"Draft"}}"#));
    let line = gateway.log.lines(3).remove(2);
    assert_eq!(
        (&line["rules"][0], &line["quality"]),
        (&"change-after-submit".into(), &"Draft".into()),
        "{line}"
    );
    assert!(
        metrics(&gateway, 3).contains(r#"violations_total{rule="change-after-submit",severity="audit"} 1"#)
    );
}

/// Official clients create a job without its size, tell that with a change, and submit it with another one.
#[test]
fn a_job_whose_size_comes_with_a_change_is_counted_with_it_once() {
    let (_upstream, gateway) = gate("100");
    let sizes = patch(
        r#"{"costEstimationParameters":{"gigaPixels":"2.1","megaPoints":"1.5","meshQuality":"Unknown"}}"#,
    );
    for request in [post(&unsized_job()), sizes.clone(), sizes, submission()] {
        assert!(gateway.send(&request).status < 300);
    }
    let text = metrics(&gateway, 4);
    for line in [
        r#"jobs_total{outcome="admitted",quality="Extra",type="Full"} 1"#,
        r#"gigapixels_total{quality="Extra",type="Full"} 2.1"#,
        r#"megapoints_total{quality="Extra",type="Full"} 1.5"#,
        r#"estimated_units_total{quality="Extra",type="Full"} 3.5"#,
        r#"unpriced_total{reason="no-quantities"} 1"#,
        r#"submitted_total{price="known"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    let line = gateway.log.lines(4).remove(1);
    let told = ["job_type", "quality", "gigapixels", "megapoints", "estimate"].map(|key| line[key].clone());
    assert_eq!(told, ["Full", "Extra", "2.1", "1.5", "3.5"], "{line}");
}

#[test]
fn a_job_that_is_submitted_without_a_price_is_counted() {
    let (_upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(&unsized_job())).status, 201);
    assert_eq!(gateway.send(&submission()).status, 200);
    let text = metrics(&gateway, 2);
    assert!(text.contains(r#"submitted_total{price="no-quantities"} 1"#), "{text}");
    assert!(text.contains(r#"unpriced_total{reason="no-quantities"} 1"#), "it was told once\n{text}");
}

/// A price that is taken away stays held, and is charged: so it is what is told.
#[test]
fn a_job_whose_size_is_taken_away_is_told_with_what_stays_held() {
    let (_upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let changed = gateway.send(&patch(r#"{"costEstimationParameters":{"meshQuality":"Extra"}}"#));
    assert_eq!((changed.status, changed.header("x-jobgate-estimate")), (200, Some("3.5 unit")));
    let submitted = gateway.send(&submission());
    assert_eq!((submitted.status, submitted.header("x-jobgate-estimate")), (200, Some("3.5 unit")));
    assert_eq!(gateway.log.lines(3)[2]["estimate"], "3.5");
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "3.5"), vec!["submitted".to_owned()]));
    let text = metrics(&gateway, 3);
    assert!(text.contains(r#"submitted_total{price="known"} 1"#), "{text}");
}

#[test]
fn a_job_without_a_price_may_be_refused_only_when_it_is_submitted() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &(budget("100", "") + "unpriced = 'refuse-submission'\n"));
    assert_eq!(gateway.send(&post(&unsized_job())).status, 201);
    let refused = gateway.send(&submission());
    assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"), "{}", refused.body);
    assert_eq!(upstream.seen().len(), 1);
    for request in [pixels(3), submission()] {
        assert_eq!(gateway.send(&request).status, 200);
    }
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "3"), vec!["submitted".to_owned()]));
}

/// What a budget refuses was judged all the same.
#[test]
fn a_job_that_its_budget_refuses_is_counted_and_logged_as_what_it_is() {
    let (_upstream, gateway) = gate("3.6");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let quoted = JOB.replace("2.1", r#""2.1""#);
    assert_eq!(gateway.send(&post(&quoted)).status, 402);
    gateway.log.lines(2);
    assert_eq!(gateway.send(&pixels(90)).status, 402);
    let lines = gateway.log.lines(3);
    for (line, pixels, estimate) in [(&lines[1], "2.1", "3.5"), (&lines[2], "90", "90")] {
        let told = ["job_type", "gigapixels", "estimate", "budget"].map(|key| line[key].clone());
        assert_eq!(told, ["Full", pixels, estimate, "all"], "{line}");
    }
    assert_eq!(lines[1]["rules"][0], "giga-pixels-text");
    let text = metrics(&gateway, 3);
    assert!(text.contains(r#"jobs_total{outcome="refused",quality="Extra",type="Full"} 1"#), "{text}");
    assert!(text.contains(r#"violations_total{rule="giga-pixels-text",severity="audit"} 1"#), "{text}");
    assert!(text.contains(r#"gigapixels_total{quality="Extra",type="Full"} 2.1"#), "{text}");
}
