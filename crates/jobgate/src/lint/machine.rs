//! Findings for programs: one object for each document.

use job_model::{Report, Violation};
use jobgate::judge::Finding;
use serde_json::{Value, json};

use super::{message, too_long_message, unlisted};

/// One document.
pub(super) fn document(name: &str, line: Option<u64>, finding: Option<&Finding>) -> Value {
    let (violations, unlisted) = match finding {
        None => (Vec::new(), 0),
        Some(Finding::Report(report)) => (of_report(report, line), unlisted(report)),
        // No rule is broken: the gate would not have read it, and says so under this code.
        Some(Finding::TooLong) => {
            let detail =
                json!({"code": "RequestTooLarge", "message": too_long_message(), "severity": "deny"});
            (vec![detail], 0)
        }
    };
    let mut object = json!({
        "file": name,
        "accepted": !finding.is_some_and(Finding::denies),
        "violations": violations,
        "unlisted": unlisted,
    });
    if let (Some(line), Some(object)) = (line, object.as_object_mut()) {
        object.insert("line".to_owned(), line.into());
    }
    object
}

fn of_report(report: &Report, line: Option<u64>) -> Vec<Value> {
    report.violations().iter().map(|one| violation(one, line)).collect()
}

/// As in a refusal's details, with what an editor needs: severity and the bytes to underline.
fn violation(violation: &Violation, line: Option<u64>) -> Value {
    let span = violation.span();
    let mut value = serde_json::to_value(violation.detail()).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("message".to_owned(), message(violation, line).into());
        object.insert("severity".to_owned(), violation.severity().as_str().into());
        object.insert("suggestion".to_owned(), violation.suggestion().into());
        object.insert("span".to_owned(), json!([span.start, span.end]));
    }
    value
}
