//! Asks upstream what a job is that the ledger does not know, or not for sure, with its caller's own token, before a change of it is
//! priced. What the answer costs is decided elsewhere.

use std::time::Duration;

use http::StatusCode;
use job_model::response::{CostEstimationParameters, JobHead, JobState, Word};
use job_model::{Decimal, Gigapixels, JobType, Megapoints, OutputFormat, Quality, Workload, WorkspaceId};
use pingora::protocols::http::ServerSession as Session;
use serde::Deserialize;

use crate::back_off;
use crate::clock;
use crate::courier::{Courier, Failure, Fate};
use crate::phase::forward;
use crate::rejection::{Rejection, Sending};

/// How long to wait where upstream only says that it is too much now.
const AGAIN: Duration = Duration::from_secs(1);

/// What upstream answers to a look at a job.
#[derive(Debug)]
pub(crate) enum Look {
    /// It is there, and nothing is spent yet.
    Unsubmitted(Found),
    /// It runs or is over: no change of it spends anything any more.
    Begun,
    /// Upstream has no such job, or none for this caller.
    Gone,
    /// Upstream does not let the caller in: 401 or 403.
    NotLetIn(StatusCode),
    /// Upstream takes nothing more from the caller for so long: 429.
    TooMany(Duration),
    /// Upstream has not answered, or with a failure of its own.
    Unanswered(Failure),
}

/// What is to be known of a job to price it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) workspace: WorkspaceId,
    pub(crate) workload: Workload,
    pub(crate) estimate: Option<Decimal>,
}

/// The members of a job that it has a price by. Others may be missing, or be what nobody expects.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Priced {
    workspace_id: Option<String>,
    #[serde(rename = "type")]
    job_type: Word<JobType>,
    job_settings: Settings,
    cost_estimation_parameters: Option<CostEstimationParameters>,
}

#[derive(Deserialize)]
struct Settings {
    quality: Word<Quality>,
    outputs: Option<Vec<Output>>,
}

#[derive(Deserialize)]
struct Output {
    format: Word<OutputFormat>,
}

#[derive(Deserialize)]
struct Answer {
    job: Priced,
}

/// Asks. Nothing where upstream tells what cannot be read.
pub(crate) async fn look_up(
    courier: &std::sync::Arc<Courier>,
    session: &Session,
    target: &str,
    authority: &str,
    request_id: &str,
) -> Option<Look> {
    let parcel = forward::question(session, target, authority, request_id);
    let answer = match courier.deliver(parcel, None).await.fate {
        Fate::Answered(answer) => answer,
        Fate::Torn(_) => return Some(Look::Unanswered(Failure::Broken)),
        Fate::Failed(failure) => return Some(Look::Unanswered(failure)),
    };
    match answer.status {
        StatusCode::OK => read(&answer.body),
        StatusCode::NOT_FOUND => Some(Look::Gone),
        StatusCode::TOO_MANY_REQUESTS => {
            Some(Look::TooMany(back_off::told(&answer, clock::date()).unwrap_or(AGAIN)))
        }
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Some(Look::NotLetIn(status)),
        status if status.is_server_error() => Some(Look::Unanswered(Failure::Broken)),
        _ => None,
    }
}

impl Look {
    /// Why a change of the job does not go on, where the look says so itself.
    pub(crate) fn refusal(self) -> Option<Rejection> {
        Some(match self {
            Self::Gone => Rejection::JobNotFound,
            Self::TooMany(wait) => Rejection::TooManyRequests(wait),
            Self::Unanswered(Failure::Timeout) => Rejection::UpstreamTimeout(Sending::NotSent, None),
            Self::Unanswered(_) => Rejection::UpstreamUnavailable(Sending::NotSent, None),
            Self::Unsubmitted(_) | Self::Begun | Self::NotLetIn(_) => return None,
        })
    }
}

/// Reads an answer that tells of one job.
pub(crate) fn read(answer: &[u8]) -> Option<Look> {
    let head = JobHead::from_json(answer)?;
    if JobState::from_wire(&head.state?)? != JobState::Unsubmitted {
        return Some(Look::Begun);
    }
    let job = priced(answer)?;
    Some(Look::Unsubmitted(Found {
        workspace: WorkspaceId::parse(job.workspace_id.as_deref()?)?,
        workload: job.workload()?,
        estimate: head.estimated_cost.map(job_model::Exact::get),
    }))
}

/// What the job that an answer tells of has a price by.
pub(crate) fn workload(answer: &[u8]) -> Option<Workload> {
    priced(answer)?.workload()
}

fn priced(answer: &[u8]) -> Option<Priced> {
    Some(serde_json::from_slice::<Answer>(answer).ok()?.job)
}

impl Priced {
    /// None where upstream uses words that are not published.
    fn workload(&self) -> Option<Workload> {
        let Settings { quality, outputs } = &self.job_settings;
        let cost = self.cost_estimation_parameters.as_ref();
        let gigapixels = cost.and_then(|cost| cost.giga_pixels.get());
        let megapoints = cost.and_then(|cost| cost.mega_points.get());
        Some(Workload {
            job_type: self.job_type.known()?,
            quality: quality.known()?,
            outputs: outputs.iter().flatten().map(|output| output.format.known()).collect::<Option<_>>()?,
            gigapixels: gigapixels.map_or(Some(None), |size| Gigapixels::new(size.get()).map(Some))?,
            megapoints: megapoints.map_or(Some(None), |size| Megapoints::new(size.get()).map(Some))?,
        })
    }
}
