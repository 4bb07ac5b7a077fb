//! Asks upstream what a job is that the ledger does not know, or not for sure, with its caller's own token, before a change of it is
//! priced. What the answer costs is decided elsewhere.

use http::StatusCode;
use job_model::response::{Job, JobResponse, JobState};
use job_model::{Decimal, Workload, WorkspaceId};
use pingora::protocols::http::ServerSession as Session;

use crate::courier::{Courier, Fate};
use crate::phase::forward;

/// A job as upstream tells of it.
#[derive(Debug)]
pub(crate) enum Seen {
    /// It is there, and nothing is spent yet.
    Unsubmitted(Found),
    /// It runs or is over: no change of it spends anything any more.
    Begun,
    /// Upstream has no such job, or none for this caller.
    Gone,
    /// Upstream does not let the caller in: 401 or 403.
    NotLetIn(StatusCode),
}

/// What is to be known of a job to price it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) workspace: WorkspaceId,
    pub(crate) workload: Workload,
    pub(crate) estimate: Option<Decimal>,
}

/// Asks. Nothing where upstream does not tell, or tells what cannot be read.
pub(crate) async fn look_up(
    courier: &std::sync::Arc<Courier>,
    session: &Session,
    target: &str,
    authority: &str,
    request_id: &str,
) -> Option<Seen> {
    let parcel = forward::question(session, target, authority, request_id);
    let Fate::Answered(answer) = courier.deliver(parcel, None).await.fate else { return None };
    match answer.status {
        StatusCode::OK => read(&answer.body),
        StatusCode::NOT_FOUND => Some(Seen::Gone),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Some(Seen::NotLetIn(status)),
        _ => None,
    }
}

/// Reads an answer that tells of one job.
pub(crate) fn read(answer: &[u8]) -> Option<Seen> {
    seen(&serde_json::from_slice::<JobResponse>(answer).ok()?.job)
}

/// What the job that an answer tells of has a price by.
pub(crate) fn workload(answer: &[u8]) -> Option<Workload> {
    serde_json::from_slice::<JobResponse>(answer).ok()?.job.workload()
}

fn seen(job: &Job) -> Option<Seen> {
    if job.state.known()? != JobState::Unsubmitted {
        return Some(Seen::Begun);
    }
    Some(Seen::Unsubmitted(Found {
        workspace: WorkspaceId::parse(&job.workspace_id)?,
        workload: job.workload()?,
        estimate: job.estimated_cost.get().map(|cost| cost.get()),
    }))
}
