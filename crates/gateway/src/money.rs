//! The gate's side of the ledger: a hold before a job is forwarded, and what became of it afterwards. What is decided is
//! decided there; here is only who asks, and when.

pub(crate) mod changes;
mod notices;

use std::sync::Arc;

use admission::{Budget, Claim, Event, HoldState, Unpriced, after};
use jiff::{SignedDuration, Timestamp};
use job_model::response::JobHead;
use job_model::{Amount, Decimal, JobId, Quote, RateCards, UnpricedReason, WorkspaceId};
use ledger::{
    Amend, Earlier, HoldId, HoldRow, Kept, Key, Ledger, NewHold, Note, Refused, Terms, Told, Unavailable,
};
use log::{error, warn};
use serde_json::{Value, json};

use crate::calendar::Calendar;
use crate::clock;
use crate::config::{Holds, SettleBy};
use crate::courier::Answer;
use crate::phase::admit::{self, Judged};
use crate::phase::look_up::{self, Found, Look};
use crate::rejection::{Asked, Excess, NoBudget, Rejection, Sending};
use crate::repeat::{self, Ticket};
use crate::stake::{Held, Stake};
pub(crate) use notices::Notices;

/// Budgets and the ledger that they are kept in.
#[derive(Debug)]
pub(crate) struct Money {
    pub(crate) ledger: Ledger,
    pub(crate) calendar: Calendar,
    pub(crate) budgets: Vec<Budget>,
    pub(crate) holds: Holds,
    pub(crate) cards: RateCards,
    /// The fingerprint of the rule set.
    pub(crate) rules: Arc<str>,
    pub(crate) notices: Notices,
}

/// What is said again to who asks again.
#[derive(Debug)]
pub(crate) struct Again {
    pub(crate) said: Result<Answer, Rejection>,
    pub(crate) hold: Option<HoldId>,
}

impl Money {
    /// Reserves the price of a new job.
    ///
    /// # Errors
    /// `BudgetExceeded` or `LedgerUnavailable`: nothing is reserved.
    pub(crate) async fn open(
        &self,
        judged: &Judged,
        principal: &str,
        ticket: Option<Ticket>,
        now: Timestamp,
    ) -> Result<Option<Stake>, Rejection> {
        let quote = judged.quote();
        let amount = quote.and_then(Quote::amount);
        let claims = self.claims(judged.workspace(), principal, now);
        self.check_unpriced(quote, &claims, false)?;
        let (Some(workload), Some(workspace)) = (judged.workload().copied(), judged.workspace()) else {
            // A body that only a lowered rule or a shadow let pass: it is counted as unpriced, and there is nothing to follow it by.
            // What its job costs is asked of upstream before it is submitted.
            return self.nothing_held(ticket, now).await;
        };
        let id = HoldId::new();
        let new = NewHold {
            id,
            job: None,
            workspace,
            principal: principal.to_owned(),
            workload,
            amount,
            terms: self.terms(quote),
            currency: self.currency(now),
            claims,
        };
        let (key, currency) = (ticket.as_ref().map(|ticket| ticket.key), new.currency.clone());
        let budgets = new.claims.iter().map(|claim| claim.budget.clone()).collect();
        let (agreed, refused) = (vec![Event::Bind], vec![Event::Release]);
        let held = Held { agreed, refused, creates: true, budgets, ..Held::of(id) };
        // Before it is reserved: whoever gives the request up meanwhile does not hear that it was, and leaves this behind.
        let stake = Stake::new(self, Some(held), ticket);
        match self.ledger.reserve(new, key, now).await {
            Ok(near) => Ok(Some(stake.near(near))),
            Err(no) => {
                stake.never_was();
                Err(rejected(no, amount, currency, Asked::Job))
            }
        }
    }

    /// The instant that is counted by.
    pub(crate) fn now(&self) -> Timestamp {
        self.calendar.at(clock::now())
    }

    /// How far the system's clock has gone from it.
    pub(crate) fn skew(&self) -> SignedDuration {
        self.calendar.skew(clock::date(), clock::now())
    }

