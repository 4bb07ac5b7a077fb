//! What a job that was judged has to pass before it is forwarded: the limits of its workspace and sender, and its budgets.

use admission::HoldState;
use http::StatusCode;
use job_model::JobPatch;
use ledger::Key;
use pingora::protocols::http::ServerSession as Session;

use super::Gate;
use crate::clock;
use crate::identity::Principal;
use crate::money::changes::{Followed, Known, held_behind};
use crate::phase::admit::{Judged, Permit};
use crate::phase::forward;
use crate::phase::head;
use crate::phase::look_up::{Look, look_up};
use crate::phase::meter::Record;
use crate::phase::route::Route;
use crate::rates::Subject;
use crate::rejection::{Rejection, TokenFault};
use crate::repeat::Ticket;
use crate::stake::Stake;

impl Gate {
    /// What a body that was judged has to pass yet: the limits of its workspace and of its sender, then the budgets, which hold what the
    /// job costs; durable before a byte of it leaves.
    pub(super) async fn stake(
        &self,
        session: &Session,
        permit: &mut Permit,
        key: Option<Key>,
        record: &mut Record,
    ) -> Result<Option<Stake>, Rejection> {
        if record.route == Some(Route::CreateJob) {
            self.rates.may_create(head::token(&session.req_header().headers), &self.metrics)?;
        }
        if let Some(workspace) = permit.judged().and_then(Judged::workspace) {
            self.rates.admit(Subject::Workspace(workspace), &self.metrics)?;
        }
        let patched = permit.judged().and_then(Judged::patch).cloned();
        let known = match &patched {
            Some(patch) => Box::pin(self.followed(session, patch, record)).await?,
            None => None,
        };
        let held = self.reserve(permit, known.as_ref(), patched.as_ref(), key, record).await;
        if let (Err(_), Some(known)) = (&held, &known) {
            self.money.give_back(known).await;
        }
        held
    }

    /// Judges and prices a change by its job, where that is known, and asks the budgets.
    async fn reserve(
        &self,
        permit: &mut Permit,
        known: Option<&Known>,
        patch: Option<&JobPatch>,
        key: Option<Key>,
        record: &mut Record,
    ) -> Result<Option<Stake>, Rejection> {
        if let Some((Known { row, .. }, patch)) = known.zip(patch) {
            let is_submitted = matches!(row.state, HoldState::Submitted | HoldState::Settled);
            permit.on(patch, &row.workload, is_submitted, &self.desk, record.at)?;
            if let (Some(quote), false) = (permit.judged().and_then(Judged::quote), is_submitted) {
                permit.holds(held_behind(row, patch, quote), &row.currency);
            }
        }
        let Some(judged) = permit.judged() else { return Ok(None) };
        let began = clock::now();
        let ticket = key.map(|key| Ticket { key, notes: forward::notes(judged) });
        let held = match (known, judged.patch(), judged.quote()) {
            (Some(known), Some(patch), Some(quote)) => {
                self.money.change(known, patch, quote, ticket, record.at).await
            }
            _ if record.route == Some(Route::CreateJob) => {
                let who = record.principal.as_ref().map_or("", Principal::as_str);
                self.money.open(judged, who, ticket, record.at).await
            }
            _ if record.route == Some(Route::ChangeJob) && judged.patch().is_none() => {
                self.money.change_unread(record.settlement.job, judged.may_submit(), ticket, record.at).await
            }
            // A change that spends nothing.
            _ => self.money.nothing_held(ticket, record.at).await,
        };
        record.seconds.reserve = Some(clock::now().saturating_duration_since(began));
        if let Some(hold) = held.as_ref().ok().and_then(|stake| stake.as_ref()?.hold()) {
            record.hold = Some(hold.id);
            record.budgets.clone_from(&hold.budgets);
            record.near.clone_from(&hold.near);
        }
        held
    }

