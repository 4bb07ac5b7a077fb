//! What must hold for any bytes: run by fuzz targets on theirs, and by ordinary tests on the seeds.

use std::path::Path;

use job_model::response::{JobHead, JobHeads, JobResponse, JobsResponse};
use job_model::{JobPatch, JobRequest, Mode, Operation, Policy, Profile, Quote, RateCard, Report};

use serde_json::Value;

use crate::naive::{self, Finding, Settings, Verdict};
use crate::readers;

/// A body of `POST /jobs`, under every kind of policy: the reference agrees, what is accepted is accepted again when it
/// is written out, and its price adds up.
pub fn job(body: &[u8]) {
    for (settings, policy) in policies(true) {
        let judged = JobRequest::from_json(body, &policy);
        let (accepted, report, value) = match &judged {
            Ok(accepted) => (true, accepted.report(), accepted.value().map(JobRequest::to_json)),
            Err(rejected) => {
                assert!(!rejected.error(Operation::Create).error().details().is_empty());
                (false, rejected.report(), None)
            }
        };
        agree(&naive::read_job(body, &settings), accepted, report, value.as_deref());
        if accepted && !settings.strict && !settings.shadow && settings.severities.is_empty() {
            read_alike(body);
        }
        let Ok(accepted) = judged else { continue };
        if let Some(workload) = accepted.workload() {
            adds_up(&RateCard::illustrative().price(workload));
        }
        let Some(job) = accepted.into_value() else { continue };
        let again = JobRequest::from_json(job.to_json().as_bytes(), &policy)
            .expect("what was read can be read again");
        assert_eq!(again.into_value().as_ref(), Some(&job));
        adds_up(&RateCard::illustrative().quote(&job));
    }
}

/// A body of `POST /jobs` that somebody let pass: the model does, too, and every reader reads the job that it was priced for.
pub fn read_alike(body: &[u8]) {
    let accepted =
        JobRequest::from_json(body, &Policy::new(Profile::Compatible)).expect("what passes is a job");
    let Some(job) = accepted.value() else { return };
    let ours = serde_json::from_str(&job.to_json()).expect("the model writes JSON");
    for (name, read) in readers::READERS {
        let theirs = read(body).unwrap_or_else(|| panic!("{name}: refused"));
        assert!(readers::alike(&ours, &theirs), "{name}: {theirs}, but here {ours}");
    }
}

/// A body of `PATCH /jobs/{id}`, likewise: the reference agrees, and what is accepted is accepted again.
pub fn patch(body: &[u8]) {
    for (settings, policy) in policies(false) {
        let judged = JobPatch::from_json(body, &policy);
        let (accepted, report, value) = match &judged {
            Ok(accepted) => (true, accepted.report(), accepted.value().map(JobPatch::to_json)),
            Err(rejected) => {
                assert!(!rejected.error(Operation::Modify).error().details().is_empty());
                (false, rejected.report(), None)
            }
        };
        agree(&naive::read_patch(body, &settings), accepted, report, value.as_deref());
        // A patch of members that cannot be changed, or of nulls, changes nothing and is written as nothing.
        if let Some(text) = value.filter(|text| text != "{}") {
            let again =
                JobPatch::from_json(text.as_bytes(), &policy).expect("what was read can be read again");
            assert_eq!(again.value().map(JobPatch::to_json), Some(text));
        }
    }
}

/// Both profiles, enforced, in shadow and (where asked for) for an estimate only: as the reference and the model say it.
fn policies(estimates: bool) -> Vec<(Settings, Policy)> {
    let mut policies = Vec::new();
    for (strict, profile) in [(false, Profile::Compatible), (true, Profile::Strict)] {
        let enforced = Settings { strict, ..Settings::default() };
        let policy = Policy::new(profile);
        let shadow = Settings { shadow: true, ..enforced.clone() };
        policies.push((shadow, policy.clone().with_mode(Mode::Shadow)));
        if estimates {
            let off = |rule: &str| (rule.to_owned(), "off".to_owned());
            let severities = [off("workspace-id-missing"), off("inputs-missing")].into();
            policies.push((Settings { severities, ..enforced.clone() }, policy.clone().for_estimate()));
        }
        policies.push((enforced, policy));
    }
    policies
}

fn adds_up(quote: &Quote) {
    if let Quote::Priced(estimate) = quote {
        let sum: job_model::Decimal = estimate.lines().iter().map(job_model::Line::amount).sum();
        assert_eq!(sum, estimate.amount().to_decimal());
    }
}

/// A rate card: what is taken is the same from its canonical form, what is refused has a reason.
pub fn card(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    for card in [RateCard::from_toml(text), RateCard::from_json(text)] {
        match card {
            Ok(card) => {
                let again =
                    RateCard::from_json(&card.to_json().to_string()).expect("the canonical form is a card");
                assert_eq!((again.sha256(), &again), (card.sha256(), &card));
            }
            Err(problems) => assert!(!problems.to_string().is_empty()),
        }
    }
}

