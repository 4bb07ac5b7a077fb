//! Rate limits on live traffic: who is counted, what he is told, and that waiting as told helps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;

use gateway::Config;
use support::{Act, JOB, Recorder, Running, get, post};

fn limited(text: &str) -> (Recorder, Running) {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, text);
    (upstream, gateway)
}

fn with_token(bytes: &[u8], token: &str) -> Vec<u8> {
    String::from_utf8(bytes.to_vec()).unwrap().replace("t0k-en", token).into_bytes()
}

#[test]
fn a_token_has_its_own_allowance_and_is_told_when_to_come_again() {
    let (upstream, gateway) = limited("[[rate_limit]]\nscope = 'token'\nrequests = 2\nper = '1h'");
    for token in ["a", "b"] {
        let statuses: Vec<_> = (0..3).map(|_| gateway.send(&with_token(&post(JOB), token)).status).collect();
        assert_eq!(statuses, [201, 201, 429]);
    }
    let reply = gateway.send(&with_token(&get("/contextcapture/jobs"), "a"));
    assert_eq!((reply.status, reply.code().as_str()), (429, "TooManyRequests"));
    let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "More requests were received than the subscription rate-limit allows.");
    let wait: u32 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
    assert_eq!(upstream.seen().len(), 4, "what is beyond the limit sends nothing");
    let metrics = gateway.operator().send(&get("/metrics")).body;
    assert!(metrics.contains(r#"jobgate_rate_limited_total{scope="token"} 3"#), "{metrics}");
}

#[test]
fn the_wait_is_truthful() {
    let (_, gateway) = limited("[[rate_limit]]\nscope = 'global'\nrequests = 1\nper = '1s'");
    assert_eq!(gateway.send(&post(JOB)).status, 201);
    let reply = gateway.send(&post(JOB));
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("1")));
    // The clock is another gateway's, whose body timeout is that second.
    let (_, clock) = limited("limits.body_timeout = '1s'");
    let begun = post(JOB);
    assert_eq!(clock.send(&begun[..begun.len() - 1]).status, 408);
    assert_eq!(gateway.send(&post(JOB)).status, 201);
}

#[test]
fn a_workspace_is_counted_by_its_id_however_it_is_written() {
    let (upstream, gateway) = limited("[[rate_limit]]\nscope = 'workspace'\nrequests = 1\nper = '1h'");
    let upper = JOB.replace("6881117d-9fd2-4900-870b-9b721dc90f25", "6881117D-9FD2-4900-870B-9B721DC90F25");
    let other = JOB.replace("6881117d", "6881117e");
    let statuses = [JOB, &upper, &other].map(|job| gateway.send(&post(job)).status);
    assert_eq!(statuses, [201, 429, 201]);
    // A job that is refused takes nothing.
    let third = JOB.replace("6881117d", "6881117f");
    assert_eq!(gateway.send(&post(&third.replace("Full", "full"))).status, 422);
    assert_eq!(gateway.send(&post(&third)).status, 201);
    assert_eq!(upstream.seen().len(), 3);
}

#[test]
fn a_limit_that_refuses_takes_nothing_from_the_others() {
    let (_, gateway) = limited(
        "[[rate_limit]]\nscope = 'token'\nrequests = 1\nper = '1h'\n[[rate_limit]]\nscope = 'address'\nrequests = 3\nper = '1h'",
    );
    for (token, status) in [("a", 201), ("a", 429), ("a", 429), ("b", 201), ("c", 201), ("d", 429)] {
        assert_eq!(gateway.send(&with_token(&post(JOB), token)).status, status, "{token}");
    }
}

