//! Whatever happens in whatever order, over several budgets and windows at once and with clocks that are set: every store against a
//! ledger so naive that it adds everything up anew each time, with rules of its own for what may follow what.

use std::collections::BTreeMap;

use admission::{Budget, BudgetScope, Claim, Event, HoldState, Unpriced, Window, WindowKind};
use jiff::{Timestamp, ToSpan};
use job_model::{Amount, JobId, WorkspaceId};
use ledger::{HoldId, Ledger, NewHold, Note, Refused, Told, Url};
use proptest::prelude::*;

use crate::support::{self, folder, wait};

mod naive;
use naive::{Book, Naive, PRINCIPALS, Place, WORKSPACES, places};

/// Instants just before clocks are changed somewhere, or a day, a month and a year end.
const STARTS: [&str; 5] = [
    "2026-03-08T06:30:00Z",
    "2026-03-29T00:30:00Z",
    "2026-10-25T00:30:00Z",
    "2026-11-01T03:50:00Z",
    "2026-12-31T23:30:00Z",
];

/// Everybody's month, each one's day, one workspace's for ever, one person's month far in the east; and each workspace's day, which
/// only watches.
fn budgets() -> Vec<Budget> {
    let budget = |name: &str, scope, limit, kind, zone, enforce| Budget {
        name: name.to_owned(),
        scope,
        limit: Amount::from_micros(limit),
        window: Window::new(kind, zone).unwrap(),
        enforce,
        soft: "0.8".parse().unwrap(),
        unpriced: Unpriced::Admit,
    };
    let site = BudgetScope::Workspace(WorkspaceId::parse(WORKSPACES[0]));
    let alice = BudgetScope::Principal(Some(PRINCIPALS[0].to_owned()));
    vec![
        budget("all", BudgetScope::Global, 90, WindowKind::Month, "Europe/Berlin", true),
        budget("each", BudgetScope::Principal(None), 50, WindowKind::Day, "America/New_York", true),
        budget("site", site, 120, WindowKind::Total, "UTC", true),
        budget("alice", alice, 60, WindowKind::Month, "Pacific/Apia", true),
        budget("watch", BudgetScope::Workspace(None), 1, WindowKind::Day, "Australia/Lord_Howe", false),
    ]
}

fn job_of(number: u64) -> JobId {
    JobId::parse(&format!("cc3d35cc-416a-4262-9714-{number:012x}")).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Reserve { who: usize, place: usize, amount: Option<i64>, job: bool },
    Change(prop::sample::Index, i64),
    Note(prop::sample::Index, Event),
    Created(prop::sample::Index, prop::sample::Index),
    Resolve(prop::sample::Index, Event),
    Lapse(i64),
    Clock(i64),
}

