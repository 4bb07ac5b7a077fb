//! The operations on one job: create, read, change, submit, cancel, delete, and its progress.

use std::sync::Arc;

use axum::extract::State as Extracted;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use job_model::{JobId, JobPatch, JobRequest, Operation, StateChange};

use super::{Id, nothing};
use crate::answer::{Refusal, json};
use crate::life::State;
use crate::shared::Shared;
use crate::view::{JobAnswer, JobView, ProgressAnswer};

pub(super) async fn create(
    Extracted(shared): Extracted<Arc<Shared>>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let request = job(&shared, &body, Operation::Create)?;
    let now = shared.clock.now();
    let mut store = shared.store();
    let job = JobView::of(store.create_job(request, now), now, shared.run_time);
    let answer = json(StatusCode::CREATED, &JobAnswer { job });
    shared.journal.job_created();
    Ok(answer)
}

pub(super) async fn read(Extracted(shared): Extracted<Arc<Shared>>, id: Id) -> Result<Response, Refusal> {
    let store = shared.store();
    let job = store.job(job_id(id)?).ok_or_else(Refusal::no_job)?;
    let job = JobView::of(job, shared.clock.now(), shared.run_time);
    Ok(json(StatusCode::OK, &JobAnswer { job }))
}

pub(super) async fn progress(Extracted(shared): Extracted<Arc<Shared>>, id: Id) -> Result<Response, Refusal> {
    let store = shared.store();
    let job = store.job(job_id(id)?).ok_or_else(Refusal::no_job)?;
    Ok(json(StatusCode::OK, &ProgressAnswer::of(job, shared.clock.now(), shared.run_time)))
}

pub(super) async fn delete(Extracted(shared): Extracted<Arc<Shared>>, id: Id) -> Result<Response, Refusal> {
    let mut store = shared.store();
    let id = job_id(id)?;
    match store.job(id).ok_or_else(Refusal::no_job)?.state(shared.clock.now(), shared.run_time) {
        State::Unsubmitted => store.remove_job(id),
        State::Active | State::Success | State::Cancelled => return Err(Refusal::not_deletable()),
    }
    Ok(nothing())
}

pub(super) async fn modify(
    Extracted(shared): Extracted<Arc<Shared>>,
    id: Id,
    body: Bytes,
) -> Result<Response, Refusal> {
    let now = shared.clock.now();
    let mut store = shared.store();
    let found = store.job_mut(job_id(id)?).ok_or_else(Refusal::no_job)?;
    let patch = JobPatch::from_json(&body, &shared.policy)
        .map_err(|rejected| Refusal::invalid_job(Operation::Modify, &rejected))?
        .into_value()
        .ok_or_else(|| Refusal::unreadable_job(Operation::Modify))?;
    match (found.state(now, shared.run_time), patch.state()) {
        (State::Unsubmitted, Some(StateChange::Cancelled)) => return Err(Refusal::not_active()),
        (State::Unsubmitted, change) => {
            if patch.alters() {
                // The whole is judged again: what is right alone may be wrong together.
                let merged = patch.merge(&found.request).to_json();
                found.change(job(&shared, merged.as_bytes(), Operation::Modify)?, now);
            }
            if change == Some(StateChange::Active) {
                found.submit(now);
            }
        }
        (State::Active, Some(StateChange::Cancelled)) if !patch.alters() => found.cancel(now),
        (State::Success | State::Cancelled, Some(StateChange::Cancelled)) if !patch.alters() => {
            return Err(Refusal::not_active());
        }
        (State::Active | State::Success | State::Cancelled, _) => return Err(Refusal::submitted_already()),
    }
    let job = JobView::of(found, now, shared.run_time);
    Ok(json(StatusCode::OK, &JobAnswer { job }))
}

fn job(shared: &Shared, body: &[u8], operation: Operation) -> Result<JobRequest, Refusal> {
    JobRequest::from_json(body, &shared.policy)
        .map_err(|rejected| Refusal::invalid_job(operation, &rejected))?
        .into_value()
        .ok_or_else(|| Refusal::unreadable_job(operation))
}

fn job_id(id: Id) -> Result<JobId, Refusal> {
    id.ok().and_then(|id| JobId::parse(&id)).ok_or_else(Refusal::no_job)
}
