//! Jobs of which upstream tells something else than is known here: made by a request whose answer was lost, or changed since.

use super::*;

/// A job as upstream tells of it, of so many gigapixels.
fn job(state: &str, pixels: &str) -> String {
    format!(
        r#"{{"job":{{"id":"{JOB_ID}","name":"Bridge 7","type":"Full","state":"{state}",
        "createdDateTime":"2020-09-14T14:29:55Z","lastModifiedDateTime":"2020-09-14T14:29:55Z","location":"East US",
        "workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","email":"someone@example.com","inputs":[],
        "jobSettings":{{"quality":"Extra","outputs":[{{"format":"OBJ","id":null}},{{"format":"3MX","id":null}}]}},
        "costEstimationParameters":{{"gigaPixels":{pixels},"megaPoints":1.5}},"estimatedCost":3.5}}}}"#
    )
}

fn told(state: &str, pixels: &str) -> Act {
    Act::Answer(answer(200, &job(state, pixels)))
}

/// Else it would be refused for what is held for itself, or held twice.
#[test]
fn a_job_whose_creation_was_not_answered_is_not_asked_for_twice() {
    let (upstream, gateway) = gate("5");
    upstream.script([Act::Close, told("unsubmitted", "2.1")]);
    assert_eq!(gateway.send(&post(JOB)).status, 502);
    assert_eq!(states(&gateway), ["in-doubt"]);
    assert_eq!(gateway.send(&submission()).status, 200);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "3.5"), vec!["submitted".to_owned()]));
    assert_eq!(holds(&gateway)[0]["job"], JOB_ID);
}

/// As whoever lists jobs may find one, while upstream still answers to its creation.
#[test]
fn a_job_that_is_found_before_its_creation_is_answered_has_one_hold() {
    let (upstream, gateway) = gate("10");
    upstream.script_for("POST", Act::Hold);
    thread::scope(|scope| {
        let slow = scope.spawn(|| gateway.send(&post(JOB)));
        upstream.wait_held(1);
        upstream.script([told("unsubmitted", "2.1")]);
        assert_eq!(gateway.send(&submission()).status, 200);
        upstream.release();
        assert_eq!(slow.join().unwrap().status, 201);
    });
    assert_eq!(
        (sums(&gateway), states(&gateway)),
        (sum("0", "3.5"), ["released", "submitted"].map(str::to_owned).to_vec())
    );
    let usage = gateway.operator().send(&get("/v1/usage")).json();
    assert_eq!(
        (&usage["usage"][0]["jobs"], &usage["usage"][1]),
        (&1.into(), &serde_json::Value::Null),
        "{usage}"
    );
}

/// Upstream carries a change out late, behind a look that showed the job as it was.
#[test]
fn a_job_that_upstream_runs_as_a_dearer_one_is_held_as_that() {
    let (upstream, gateway) = gate("20");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    upstream.script([told("active", "15")]);
    assert_eq!(gateway.send(&submission()).status, 200);
    let hold = holds(&gateway).remove(0);
    assert_eq!((sums(&gateway), &hold["state"]), (sum("0", "16.5"), &"submitted".into()), "{hold}");
}

#[test]
fn a_job_that_upstream_tells_of_as_a_cheaper_one_keeps_what_is_held() {
    let (upstream, gateway) = gate("20");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    upstream.script([told("active", "1")]);
    assert_eq!(gateway.send(&submission()).status, 200);
    assert_eq!(sums(&gateway), sum("0", "3.5"));
}

/// As a reader may hear it who is told of the job by another server than the one that changed it.
#[test]
fn an_answer_that_shows_the_job_as_it_was_before_its_change_raises_nothing() {
    let (upstream, gateway) = gate("20");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    upstream.script([told("unsubmitted", "2.1")]);
    assert_eq!(gateway.send(&pixels(1)).status, 200);
    assert_eq!(sums(&gateway), sum("0", "1"));
}

/// It costs nothing before it is submitted; that asks the budgets.
#[test]
fn a_job_that_was_changed_past_the_gateway_is_priced_as_it_is_now() {
    let (upstream, gateway) = gate("5");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let created = holds(&gateway)[0]["changed"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    // Times are kept to the millisecond: a look of the same one may be from before.
    while jiff::Timestamp::now().as_millisecond() <= created.as_millisecond() + 1 {}
    upstream.script([told("unsubmitted", "36")]);
    assert_eq!(gateway.send(&get(&format!("/contextcapture/jobs/{JOB_ID}"))).status, 200);
    // What it tells is written behind its answer.
    gateway.log.lines(2);
    assert_eq!(sums(&gateway), sum("0", "3.5"));
    let refused = gateway.send(&submission());
    assert_eq!((refused.status, refused.code().as_str()), (402, "BudgetExceeded"), "{}", refused.body);
    assert_eq!(states(&gateway), ["bound"]);
}

/// As it was refused, so nothing is held for it.
#[test]
fn a_change_of_a_job_made_elsewhere_that_upstream_refuses_holds_nothing() {
    let (upstream, gateway) = gate("20");
    upstream.script([told("unsubmitted", "2"), Act::Answer(answer(422, "{}"))]);
    assert_eq!(gateway.send(&pixels(9)).status, 422);
    assert_eq!((sums(&gateway), states(&gateway)), (sum("0", "0"), vec!["released".to_owned()]));
    // It is looked up again when it is changed again.
    upstream.script([told("unsubmitted", "2")]);
    assert_eq!(gateway.send(&pixels(9)).status, 200);
    assert_eq!(sums(&gateway), sum("0", "9"));
}

/// What is told as a job's price is what is held for it.
#[test]
fn a_submission_behind_an_unanswered_change_tells_the_price_that_is_held() {
    let (upstream, gateway) = gate("100");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    upstream.script([Act::Close, Act::Close, told("active", "90")]);
    assert_eq!(gateway.send(&pixels(90)).status, 502);
    let reply = gateway.send(&submission());
    assert_eq!((reply.status, reply.header("x-jobgate-estimate")), (200, Some("90 unit")));
    assert_eq!(gateway.log.lines(3)[2]["estimate"], "90");
    assert_eq!(states(&gateway), ["submitted"]);
}

#[test]
fn every_budget_that_is_too_small_is_told() {
    let upstream = Recorder::start();
    let small = "[[budget]]\nname = 'small'\nscope = 'workspace'\nlimit = '4'\nwindow = 'total'\n";
    let gateway = Running::start(upstream.address, &(budget("5", "") + small));
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let refused = gateway.send(&pixels(20)).json();
    let details = refused["error"]["details"].as_array().unwrap();
    let said: Vec<_> = details.iter().map(|detail| (&detail["budget"], &detail["missing"])).collect();
    assert_eq!(said, [(&"all".into(), &"15".into()), (&"small".into(), &"16".into())], "{refused}");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("The change makes the job 16.5 dearer, which is 15 more than budget 'all'"),
        "{message}"
    );
    let line = gateway.log.lines(2).remove(1);
    assert_eq!(line["budget"], "all small");
}