/// An answer of upstream: what is metered of it is what a reader of the whole finds, of one job or of a list, and nothing that a
/// reader of the whole can read is missed; what is read can be written and read again, and has a price or none.
pub fn told(answer: &[u8]) {
    let metered = JobHead::from_json(answer);
    let listed = JobHeads::from_json(answer);
    if let Ok(tree) = serde_json::from_slice::<Value>(answer) {
        if let Some(head) = &metered {
            assert!(same(head, &tree["job"]), "{head:?}, but {}", tree["job"]);
        }
        let jobs = tree["jobs"].as_array().map(Vec::as_slice).unwrap_or_default();
        if let Some(heads) = &listed {
            // In the order of the answer, what is no job left out.
            let mut jobs = jobs.iter();
            for head in &heads.jobs {
                assert!(jobs.any(|job| same(head, job)), "{head:?} is not in the list");
            }
        }
    }
    if let Ok(response) = serde_json::from_slice::<JobResponse>(answer) {
        let Some(head) = metered else {
            // Written as lists, in the order of the members, which of what is metered nothing is read.
            let tree: Value = serde_json::from_slice(answer).expect("it was read");
            let listed = [&tree, &tree["job"]];
            assert!(listed.into_iter().any(Value::is_array), "who understands a job understands its head");
            return;
        };
        assert_eq!(
            (&*head.id, head.estimated_cost.as_ref()),
            (&*response.job.id, response.job.estimated_cost.get())
        );
        let again = serde_json::to_vec(&response).expect("an answer can be written");
        assert_eq!(serde_json::from_slice::<JobResponse>(&again).as_ref().ok(), Some(&response));
        if let Some(workload) = response.job.workload() {
            adds_up(&RateCard::illustrative().price(&workload));
        }
    }
    if let Ok(response) = serde_json::from_slice::<JobsResponse>(answer) {
        let again = serde_json::to_vec(&response).expect("an answer can be written");
        assert_eq!(serde_json::from_slice::<JobsResponse>(&again).as_ref().ok(), Some(&response));
        let tree: Value = serde_json::from_slice(answer).unwrap_or_default();
        // As above: a job that is written as a list has no head. A tree has no numbers that are out of range.
        if let Some(jobs) = tree["jobs"].as_array().filter(|jobs| jobs.iter().all(Value::is_object)) {
            let heads = listed.expect("who understands a list understands its heads").jobs;
            assert_eq!(heads.len(), jobs.len());
            for (head, job) in heads.iter().zip(response.jobs()) {
                assert_eq!((&*head.id, head.estimated_cost.as_ref()), (&*job.id, job.estimated_cost.get()));
            }
        }
    }
}

/// Of a head and of a tree: what the head says the tree says, too. A head leaves out what cannot be read and what is there twice.
fn same(head: &JobHead<'_>, job: &Value) -> bool {
    let units = head.execution_information.and_then(|run| run.estimated_units);
    Some(&*head.id) == job["id"].as_str()
        && (head.state.is_none() || head.state.as_deref() == job["state"].as_str())
        && (head.estimated_cost.is_none() || job["estimatedCost"].is_number())
        && (units.is_none() || job["executionInformation"]["estimatedUnits"].is_number())
}

/// The files of a folder of seeds, and how many they must at least be.
pub fn seeds(target: &str, at_least: usize) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()));
    let seeds: Vec<Vec<u8>> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(seeds.len() >= at_least, "{}: {} seeds", folder.display(), seeds.len());
    seeds
}

fn agree(reference: &Verdict, accepted: bool, report: &Report, value: Option<&str>) {
    let finding = |violation: &job_model::Violation| Finding {
        rule: violation.rule().id().to_owned(),
        severity: violation.severity().as_str().to_owned(),
        target: violation.target(),
        position: violation.position().map(|position| (position.line, position.column)),
    };
    let found: Vec<Finding> = report.violations().iter().map(finding).collect();
    assert_eq!((accepted, value), (reference.accepted, reference.value.as_deref()));
    assert_eq!(found, listed(&reference.findings));
}

/// A report lists 50 violations that deny, 50 that do not, and the first of every rule.
pub fn listed(findings: &[Finding]) -> Vec<Finding> {
    let (mut denied, mut noticed, mut seen) = (0, 0, Vec::new());
    let mut listed = Vec::new();
    for finding in findings {
        let count = if finding.severity == "deny" { &mut denied } else { &mut noticed };
        *count += 1;
        let first = !seen.contains(&&finding.rule);
        seen.push(&finding.rule);
        if first || *count <= 50 {
            listed.push(finding.clone());
        }
    }
    listed
}