    /// For a request that spends nothing: only its key is taken.
    pub(crate) async fn nothing_held(
        &self,
        ticket: Option<Ticket>,
        now: Timestamp,
    ) -> Result<Option<Stake>, Rejection> {
        let Some(ticket) = ticket else { return Ok(None) };
        self.ledger
            .begin(ticket.key, now)
            .await
            .map_err(|no| rejected(no, None, String::new(), Asked::Job))?;
        Ok(Some(Stake::new(self, None, Some(ticket))))
    }

    /// What became of an earlier request with the same key, to be said again; and its hold.
    ///
    /// # Errors
    /// `RequestInProgress`, `IdempotencyKeyReused`, or `LedgerUnavailable`.
    pub(crate) async fn recall(&self, key: Option<Key>, now: Timestamp) -> Result<Option<Again>, Rejection> {
        let Some(key) = key else { return Ok(None) };
        let earlier = self.ledger.recall(key, now).await.map_err(|fault| unavailable(&fault))?;
        let (kept, hold) = match earlier {
            None => return Ok(None),
            Some(Earlier::Over(kept, hold)) => (kept, hold),
            Some(other) => return Err(repeated(&other)),
        };
        let unknown = Rejection::UpstreamUnavailable(Sending::Unknown, hold);
        let said = match kept {
            Kept::Answer { status, headers, body } => repeat::answer(status, &headers, body).ok_or(unknown),
            Kept::Unknown(504) => Err(Rejection::UpstreamTimeout(Sending::Unknown, hold)),
            Kept::Unknown(_) | Kept::Nothing => Err(unknown),
        };
        Ok(Some(Again { said, hold }))
    }

