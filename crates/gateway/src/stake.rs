//! What a request has in the ledger while its exchange is under way: a hold, the key it came with, or both. It is ended by
//! value, in one step; one that is dropped leaves its hold in doubt and its outcome unknown, or, where nothing was sent yet, gives
//! both back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use admission::{Event, HoldState};
use job_model::{Amount, Quote, RateCard, Workload};
use ledger::{Amend, Counted, HoldId, Kept, Key, Ledger, Note, Refused, Seen, Terms, Told};
use log::{error, warn};

use crate::calendar::Calendar;
use crate::clock;
use crate::courier::{Fate, Outcome, Sent};
use crate::money::Money;
use crate::phase::look_up;
use crate::repeat::{self, Ticket};

/// How long a write is put off that the ledger could not take.
const AGAIN: Duration = Duration::from_secs(1);

/// What a request has in the ledger.
#[derive(Debug)]
#[must_use]
pub(crate) struct Stake {
    ledger: Ledger,
    calendar: Calendar,
    hold: Option<Held>,
    ticket: Option<Ticket>,
    /// Whether a byte of the request may have left.
    under_way: bool,
    ended: bool,
}

/// A hold, and what becomes of it.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) id: HoldId,
    /// What is written when upstream agrees, what when it does not, and what when nobody knows.
    pub(crate) agreed: Vec<Event>,
    pub(crate) refused: Vec<Event>,
    pub(crate) unknown: Vec<Event>,
    /// As what it has to be there still where upstream does not agree: else nothing becomes of it.
    pub(crate) refused_as: Option<Seen>,
    pub(crate) amend: Option<Amend>,
    /// Prices the job that upstream's agreement tells of.
    pub(crate) pricing: Option<Box<Pricing>>,
    /// Whether upstream's agreement must name the job.
    pub(crate) creates: bool,
    /// The budgets it counts in, and those of them that are near their limit.
    pub(crate) budgets: Vec<String>,
    pub(crate) near: Vec<String>,
}

/// What the job of an answer is priced by.
#[derive(Debug)]
pub(crate) struct Pricing {
    pub(crate) card: RateCard,
    pub(crate) rules: Arc<str>,
    /// What the job was before its change: an answer that shows that is older than the change.
    pub(crate) before: Workload,
}

impl Pricing {
    /// What the job costs, and what it is.
    fn price(&self, answer: &[u8]) -> Option<(Amount, Amend)> {
        let workload = look_up::workload(answer).filter(|workload| *workload != self.before)?;
        let Quote::Priced(estimate) = self.card.price(&workload) else { return None };
        let terms = Terms { card: estimate.card().sha256().to_owned(), rules: Arc::clone(&self.rules) };
        Some((estimate.amount(), Amend { workload, terms: Some(terms) }))
    }
}

/// What is left to be written.
#[derive(Clone)]
enum Rest {
    Hold(HoldId, Box<Note>),
    Key(Key, Kept),
    Nothing,
}

impl Stake {
    pub(crate) fn new(money: &Money, hold: Option<Held>, ticket: Option<Ticket>) -> Self {
        Self {
            ledger: money.ledger.clone(),
            calendar: money.calendar,
            hold,
            ticket,
            under_way: false,
            ended: false,
        }
    }

    /// From here on a byte of the request may leave.
    pub(crate) fn begin(&mut self) {
        self.under_way = true;
    }

    /// Notes which of its budgets are near their limit.
    pub(crate) fn near(mut self, near: Vec<String>) -> Self {
        if let Some(hold) = &mut self.hold {
            hold.near = near;
        }
        self
    }

    /// Notes where a change counts.
    pub(crate) fn counted(mut self, counted: Counted) -> Self {
        if let Some(hold) = &mut self.hold {
            (hold.budgets, hold.near) = (counted.budgets, counted.near);
        }
        self
    }

    /// The ledger said no: nothing was taken for it, so nothing is left to be written.
    pub(crate) fn never_was(mut self) {
        self.ended = true;
    }

    /// The key of its request, where it came with one.
    pub(crate) fn key(&self) -> Option<Key> {
        self.ticket.as_ref().map(|ticket| ticket.key)
    }

    pub(crate) fn hold(&self) -> Option<&Held> {
        self.hold.as_ref()
    }

    /// Writes down what became of the exchange. A write that the ledger cannot take now is repeated until it can.
    pub(crate) async fn end(mut self, outcome: &Outcome) {
        self.ended = true;
        let kept = self.ticket.take().map(|ticket| (ticket.key, repeat::kept(outcome, &ticket.notes)));
        let rest = match (self.hold.take(), kept) {
            (Some(hold), kept) => Rest::Hold(hold.id, Box::new(Note { kept, ..hold.note(outcome) })),
            (None, Some((key, kept))) => Rest::Key(key, kept),
            (None, None) => Rest::Nothing,
        };
        let (ledger, calendar) = (self.ledger.clone(), self.calendar);
        if let Err(why) = rest.clone().write(&ledger, calendar).await {
            error!("{why}; what became of {rest} is written when the ledger can be written again");
            tokio::spawn(again(ledger, calendar, rest));
        }
    }
}

