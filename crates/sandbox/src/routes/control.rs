//! The sandbox's own operations: set, list and clear faults, and read the journal. None of them is journaled or struck by a fault.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json as value};

use super::nothing;
use crate::answer::{Refusal, json};
use crate::fault::Injection;
use crate::journal::Entry;
use crate::shared::Shared;

pub(super) async fn faults(State(shared): State<Arc<Shared>>) -> Response {
    json(StatusCode::OK, &shared.faults.list())
}

pub(super) async fn add_faults(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<Response, Refusal> {
    let texts: Vec<String> = serde_json::from_slice(&body)
        .map_err(|_| Refusal::no_fault("The body must be a list of faults, as [\"cut*3\"].".to_owned()))?;
    // All or none: a list with a mistake changes nothing.
    let faults: Result<Vec<Injection>, _> = texts.iter().map(|text| text.parse()).collect();
    for fault in faults.map_err(|unknown| Refusal::no_fault(unknown.to_string()))? {
        shared.faults.add(fault);
    }
    Ok(json(StatusCode::OK, &shared.faults.list()))
}

pub(super) async fn clear_faults(State(shared): State<Arc<Shared>>) -> Response {
    shared.faults.clear();
    nothing()
}

pub(super) async fn journal(State(shared): State<Arc<Shared>>) -> Response {
    let journal = &shared.journal;
    let requests: Vec<Value> = journal.requests().iter().map(entry).collect();
    let answer = value!({
        "requests": requests,
        "total": journal.total(),
        "connections": journal.connections(),
        "refused": journal.refused(),
        "jobs": journal.jobs(),
    });
    json(StatusCode::OK, &answer)
}

fn entry(entry: &Entry) -> Value {
    let headers: Vec<Value> = entry
        .headers
        .iter()
        .map(|(name, value)| {
            // Whoever can reach the sandbox can read this: a real token must not be in it.
            let text =
                if name == AUTHORIZATION { "***".into() } else { String::from_utf8_lossy(value.as_bytes()) };
            value!([name.as_str(), text])
        })
        .collect();
    value!({
        "connection": entry.connection,
        "method": entry.method.as_str(),
        "target": entry.target,
        "headers": headers,
        "body": String::from_utf8_lossy(&entry.body),
        "complete": entry.complete,
        "sent": entry.sent,
    })
}
