//! Rules that were lowered, or only watch, let bodies pass that break them: what a job costs is held all the same.

use crate::support::money::{budget, states, sum, sums};
use crate::support::{JOB, Recorder, Running, post};
use crate::{made_elsewhere, patch, pixels, submission};

fn gate(limit: &str, more: &str) -> (Recorder, Running) {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &budget(limit, more));
    (upstream, gateway)
}

const LOWERED: [&str; 2] = [
    "validation.severity.input-description-invalid = 'warn'\nvalidation.severity.create-cache-invalid = 'warn'",
    "validation.mode = 'shadow'",
];

#[test]
fn what_has_no_price_of_its_own_keeps_no_job_from_being_held() {
    let broken = JOB.replace(r#""description":"photos""#, r#""description":5"#);
    for more in LOWERED {
        let (upstream, gateway) = gate("100", more);
        assert_eq!(gateway.send(&post(JOB)).status, 201);
        let one = sums(&gateway).1.parse::<f64>().unwrap();
        assert_eq!(gateway.send(&post(&broken)).status, 201);
        assert!((sums(&gateway).1.parse::<f64>().unwrap() - 2.0 * one).abs() < 0.01, "{more}");
        assert_eq!(upstream.seen().len(), 2);
        let (upstream, gateway) = gate("1", more);
        let refused = gateway.send(&post(&broken));
        assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"), "{more}");
        assert!(upstream.seen().is_empty());
    }
}

#[test]
fn a_job_whose_price_cannot_be_read_is_one_without_a_price() {
    let broken = JOB.replace(r#""quality":"Extra","proc"#, r#""quality":"Best","proc"#);
    for more in ["validation.severity.quality-invalid = 'warn'", "validation.mode = 'shadow'"] {
        let upstream = Recorder::start();
        let strict = budget("100", more) + "unpriced = 'refuse'\n";
        let gateway = Running::start(upstream.address, &strict);
        let refused = gateway.send(&post(&broken));
        assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"), "{more}");
        assert!(upstream.seen().is_empty());
        let (_upstream, gateway) = gate("100", more);
        assert_eq!(gateway.send(&post(&broken)).status, 201, "{more}");
        assert_eq!(sums(&gateway), sum("0", "0"));
    }
}

#[test]
fn a_change_is_priced_whatever_else_is_wrong_with_it() {
    let broken = |pixels: u32| {
        patch(&format!(
            r#"{{"settings":{{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{{"createCache":1}}}},"costEstimationParameters":{{"gigaPixels":{pixels}}}}}"#
        ))
    };
    for more in LOWERED {
        let (upstream, gateway) = gate("50", more);
        assert_eq!(gateway.send(&post(JOB)).status, 201);
        assert_eq!(gateway.send(&broken(60)).status, 402, "{more}");
        assert_eq!(upstream.seen().len(), 1);
        assert_eq!(gateway.send(&broken(40)).status, 200);
        assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "40"), vec!["bound".to_owned()]), "{more}");
        assert_eq!(gateway.send(&submission()).status, 200);
        assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "40"), vec!["submitted".to_owned()]));
    }
}

/// What the job is then is not known, and may be dear, or run: it is asked for before it is submitted.
#[test]
fn a_change_that_cannot_be_read_leaves_its_job_in_doubt() {
    let broken = patch(r#"{"settings":{"quality":"Best","outputs":["OBJ"]}}"#);
    for more in ["validation.severity.quality-invalid = 'warn'", "validation.mode = 'shadow'"] {
        let (upstream, gateway) = gate("50", more);
        let unknown = gateway.send(&broken);
        assert_eq!((unknown.status, unknown.code().as_str()), (402, "BudgetExceeded"), "{more}");
        assert!(upstream.seen().is_empty());
        assert_eq!(gateway.send(&post(JOB)).status, 201);
        assert_eq!(gateway.send(&pixels(8)).status, 200);
        assert_eq!(gateway.send(&broken).status, 200);
        assert_eq!(
            (sums(&gateway), states(&gateway)),
            (sum("0", "8"), vec!["in-doubt".to_owned()]),
            "{more}"
        );
        upstream.script([made_elsewhere("unsubmitted", 60)]);
        assert_eq!(gateway.send(&submission()).status, 402, "{more}");
    }
}

/// Between what cannot be read and the submission nobody can be asked what the job costs.
#[test]
fn a_change_that_cannot_be_read_does_not_submit_its_job_past_budgets() {
    let (upstream, gateway) = gate("50", "validation.mode = 'shadow'");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    for body in [
        r#"{"state":"Active","costEstimationParameters":{"gigaPixels":"6e1"}}"#,
        r#"{"state":"Active","settings":{"quality":"Best","outputs":["OBJ"]}}"#,
        r#"{"state":"Activ"}"#,
    ] {
        let refused = gateway.send(&patch(body));
        assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"), "{body}");
        let detail = &refused.json()["error"]["details"][0];
        assert_eq!((&detail["budget"], &detail["reason"]), (&"all".into(), &"unreadable".into()), "{detail}");
        assert_eq!((upstream.seen().len(), states(&gateway)), (1, vec!["bound".to_owned()]), "{body}");
    }
    let stops = patch(r#"{"state":"Cancelled","settings":{"quality":"Best","outputs":["OBJ"]}}"#);
    assert_eq!(gateway.send(&stops).status, 200, "that spends nothing");
    // A budget that only watches keeps nobody from anything.
    let upstream = Recorder::start();
    let watched = budget("50", "validation.mode = 'shadow'") + "mode = 'shadow'\n";
    let gateway = Running::start(upstream.address, &watched);
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let submits = patch(r#"{"state":"Active","costEstimationParameters":{"gigaPixels":"6e1"}}"#);
    assert_eq!(gateway.send(&submits).status, 200);
    assert_eq!(states(&gateway), ["in-doubt"]);
}
