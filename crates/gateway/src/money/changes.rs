//! What a change of a job, or its end by its owner, does to what is held for it: priced before a byte of it leaves.

use std::sync::Arc;

use admission::{Event, HoldState};
use jiff::Timestamp;
use job_model::{Amount, JobId, JobPatch, Quote, Workload};
use ledger::{Amend, HoldId, HoldRow, NewHold, Note, Raise, Refused, Seen, Terms, Told, Unavailable};

use super::{Money, rejected, unavailable};
use crate::phase::admit;
use crate::phase::look_up::{Found, Look};
use crate::rejection::{Asked, NoBudget, Rejection};
use crate::repeat::Ticket;
use crate::stake::{Held, Pricing, Stake};

/// What a job is followed by that is to be changed.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) row: HoldRow,
    /// Whether it is followed from this change on. Where nothing comes of that, it is as unknown as before.
    is_new: bool,
}

impl Known {
    const fn before(row: HoldRow) -> Self {
        Self { row, is_new: false }
    }
}

/// What is known of a job that is to be changed.
#[derive(Debug)]
pub(crate) enum Followed {
    /// Nothing has to be: the change spends nothing.
    Nothing,
    /// This.
    Known(Box<Known>),
    /// Only upstream knows what the job is: it was not created through this gateway, or what is held for it does not say.
    Ask(JobId, Option<Box<HoldRow>>),
}

impl Money {
    /// What is known of a job that a change would make dearer or submit.
    ///
    /// # Errors
    /// `LedgerUnavailable`, or `BudgetExceeded` where nothing can be known.
    pub(crate) async fn follow(&self, job: Option<JobId>, patch: &JobPatch) -> Result<Followed, Rejection> {
        if !patch.submits() && !patch.alters() {
            return Ok(Followed::Nothing);
        }
        let unlimited = self.budgets.is_empty();
        let Some(job) = job else {
            // No id that a job here ever had, yet upstream may read it as one.
            return if unlimited {
                Ok(Followed::Nothing)
            } else {
                self.unfollowed(unknown()).map(|()| Followed::Nothing)
            };
        };
        let known = self.ledger.hold_of(job).await.map_err(|fault| unavailable(&fault))?.map(Box::new);
        let says = |row: &HoldRow| !matches!(row.state, HoldState::InDoubt | HoldState::Released);
        Ok(match known {
            Some(row) if unlimited || says(&row) => Followed::Known(Box::new(Known::before(*row))),
            // Nobody limits what it may cost.
            None if unlimited => Followed::Nothing,
            known => Followed::Ask(job, known),
        })
    }

    /// What a job is followed by from now on, after upstream was asked for it; nothing where a change of it spends nothing.
    ///
    /// # Errors
    /// `BudgetExceeded`, what the look was answered with or `LedgerUnavailable`: everything is as before.
    pub(crate) async fn told(
        &self,
        job: JobId,
        known: Option<Box<HoldRow>>,
        seen: Option<Look>,
        principal: &str,
        now: Timestamp,
    ) -> Result<Option<Known>, Rejection> {
        let doubtful = known.as_ref().is_some_and(|row| row.state == HoldState::InDoubt);
        match (known, seen) {
            (Some(row), Some(Look::Begun)) if doubtful => {
                self.note(&row, vec![Event::Submit], Told::default()).await;
                Ok(None)
            }
            (_, Some(Look::Begun)) => Ok(None),
            (Some(row), Some(Look::Unsubmitted(found))) if doubtful => {
                self.resolve(&row, &found, now).await.map_err(|fault| unavailable(&fault))?;
                let resolved = self.ledger.hold(row.id).await.map_err(|fault| unavailable(&fault))?;
                Ok(resolved.map(Known::before))
            }
            // The dearest that it may be stays held.
            (Some(row), _) if doubtful => Ok(Some(Known::before(*row))),
            (_, Some(Look::Unsubmitted(found))) => self.adopt(job, found, principal, now).await.map(Some),
            (_, look) => {
                let no = look.and_then(Look::refusal).unwrap_or_else(unknown);
                self.unfollowed(no).map(|()| None)
            }
        }
    }

