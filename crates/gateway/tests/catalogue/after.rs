//! What must hold after every case, whatever was tried: nothing has panicked, what was answered is documented, there is one line in
//! the log for each request, and the ledger adds up.

use std::collections::HashMap;
use std::panic;
use std::sync::{Mutex, Once};
use std::thread;
use std::time::Instant;

use crate::support::{PATIENCE, Reply, Running, get, money};

static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From here on a panic of the gate is noted, though whatever runs it may catch it. Tests have names, and panic when they fail.
pub(crate) fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            let current = thread::current();
            let name = current.name().unwrap_or_default();
            if !name.contains("::") && name != "main" {
                PANICS.lock().unwrap().push(format!("{name}: {what}"));
            }
            usual(what);
        }));
    });
}

pub(crate) fn no_panic() {
    let panics = PANICS.lock().unwrap().clone();
    assert!(panics.is_empty(), "{panics:?}");
}

/// A budget that nothing here exhausts, where a scene has none: then each of its jobs is held and settled.
pub(crate) fn budgeted(configuration: &str) -> String {
    if configuration.contains("budget") || configuration.contains("pricing") {
        return configuration.to_owned();
    }
    money::budget("1000000000", configuration)
}

/// An answer of our own that is a no has the form that is documented.
pub(crate) fn documented(reply: &Reply, nothing_sent: bool) {
    let decision = reply.header("x-jobgate-decision");
    let ours = matches!(decision, Some("refused" | "failed")) || (nothing_sent && reply.status >= 400);
    if !ours {
        return;
    }
    let media = reply.header("content-type").unwrap_or_default();
    assert!(media.starts_with("application/json"), "{reply:?}");
    let body = reply.json();
    let only = |object: &serde_json::Value, names: &[&str]| {
        object.as_object().is_some_and(|object| object.keys().all(|name| names.contains(&name.as_str())))
    };
    let error = &body["error"];
    let said = |of: &serde_json::Value, name: &str| of[name].as_str().is_some_and(|text| !text.is_empty());
    let good = only(&body, &["error"])
        && only(error, &["code", "message", "details"])
        && said(error, "code")
        && said(error, "message")
        && error.get("details").is_none_or(|details| {
            details
                .as_array()
                .is_some_and(|all| all.iter().all(|one| said(one, "code") && said(one, "message")))
        });
    assert!(good && reply.status >= 400, "{reply:?}");
}

/// Each line is whole, without a token, and of one request: every answer has its own, with its status, and no id of ours is there
/// twice.
pub(crate) fn one_line_each(log: &str, answered: &[(String, u16)]) {
    assert!(log.is_empty() || log.ends_with('\n'), "the last line is cut off");
    assert!(!log.contains("t0k-en"), "a token is in the log");
    let mut lines: HashMap<(String, u64), usize> = HashMap::new();
    let mut of_id: HashMap<String, usize> = HashMap::new();
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["request_id"].is_string() && line["time"].is_string(), "{line}");
        let id = line["request_id"].as_str().unwrap().to_owned();
        *of_id.entry(id.clone()).or_default() += 1;
        *lines.entry((id, line["status"].as_u64().unwrap())).or_default() += 1;
    }
    let mut expected: HashMap<(String, u64), usize> = HashMap::new();
    for (id, status) in answered {
        *expected.entry((id.clone(), u64::from(*status))).or_default() += 1;
    }
    for (what, count) in expected {
        let found = lines.get(&what).copied().unwrap_or_default();
        assert_eq!(found, count, "{what:?} has {found} lines");
    }
    // Ids of clients may be there as often as they were sent.
    let ours = |id: &str| id.len() == 36 && id.as_bytes()[14] == b'7';
    assert!(of_id.iter().all(|(id, count)| *count == 1 || !ours(id)), "one request has two lines");
}

/// Nothing is reserved by nobody, and no budget has more in it than it may have.
pub(crate) fn balanced(gateway: &Running) {
    let began = Instant::now();
    loop {
        let open = gateway.operator().send(&get("/v1/holds?state=open"));
        assert_eq!(open.status, 200, "{open:?}");
        if open.json()["holds"].as_array().unwrap().is_empty() {
            break;
        }
        // The exchange of a client that has gone may still be under way.
        assert!(began.elapsed() < PATIENCE, "reserved, and nobody's: {open:?}");
        thread::yield_now();
    }
    let budgets = gateway.operator().send(&get("/v1/budgets")).json();
    let number = |value: &serde_json::Value| value.as_str().and_then(|text| text.parse::<f64>().ok());
    let holds = gateway.operator().send(&get("/v1/holds?limit=1000")).json();
    let over: f64 =
        holds["holds"].as_array().unwrap().iter().filter_map(|hold| number(&hold["overdraft"])).sum();
    for row in budgets["budgets"].as_array().unwrap() {
        let [settled, held, limit] = ["settled", "held", "limit"].map(|name| number(&row[name]));
        let (settled, held) = (settled.unwrap(), held.unwrap());
        assert!(settled >= 0.0 && held >= 0.0, "{row}");
        assert!(limit.is_none_or(|limit| settled + held <= limit + over + 1e-6), "{row}");
    }
}