fn event() -> impl Strategy<Value = Event> {
    let amount = 0..40_i64;
    prop_oneof![
        4 => Just(Event::Bind),
        3 => Just(Event::Submit),
        3 => Just(Event::Keep),
        1 => Just(Event::Release),
        1 => Just(Event::Delete),
        2 => Just(Event::Doubt),
        1 => Just(Event::Lapse),
        2 => amount.clone().prop_map(|amount| Event::Settle(Amount::from_micros(amount))),
        2 => amount.prop_map(|amount| Event::Adjust(Amount::from_micros(amount))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let amount = 0..40_i64;
    let which = any::<prop::sample::Index>;
    let resolved = prop_oneof![
        Just(Event::Bind),
        Just(Event::Submit),
        Just(Event::Release),
        amount.clone().prop_map(|amount| Event::Settle(Amount::from_micros(amount))),
    ];
    let (hour, year) = (3600, 365 * 86_400);
    prop_oneof![
        5 => (0..PRINCIPALS.len(), 0..WORKSPACES.len(), proptest::option::weighted(0.9, amount.clone()), any::<bool>())
            .prop_map(|(who, place, amount, job)| Step::Reserve { who, place, amount, job }),
        3 => (which(), amount).prop_map(|(which, amount)| Step::Change(which, amount)),
        6 => (which(), event()).prop_map(|(which, event)| Step::Note(which, event)),
        3 => (which(), which()).prop_map(|(which, job)| Step::Created(which, job)),
        1 => (which(), resolved).prop_map(|(which, event)| Step::Resolve(which, event)),
        1 => (-hour..2 * hour).prop_map(Step::Lapse),
        4 => prop_oneof![
            Just(hour), Just(-hour), Just(year), Just(-year), Just(86_400), -600..600_i64
        ].prop_map(Step::Clock),
    ]
}

/// All that is done to the naive ledger and to the stores.
struct Trial {
    books: [Ledger; 2],
    budgets: Vec<Budget>,
    naive: Book,
    whose: BTreeMap<HoldId, (usize, usize)>,
    now: Timestamp,
    jobs: u64,
}

impl Trial {
    fn claims(&self, who: usize, place: usize) -> Vec<Claim> {
        let workspace = WorkspaceId::parse(WORKSPACES[place]);
        self.budgets.iter().filter_map(|budget| budget.claim(workspace, PRINCIPALS[who], self.now)).collect()
    }

    /// Does it to every store; each has to say the same.
    fn each<T: std::fmt::Debug>(&self, what: impl Fn(&Ledger) -> T) -> T {
        let [first, second] = &self.books;
        let answer = what(first);
        assert_eq!(format!("{answer:?}"), format!("{:?}", what(second)));
        answer
    }

    /// Whether the answer is the naive ledger's.
    fn refused<T: std::fmt::Debug>(
        answer: &Result<T, Refused>,
        expected: Vec<(String, i64)>,
    ) -> Result<bool, TestCaseError> {
        match (answer, expected.is_empty()) {
            (Ok(_), true) => Ok(false),
            (Err(Refused::Budget(short)), false) => {
                let said = short.iter().map(|sum| (sum.budget.clone(), sum.missing.micros()));
                prop_assert_eq!(said.collect::<Vec<_>>(), expected);
                Ok(true)
            }
            (other, _) => Err(TestCaseError::fail(format!("{other:?}, and not {expected:?}"))),
        }
    }

    fn reserve(
        &mut self,
        who: usize,
        place: usize,
        amount: Option<i64>,
        job: bool,
    ) -> Result<(), TestCaseError> {
        self.jobs += 1;
        // Some of them are about a job that is known already.
        let number = if job && self.jobs.is_multiple_of(3) { self.jobs - 1 } else { self.jobs };
        let job = job.then(|| job_of(number));
        let new = NewHold {
            job,
            workspace: WorkspaceId::parse(WORKSPACES[place]).unwrap(),
            principal: PRINCIPALS[who].to_owned(),
            amount: amount.map(Amount::from_micros),
            claims: self.claims(who, place),
            ..support::hold(1)
        };
        let now = self.now;
        let answer = self.each(|book| wait(book.reserve(new.clone(), None, now)));
        if job.and_then(|job| self.naive.with_job(job)).is_some_and(|hold| hold.state != HoldState::Released)
        {
            prop_assert!(answer.is_ok(), "{answer:?}");
            return Ok(());
        }
        let whose = &self.whose;
        if let Some(job) = job
            && let Some(hold) = self.naive.in_doubt(|hold| whose[&hold.id] == (who, place))
        {
            // It is the job of a request whose answer was lost.
            prop_assert!(answer.is_ok(), "{answer:?}");
            (hold.job, hold.state) = (Some(job), HoldState::Bound);
            return Ok(());
        }
        let claims = places(PRINCIPALS[who], WORKSPACES[place], now);
        let amount = amount.unwrap_or(0);
        if Self::refused(&answer, self.naive.refuses(&claims, amount))? {
            return Ok(());
        }
        let state = if job.is_some() { HoldState::Bound } else { HoldState::Open };
        let opened = now.as_millisecond();
        self.naive.0.push(Naive {
            id: new.id,
            job,
            claims,
            state,
            amount,
            asked: amount,
            opened,
            ends: 0,
            found: job.is_some(),
        });
        self.whose.insert(new.id, (who, place));
        Ok(())
    }

    fn change(&mut self, index: usize, to: i64) -> Result<(), TestCaseError> {
        let Some(hold) = self.naive.0.get(index).cloned() else { return Ok(()) };
        let (who, place) = self.whose[&hold.id];
        let (now, claims) = (self.now, self.claims(who, place));
        let seen = wait(self.books[0].hold(hold.id)).unwrap().unwrap().seen();
        let raise = support::raise(to, claims);
        let answer = self.each(|book| wait(book.change(hold.id, seen, raise.clone(), None, now)));
        if hold.state == HoldState::Changing {
            prop_assert!(matches!(answer, Err(Refused::Changed)), "{answer:?}");
            return Ok(());
        }
        if hold.state == HoldState::Lapsed {
            let claims = places(PRINCIPALS[who], WORKSPACES[place], now);
            if !Self::refused(&answer, self.naive.refuses(&claims, to))? {
                let opened = now.as_millisecond();
                let state = HoldState::Changing;
                self.naive.0[index] = Naive { claims, state, amount: to, asked: to, opened, ..hold };
            }
            return Ok(());
        }
        let more = (to - hold.amount).max(0);
        if Self::refused(&answer, self.naive.refuses(&hold.claims, more))? {
            return Ok(());
        }
        let counted = matches!(
            hold.state,
            HoldState::Open | HoldState::Bound | HoldState::Submitted | HoldState::InDoubt
        );
        let hold = &mut self.naive.0[index];
        if counted && more > 0 {
            hold.amount += more;
            hold.asked += more;
        }
        hold.happens(Event::Change);
        Ok(())
    }

    fn note(&mut self, index: usize, event: Event, told: Told) {
        // A job that was found has one hold.
        let its = told.job.and_then(|job| self.naive.with_job(job));
        let is_second = its.is_some_and(|its| its.found && its.state != HoldState::Released);
        let Some(hold) = self.naive.0.get_mut(index) else { return };
        let (id, now) = (hold.id, self.now);
        hold.happens(if is_second { Event::Release } else { event });
        hold.job = told.job.filter(|_| !is_second).or(hold.job);
        let state = hold.state;
        let note = Note { events: vec![event], told, ..Note::default() };
        assert_eq!(self.each(|book| wait(book.note(id, note.clone(), now)).unwrap()), state);
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let which = |index: prop::sample::Index, book: &Book| index.index(book.0.len().max(1));
        match *step {
            Step::Reserve { who, place, amount, job } => self.reserve(who, place, amount, job)?,
            Step::Change(index, to) => self.change(which(index, &self.naive), to)?,
            Step::Note(index, event) => self.note(which(index, &self.naive), event, Told::default()),
            Step::Created(index, job) => {
                let index = which(index, &self.naive);
                if self.naive.0.get(index).is_some_and(|hold| hold.job.is_none()) {
                    let number = u64::try_from(job.index(12)).unwrap();
                    let told = Told { job: Some(job_of(number)), ..Told::default() };
                    self.note(index, Event::Bind, told);
                }
            }
            Step::Resolve(index, event) => {
                // An operator resolves what is not under way, and has not ended.
                let index = which(index, &self.naive);
                let is_open = |hold: &Naive| {
                    matches!(hold.state, HoldState::Bound | HoldState::Submitted | HoldState::InDoubt)
                };
                if self.naive.0.get(index).is_some_and(is_open) {
                    self.note(index, event, Told::default());
                }
            }
            Step::Lapse(ago) => {
                let (before, now) = (self.now - ago.seconds(), self.now);
                let count = self.each(|book| wait(book.lapse(before, now)).unwrap());
                let old = |hold: &&mut Naive| {
                    hold.state == HoldState::Bound && hold.opened < before.as_millisecond()
                };
                let mut lapsed = 0;
                for hold in self.naive.0.iter_mut().filter(old) {
                    hold.happens(Event::Lapse);
                    lapsed += 1;
                }
                prop_assert_eq!(count, lapsed);
            }
            Step::Clock(by) => self.now += by.seconds(),
        }
        self.naive.holds_the_limits()
    }

    /// What the first store says, against the naive ledger.
    fn compare(&self, book: &Ledger) -> Result<(), TestCaseError> {
        let rows = wait(book.balances()).unwrap();
        let found: BTreeMap<Place, (i64, i64)> = rows
            .into_iter()
            .map(|row| {
                ((row.budget, row.key, row.period), (row.balance.settled.micros(), row.balance.held.micros()))
            })
            .filter(|(_, sums)| *sums != (0, 0))
            .collect();
        let mut expected = self.naive.balances();
        expected.retain(|_, sums| *sums != (0, 0));
        prop_assert_eq!(found, expected);
        let holds = wait(book.holds(None, None, u32::MAX)).unwrap();
        let found: BTreeMap<_, _> =
            holds.iter().map(|row| (row.id, (row.state, row.amount.micros()))).collect();
        let expected: BTreeMap<_, _> =
            self.naive.0.iter().map(|hold| (hold.id, (hold.state, hold.amount))).collect();
        prop_assert_eq!(found, expected);
        prop_assert!(self.naive.0.iter().all(|hold| hold.ends <= 1), "each ends once");
        for hold in holds.iter().filter(|row| row.found && row.state.is_held()) {
            let held = holds.iter().filter(|row| row.job == hold.job && row.state.is_held()).count();
            prop_assert_eq!(held, 1, "a job that was found has one hold");
        }
        for hold in &self.naive.0 {
            let row = holds.iter().find(|row| row.id == hold.id).unwrap();
            let beyond = if hold.counts() { hold.amount - hold.asked } else { 0 };
            prop_assert_eq!(row.overdraft.micros(), beyond, "of {:?}: {:?}", hold, row);
        }
        Ok(())
    }

    /// Nothing is minted: what the entries of a hold add up to is what it counts for.
    fn add_up(&self, book: &Ledger) -> Result<(), TestCaseError> {
        let mut sums: BTreeMap<String, (i64, i64, usize)> = BTreeMap::new();
        for entry in wait(book.entries(0, u32::MAX)).unwrap() {
            let sum = sums.entry(entry.hold).or_default();
            sum.0 += entry.settled.micros();
            sum.1 += entry.held.micros();
            sum.2 += usize::from(matches!(entry.state.as_str(), "settled" | "released"));
        }
        for hold in &self.naive.0 {
            let counts = match hold.state {
                HoldState::Settled => (hold.amount, 0, 1),
                HoldState::Released => (0, 0, 1),
                HoldState::Lapsed => (0, 0, 0),
                _ => (0, hold.amount, 0),
            };
            prop_assert_eq!(sums.remove(&hold.id.to_string()), Some(counts));
        }
        prop_assert!(sums.is_empty(), "{sums:?}");
        wait(book.verify()).unwrap().unwrap();
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// After every step all sums are the naive ledger's, in all budgets and windows at once; a refusal is its refusal, to the
    /// micro-unit; no limit is passed by what was asked for; each hold ends once, and the entries add up to what there is.
    #[test]
    fn every_store_keeps_the_laws_of_a_naive_ledger(
        start in prop::sample::select(&STARTS[..]),
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let folder = folder("laws");
        let now: Timestamp = start.parse().unwrap();
        let open = |url: Url| Ledger::open(&url, &[], now).unwrap();
        let books = [Url::Memory, Url::Sqlite(folder.join("book.db"))].map(open);
        let mut trial = Trial {
            books, budgets: budgets(), naive: Book::default(), whose: BTreeMap::new(), now, jobs: 0,
        };
        for step in steps {
            trial.take(&step)?;
            trial.compare(&trial.books[0])?;
        }
        trial.compare(&trial.books[1])?;
        for book in &trial.books {
            trial.add_up(book)?;
        }
        drop(trial);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
