//! What tests of money have in common: a gate with one budget, and what is settled and held.

use gateway::Config;
use jiff::Timestamp;
use ledger::{HoldId, NewHold, Terms};
use serde_json::Value;

use super::{Recorder, Running, get};

pub fn budget(limit: &str, more: &str) -> String {
    let ledger = if more.contains("ledger") { "" } else { "ledger.url = 'memory:'\n" };
    format!(
        "{ledger}pricing.rate_card = 'builtin:illustrative'\n{more}\n[[budget]]\nname = 'all'\nscope = 'global'\nlimit = '{limit}'\nwindow = 'total'\n"
    )
}

pub fn gate(limit: &str) -> (Recorder, Running) {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &budget(limit, ""));
    (upstream, gateway)
}

/// What is settled and held.
pub fn sums(gateway: &Running) -> (String, String) {
    let rows = gateway.operator().send(&get("/v1/budgets")).json();
    let text = |name: &str| rows["budgets"][0][name].as_str().unwrap().to_owned();
    (text("settled"), text("held"))
}

pub fn sum(settled: &str, held: &str) -> (String, String) {
    (settled.to_owned(), held.to_owned())
}

pub fn holds(gateway: &Running) -> Vec<Value> {
    gateway.operator().send(&get("/v1/holds")).json()["holds"].as_array().unwrap().clone()
}

pub fn states(gateway: &Running) -> Vec<String> {
    holds(gateway).iter().map(|hold| hold["state"].as_str().unwrap().to_owned()).collect()
}

/// A job of 3.5 units, as it was held then.
pub fn unsubmitted(config: &Config, when: Timestamp) -> NewHold {
    let workspace = job_model::WorkspaceId::parse("6881117d-9fd2-4900-870b-9b721dc90f25").unwrap();
    let workload = serde_json::json!({"type": "Full", "quality": "Extra", "outputs": ["OBJ"]});
    NewHold {
        id: HoldId::new(),
        job: None,
        workspace,
        principal: String::new(),
        workload: job_model::Workload::from_json(&workload).unwrap(),
        amount: Some("3.5".parse().unwrap()),
        terms: Terms::default(),
        currency: "unit".to_owned(),
        claims: config.budgets.iter().map(|budget| budget.claim(None, "", when).unwrap()).collect(),
    }
}
