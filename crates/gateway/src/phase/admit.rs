//! May this go on? The one way to a permit: a body is read, judged and priced here, and nothing is forwarded without one.

use jiff::Timestamp;
use job_model::{
    Accepted, Amount, JobPatch, JobRequest, Operation, Policy, Quote, RateCards, Report, UnpricedReason,
    Workload, WorkspaceId,
};

use crate::rejection::{Invalid, Rejection};

/// What a body is judged by.
#[derive(Debug)]
pub struct Desk {
    /// The rules.
    pub policy: Policy,
    /// The prices.
    pub cards: RateCards,
}

/// Evidence that a request may be forwarded. Made only here.
#[derive(Debug)]
pub struct Permit {
    judged: Option<Judged>,
}

/// What is known of a body that was judged.
#[derive(Debug)]
pub struct Judged {
    report: Report,
    workload: Option<Workload>,
    quote: Option<Quote>,
    workspace: Option<WorkspaceId>,
    patch: Option<JobPatch>,
    may_submit: bool,
    tells_size: bool,
    held: Option<(Amount, String)>,
}

impl Permit {
    /// For a body that is no job.
    pub(crate) const fn for_what_is_no_job() -> Self {
        Self { judged: None }
    }

    /// What is known of the body; nothing where it is no job.
    pub const fn judged(&self) -> Option<&Judged> {
        self.judged.as_ref()
    }

    /// Judges and prices a change by the job that it is made to, which it alone does not tell.
    ///
    /// # Errors
    /// [`Rejection::Invalid`], with every rule that the change breaks.
    pub(crate) fn on(
        &mut self,
        patch: &JobPatch,
        job: &Workload,
        is_submitted: bool,
        desk: &Desk,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let Some(judged) = &mut self.judged else { return Ok(()) };
        let operation = Operation::Modify;
        judged.report = patch
            .judge_on(job, is_submitted, &judged.report, &desk.policy)
            .map_err(|rejected| Rejection::Invalid(Box::new(Invalid { operation, rejected })))?;
        let merged = patch.merge_workload(job);
        judged.quote = Some(quote(Some(&merged), &desk.cards, now));
        judged.tells_size = !has_size(job) && has_size(&merged);
        judged.workload = Some(merged);
        Ok(())
    }

    /// Notes what is held for a changed job, of which that is told where it is more than its price, or where it has none.
    pub(crate) fn holds(&mut self, held: Amount, currency: &str) {
        if let Some(judged) = &mut self.judged
            && held > Amount::ZERO
            && judged.price().is_none_or(|price| price < held)
        {
            judged.held = Some((held, currency.to_owned()));
        }
    }

    pub(crate) fn into_judged(self) -> Option<Judged> {
        self.judged
    }
}

impl Judged {
    /// What was noticed.
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// What of the job has a price; of a change, as it will be.
    pub const fn workload(&self) -> Option<&Workload> {
        self.workload.as_ref()
    }

    /// The workspace of a new job.
    pub const fn workspace(&self) -> Option<WorkspaceId> {
        self.workspace
    }

    /// The change to a job; none where what has a price cannot be read, and only a lowered rule or a shadow lets that pass.
    pub const fn patch(&self) -> Option<&JobPatch> {
        self.patch.as_ref()
    }

    /// Whether a change may submit its job, whatever else of it cannot be read.
    pub(crate) const fn may_submit(&self) -> bool {
        self.may_submit
    }

    /// The price of a new job, or of a changed one that is known; or why it has none.
    pub const fn quote(&self) -> Option<&Quote> {
        self.quote.as_ref()
    }

    /// What is held for it beyond its price: an earlier one stays where nothing but a submission, or only a doubt, came behind it.
    pub(crate) fn held(&self) -> Option<(Amount, &str)> {
        self.held.as_ref().map(|(held, currency)| (*held, currency.as_str()))
    }

    /// The amount of its price, where it has one.
    pub(crate) fn price(&self) -> Option<Amount> {
        self.quote.as_ref()?.amount()
    }

    /// Whether this is the first that tells how large the job is.
    pub(crate) const fn tells_size(&self) -> bool {
        self.tells_size
    }
}

/// Judges and prices a body. Pure: the same bytes, desk and instant give the same decision.
///
/// # Errors
/// [`Rejection::Invalid`], with every rule that the body breaks.
pub fn decide(body: &[u8], operation: Operation, desk: &Desk, now: Timestamp) -> Result<Permit, Rejection> {
    let judged = match operation {
        Operation::Create => JobRequest::check(body, &desk.policy).map(|accepted| {
            let quote = quote(accepted.workload(), &desk.cards, now);
            judged(&accepted, Some(quote), accepted.value().copied(), None)
        }),
        Operation::Modify => JobPatch::check(body, &desk.policy)
            .map(|accepted| judged(&accepted, None, None, accepted.value().cloned())),
    };
    match judged {
        Ok(judged) => Ok(Permit { judged: Some(judged) }),
        Err(rejected) => Err(Rejection::Invalid(Box::new(Invalid { operation, rejected }))),
    }
}

fn judged<T>(
    accepted: &Accepted<T>,
    quote: Option<Quote>,
    workspace: Option<WorkspaceId>,
    patch: Option<JobPatch>,
) -> Judged {
    let (report, workload) = (accepted.report().clone(), accepted.workload().copied());
    let tells_size = workload.as_ref().is_some_and(has_size);
    let may_submit = accepted.may_submit();
    Judged { report, workload, quote, workspace, patch, may_submit, tells_size, held: None }
}

const fn has_size(workload: &Workload) -> bool {
    workload.gigapixels.is_some() || workload.megapoints.is_some()
}

/// The price of a workload by the card that is in force.
pub(crate) fn quote(workload: Option<&Workload>, cards: &RateCards, now: Timestamp) -> Quote {
    match (workload, cards.in_force(now)) {
        (None, _) => Quote::Unpriced(UnpricedReason::Unreadable),
        (_, None) => Quote::Unpriced(UnpricedReason::NoRateCard),
        (Some(workload), Some(card)) => card.price(workload),
    }
}
