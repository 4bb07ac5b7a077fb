//! Budgets: whose spending is limited to how much in which window, and what a claim on one must satisfy.

use jiff::Timestamp;
use job_model::{Amount, Decimal, WorkspaceId};
use rust_decimal::RoundingStrategy::AwayFromZero as Up;

use crate::window::{Period, Window};

/// Whose spending a budget counts together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetScope {
    /// Everybody's.
    Global,
    /// Each workspace's by itself, or one workspace's alone.
    Workspace(Option<WorkspaceId>),
    /// Each principal's by itself, or one principal's alone.
    Principal(Option<String>),
}

impl BudgetScope {
    /// Its word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Workspace(_) => "workspace",
            Self::Principal(_) => "principal",
        }
    }

    /// Under which key a job is counted; none where it is not, or where that is not known: an empty principal is nobody.
    fn key(&self, workspace: Option<WorkspaceId>, principal: &str) -> Option<String> {
        match self {
            Self::Global => Some(String::new()),
            Self::Workspace(one) => {
                let counts = workspace.filter(|workspace| one.is_none_or(|one| one == *workspace));
                counts.map(|workspace| workspace.to_string())
            }
            Self::Principal(one) => {
                let counts = !principal.is_empty() && one.as_ref().is_none_or(|one| one == principal);
                counts.then(|| principal.to_owned())
            }
        }
    }
}

/// What becomes of a job without a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpriced {
    /// It is admitted, and counted as unpriced.
    Admit,
    /// It is created, and refused when it is submitted: there are clients that tell its size in between.
    RefuseSubmission,
    /// It is refused.
    Refuse,
}

/// A budget, as an operator wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What refusals, metrics and the ledger call it.
    pub name: String,
    /// Whose spending it counts together.
    pub scope: BudgetScope,
    /// The most that may be held and settled in one window.
    pub limit: Amount,
    /// The window.
    pub window: Window,
    /// Whether it refuses; else it only counts.
    pub enforce: bool,
    /// The part of the limit at which somebody is to know, above 0 and at most 1.
    pub soft: Decimal,
    /// What becomes of a job without a price.
    pub unpriced: Unpriced,
}

/// A place in a ledger: the spending of one key of one budget in one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The budget's name.
    pub budget: String,
    /// The workspace or the principal, or nothing for `global`.
    pub key: String,
    /// The period.
    pub period: Period,
    /// The budget's limit now. It is looked up each time; usage is what is stored.
    pub limit: Amount,
    /// Where somebody is to know: at this much, settled and held.
    pub soft: Amount,
    /// Whether the limit refuses.
    pub enforce: bool,
}

/// What is settled and held in one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Spent.
    pub settled: Amount,
    /// Reserved, in doubt included.
    pub held: Amount,
}

/// A refusal, with the whole sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// The budget's name.
    pub budget: String,
    /// Its limit.
    pub limit: Amount,
    /// What is there already.
    pub balance: Balance,
    /// What was asked for on top; none for a job without a price.
    pub requested: Option<Amount>,
    /// How much of it does not fit.
    pub missing: Amount,
    /// When the window is over.
    pub resets: Option<String>,
}

impl Budget {
    /// The place that somebody's job in a workspace counts in, if it counts at all.
    pub fn claim(&self, workspace: Option<WorkspaceId>, principal: &str, at: Timestamp) -> Option<Claim> {
        Some(Claim {
            budget: self.name.clone(),
            key: self.scope.key(workspace, principal)?,
            period: self.window.period(at),
            limit: self.limit,
            soft: self.threshold(),
            enforce: self.enforce,
        })
    }

    /// The amount at which somebody is to know, rounded up: at a limit of 0 that is at once.
    ///
    /// ```
    /// use admission::{Budget, BudgetScope, Unpriced, Window, WindowKind};
    /// let window = Window::new(WindowKind::Total, "UTC").unwrap();
    /// let (limit, soft) = ("10".parse().unwrap(), "0.8".parse().unwrap());
    /// let (scope, unpriced) = (BudgetScope::Global, Unpriced::Admit);
    /// let all = Budget { name: "all".to_owned(), scope, limit, window, enforce: true, soft, unpriced };
    /// assert_eq!(all.threshold().to_string(), "8");
    /// ```
    pub fn threshold(&self) -> Amount {
        let exact = self.limit.to_decimal().checked_mul(self.soft);
        exact
            .and_then(|exact| Amount::from_decimal(exact.round_dp_with_strategy(6, Up)))
            .unwrap_or(self.limit)
    }
}

impl Claim {
    /// Whether `more` fits on top of a balance. Sums beyond what an amount can hold do not fit.
    ///
    /// # Errors
    /// The sum, where it does not and the budget refuses.
    pub fn check(&self, balance: Balance, more: Amount) -> Result<(), Shortfall> {
        let sum = balance.settled.checked_add(balance.held).and_then(|sum| sum.checked_add(more));
        if !self.enforce || more <= Amount::ZERO || sum.is_some_and(|sum| sum <= self.limit) {
            return Ok(());
        }
        let missing = sum.and_then(|sum| sum.checked_sub(self.limit)).unwrap_or(more);
        Err(self.shortfall(balance, Some(more), missing))
    }

    /// Whether a balance is where somebody is to know of it.
    pub fn is_near(&self, balance: Balance) -> bool {
        balance.settled.checked_add(balance.held).is_none_or(|sum| sum >= self.soft)
    }

    /// A refusal by this budget.
    pub fn shortfall(&self, balance: Balance, requested: Option<Amount>, missing: Amount) -> Shortfall {
        Shortfall {
            budget: self.budget.clone(),
            limit: self.limit,
            balance,
            requested,
            missing,
            resets: self.period.resets(),
        }
    }
}