    /// Upstream told of jobs in passing, of one with everything that is to be known of it; the ledger is asked once for all of them.
    /// The one who asked did so at `asked`.
    pub(crate) async fn observe(&self, heads: &[JobHead<'_>], whole: Option<&[u8]>, asked: Timestamp) {
        let (jobs, heads): (Vec<JobId>, Vec<&JobHead<'_>>) =
            heads.iter().filter_map(|head| Some((JobId::parse(&head.id)?, head))).unzip();
        if jobs.is_empty() {
            return;
        }
        match self.ledger.holds_of(jobs).await {
            Ok(rows) => {
                for (row, head) in rows.into_iter().zip(heads) {
                    if let Some(row) = row {
                        self.observe_one(&row, head, whole, asked).await;
                    }
                }
            }
            Err(fault) => warn!("{fault}; what upstream told of jobs is not noted"),
        }
    }

    async fn observe_one(&self, row: &HoldRow, head: &JobHead<'_>, whole: Option<&[u8]>, asked: Timestamp) {
        // That the job is there does not say what an unanswered change has made of it; nor does a look from before that change.
        if row.state == HoldState::InDoubt
            && row.changed < asked.as_millisecond()
            && head.state.as_deref() == Some("unsubmitted")
            && let Some(Look::Unsubmitted(found)) = whole.and_then(look_up::read)
        {
            let known = self.resolve(row, &found, self.now()).await;
            known.unwrap_or_else(|fault| warn!("{fault}; hold {} stays in doubt", row.id));
            return;
        }
        if row.state == HoldState::Bound
            && row.changed < asked.as_millisecond()
            && let Some(Look::Unsubmitted(found)) = whole.and_then(look_up::read)
        {
            self.grown(row, &found).await;
        }
        let units = head.execution_information.and_then(|run| run.estimated_units);
        let told = Told {
            job: None,
            estimate: head.estimated_cost.map(job_model::Exact::get),
            units: units.map(job_model::Exact::get),
        };
        let events = self.happened(row, head, told);
        if row.state == HoldState::Released && matches!(*events, [Event::Submit | Event::Settle(_)]) {
            self.notices.lost(row);
        }
        if row.is_news(told) || events.iter().any(|event| after(row.state, row.amount, *event).is_some()) {
            self.note(row, events, told).await;
        }
    }

    /// What the state of a job that upstream tells of is to its hold.
    fn happened(&self, row: &HoldRow, head: &JobHead<'_>, told: Told) -> Vec<Event> {
        // Once it was submitted it has spent something, whatever upstream tells of that.
        let was_submitted = !matches!(row.state, HoldState::Bound | HoldState::Lapsed | HoldState::Released);
        let never_ran = !was_submitted && head.execution_information.is_none();
        match head.state.as_deref() {
            Some("active") => vec![Event::Submit],
            Some("cancelled") if never_ran => vec![Event::Release],
            Some("success" | "failed" | "cancelled") => vec![Event::Settle(self.charge(row, told))],
            Some("unsubmitted") | None => Vec::new(),
            Some(word) => {
                self.notices.state(word);
                Vec::new()
            }
        }
    }

    /// A job that was changed past the gateway, or by what upstream did not answer: what it costs now is asked of its budgets when it
    /// is submitted.
    async fn grown(&self, row: &HoldRow, found: &Found) {
        let price = admit::quote(Some(&found.workload), &self.cards, self.now()).amount();
        if found.workload == row.workload || price.is_none_or(|price| price <= row.amount) {
            return;
        }
        let amend = Some(Amend { workload: found.workload, terms: None });
        let told = Told { estimate: found.estimate, ..Told::default() };
        let note = Note { seen: Some(row.seen()), told, amend, ..Note::default() };
        if let Err(Refused::Unavailable(fault)) = self.ledger.note(row.id, note, self.now()).await {
            warn!("{fault}; what has become of the job of hold {} is not noted", row.id);
        }
    }

    /// What a job is charged when it is over.
    fn charge(&self, row: &HoldRow, told: Told) -> Amount {
        let theirs = match self.holds.settle {
            SettleBy::Held => None,
            SettleBy::UpstreamEstimate => told.estimate.or(row.upstream_estimate),
            SettleBy::UpstreamUnits => told.units.or(row.upstream_units),
        };
        theirs.and_then(to_amount).unwrap_or(row.amount)
    }

    async fn note(&self, row: &HoldRow, events: Vec<Event>, told: Told) {
        self.write(row, Note { events, told, ..Note::default() }).await;
    }

    async fn write(&self, row: &HoldRow, note: Note) {
        if let Err(Refused::Unavailable(fault)) = self.ledger.note(row.id, note, self.now()).await {
            warn!("{fault}; hold {} stays as it was until upstream tells of its job again", row.id);
        }
    }

    /// Whether a job would be admitted now, and the room in each of its budgets. Nothing is reserved.
    pub(crate) async fn appraise(
        &self,
        judged: &Judged,
        principal: &str,
        now: Timestamp,
    ) -> Result<(bool, Vec<Value>), Unavailable> {
        let requested = judged.price();
        let claims = self.claims(judged.workspace(), principal, now);
        let balances = self.ledger.standing(claims.clone()).await?;
        let mut admitted = self.check_unpriced(judged.quote(), &claims, false).is_ok();
        let rows = claims.into_iter().zip(balances).map(|(claim, balance)| {
            let more = requested.unwrap_or(Amount::ZERO);
            admitted &= claim.check(balance, more).is_ok();
            // A budget that only watches tells, too, whether the job fits it.
            let fits = (requested.is_some() || !self.asks_for_a_price(&claim, false))
                && Claim { enforce: true, ..claim.clone() }.check(balance, more).is_ok();
            json!({
                "name": claim.budget, "limit": claim.limit, "settled": balance.settled, "held": balance.held,
                "fits": fits,
            })
        });
        let rows = rows.collect();
        Ok((admitted, rows))
    }

    /// Gives back what was not submitted in time, and forgets answers that were kept long enough.
    pub(crate) async fn lapse(&self, now: Timestamp) {
        let Ok(age) = SignedDuration::try_from(self.holds.unsubmitted) else { return };
        let Ok(before) = now.checked_sub(age) else { return };
        // Each call ends and forgets so many at most: nobody is to wait for all of them.
        loop {
            match self.ledger.lapse(before, now).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(fault) => {
                    warn!("{fault}; what was not submitted in time stays held");
                    break;
                }
            }
        }
        while let Ok(1..) = self.ledger.forget(now).await {}
    }

    fn claims(&self, workspace: Option<WorkspaceId>, principal: &str, now: Timestamp) -> Vec<Claim> {
        self.budgets.iter().filter_map(|budget| budget.claim(workspace, principal, now)).collect()
    }

    fn currency(&self, now: Timestamp) -> String {
        self.cards.in_force(now).map(|card| card.currency().to_owned()).unwrap_or_default()
    }

    /// By what a price was found, or that there is none.
    fn terms(&self, quote: Option<&Quote>) -> Terms {
        let card = match quote {
            Some(Quote::Priced(estimate)) => estimate.card().sha256().to_owned(),
            Some(Quote::Unpriced(_)) | None => String::new(),
        };
        Terms { card, rules: Arc::clone(&self.rules) }
    }

    fn check_unpriced(
        &self,
        quote: Option<&Quote>,
        claims: &[Claim],
        submits: bool,
    ) -> Result<(), Rejection> {
        let reason = match quote {
            Some(Quote::Priced(_)) => return Ok(()),
            Some(Quote::Unpriced(reason)) => *reason,
            None => UnpricedReason::Unreadable,
        };
        match claims.iter().find(|claim| claim.enforce && self.asks_for_a_price(claim, submits)) {
            Some(claim) => {
                Err(Rejection::BudgetExceeded(Box::new(NoBudget::Unpriced(claim.budget.clone(), reason))))
            }
            None => Ok(()),
        }
    }

    /// Whether the budget of a claim takes no job without a price, that is created or submitted.
    fn asks_for_a_price(&self, claim: &Claim, submits: bool) -> bool {
        let refuses = |unpriced| match unpriced {
            Unpriced::Admit => false,
            Unpriced::RefuseSubmission => submits,
            Unpriced::Refuse => true,
        };
        self.budgets.iter().any(|budget| budget.name == claim.budget && refuses(budget.unpriced))
    }
}

#[cfg(test)]
impl Money {
    /// By a configuration, with a ledger in memory that begins then.
    pub(crate) fn of(config: crate::config::Config, now: Timestamp) -> Self {
        Self {
            ledger: Ledger::open(&ledger::Url::Memory, &[], now).unwrap(),
            calendar: Calendar::new(now, None, clock::now()),
            budgets: config.budgets,
            holds: config.holds,
            cards: config.cards,
            rules: config.policy.sha256().into(),
            notices: Notices::default(),
        }
    }
}

/// To the micro-unit, upwards: nothing that was spent is forgotten.
fn to_amount(number: Decimal) -> Option<Amount> {
    Amount::from_decimal(number.round_dp_with_strategy(6, rust_decimal::RoundingStrategy::AwayFromZero))
        .filter(|amount| *amount >= Amount::ZERO)
}

fn unavailable(fault: &Unavailable) -> Rejection {
    error!("{fault}; nothing is forwarded that would have to be written down");
    Rejection::LedgerUnavailable
}

fn rejected(no: Refused, requested: Option<Amount>, currency: String, asked: Asked) -> Rejection {
    match no {
        Refused::Budget(mut short) => {
            for sum in &mut short {
                // A job without a price asks for nothing.
                sum.requested = sum.requested.filter(|_| requested.is_some());
            }
            Rejection::BudgetExceeded(Box::new(NoBudget::Exceeded(Excess { short, currency, asked })))
        }
        Refused::Repeated(earlier) => repeated(&earlier),
        Refused::Changed => Rejection::ChangeInProgress,
        Refused::Unknown => unavailable(&Unavailable::new("a hold is gone that was just there")),
        Refused::Unavailable(fault) => unavailable(&fault),
    }
}

fn repeated(earlier: &Earlier) -> Rejection {
    match earlier {
        Earlier::Other => Rejection::KeyReused,
        // One that is over came to its end just now; who asks again is told how.
        Earlier::Running | Earlier::Over(..) => Rejection::RequestInProgress,
    }
}
