//! Which fault strikes which request: the ones in force, counted down, and the ones a request asks for itself.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{Method, request::Parts};

use crate::fault::{Fault, Injection, UnknownFault};

/// The header by which a request asks for a fault of its own.
const HEADER: &str = "x-sandbox-fault";

/// The faults in force, in the order they were set.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Injection>>);

/// What befalls one request.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) latency: Duration,
    pub(crate) fault: Option<Fault>,
}

impl Faults {
    pub(crate) fn add(&self, fault: Injection) {
        self.in_force().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.in_force().clear();
    }

    pub(crate) fn list(&self) -> Vec<String> {
        self.in_force().iter().map(ToString::to_string).collect()
    }

    /// Whether the connection just made is refused; counts the refusal.
    pub(crate) fn refuses(&self) -> bool {
        let mut in_force = self.in_force();
        match in_force.iter().position(|injection| injection.fault == Fault::Refuse) {
            Some(index) => spend(&mut in_force, index).is_some(),
            None => false,
        }
    }

    /// Decides about a request: its own faults first, which cost those in force nothing.
    pub(crate) fn plan(&self, head: &Parts) -> Result<Plan, UnknownFault> {
        let mut plan = Plan::default();
        for value in head.headers.get_all(HEADER) {
            match value.to_str().unwrap_or_default().parse()? {
                Fault::Latency(time) => plan.latency = plan.latency.saturating_add(time),
                Fault::Refuse => plan.fault = Some(Fault::ResetBefore),
                fault => plan.fault = Some(fault),
            }
        }
        let mut in_force = self.in_force();
        let mut index = 0;
        while let Some(injection) = in_force.get(index) {
            let strikes = match &injection.fault {
                Fault::Latency(_) => true,
                // Spent when a connection is made.
                Fault::Refuse => false,
                Fault::Torn201 => plan.fault.is_none() && creates_a_job(head),
                _ => plan.fault.is_none(),
            };
            let before = in_force.len();
            if strikes {
                match spend(&mut in_force, index) {
                    Some(Fault::Latency(time)) => plan.latency = plan.latency.saturating_add(time),
                    fault => plan.fault = fault,
                }
            }
            if in_force.len() == before {
                index += 1;
            }
        }
        Ok(plan)
    }

    fn in_force(&self) -> MutexGuard<'_, Vec<Injection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Uses a fault once; the last use removes it.
fn spend(in_force: &mut Vec<Injection>, index: usize) -> Option<Fault> {
    let injection = in_force.get_mut(index)?;
    let fault = injection.fault.clone();
    if let Some(left) = injection.left {
        injection.left = NonZeroU32::new(left.get() - 1);
        if injection.left.is_none() {
            in_force.remove(index);
        }
    }
    Some(fault)
}

fn creates_a_job(head: &Parts) -> bool {
    head.method == Method::POST && head.uri.path().trim_end_matches('/').ends_with("/jobs")
}