/// Who tries tokens is not let in any more, whoever it was that said no; nobody else hears of it.
#[test]
fn who_is_not_let_in_too_often_has_to_wait() {
    let limit = "[[rate_limit]]\nscope = 'token'\ncounts = 'unauthorized'\nrequests = 2\nper = '1h'";
    let (upstream, gateway) = limited(limit);
    let refused = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\n{}";
    upstream.script((0..4).map(|_| Act::Answer(refused.to_vec())));
    let statuses: Vec<_> = (0..4).map(|_| gateway.send(&with_token(&post(JOB), "forged")).status).collect();
    assert_eq!(statuses, [403, 403, 429, 429]);
    let read = gateway.send(&with_token(&get("/contextcapture/jobs"), "forged"));
    assert_eq!((read.status, upstream.seen().len()), (429, 2));
    let otherwise =
        String::from_utf8(with_token(&post(JOB), "forged")).unwrap().replace("Bearer ", "bEARER   ");
    assert_eq!(gateway.send(otherwise.as_bytes()).status, 429, "it is the same token however it is written");
    let lists = (0..3).map(|_| gateway.send(&with_token(&get("/contextcapture/jobs"), "another")).status);
    assert_eq!(lists.collect::<Vec<_>>(), [403, 403, 429], "what only reads is counted, too");
    let cut = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 200\r\n\r\n{";
    upstream.script((0..2).map(|_| Act::AnswerAndClose(cut.to_vec())));
    let told = (0..3).map(|_| gateway.send(&with_token(&post(JOB), "cut-off")).status);
    assert_eq!(told.collect::<Vec<_>>(), [401, 401, 429], "that it was refused needs no body");
    let invalid = "Authorization: Basic";
    let ours = String::from_utf8(post(JOB)).unwrap().replace("Authorization: Bearer", invalid);
    let statuses: Vec<_> = (0..3).map(|_| gateway.send(ours.as_bytes()).status).collect();
    assert_eq!(statuses, [401; 3], "these cost nothing, reach nobody and are not counted");
}

#[test]
fn a_limit_in_shadow_only_counts() {
    let (_, gateway) = limited("[[rate_limit]]\nscope = 'global'\nrequests = 1\nper = '1h'\nmode = 'shadow'");
    for _ in 0..3 {
        assert_eq!(gateway.send(&post(JOB)).status, 201);
    }
    let metrics = gateway.operator().send(&get("/metrics")).body;
    assert!(metrics.contains(r#"jobgate_rate_limited_total{scope="global"} 2"#), "{metrics}");
}

#[test]
fn limits_are_checked_when_they_are_loaded_and_shown_as_they_are() {
    let problems = |text: &str| Config::parse(text, Path::new("."), []).unwrap_err().to_string();
    assert_eq!(
        problems(
            "[[rate_limit]]\nscope = 'tokens'\nrequests = 0\nper = '0s'\nmode = 'off'\nburst = 3\n[[rate_limit]]\nscope = 'principal'\nrequests = 1\nper = '1m'"
        )
        .lines()
        .collect::<Vec<_>>(),
        [
            "rate_limit[0].burst: unknown key",
            "rate_limit[0].scope: must be \"global\", \"token\", \"principal\", \"workspace\" or \"address\", not \"tokens\"; did you mean \"token\"?",
            "rate_limit[0].requests: must be a whole number, 1 to 1000000, not 0",
            "rate_limit[0].per: must be a duration such as \"1m\", 1s to 31d, not \"0s\"",
            "rate_limit[0].mode: must be \"enforce\" or \"shadow\", not \"off\"",
            "rate_limit[1].scope: \"principal\" needs identity.mode \"jwt\" or \"header\"; \"token\" tells tokens apart without verifying them",
        ]
    );
    assert_eq!(problems("rate_limit = 3"), "rate_limit: must be an array of tables, written [[rate_limit]]");
    assert_eq!(
        problems("[[rate_limit]]\nscope = 'workspace'\ncounts = 'unauthorized'\nrequests = 1\nper = '1m'"),
        "rate_limit[0].counts: \"unauthorized\" is counted by sender, not by scope \"workspace\""
    );
    assert_eq!(
        problems("[[rate_limit]]\nscope = 'global'\ncounts = 'unauthorized'\nrequests = 1\nper = '1m'"),
        "rate_limit[0].counts: \"unauthorized\" is counted by sender, not by scope \"global\""
    );
    let twice = "[[rate_limit]]\nscope = 'global'\nrequests = 1\nper = '1m'\n".repeat(2);
    assert_eq!(problems(&twice), "rate_limit[1]: is there twice");
    let variable = [("JOBGATE_RATE_LIMIT__SCOPE".to_owned(), "global".to_owned())];
    let refused = Config::parse("", Path::new("."), variable).unwrap_err().to_string();
    assert!(refused.contains("belongs in the file"), "{refused}");
    let text = "[[rate_limit]]\nscope = 'address'\ncounts = 'unauthorized'\nrequests = 100\nper = '1m'\nmode = 'shadow'";
    let config = Config::parse(text, Path::new("."), []).unwrap();
    assert_eq!(config.rate_limits.len(), 1);
    assert_eq!(Config::parse(&config.effective(), Path::new("."), []).unwrap(), config);
}
