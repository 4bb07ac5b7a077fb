//! A ledger so naive that it keeps nothing but holds, and adds everything up anew whenever it is asked.

use std::collections::BTreeMap;

use admission::{Event, HoldState};
use jiff::Timestamp;
use job_model::JobId;
use ledger::HoldId;
use proptest::prelude::*;

pub(crate) const WORKSPACES: [&str; 2] =
    ["6881117d-9fd2-4900-870b-9b721dc90f25", "0b1ad85a-92a5-4a0a-a5f5-8c5d5f5e1c11"];
pub(crate) const PRINCIPALS: [&str; 3] = ["alice", "bob", ""];

/// A place: budget, key, period.
pub(crate) type Place = (String, String, String);

/// A hold, as the naive ledger has it.
#[derive(Clone, Debug)]
pub(crate) struct Naive {
    pub(crate) id: HoldId,
    pub(crate) job: Option<JobId>,
    pub(crate) claims: Vec<(Place, bool, i64)>,
    pub(crate) state: HoldState,
    pub(crate) amount: i64,
    /// How much of what counts its budgets were asked for.
    pub(crate) asked: i64,
    pub(crate) opened: i64,
    pub(crate) ends: usize,
    /// Whether its job was there before it.
    pub(crate) found: bool,
}

#[derive(Default)]
pub(crate) struct Book(pub(crate) Vec<Naive>);

/// What may follow what, written down as a table of words.
fn follows(state: &str, event: &str) -> Option<&'static str> {
    const TABLE: &str = "
        open      bind:bound submit:submitted settle:settled release:released delete:released doubt:in-doubt
        bound     change:changing submit:submitted settle:settled release:released delete:released lapse:lapsed doubt:in-doubt
        changing  keep:bound submit:submitted settle:settled release:released delete:released doubt:in-doubt
        submitted settle:settled release:released delete:settled
        in-doubt  bind:bound change:changing submit:submitted settle:settled release:released delete:released
        lapsed    submit:submitted settle:settled";
    let line = TABLE.lines().map(str::trim).find(|line| line.split(' ').next() == Some(state))?;
    line.split_whitespace()
        .find_map(|word| word.split_once(':').filter(|(name, _)| *name == event))
        .map(|(_, to)| to)
}

impl Naive {
    pub(crate) fn counts(&self) -> bool {
        !matches!(self.state, HoldState::Released | HoldState::Lapsed)
    }

    pub(crate) fn happens(&mut self, event: Event) {
        if let Event::Adjust(to) = event {
            if !matches!(self.state, HoldState::Settled | HoldState::Released) {
                self.amount = to.micros();
            }
        } else if let Some(to) = follows(self.state.as_str(), event.as_str()) {
            self.state = HoldState::from_word(to).unwrap();
            if let Event::Settle(amount) = event {
                self.amount = amount.micros();
            }
            self.ends += usize::from(matches!(self.state, HoldState::Settled | HoldState::Released));
        }
        // What is raised again later is not what they were asked for once.
        self.asked = if self.counts() { self.asked.min(self.amount) } else { 0 };
    }
}

impl Book {
    pub(crate) fn balances(&self) -> BTreeMap<Place, (i64, i64)> {
        let mut all: BTreeMap<Place, (i64, i64)> = BTreeMap::new();
        for hold in &self.0 {
            for (place, ..) in &hold.claims {
                let sums = all.entry(place.clone()).or_default();
                match hold.state {
                    HoldState::Settled => sums.0 += hold.amount,
                    _ if hold.counts() => sums.1 += hold.amount,
                    _ => {}
                }
            }
        }
        all
    }

    /// The budgets that more does not fit, and how much of it.
    pub(crate) fn refuses(&self, claims: &[(Place, bool, i64)], more: i64) -> Vec<(String, i64)> {
        let balances = self.balances();
        let short = claims.iter().filter_map(|(place, enforce, limit)| {
            let (settled, held) = balances.get(place).copied().unwrap_or_default();
            let missing = settled + held + more - limit;
            (*enforce && more > 0 && missing > 0).then(|| (place.0.clone(), missing))
        });
        short.collect()
    }

    /// The oldest one in doubt of which no job is known, among some.
    pub(crate) fn in_doubt(&mut self, is_one: impl Fn(&Naive) -> bool) -> Option<&mut Naive> {
        let all = self.0.iter_mut().filter(|hold| hold.state == HoldState::InDoubt && hold.job.is_none());
        all.filter(|hold| is_one(hold)).min_by_key(|hold| (hold.opened, hold.id))
    }

    pub(crate) fn with_job(&self, job: JobId) -> Option<&Naive> {
        // The one that was opened last, but for what was given back.
        let its = self.0.iter().filter(|hold| hold.job == Some(job));
        its.max_by_key(|hold| (hold.state != HoldState::Released, hold.opened, hold.id))
    }

    /// Nothing is beyond a limit that its budget was asked for, and what was not asked for is all that is.
    pub(crate) fn holds_the_limits(&self) -> Result<(), TestCaseError> {
        for (place, (settled, held)) in self.balances() {
            let here = |hold: &&Naive| hold.claims.iter().any(|(one, ..)| *one == place) && hold.counts();
            let beyond: i64 = self.0.iter().filter(here).map(|hold| hold.amount - hold.asked).sum();
            let limit = self.0.iter().flat_map(|hold| &hold.claims).find(|(one, ..)| *one == place).unwrap();
            let (_, enforce, limit) = limit;
            prop_assert!(
                !enforce || settled + held <= limit + beyond,
                "{place:?}: {settled} {held} {beyond}"
            );
        }
        Ok(())
    }
}

/// The places of somebody's job, found without the rules that the ledger goes by.
pub(crate) fn places(who: &str, place: &str, at: Timestamp) -> Vec<(Place, bool, i64)> {
    let label = |zone: &str, form: &str| {
        let zone = jiff::tz::TimeZone::get(zone).unwrap();
        at.to_zoned_datetime(zone).strftime(form).to_string()
    };
    let mut all = vec![(("all".to_owned(), String::new(), label("Europe/Berlin", "%Y-%m")), true, 90)];
    if !who.is_empty() {
        let day = label("America/New_York", "%Y-%m-%d");
        all.push((("each".to_owned(), who.to_owned(), day), true, 50));
    }
    if place == WORKSPACES[0] {
        all.push((("site".to_owned(), place.to_owned(), "total".to_owned()), true, 120));
    }
    if who == "alice" {
        all.push((("alice".to_owned(), who.to_owned(), label("Pacific/Apia", "%Y-%m")), true, 60));
    }
    let day = label("Australia/Lord_Howe", "%Y-%m-%d");
    all.push((("watch".to_owned(), place.to_owned(), day), false, 1));
    all
}
