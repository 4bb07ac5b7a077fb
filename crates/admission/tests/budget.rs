//! Whom a budget counts, when somebody is to know, and what still fits.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use admission::{Balance, Budget, BudgetScope, Claim, Unpriced, Window, WindowKind};
use jiff::Timestamp;
use job_model::{Amount, WorkspaceId};

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn workspace(last: char) -> WorkspaceId {
    WorkspaceId::parse(&format!("6881117d-9fd2-4900-870b-9b721dc90f2{last}")).unwrap()
}

fn budget(scope: BudgetScope, limit: &str, soft: &str) -> Budget {
    Budget {
        name: "b".to_owned(),
        scope,
        limit: amount(limit),
        window: Window::new(WindowKind::Total, "UTC").unwrap(),
        enforce: true,
        soft: soft.parse().unwrap(),
        unpriced: Unpriced::Admit,
    }
}

fn claim(limit: &str, soft: &str) -> Claim {
    budget(BudgetScope::Global, limit, soft).claim(None, "", Timestamp::UNIX_EPOCH).unwrap()
}

fn balance(settled: &str, held: &str) -> Balance {
    Balance { settled: amount(settled), held: amount(held) }
}

#[test]
fn a_budget_counts_those_whom_its_scope_names() {
    let (one, other) = (workspace('5'), workspace('6'));
    let everyones = |scope: BudgetScope| budget(scope, "10", "1");
    let key = |scope: BudgetScope, workspace: Option<WorkspaceId>, who: &str| {
        let claim = everyones(scope).claim(workspace, who, Timestamp::UNIX_EPOCH);
        claim.map(|claim| claim.key)
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(key(BudgetScope::Global, Some(one), "a"), some(""));
    assert_eq!(key(BudgetScope::Global, None, ""), some(""));
    assert_eq!(key(BudgetScope::Workspace(None), Some(one), "a"), some(&one.to_string()));
    assert_eq!(key(BudgetScope::Workspace(None), None, "a"), None);
    assert_eq!(key(BudgetScope::Workspace(Some(one)), Some(one), "a"), some(&one.to_string()));
    assert_eq!(key(BudgetScope::Workspace(Some(one)), Some(other), "a"), None);
    assert_eq!(key(BudgetScope::Principal(None), None, "a"), some("a"));
    assert_eq!(key(BudgetScope::Principal(None), None, ""), None, "an empty principal is nobody");
    assert_eq!(key(BudgetScope::Principal(some("a")), None, "a"), some("a"));
    assert_eq!(key(BudgetScope::Principal(some("a")), None, "b"), None);
    assert_eq!(key(BudgetScope::Principal(some("")), None, ""), None);
    let words = [BudgetScope::Global, BudgetScope::Workspace(None), BudgetScope::Principal(None)];
    assert_eq!(words.map(|scope| scope.as_str()), ["global", "workspace", "principal"]);
}

#[test]
fn a_claim_says_what_the_budget_says() {
    let claim = claim("10", "0.8");
    assert_eq!(
        (claim.budget.as_str(), claim.limit, claim.soft, claim.enforce),
        ("b", amount("10"), amount("8"), true)
    );
}

#[test]
fn the_soft_limit_is_rounded_up() {
    let threshold = |limit: &str, soft: &str| budget(BudgetScope::Global, limit, soft).threshold();
    assert_eq!(threshold("10", "0.8"), amount("8"));
    assert_eq!(threshold("0.000001", "0.5"), amount("0.000001"));
    assert_eq!(threshold("0", "0.5"), Amount::ZERO);
}

#[test]
fn what_fits_is_taken_to_the_last_part() {
    let claim = claim("10", "1");
    assert_eq!(claim.check(balance("4", "5"), amount("1")), Ok(()));
    let no = claim.check(balance("4", "5"), amount("1.000001")).unwrap_err();
    assert_eq!((no.budget.as_str(), no.limit, no.balance), ("b", amount("10"), balance("4", "5")));
    assert_eq!((no.requested, no.missing), (Some(amount("1.000001")), amount("0.000001")));
    // What asks for nothing takes nothing, however much is spent.
    assert_eq!(claim.check(balance("20", "5"), Amount::ZERO), Ok(()));
}

#[test]
fn a_budget_that_only_counts_refuses_nothing() {
    let claim = Claim { enforce: false, ..claim("10", "1") };
    assert_eq!(claim.check(balance("20", "5"), amount("1")), Ok(()));
}

#[test]
fn a_sum_that_no_amount_can_hold_does_not_fit_and_is_near() {
    let claim = claim("10", "0.5");
    let most = Balance { settled: Amount::from_micros(i64::MAX), held: Amount::from_micros(i64::MAX) };
    let no = claim.check(most, amount("3")).unwrap_err();
    assert_eq!(no.missing, amount("3"));
    assert!(claim.is_near(most));
}

#[test]
fn somebody_is_to_know_from_the_soft_limit_on() {
    let claim = claim("10", "0.5");
    assert!(!claim.is_near(balance("2", "2.999999")));
    assert!(claim.is_near(balance("2", "3")));
    assert!(claim.is_near(balance("9", "9")));
}
