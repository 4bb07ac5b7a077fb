//! What upstream's answer says of a job: its id and upstream's own estimate, kept beside ours.

use jiff::Timestamp;
use job_model::response::{JobHead, JobHeads};
use job_model::{Decimal, JobId};

use crate::courier::Answer;
use crate::money::Money;
use crate::phase::route::Route;

/// What an answer tells of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settlement {
    pub(crate) job: Option<JobId>,
    pub(crate) upstream_estimate: Option<Decimal>,
}

/// Reads a successful answer. An answer that cannot be read tells nothing; it is passed on all the same.
pub(crate) fn settle(answer: &Answer) -> Settlement {
    if !answer.status.is_success() {
        return Settlement::default();
    }
    let head = JobHead::from_json(&answer.body);
    Settlement {
        job: head.as_ref().and_then(|head| JobId::parse(&head.id)),
        upstream_estimate: head.as_ref().and_then(|head| head.estimated_cost).map(job_model::Exact::get),
    }
}

/// Takes note of what an answer that passes by tells of jobs.
pub(crate) async fn observe(money: &Money, route: Option<Route>, answer: &[u8], asked: Timestamp) {
    if route == Some(Route::ListJobs) {
        let heads = JobHeads::from_json(answer).map(|heads| heads.jobs).unwrap_or_default();
        money.observe(&heads, None, asked).await;
    } else if let Some(head) = JobHead::from_json(answer) {
        money.observe(&[head], Some(answer), asked).await;
    }
}