impl Held {
    /// A hold that nothing becomes of, whatever upstream says; only what it does not say is in doubt.
    pub(crate) fn of(id: HoldId) -> Self {
        Self {
            id,
            agreed: Vec::new(),
            refused: Vec::new(),
            unknown: vec![Event::Doubt],
            refused_as: None,
            amend: None,
            pricing: None,
            creates: false,
            budgets: Vec::new(),
            near: Vec::new(),
        }
    }

    /// An earlier change may have been made after all, or another one past the gate: what upstream says that it is about to run is
    /// held, whatever it was asked for.
    fn take_at_its_word(&mut self, answer: &[u8]) {
        let Some(Event::Adjust(asked)) = self.agreed.first_mut() else { return };
        if let Some((costs, amend)) = self.pricing.as_ref().and_then(|pricing| pricing.price(answer))
            && costs > *asked
        {
            warn!(
                "upstream tells of a job that costs {costs}, where its change was priced at {asked}: hold {} is raised to that",
                self.id
            );
            *asked = costs;
            self.amend = Some(amend);
        }
    }

    /// What an outcome makes of the hold.
    fn note(mut self, outcome: &Outcome) -> Note {
        let success = matches!(&outcome.fate, Fate::Answered(answer) if answer.status.is_success());
        let told = Told {
            job: outcome.told.job.filter(|_| self.creates),
            estimate: outcome.told.upstream_estimate,
            units: None,
        };
        let agreed = success && (!self.creates || told.job.is_some());
        if success && !agreed {
            warn!(
                "upstream's answer to a new job was a success and names no job: hold {} is in doubt",
                self.id
            );
        }
        if let (true, Fate::Answered(answer)) = (agreed, &outcome.fate) {
            self.take_at_its_word(&answer.body);
        }
        let (events, seen) = if agreed {
            (self.agreed, None)
        } else if outcome.refused || outcome.sent == Sent::Nothing {
            // That it was refused needs no body.
            (self.refused, self.refused_as)
        } else {
            (self.unknown, None)
        };
        Note { seen, events, told, amend: self.amend.filter(|_| agreed), kept: None }
    }
}

impl Drop for Stake {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let kept = if self.under_way { Kept::Unknown(502) } else { Kept::Nothing };
        let kept = self.ticket.take().map(|ticket| (ticket.key, kept));
        let rest = match (self.hold.take(), kept) {
            (Some(hold), kept) => {
                let (events, seen) =
                    if self.under_way { (hold.unknown, None) } else { (hold.refused, hold.refused_as) };
                let note = Note { seen, events, kept, ..Note::default() };
                Rest::Hold(hold.id, Box::new(note))
            }
            (None, Some((key, kept))) => Rest::Key(key, kept),
            (None, None) => return,
        };
        let known = if self.under_way { "what became of it is unknown" } else { "nothing of it was sent" };
        error!("{rest} was given up by its request; {known}");
        // Without a runtime the process ends, and the next one finds it open and takes it for doubtful.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(again(self.ledger.clone(), self.calendar, rest));
        }
    }
}

impl Rest {
    async fn write(self, ledger: &Ledger, calendar: Calendar) -> Result<(), Refused> {
        match self {
            Self::Hold(id, note) => {
                let created = note.told.job;
                let state = ledger.note(id, *note, calendar.at(clock::now())).await?;
                if let (Some(job), HoldState::Released) = (created, state) {
                    warn!("hold {id} is given back: its job {job} was found meanwhile, and has another one");
                }
                Ok(())
            }
            Self::Key(key, kept) => Ok(ledger.keep(key, kept).await?),
            Self::Nothing => Ok(()),
        }
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Whoever has to resolve it by hand finds its job here.
            Self::Hold(id, note) => match note.told.job {
                Some(job) => write!(f, "hold {id} of job {job}"),
                None => write!(f, "hold {id}"),
            },
            Self::Key(..) | Self::Nothing => f.write_str("a request with a key"),
        }
    }
}

async fn again(ledger: Ledger, calendar: Calendar, rest: Rest) {
    while let Err(Refused::Unavailable(_)) = rest.clone().write(&ledger, calendar).await {
        tokio::time::sleep(AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::task::{Context, Waker};

    use job_model::Operation;

    use super::*;
    use crate::config::Config;
    use crate::phase::admit::{Desk, decide};

    const JOB: &[u8] =
        br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
        "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],
        "settings":{"quality":"Extra","outputs":["OBJ"]},"costEstimationParameters":{"gigaPixels":2.1}}"#;

    /// A request may be given up while its hold is being reserved: nobody then has the hold, and still it is given back.
    #[tokio::test]
    async fn a_request_that_is_given_up_while_it_reserves_leaves_nothing_held() {
        let text = "pricing.rate_card = 'builtin:illustrative'";
        let config = Config::parse(text, Path::new("."), []).unwrap();
        let now = clock::date();
        let desk = Desk { policy: config.policy.clone(), cards: config.cards.clone() };
        let money = Money::of(config, now);
        let permit = decide(JOB, Operation::Create, &desk, now).unwrap();
        let judged = permit.judged().unwrap();
        {
            let mut asking = std::pin::pin!(money.open(judged, "", None, now));
            // The order is on its way to the writer now, or even done: both are given up.
            let _ = asking.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
        loop {
            let holds = money.ledger.holds(None, None, 9).await.unwrap();
            if let [hold] = holds.as_slice()
                && hold.state == HoldState::Released
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}
