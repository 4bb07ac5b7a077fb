//! The laws of the rules, each over thousands of generated bodies.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;

use job_model::{
    Accepted, JobPatch, JobRequest, Limits, Mode, Operation, Policy, Profile, Rejected, Report, Rule,
    Severity, Workload,
};
use proptest::prelude::*;
use serde_json::Value;
use testkit::strategies::{self, ENGINES, INPUTS, NAME_CHARS};

type Verdict<T> = Result<Accepted<T>, Rejected>;

/// A profile with every rule that has a limit at work.
fn policy(profile: Profile) -> Policy {
    let limits =
        Limits { inputs: INPUTS, engines: Some(ENGINES), name_chars: NAME_CHARS, ..Limits::default() };
    Policy::new(profile).with_limits(limits).with_severity(Rule::NameTooLong, Severity::Deny).unwrap()
}

fn compatible() -> Policy {
    policy(Profile::Compatible)
}

fn strict() -> Policy {
    policy(Profile::Strict)
}

/// A body judged with its job kept and without, which comes to the same; where there is no job to keep, its workspace may be known.
fn job(body: &[u8], policy: &Policy) -> Verdict<JobRequest> {
    let (read, checked) = (JobRequest::from_json(body, policy), JobRequest::check(body, policy));
    match (&read, &checked) {
        (Ok(read), Ok(checked)) => {
            if let Some(job) = read.value() {
                assert_eq!(Some(&job.workspace_id()), checked.value());
            }
            assert_eq!(read.workload(), checked.workload());
            assert_eq!(read.report(), checked.report());
        }
        (Err(read), Err(checked)) => assert_eq!(read, checked),
        _ => assert_eq!(read.is_ok(), checked.is_ok(), "{read:?}, {checked:?}"),
    }
    read
}

fn report<T>(verdict: &Verdict<T>) -> &Report {
    match verdict {
        Ok(accepted) => accepted.report(),
        Err(rejected) => rejected.report(),
    }
}

/// Rule ids and targets of what is refused, in the order they are reported.
fn denied(report: &Report) -> Vec<(&'static str, Option<String>)> {
    let violations = report.violations().iter().filter(|violation| violation.severity() == Severity::Deny);
    violations.map(|violation| (violation.rule().id(), violation.target())).collect()
}

/// Rule ids and targets of everything found, whatever the order.
fn found(report: &Report) -> Vec<(&'static str, Option<String>, Severity)> {
    let violations = report.violations().iter();
    let mut found: Vec<_> = violations.map(|v| (v.rule().id(), v.target(), v.severity())).collect();
    found.sort();
    found
}

fn is_of_meaning(rule: Rule) -> bool {
    (Rule::MeshQualityMismatch..Rule::PatchEmpty).contains(&rule)
}

/// What holds of any verdict on any bytes.
fn check_verdict<T: std::fmt::Debug>(body: &[u8], verdict: &Verdict<T>, operation: Operation) {
    let whole = serde_json::from_slice::<Value>(body);
    match verdict {
        Ok(accepted) => {
            assert!(whole.is_ok(), "accepted what is no JSON");
            assert!(!accepted.report().denies());
        }
        Err(rejected) => {
            let first = rejected.violations().next().unwrap();
            assert!(whole.is_err() || first.rule() != Rule::BodySyntax, "refused JSON as no JSON: {first}");
            assert!(!first.rule().is_body() || rejected.report().violations().len() == 1);
            let answer = serde_json::to_value(rejected.error(operation)).unwrap();
            assert!((1..=51).contains(&answer["error"]["details"].as_array().unwrap().len()));
        }
    }
    for violation in report(verdict).violations() {
        let span = violation.span();
        assert!(span.start < span.end && span.start <= body.len(), "{violation:?}");
        assert_eq!(violation.position().is_some(), violation.rule().is_body());
    }
}

/// At least so many cases; more where `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { failure_persistence: None, cases: config.cases.max(2_500), ..config }
}

