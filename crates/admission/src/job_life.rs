//! The life of a hold: which step may follow which, and what each does to what is held and settled.

use job_model::Amount;

/// Where a hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldState {
    /// Reserved; upstream has not answered yet.
    Open,
    /// The job was created and not submitted.
    Bound,
    /// A change of the job, or its submission, is with upstream: until it is answered nothing else changes it, and it never lapses.
    Changing,
    /// The job was submitted: from here on the hold never lapses.
    Submitted,
    /// Charged.
    Settled,
    /// Given back.
    Released,
    /// Given back because the job was not submitted in time.
    Lapsed,
    /// What became of the request is unknown; it counts until somebody knows.
    InDoubt,
}

impl HoldState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Bound,
        Self::Changing,
        Self::Submitted,
        Self::Settled,
        Self::Released,
        Self::Lapsed,
        Self::InDoubt,
    ];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Bound => "bound",
            Self::Changing => "changing",
            Self::Submitted => "submitted",
            Self::Settled => "settled",
            Self::Released => "released",
            Self::Lapsed => "lapsed",
            Self::InDoubt => "in-doubt",
        }
    }

    /// The state of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether the hold's amount counts as held.
    pub const fn is_held(self) -> bool {
        matches!(self, Self::Open | Self::Bound | Self::Changing | Self::Submitted | Self::InDoubt)
    }
}

/// What happened to a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Upstream created the job.
    Bind,
    /// A change of the job is about to be sent.
    Change,
    /// That change is over, and the job waits to be submitted.
    Keep,
    /// The amount is another one.
    Adjust(Amount),
    /// The job runs.
    Submit,
    /// The job is over: what is charged.
    Settle(Amount),
    /// The job will never cost anything.
    Release,
    /// Its owner deleted the job: what was submitted is charged, all else will never cost anything.
    Delete,
    /// The job was not submitted in time.
    Lapse,
    /// Nobody knows what became of the request.
    Doubt,
}

impl Event {
    /// Its word, in entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Change => "change",
            Self::Keep => "keep",
            Self::Adjust(_) => "adjust",
            Self::Submit => "submit",
            Self::Settle(_) => "settle",
            Self::Release => "release",
            Self::Delete => "delete",
            Self::Lapse => "lapse",
            Self::Doubt => "doubt",
        }
    }
}

/// What an event makes of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The state after it.
    pub state: HoldState,
    /// The hold's amount after it.
    pub amount: Amount,
    /// What is added to everything held in the hold's budgets.
    pub held: Amount,
    /// What is added to everything settled there.
    pub settled: Amount,
}

/// What an event makes of a hold of an amount; none where it changes nothing, because the hold has ended or the event has
/// happened before. So each hold ends once, and to tell a thing twice is to tell it once.
///
/// ```
/// use admission::{Event, HoldState, after};
/// use job_model::Amount;
/// let amount = Amount::from_micros(3_500_000);
/// let settled = after(HoldState::Submitted, amount, Event::Settle(amount)).unwrap();
/// assert_eq!((settled.state, settled.held.micros(), settled.settled), (HoldState::Settled, -3_500_000, amount));
/// assert!(after(HoldState::Settled, amount, Event::Release).is_none());
/// assert!(after(HoldState::Submitted, amount, Event::Lapse).is_none(), "it is firm");
/// assert!(after(HoldState::Changing, amount, Event::Lapse).is_none(), "it may be submitted any moment");
/// assert!(after(HoldState::Changing, amount, Event::Bind).is_none(), "only its own end ends a change");
/// ```
pub fn after(state: HoldState, amount: Amount, event: Event) -> Option<Change> {
    use HoldState::{Bound, Changing, InDoubt, Lapsed, Open, Released, Settled, Submitted};
    let to = match (state, event) {
        // Somebody ran it after all: what upstream has spent is spent.
        (Open | Bound | Changing | Submitted | InDoubt | Lapsed, Event::Settle(_))
        | (Submitted, Event::Delete) => Settled,
        (Open | Bound | Changing | InDoubt | Lapsed, Event::Submit) => Submitted,
        (_, Event::Adjust(to)) if to == amount => return None,
        // What lapsed holds nothing; its amount tells what is held again when its job is submitted.
        (Open | Bound | Changing | Submitted | InDoubt | Lapsed, Event::Adjust(_)) => state,
        (Settled | Released | Lapsed, _)
        | (Bound | Changing | Submitted, Event::Bind)
        | (Open | Changing | Submitted, Event::Change)
        | (Open | Bound | Submitted | InDoubt, Event::Keep)
        | (Open | Changing | Submitted | InDoubt, Event::Lapse)
        // Whatever a later request has made of the job, it runs.
        | (Submitted, Event::Submit | Event::Doubt)
        | (InDoubt, Event::Doubt) => return None,
        (Open | InDoubt, Event::Bind) | (Changing, Event::Keep) => Bound,
        (Bound | InDoubt, Event::Change) => Changing,
        (Open | Bound | Changing | Submitted | InDoubt, Event::Release)
        | (Open | Bound | Changing | InDoubt, Event::Delete) => Released,
        (Bound, Event::Lapse) => Lapsed,
        (Open | Bound | Changing, Event::Doubt) => InDoubt,
    };
    let was = if state.is_held() { amount } else { Amount::ZERO };
    let amount = match event {
        Event::Adjust(amount) | Event::Settle(amount) => amount,
        Event::Bind
        | Event::Change
        | Event::Keep
        | Event::Submit
        | Event::Release
        | Event::Delete
        | Event::Lapse
        | Event::Doubt => amount,
    };
    let is = if to.is_held() { amount } else { Amount::ZERO };
    let settled = if to == Settled { amount } else { Amount::ZERO };
    Some(Change { state: to, amount, held: is.checked_sub(was)?, settled })
}
