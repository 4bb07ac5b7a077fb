//! What a change of a job, or its end by its owner, does to what is held for it: priced before a byte of it leaves.

use admission::{Event, HoldState};
use jiff::Timestamp;
use job_model::{JobId, JobPatch, StateChange};
use ledger::{Amend, HoldId, HoldRow, NewHold, Told, Unavailable};

use super::{Money, amount, card, rejected, unavailable};
use crate::phase::admit;
use crate::phase::look_up::Found;
use crate::rejection::{NoBudget, Rejection};
use crate::repeat::Ticket;
use crate::stake::{Held, Stake};

/// What is known of a job that is to be changed.
#[derive(Debug)]
pub(crate) enum Followed {
    /// Nothing has to be: the change spends nothing.
    Nothing,
    /// This.
    Known(Box<HoldRow>),
    /// It was not created through this gateway.
    Unknown(JobId),
}

impl Money {
    /// What is known of a job that a change would make dearer or submit.
    ///
    /// # Errors
    /// `LedgerUnavailable`.
    pub(crate) async fn follow(&self, job: Option<JobId>, patch: &JobPatch) -> Result<Followed, Rejection> {
        let Some(job) = job.filter(|_| submits(patch) || alters(patch)) else { return Ok(Followed::Nothing) };
        let known = self.ledger.hold_of(job).await.map_err(|fault| unavailable(&fault))?;
        Ok(match known {
            Some(row) => Followed::Known(Box::new(row)),
            // Nobody limits what it may cost.
            None if self.budgets.is_empty() => Followed::Nothing,
            None => Followed::Unknown(job),
        })
    }

    /// Whether a change may go on to a job of which nothing is to be known.
    ///
    /// # Errors
    /// `BudgetExceeded`, while budgets enforce anything and unless the operator lets it pass.
    pub(crate) fn unfollowed(&self) -> Result<(), Rejection> {
        if self.budgets.iter().any(|budget| budget.enforce) && !self.holds.admit_unknown {
            return Err(Rejection::BudgetExceeded(Box::new(NoBudget::UnknownJob)));
        }
        Ok(())
    }

    /// Follows from now on a job that was created elsewhere: what it costs as it is, is held.
    ///
    /// # Errors
    /// `BudgetExceeded` or `LedgerUnavailable`: it is as unknown as before.
    pub(crate) async fn adopt(
        &self,
        job: JobId,
        found: Found,
        principal: &str,
        now: Timestamp,
    ) -> Result<HoldRow, Rejection> {
        let quote = admit::quote(Some(&found.workload), &self.cards, now);
        let amount = amount(Some(&quote));
        let claims = self.claims(Some(found.workspace), principal, now);
        let id = HoldId::new();
        let new = NewHold {
            id,
            job: Some(job),
            workspace: found.workspace,
            principal: principal.to_owned(),
            workload: found.workload,
            amount,
            card: card(Some(&quote)).unwrap_or_default(),
            currency: self.currency(now),
            claims,
        };
        self.ledger.reserve(new, None, now).await.map_err(|no| rejected(no, amount))?;
        let row = self.ledger.hold_of(job).await.map_err(|fault| unavailable(&fault))?;
        let gone = || unavailable(&Unavailable::new("a hold is gone that was just opened"));
        let row = row.ok_or_else(gone)?;
        self.note(&row, Vec::new(), Told { estimate: found.estimate, ..Told::default() }).await;
        Ok(row)
    }

    /// Reserves what a change makes a job dearer.
    ///
    /// # Errors
    /// `BudgetExceeded` or `LedgerUnavailable`: everything is as before.
    pub(crate) async fn change(
        &self,
        row: &HoldRow,
        patch: &JobPatch,
        ticket: Option<Ticket>,
        now: Timestamp,
    ) -> Result<Option<Stake>, Rejection> {
        let (submits, alters) = (submits(patch), alters(patch));
        if matches!(row.state, HoldState::Settled | HoldState::Released | HoldState::Submitted) {
            // Whatever is asked of it, upstream will refuse, or it costs nothing more.
            return self.nothing_held(ticket, now).await;
        }
        let id = row.id;
        let workload = patch.merge_workload(&row.workload);
        let quote = admit::quote(Some(&workload), &self.cards, now);
        let priced = amount(Some(&quote));
        let claims = self.claims(Some(row.workspace), &row.principal, now);
        if submits {
            self.check_unpriced(priced, &claims)?;
        }
        // A price that is taken away is not forgotten: else a job could be made free before it is submitted.
        let to = priced.unwrap_or(row.amount);
        // Nor is a change that upstream may have made and did not answer: its price is held, though not known as the job's. What
        // only submits changes no price, and so lowers none.
        let to = if alters && row.state != HoldState::InDoubt { to } else { to.max(row.amount) };
        let lapsed = row.state == HoldState::Lapsed;
        let key = ticket.as_ref().map(|ticket| ticket.key);
        let budgets = claims.iter().map(|claim| claim.budget.clone()).collect();
        let taken = match key {
            _ if !lapsed || submits => self.ledger.raise(id, to, claims, key, now).await,
            Some(key) => self.ledger.begin(key, now).await.map(|()| Vec::new()),
            None => Ok(Vec::new()),
        };
        let near = taken.map_err(|no| rejected(no, priced))?;
        let mut agreed = vec![Event::Bind, Event::Adjust(to)];
        agreed.extend(submits.then_some(Event::Submit));
        let refused = if lapsed { vec![Event::Lapse] } else { vec![Event::Adjust(row.amount)] };
        let amend = Some(Amend { workload, card: card(Some(&quote)) });
        let held = Held { id, agreed, refused, amend, creates: false, budgets, near };
        Ok(Some(Stake::new(self, Some(held), ticket)))
    }

    /// What a job holds while it is deleted: given back where it was not submitted, charged where it was. A ledger that cannot
    /// say it now is in nobody's way: the hold then stays, and lapses or is settled by what upstream tells.
    pub(crate) async fn delete(&self, job: Option<JobId>) -> Option<Stake> {
        let row = self.ledger.hold_of(job?).await.ok()??;
        let submitted = row.state == HoldState::Submitted;
        let agreed = vec![if submitted { Event::Settle(row.amount) } else { Event::Release }];
        let held = Held {
            id: row.id,
            agreed,
            refused: Vec::new(),
            amend: None,
            creates: false,
            budgets: Vec::new(),
            near: Vec::new(),
        };
        Some(Stake::new(self, Some(held), None))
    }
}

fn submits(patch: &JobPatch) -> bool {
    patch.state() == Some(StateChange::Active)
}

fn alters(patch: &JobPatch) -> bool {
    patch.job_type().is_some() || patch.settings().is_some() || patch.cost_estimation_parameters().is_some()
}
