//! Adds everything up again: what balances and holds must be, from the entries alone, whoever keeps them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use admission::{Balance, Change, HoldState};
use job_model::Amount;

use crate::HoldId;
use crate::rows::Account;

/// So many faults are told; a damaged page can make thousands.
const TOLD: usize = 10;

/// What was added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries whose sums follow from one another.
    pub entries: i64,
    /// Balances that follow from the entries.
    pub balances: usize,
    /// Holds that stand where their last entry says.
    pub holds: usize,
}

/// What does not add up, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<String>);

/// What follows from the entries, and what of the rest was compared with it.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    verified: Verified,
    balances: OwnMap<i64, Balance>,
    holds: OwnMap<HoldId, (HoldState, Amount)>,
    faults: Vec<String>,
}

type OwnMap<K, V> = HashMap<K, V, BuildHasherDefault<OwnBits>>;

/// A number or an id as its own hash: nobody else chose it.
#[derive(Debug, Default)]
struct OwnBits(u64);

impl Hasher for OwnBits {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            // Multiplied by an odd number, so that its first bits are as random as its last ones.
            self.0 = u64::from_le_bytes(*last).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Sums {
    /// Where so many holds are to be compared.
    pub(crate) fn of(holds: usize) -> Self {
        let holds = HashMap::with_capacity_and_hasher(holds, BuildHasherDefault::default());
        Self { holds, ..Self::default() }
    }

    /// How many entries there were.
    pub(crate) fn entries(&self) -> i64 {
        self.verified.entries
    }

    /// The next entry, in their order.
    pub(crate) fn add(&mut self, hold: HoldId, change: Change, accounts: impl Iterator<Item = i64>) {
        self.verified.entries = self.verified.entries.saturating_add(1);
        for number in accounts {
            let sum = self.balances.entry(number).or_default();
            // Whoever wrote it has checked that it can be added up; where it cannot, no balance is equal to it.
            let add = |sum: Amount, more: Amount| sum.checked_add(more).unwrap_or(sum);
            *sum = Balance { settled: add(sum.settled, change.settled), held: add(sum.held, change.held) };
        }
        self.holds.insert(hold, (change.state, change.amount));
    }

    /// Something that is not as it was written.
    pub(crate) fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    /// Compares a balance; each once, and all of them before the holds.
    pub(crate) fn compare_account(&mut self, account: &Account) {
        self.verified.balances = self.verified.balances.saturating_add(1);
        let sum = self.balances.remove(&account.number).unwrap_or_default();
        if account.row.balance != sum {
            let row = &account.row;
            self.fault(format!(
                "the balance of {} {} {} is not the sum of its entries, {} settled and {} held",
                row.budget, row.key, row.period, sum.settled, sum.held
            ));
        }
    }

    /// Compares a hold; each once.
    pub(crate) fn compare_hold(&mut self, id: HoldId, state: HoldState, amount: Amount) {
        self.verified.holds = self.verified.holds.saturating_add(1);
        if self.holds.remove(&id) != Some((state, amount)) {
            self.fault(format!("hold {id} does not stand where its last entry says"));
        }
    }

    /// What was added up, once everything is compared; or what is wrong.
    pub(crate) fn end(mut self) -> Result<Verified, Faults> {
        if !self.balances.is_empty() {
            self.faults.push("a balance is missing that entries are about".to_owned());
        }
        if !self.holds.is_empty() {
            self.faults.push("a hold is missing that entries are about".to_owned());
        }
        self.faults.truncate(TOLD);
        if self.faults.is_empty() { Ok(self.verified) } else { Err(Faults(self.faults)) }
    }
}
