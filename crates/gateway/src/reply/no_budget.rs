//! What is said of a job that there is no money for: each sum that it does not fit, or what helps.

use admission::Shortfall;
use http::StatusCode;
use job_model::UnpricedReason;
use serde_json::{Value, json};

use super::Reply;
use crate::rejection::{Asked, Excess, NoBudget};

const NO_BUDGET: &str = "BudgetExceeded";

impl Reply {
    /// 402, never 429: clients send again what was answered with 429.
    pub(super) fn no_budget(no: &NoBudget) -> Self {
        let (message, details) = match no {
            NoBudget::Exceeded(excess) => {
                let sums = excess.short.iter().map(|sum| shortfall(sum, excess));
                let (messages, details): (Vec<_>, Vec<_>) = sums.unzip();
                (messages.join(" "), details)
            }
            NoBudget::Unpriced(budget, reason) => {
                let helps = match reason {
                    UnpricedReason::NoRateCard => {
                        "No rate card is in force now: that is the operator's to change."
                    }
                    UnpricedReason::NoQuantities | UnpricedReason::ZeroQuantities => {
                        "Send sizes above 0 in costEstimationParameters."
                    }
                    UnpricedReason::NoRate => {
                        "The rate card has none for its type and quality: that is the operator's to change."
                    }
                    UnpricedReason::Unreadable => "Its type, quality, outputs or sizes cannot be read.",
                };
                let message = format!(
                    "Budget '{budget}' admits only jobs with a price, and this one has none. {helps}"
                );
                let detail = json!({"code": NO_BUDGET, "message": message, "budget": budget, "reason": reason.as_str()});
                (message, vec![detail])
            }
            NoBudget::Unread(budget) => {
                let message = format!(
                    "Budget '{budget}' lets no job be submitted by a change whose state, type, quality, outputs or sizes cannot be read. Submit it with a change of its own."
                );
                let reason = UnpricedReason::Unreadable.as_str();
                let detail =
                    json!({"code": NO_BUDGET, "message": message, "budget": budget, "reason": reason});
                (message, vec![detail])
            }
            NoBudget::UnknownJob => {
                let message = "The job was not created through this gateway, and upstream does not tell with this token what it would cost. Create it here.";
                (message.to_owned(), vec![json!({"code": NO_BUDGET, "message": message})])
            }
        };
        let body = json!({"error": {"code": NO_BUDGET, "message": message, "details": details}});
        Self::enveloped(StatusCode::PAYMENT_REQUIRED, NO_BUDGET, &body)
    }
}

/// The sum of a budget that said no, in words and in numbers.
fn shortfall(sum: &Shortfall, excess: &Excess) -> (String, Value) {
    let requested = sum.requested.map(|amount| amount.to_string()).unwrap_or_default();
    let needs = match &excess.asked {
        Asked::Job => format!("The job needs {requested}"),
        Asked::Change => format!("The change makes the job {requested} dearer"),
        Asked::Unchanged { card: [name, version], price } => format!(
            "By rate card '{name}' version '{version}' the job costs {price} now, {requested} more than is held for it"
        ),
    };
    let message = format!(
        "{needs}, which is {} more than budget '{}' has left: of {} are {} settled and {} held.",
        sum.missing, sum.budget, sum.limit, sum.balance.settled, sum.balance.held
    );
    let detail = json!({
        "code": NO_BUDGET, "message": message, "budget": sum.budget, "currency": excess.currency,
        "limit": sum.limit, "settled": sum.balance.settled, "held": sum.balance.held, "requested": sum.requested,
        "missing": sum.missing, "resets": sum.resets,
    });
    (message, detail)
}