    /// Ends a doubt by what upstream says that the job is.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub(super) async fn resolve(
        &self,
        row: &HoldRow,
        found: &Found,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let quote = admit::quote(Some(&found.workload), &self.cards, now);
        // What it is dearer was never asked of its budgets. It costs nothing before it is submitted, and that asks them.
        let price = match quote.amount() {
            Some(price) => price.min(row.amount),
            // What would have given it one was not made.
            None if found.workload == row.workload && !self.ledger.has_had_a_price(row).await? => {
                Amount::ZERO
            }
            None => row.amount,
        };
        let terms = self.terms_of(price, &quote);
        let note = Note {
            seen: Some(row.seen()),
            events: vec![Event::Adjust(price), Event::Bind],
            told: Told { estimate: found.estimate, ..Told::default() },
            amend: Some(Amend { workload: found.workload, terms }),
            kept: None,
        };
        match self.ledger.note(row.id, note, now).await {
            Err(Refused::Unavailable(fault)) => Err(fault),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Whether a change may go on to a job of which nothing is to be known.
    ///
    /// # Errors
    /// That no, while budgets enforce anything and unless the operator lets it pass.
    fn unfollowed(&self, no: Rejection) -> Result<(), Rejection> {
        let asks = self.budgets.iter().any(|budget| budget.enforce) && !self.holds.admit_unknown;
        if asks { Err(no) } else { Ok(()) }
    }

    /// Follows from now on a job that was created elsewhere: what it costs as it is, is held.
    ///
    /// # Errors
    /// `BudgetExceeded` or `LedgerUnavailable`: it is as unknown as before.
    async fn adopt(
        &self,
        job: JobId,
        found: Found,
        principal: &str,
        now: Timestamp,
    ) -> Result<Known, Rejection> {
        let quote = admit::quote(Some(&found.workload), &self.cards, now);
        let amount = quote.amount();
        let claims = self.claims(Some(found.workspace), principal, now);
        let id = HoldId::new();
        let new = NewHold {
            id,
            job: Some(job),
            workspace: found.workspace,
            principal: principal.to_owned(),
            workload: found.workload,
            amount,
            terms: self.terms(Some(&quote)),
            currency: self.currency(now),
            claims,
        };
        let currency = new.currency.clone();
        self.ledger.reserve(new, None, now).await.map_err(|no| rejected(no, amount, currency, Asked::Job))?;
        let row = self.ledger.hold_of(job).await.map_err(|fault| unavailable(&fault))?;
        let gone = || unavailable(&Unavailable::new("a hold is gone that was just opened"));
        let row = row.ok_or_else(gone)?;
        self.note(&row, Vec::new(), Told { estimate: found.estimate, ..Told::default() }).await;
        let is_new = row.id == id;
        Ok(Known { row, is_new })
    }

    /// A change of a job was refused: where it was to be followed from that on, nothing is held for it, unless another change has found
    /// it meanwhile and goes on with it.
    pub(crate) async fn give_back(&self, known: &Known) {
        if known.is_new {
            let seen = Some(known.row.seen());
            self.write(&known.row, Note { seen, events: vec![Event::Release], ..Note::default() }).await;
        }
    }

    /// What the job of an answer is priced by.
    fn pricing(&self, before: Workload, now: Timestamp) -> Option<Box<Pricing>> {
        let card = self.cards.in_force(now)?.clone();
        Some(Box::new(Pricing { card, rules: Arc::clone(&self.rules), before }))
    }

    /// By what an amount was found, where that is this quote; else an earlier one's terms stay with it.
    fn terms_of(&self, found: Amount, quote: &Quote) -> Option<Terms> {
        quote.amount().filter(|price| *price == found).map(|_| self.terms(Some(quote)))
    }

    /// Begins a change of a job: reserves what it makes the job dearer, and keeps other changes out until it is over.
    ///
    /// # Errors
    /// `BudgetExceeded`, `ChangeInProgress`, `RequestInProgress`, `IdempotencyKeyReused` or `LedgerUnavailable`: everything is as before.
    pub(crate) async fn change(
        &self,
        known: &Known,
        patch: &JobPatch,
        quote: &Quote,
        ticket: Option<Ticket>,
        now: Timestamp,
    ) -> Result<Option<Stake>, Rejection> {
        let (row, submits) = (&known.row, patch.submits());
        if row.state == HoldState::Released && !self.budgets.is_empty() {
            // Somebody has given it back just now; who asks again is told of the job anew.
            return Err(Rejection::ChangeInProgress);
        }
        if matches!(row.state, HoldState::Settled | HoldState::Released | HoldState::Submitted) {
            // Whatever is asked of it, upstream will refuse, or it costs nothing more.
            return self.nothing_held(ticket, now).await;
        }
        let priced = quote.amount();
        let claims = self.claims(Some(row.workspace), &row.principal, now);
        if submits {
            self.check_unpriced(Some(quote), &claims, true)?;
        }
        let doubtful = row.state == HoldState::InDoubt;
        let to = held_behind(row, patch, quote);
        let terms = self.terms_of(to, quote);
        let workload = patch.merge_workload(&row.workload);
        let amend = Some(Amend { workload, terms: terms.clone() });
        // What upstream's yes leaves open when the change before it was not answered is still open.
        let over = if doubtful { Event::Doubt } else { Event::Keep };
        let agreed = vec![Event::Adjust(to), if submits { Event::Submit } else { over }];
        // One that is seen to run meanwhile runs, whoever has submitted it.
        let changing =
            Seen { state: HoldState::Changing, amount: row.amount.max(to), workload: row.workload };
        let (refused, refused_as) = if known.is_new {
            (vec![Event::Keep, Event::Release], Some(changing))
        } else {
            (undone(row), None)
        };
        let pricing = self.pricing(row.workload, now);
        let held = Held { agreed, refused, refused_as, amend, pricing, ..Held::of(row.id) };
        let raise = Raise { to, terms, currency: self.currency(now), claims };
        let begun = self.begin(held, row, raise, ticket, now).await;
        let asked = Asked::by(row, &workload, quote);
        begun.map(Some).map_err(|no| rejected(no, priced, self.currency(now), asked))
    }

    /// The same of a change that only a lowered rule or a shadow lets pass, since what it makes of the price cannot be read: once upstream
    /// has agreed to it nobody here knows what the job is. It is asked for before it is submitted.
    ///
    /// # Errors
    /// The same; and `BudgetExceeded` where nothing is held for the job, or where the change may submit it, too.
    pub(crate) async fn change_unread(
        &self,
        job: Option<JobId>,
        may_submit: bool,
        ticket: Option<Ticket>,
        now: Timestamp,
    ) -> Result<Option<Stake>, Rejection> {
        let known = match job {
            Some(job) => self.ledger.hold_of(job).await.map_err(|fault| unavailable(&fault))?,
            None => None,
        };
        let Some(row) = known.filter(|row| row.state != HoldState::Released) else {
            self.unfollowed(unknown())?;
            return self.nothing_held(ticket, now).await;
        };
        if matches!(row.state, HoldState::Settled | HoldState::Submitted) {
            return self.nothing_held(ticket, now).await;
        }
        let held = Held { agreed: vec![Event::Doubt], refused: undone(&row), ..Held::of(row.id) };
        let claims = self.claims(Some(row.workspace), &row.principal, now);
        if let Some(claim) = claims.iter().find(|claim| claim.enforce && may_submit) {
            // It would run before anybody could ask what it is.
            return Err(Rejection::BudgetExceeded(Box::new(NoBudget::Unread(claim.budget.clone()))));
        }
        let raise = Raise { to: row.amount, terms: None, currency: row.currency.clone(), claims };
        let begun = self.begin(held, &row, raise, ticket, now).await;
        let asked = if row.state == HoldState::Lapsed { Asked::Job } else { Asked::Change };
        begun.map(Some).map_err(|no| rejected(no, None, self.currency(now), asked))
    }

    /// Writes down that a change is about to be sent. On a task of its own: whoever gives the request up meanwhile does not hear
    /// that it was, and the stake, dropped there, takes it back.
    async fn begin(
        &self,
        held: Held,
        row: &HoldRow,
        raise: Raise,
        ticket: Option<Ticket>,
        now: Timestamp,
    ) -> Result<Stake, Refused> {
        let stake = Stake::new(self, Some(held), ticket);
        let (ledger, id, seen, key) = (self.ledger.clone(), row.id, row.seen(), stake.key());
        let begun = tokio::spawn(async move {
            match ledger.change(id, seen, raise, key, now).await {
                Ok(counted) => Ok(stake.counted(counted)),
                Err(no) => {
                    stake.never_was();
                    Err(no)
                }
            }
        });
        begun.await.unwrap_or_else(|_| Err(Unavailable::new("the gateway is being stopped").into()))
    }

    /// What a job holds while it is deleted: given back where it was not submitted, charged where it was. A ledger that cannot
    /// say it now is in nobody's way: the hold then stays, and lapses or is settled by what upstream tells.
    pub(crate) async fn delete(&self, job: Option<JobId>) -> Option<Stake> {
        let row = self.ledger.hold_of(job?).await.ok()??;
        // Where it is not answered the job is there as it was, or gone: what is held says the same in either case.
        let held = Held { agreed: vec![Event::Delete], unknown: Vec::new(), ..Held::of(row.id) };
        Some(Stake::new(self, Some(held), None))
    }
}

/// Nobody knows what the job is.
fn unknown() -> Rejection {
    Rejection::BudgetExceeded(Box::new(NoBudget::UnknownJob))
}

/// What is held for a job once upstream has agreed to a change of it.
pub(crate) fn held_behind(row: &HoldRow, patch: &JobPatch, quote: &Quote) -> Amount {
    // A price that is taken away is not forgotten: else a job could be made free before it is submitted.
    let to = quote.amount().unwrap_or(row.amount);
    // Nor is a change that upstream may have made and did not answer: its price is held, though not known as the job's. What
    // only submits changes no price, and so lowers none.
    if patch.alters() && row.state != HoldState::InDoubt { to } else { to.max(row.amount) }
}

/// What a change that upstream refuses leaves of a hold: what was there before.
fn undone(row: &HoldRow) -> Vec<Event> {
    match row.state {
        // As if it had not been reserved anew: neither held, nor at another price.
        HoldState::Lapsed => vec![Event::Keep, Event::Lapse, Event::Adjust(row.amount)],
        HoldState::InDoubt => vec![Event::Adjust(row.amount), Event::Doubt],
        _ => vec![Event::Adjust(row.amount), Event::Keep],
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::ToSpan;
    use job_model::response::JobHead;
    use job_model::{Amount, JobId, Workload, WorkspaceId};

    use super::*;
    use crate::clock;
    use crate::config::Config;

    const JOB: &str = r#"{"job":{"id":"cc3d35cc-416a-4262-9714-b359da70b419","name":"n","type":"Full","state":"unsubmitted",
        "createdDateTime":"2020-09-14T14:29:55Z","lastModifiedDateTime":"2020-09-14T14:29:55Z","location":"East US",
        "workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","email":"a@example.com","inputs":[],
        "jobSettings":{"quality":"Extra","outputs":[{"format":"OBJ","id":null}]},"estimatedCost":3.5,
        "costEstimationParameters":{"gigaPixels":2}}}"#;