proptest! {
    #![proptest_config(config())]

    /// Law 1, for time and memory see `memory.rs`.
    #[test]
    fn any_bytes_give_a_verdict(body in strategies::hostile()) {
        for policy in [compatible(), strict(), compatible().for_estimate()] {
            check_verdict(&body, &job(&body, &policy), Operation::Create);
            let (read, checked) = (JobPatch::from_json(&body, &policy), JobPatch::check(&body, &policy));
            check_verdict(&body, &read, Operation::Modify);
            match (&read, &checked) {
                // What cannot be read whole may have a price all the same.
                (Ok(read), Ok(checked)) if read.value().is_none() => prop_assert_eq!(read.report(), checked.report()),
                _ => prop_assert_eq!(&read, &checked),
            }
            let shadow = policy.with_mode(Mode::Shadow);
            if let Err(rejected) = job(&body, &shadow) {
                prop_assert!(rejected.violations().all(|violation| violation.rule().is_fixed()));
            }
        }
    }

    /// Law 2.
    #[test]
    fn what_is_accepted_is_read_alike_by_loose_readers(body in strategies::hostile()) {
        if job(&body, &Policy::default()).is_ok() {
            testkit::fuzz::read_alike(&body);
        }
    }

    /// Law 2, the other way round: no severity and no mode lets a body through that readers may read in two ways.
    #[test]
    fn what_readers_may_read_in_two_ways_is_refused(body in strategies::ambiguous()) {
        for policy in [compatible(), strict(), compatible().with_mode(Mode::Shadow)] {
            let rejected = job(&body, &policy).unwrap_err();
            prop_assert!(rejected.violations().all(|violation| violation.rule().is_body()), "{}", rejected);
        }
    }

    /// Law 3, first half.
    #[test]
    fn what_is_written_out_is_accepted_and_equal(body in strategies::valid_job()) {
        let accepted = job(body.as_bytes(), &compatible()).unwrap();
        let written = accepted.value().unwrap().to_json();
        // What is written is the published definition to the letter, whatever was read.
        let again = job(written.as_bytes(), &strict()).unwrap();
        prop_assert_eq!(again.value(), accepted.value());
        prop_assert_eq!(again.workload(), accepted.workload());
        prop_assert_eq!(again.value().unwrap().to_json(), written);
    }

    /// Law 3, second half.
    #[test]
    fn order_and_spelling_change_no_verdict((one, other) in strategies::two_spellings()) {
        for policy in [compatible(), strict()] {
            let (one, other) = (job(one.as_bytes(), &policy), job(other.as_bytes(), &policy));
            prop_assert_eq!(found(report(&one)), found(report(&other)));
            match (one, other) {
                (Ok(one), Ok(other)) => {
                    prop_assert_eq!(one.value(), other.value());
                    prop_assert_eq!(one.workload(), other.workload());
                }
                (Err(one), Err(other)) => prop_assert_eq!(one.workload(), other.workload()),
                (one, other) => prop_assert!(false, "{one:?} but {other:?}"),
            }
        }
    }

    /// Law 3 for patches.
    #[test]
    fn a_patch_written_out_is_accepted_and_equal(body in strategies::valid_patch()) {
        let accepted = JobPatch::from_json(body.as_bytes(), &compatible()).unwrap();
        let written = accepted.value().unwrap().to_json();
        if written != "{}" {
            let again = JobPatch::from_json(written.as_bytes(), &strict()).unwrap();
            prop_assert_eq!(again.value(), accepted.value());
        }
    }

    /// The priced part of a merged job is the merged priced part: a ledger that keeps no more prices it alike.
    #[test]
    fn a_patch_merges_into_a_workload_as_into_its_job(
        body in strategies::valid_job(),
        patch in strategies::valid_patch(),
    ) {
        let patch = JobPatch::from_json(patch.as_bytes(), &compatible()).unwrap().into_value().unwrap();
        let job = job(body.as_bytes(), &compatible()).unwrap().into_value().unwrap();
        let workload = job.workload();
        prop_assert_eq!(patch.merge(&job).workload(), patch.merge_workload(&workload));
        prop_assert_eq!(Workload::from_json(&workload.to_json()), Some(workload));
    }

    #[test]
    fn strictly_valid_documents_pass_both_profiles(
        body in strategies::strictly_valid_job(),
        patch in strategies::strictly_valid_patch(),
    ) {
        for policy in [compatible(), strict()] {
            prop_assert_eq!(denied(report(&job(body.as_bytes(), &policy))), []);
            prop_assert_eq!(denied(report(&JobPatch::from_json(patch.as_bytes(), &policy))), []);
        }
    }

    /// Law 4.
    #[test]
    fn one_broken_member_breaks_exactly_its_rule(broken in strategies::broken()) {
        let before: BTreeSet<_> = report(&job(broken.sound.as_bytes(), &strict())).rules().collect();
        let verdict = job(broken.body.as_bytes(), &strict());
        prop_assert_eq!(&denied(report(&verdict)), &broken.faults);
        for rule in report(&verdict).rules().filter(|rule| is_of_meaning(*rule)) {
            prop_assert!(before.contains(&rule), "{} speaks of what is broken", rule);
        }

        let rule = Rule::from_id(broken.faults[0].0).unwrap();
        let lenient = job(broken.body.as_bytes(), &compatible());
        let refused = compatible().severity(rule) == Severity::Deny;
        prop_assert_eq!(denied(report(&lenient)), if refused { broken.faults } else { vec![] });
        prop_assert_eq!(report(&lenient).count(rule), 1);
    }

    /// Law 4 for patches.
    #[test]
    fn one_broken_member_of_a_patch_breaks_exactly_its_rule(
        (body, rule, target) in strategies::broken_patch(),
    ) {
        let verdict = JobPatch::from_json(body.as_bytes(), &strict());
        prop_assert_eq!(denied(report(&verdict)), [(rule, target)]);
    }

    /// Law 5.
    #[test]
    fn five_faults_give_five_details_in_contract_order((body, faults) in strategies::five_faults()) {
        let rejected = job(body.as_bytes(), &strict()).unwrap_err();
        let answer = serde_json::to_value(rejected.error(Operation::Create)).unwrap();
        let details = answer["error"]["details"].as_array().unwrap();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let listed: Vec<_> = details.iter().map(|detail| (text(&detail["rule"]).unwrap(), text(&detail["target"]))).collect();
        let expected: Vec<_> = faults.into_iter().map(|(rule, target)| (rule.to_owned(), target)).collect();
        prop_assert_eq!(listed, expected);
        let message = answer["error"]["message"].as_str().unwrap();
        prop_assert!(message.starts_with("Cannot create job. 5 problems, first: "), "{}", message);
    }
}

/// Law 4 is held for every rule of one member.
#[test]
fn every_rule_of_a_member_is_broken_by_some_job() {
    let broken: BTreeSet<_> = strategies::rules_of_faults().into_iter().collect();
    let of_members = Rule::ALL.iter().filter(|rule| **rule < Rule::PatchEmpty && !rule.is_body());
    let denying: BTreeSet<_> =
        of_members.filter(|rule| strict().severity(**rule) == Severity::Deny).map(|rule| rule.id()).collect();
    assert_eq!(broken, denying);
}
