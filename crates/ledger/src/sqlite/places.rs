//! The places of budgets that the transaction under way has to do with: each is read from the file once and written once, before
//! the commit. A busy budget would else be read and written for every order of a batch.

use std::collections::HashMap;

use admission::Claim;

use crate::rows::Account;

/// What a place is about: budget, key, period.
type Name = [String; 3];

/// What is known of places for as long as nobody else can write them.
#[derive(Debug, Default)]
pub(super) struct Places {
    known: HashMap<i64, Place>,
    /// The numbers of those that are known, by what they are about.
    numbers: HashMap<Name, i64>,
    /// How often one was moved.
    moves: u64,
}

#[derive(Debug)]
struct Place {
    account: Account,
    /// Whether the file does not know yet.
    is_moved: bool,
}

impl Places {
    /// A place by its number.
    pub(super) fn account(&self, number: i64) -> Option<Account> {
        self.known.get(&number).map(|place| place.account.clone())
    }

    /// The place that a claim is about.
    pub(super) fn account_of(&self, claim: &Claim) -> Option<Account> {
        self.account(*self.numbers.get(&name(&claim.budget, &claim.key, &claim.period.label))?)
    }

    /// A place as the file has it.
    pub(super) fn know(&mut self, account: &Account) {
        self.insert(account, false);
    }

    /// A place as it is from now on.
    pub(super) fn put(&mut self, account: &Account) {
        self.moves = self.moves.saturating_add(1);
        self.insert(account, true);
    }

    /// How often one was moved.
    pub(super) fn moves(&self) -> u64 {
        self.moves
    }

    /// What the file is to know, each place once.
    pub(super) fn moved(&self) -> impl Iterator<Item = &Account> {
        self.known.values().filter(|place| place.is_moved).map(|place| &place.account)
    }

    /// The file knows all of it.
    pub(super) fn written(&mut self) {
        self.known.values_mut().for_each(|place| place.is_moved = false);
    }

    fn insert(&mut self, account: &Account, is_moved: bool) {
        let row = &account.row;
        self.numbers.insert(name(&row.budget, &row.key, &row.period), account.number);
        self.known.insert(account.number, Place { account: account.clone(), is_moved });
    }
}

fn name(budget: &str, key: &str, period: &str) -> Name {
    [budget, key, period].map(str::to_owned)
}