    /// What is known of a job that is to be changed, where the change may spend anything; upstream is asked for what is not known.
    async fn followed(
        &self,
        session: &Session,
        patch: &JobPatch,
        record: &mut Record,
    ) -> Result<Option<Known>, Rejection> {
        Ok(match self.money.follow(record.settlement.job, patch).await? {
            Followed::Nothing => None,
            Followed::Known(known) => Some(*known),
            Followed::Ask(job, known) => {
                let target = format!("/contextcapture/jobs/{job}");
                let authority = self.upstream.authority();
                let seen = look_up(&self.courier, session, &target, authority, &record.request_id).await;
                record.at = self.money.now();
                if let Some(Look::NotLetIn(status)) = seen {
                    self.count(status, session, record);
                    if status == StatusCode::UNAUTHORIZED {
                        return Err(Rejection::InvalidToken(TokenFault::Upstream));
                    }
                }
                let who = record.principal.as_ref().map_or("", Principal::as_str);
                self.money.told(job, known, seen, who, record.at).await?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use job_model::{JobId, Policy};

    use super::*;
    use crate::config::Config;
    use crate::money::Money;
    use crate::phase::{admit, look_up};

    const JOB: &[u8] = br#"{"job":{"id":"cc3d35cc-416a-4262-9714-b359da70b419","name":"n","type":"Full","state":"unsubmitted",
        "createdDateTime":"2020-09-14T14:29:55Z","lastModifiedDateTime":"2020-09-14T14:29:55Z","location":"East US",
        "workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","email":"a@example.com","inputs":[],
        "jobSettings":{"quality":"Extra","outputs":[{"format":"OBJ","id":null}]},"estimatedCost":3.5,
        "costEstimationParameters":{"gigaPixels":2}}}"#;

    /// As where that happens between a look at upstream and one at the ledger.
    #[tokio::test]
    async fn a_job_whose_hold_was_just_given_back_is_not_changed_past_its_budgets() {
        let text = "ledger.url = 'memory:'\npricing.rate_card = 'builtin:illustrative'\n[[budget]]\nname = 'all'\n\
                    scope = 'global'\nlimit = '5'\nwindow = 'total'";
        let now = clock::date();
        let money = Money::of(Config::parse(text, Path::new("."), []).unwrap(), now);
        let job = JobId::parse("cc3d35cc-416a-4262-9714-b359da70b419").unwrap();
        let submission = JobPatch::from_json(br#"{"state":"Active"}"#, &Policy::default()).unwrap();
        let mut known = money.told(job, None, look_up::read(JOB), "", now).await.unwrap().unwrap();
        known.row.state = HoldState::Released;
        let quote = admit::quote(Some(&known.row.workload), &money.cards, now);
        let no = money.change(&known, &submission.into_value().unwrap(), &quote, None, now).await;
        assert!(matches!(no, Err(Rejection::ChangeInProgress)), "{no:?}");
    }

    /// A job made elsewhere is followed from the first change on, which is refused while the second one is with upstream.
    #[tokio::test]
    async fn a_first_change_that_is_refused_does_not_give_back_what_another_one_holds() {
        let text = "pricing.rate_card = 'builtin:illustrative'";
        let now = clock::date();
        let money = Money::of(Config::parse(text, Path::new("."), []).unwrap(), now);
        let job = JobId::parse("cc3d35cc-416a-4262-9714-b359da70b419").unwrap();
        let submission = JobPatch::from_json(br#"{"state":"Active"}"#, &Policy::default()).unwrap();
        let submission = submission.into_value().unwrap();
        let first = money.told(job, None, look_up::read(JOB), "", now).await.unwrap().unwrap();
        let second = money.told(job, None, look_up::read(JOB), "", now).await.unwrap().unwrap();
        let quote = admit::quote(Some(&second.row.workload), &money.cards, now);
        let under_way = money.change(&second, &submission, &quote, None, now).await.unwrap();
        money.give_back(&first).await;
        let row = money.ledger.hold_of(job).await.unwrap().unwrap();
        assert_eq!((row.id, row.state), (first.row.id, HoldState::Changing));
        drop(under_way);
    }
}
