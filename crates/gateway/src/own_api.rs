//! The gateway's own operations under `/jobgate/v1/`: what would be decided, the rules explained, the prices, the schema.

use jiff::Timestamp;
use job_model::{Operation, Quote, Report, Rule, Severity, Violation, Workload};
use serde_json::{Value, json};

use crate::money::Money;
use crate::phase::admit::{self, Desk};
use crate::phase::route::Route;
use crate::rejection::Rejection;
use crate::reply::Reply;

/// Answers a request without a body.
pub(crate) fn read(route: Route, desk: &Desk, now: Timestamp) -> Reply {
    let value = match route {
        Route::ReadRule(rule) => rule_explained(rule, desk),
        Route::ReadRateCard => {
            json!({"rateCard": desk.cards.in_force(now).map(job_model::RateCard::to_json)})
        }
        Route::ReadSchema => return Reply::ok(job_model::schema()),
        _ => json!({"rules": Rule::ALL.iter().map(|rule| rule_listed(*rule, desk)).collect::<Vec<_>>()}),
    };
    Reply::ok(value.to_string())
}

fn rule_listed(rule: Rule, desk: &Desk) -> Value {
    json!({
        "id": rule.id(),
        "severity": desk.policy.severity(rule).as_str(),
        "fixed": rule.is_fixed(),
        "summary": rule.summary(desk.policy.limits()),
        "help": format!("/jobgate/v1/rules/{}", rule.id()),
    })
}

fn rule_explained(rule: Rule, desk: &Desk) -> Value {
    let explanation = rule.explanation();
    json!({
        "id": rule.id(),
        "severity": desk.policy.severity(rule).as_str(),
        "fixed": rule.is_fixed(),
        "summary": rule.summary(desk.policy.limits()),
        "text": explanation.text,
        "failing": explanation.failing,
        "passing": explanation.passing,
    })
}

/// What the gate would decide about a job now. Nothing is forwarded, nothing reserved.
pub(crate) async fn estimate(
    body: &[u8],
    desk: &Desk,
    money: &Money,
    principal: &str,
    now: Timestamp,
) -> Reply {
    let value = match admit::decide(body, Operation::Create, desk, now) {
        Ok(permit) => match permit.judged() {
            Some(judged) => match money.appraise(judged, principal, now).await {
                Ok((admitted, budgets)) => {
                    let decision = if admitted { "admitted" } else { "refused" };
                    appraisal(decision, judged.report(), judged.quote(), &budgets)
                }
                Err(_) => return Reply::from(&Rejection::LedgerUnavailable),
            },
            None => appraisal("admitted", &Report::default(), None, &[]),
        },
        Err(Rejection::Invalid(invalid)) => {
            let priced = |workload: &Workload| admit::quote(Some(workload), &desk.cards, now);
            let quote = invalid.rejected.workload().map(priced);
            appraisal("refused", invalid.rejected.report(), quote.as_ref(), &[])
        }
        Err(rejection) => return Reply::from(&rejection),
    };
    Reply::ok(value.to_string())
}

fn appraisal(decision: &str, report: &Report, quote: Option<&Quote>, budgets: &[Value]) -> Value {
    let denied = |violation: &&Violation| violation.severity() == Severity::Deny;
    let violations: Vec<_> = report.violations().iter().filter(denied).map(Violation::detail).collect();
    let (estimate, unpriced) = match quote {
        Some(Quote::Priced(estimate)) => (estimate.to_json(), Value::Null),
        Some(Quote::Unpriced(reason)) => (Value::Null, json!(reason.as_str())),
        None => (Value::Null, json!(job_model::UnpricedReason::Unreadable.as_str())),
    };
    json!({
        "decision": decision,
        "violations": violations,
        "warnings": report.warnings().map(Rule::id).collect::<Vec<_>>(),
        "estimate": estimate,
        "unpriced": unpriced,
        "budgets": budgets,
    })
}