    /// Times are kept to the millisecond: a look of the same one may be from before the change.
    #[tokio::test]
    async fn a_look_of_the_millisecond_of_a_doubt_does_not_end_it() {
        let text = "pricing.rate_card = 'builtin:illustrative'";
        let config = Config::parse(text, Path::new("."), []).unwrap();
        let now = clock::date();
        let money = Money::of(config, now);
        let workload = serde_json::json!({"type": "Full", "quality": "Extra", "outputs": ["OBJ"]});
        let id = HoldId::new();
        let new = NewHold {
            id,
            job: JobId::parse("cc3d35cc-416a-4262-9714-b359da70b419"),
            workspace: WorkspaceId::parse("6881117d-9fd2-4900-870b-9b721dc90f25").unwrap(),
            principal: String::new(),
            workload: Workload::from_json(&workload).unwrap(),
            amount: Some(Amount::from_micros(8_000_000)),
            terms: Terms::default(),
            currency: String::new(),
            claims: Vec::new(),
        };
        money.ledger.reserve(new, None, now).await.unwrap();
        let doubt = Note { events: vec![Event::Doubt], ..Note::default() };
        money.ledger.note(id, doubt, now).await.unwrap();
        // What the look tells besides is known already, and so changes nothing about the hold.
        let told = Told { estimate: Some("3.5".parse().unwrap()), ..Told::default() };
        money.ledger.note(id, Note { told, ..Note::default() }, now).await.unwrap();
        let mut stands = Vec::new();
        for asked in [now, now + 1.millisecond()] {
            let head = JobHead::from_json(JOB.as_bytes()).unwrap();
            money.observe(&[head], Some(JOB.as_bytes()), asked).await;
            stands.push(money.ledger.hold(id).await.unwrap().unwrap().state);
        }
        assert_eq!(stands, [HoldState::InDoubt, HoldState::Bound]);
    }
}
