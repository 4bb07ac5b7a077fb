//! Findings for programs: one object for each document.

use job_model::{Report, Violation};
use serde_json::{Value, json};

/// One document.
pub(super) fn document(name: &str, line: Option<u64>, report: Option<&Report>) -> Value {
    let violations: Vec<Value> = report.into_iter().flat_map(Report::violations).map(violation).collect();
    let mut object = json!({
        "file": name,
        "accepted": report.is_none_or(|report| !report.denies()),
        "violations": violations,
    });
    if let (Some(line), Some(object)) = (line, object.as_object_mut()) {
        object.insert("line".to_owned(), line.into());
    }
    object
}

/// As in a refusal's details, with what an editor needs: severity and the bytes to underline.
fn violation(violation: &Violation) -> Value {
    let span = violation.span();
    let mut value = serde_json::to_value(violation.detail()).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("severity".to_owned(), violation.severity().as_str().into());
        object.insert("suggestion".to_owned(), violation.suggestion().into());
        object.insert("span".to_owned(), json!([span.start, span.end]));
    }
    value
}
