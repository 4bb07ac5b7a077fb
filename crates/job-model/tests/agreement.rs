//! Fast path = slow path: the one-pass reader and the reference agree on verdict, rules, places and job.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::io::Read;

use job_model::{JobPatch, JobRequest, Limits, Mode, Policy, Profile, Report, Rule, Severity};
use proptest::prelude::*;
use testkit::naive::{self, Finding, Settings, Verdict};
use testkit::strategies;

fn policy(settings: &Settings) -> Policy {
    let limits = Limits {
        string_bytes: settings.string_bytes,
        name_chars: settings.name_chars,
        inputs: settings.inputs,
        engines: settings.engines.map(|limit| u32::try_from(limit).unwrap()),
    };
    let profile = if settings.strict { Profile::Strict } else { Profile::Compatible };
    let mode = if settings.shadow { Mode::Shadow } else { Mode::Enforce };
    let policy = Policy::new(profile).with_mode(mode).with_limits(limits);
    settings.severities.iter().fold(policy, |policy, (rule, severity)| {
        let rule = Rule::from_id(rule).expect("a rule of the table");
        policy.with_severity(rule, Severity::from_wire(severity).expect("a severity")).unwrap()
    })
}

fn findings(report: &Report) -> Vec<Finding> {
    let finding = |violation: &job_model::Violation| Finding {
        rule: violation.rule().id().to_owned(),
        severity: violation.severity().as_str().to_owned(),
        target: violation.target(),
        position: violation.position().map(|position| (position.line, position.column)),
    };
    report.violations().iter().map(finding).collect()
}

fn fast(body: &[u8], settings: &Settings, patch: bool) -> Verdict {
    let policy = policy(settings);
    let (accepted, report, value) = if patch {
        match JobPatch::from_json(body, &policy) {
            Ok(accepted) => (true, accepted.report().clone(), accepted.value().map(JobPatch::to_json)),
            Err(rejected) => (false, rejected.report().clone(), None),
        }
    } else {
        match JobRequest::from_json(body, &policy) {
            Ok(accepted) => (true, accepted.report().clone(), accepted.value().map(JobRequest::to_json)),
            Err(rejected) => (false, rejected.report().clone(), None),
        }
    };
    Verdict { accepted, findings: findings(&report), value }
}

/// Holds the two to each other; as text, so that a difference can be read.
fn agree(body: &[u8], settings: &Settings) {
    for patch in [false, true] {
        let mut slow =
            if patch { naive::read_patch(body, settings) } else { naive::read_job(body, settings) };
        slow.findings = testkit::fuzz::listed(&slow.findings);
        let fast = fast(body, settings, patch);
        assert!(
            fast == slow,
            "patch: {patch}, {settings:?}\n{}\nfast: {fast:?}\nslow: {slow:?}",
            String::from_utf8_lossy(&body[..body.len().min(2_000)])
        );
    }
}

/// Every kind of policy.
fn settings() -> impl Strategy<Value = Settings> {
    let rules: Vec<&str> = naive::SEVERITIES.iter().map(|(id, ..)| *id).collect();
    let severities = proptest::collection::btree_map(
        proptest::sample::select(rules),
        proptest::sample::select(vec!["off", "audit", "warn", "deny"]),
        0..6,
    );
    (any::<bool>(), any::<bool>(), severities, 1_usize..6, proptest::option::of(0_u64..8), any::<bool>())
        .prop_map(|(strict, shadow, severities, inputs, engines, short)| Settings {
            strict,
            shadow,
            severities: severities
                .into_iter()
                .map(|(rule, severity)| (rule.to_owned(), severity.to_owned()))
                .collect::<BTreeMap<_, _>>(),
            inputs: if short { inputs } else { 1000 },
            engines,
            string_bytes: if short { 64 } else { 16 * 1024 },
            name_chars: if short { 8 } else { 255 },
        })
}

/// A few bytes of a body changed, cut or doubled.
fn damaged(body: String, edits: &[(usize, u8, u8)]) -> Vec<u8> {
    let mut bytes = body.into_bytes();
    for (at, kind, byte) in edits {
        if bytes.is_empty() {
            break;
        }
        let at = at % bytes.len();
        match kind % 5 {
            0 => bytes[at] = *byte,
            1 => bytes.insert(at, *byte),
            2 => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            _ => {
                let piece = bytes[at..bytes.len().min(at + usize::from(*byte))].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

fn edits() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    let byte =
        prop_oneof![any::<u8>(), proptest::sample::select(b"{}[]\",:\\u0123456789eE+-.dD89ntrf \n".to_vec())];
    proptest::collection::vec((any::<usize>(), any::<u8>(), byte), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_hostile_bytes(body in strategies::hostile(), settings in settings()) {
        agree(&body, &settings);
    }

    #[test]
    fn on_good_jobs(body in strategies::valid_job(), settings in settings()) {
        agree(body.as_bytes(), &settings);
    }

    #[test]
    fn on_broken_jobs(broken in strategies::five_faults(), settings in settings()) {
        agree(broken.0.as_bytes(), &settings);
    }

    #[test]
    fn on_patches(body in strategies::valid_patch(), broken in strategies::broken_patch(), settings in settings()) {
        agree(body.as_bytes(), &settings);
        agree(broken.0.as_bytes(), &settings);
    }

    #[test]
    fn on_damaged_jobs(body in strategies::valid_job(), edits in edits(), settings in settings()) {
        agree(&damaged(body, &edits), &settings);
    }

    #[test]
    fn on_damaged_patches(body in strategies::valid_patch(), edits in edits(), settings in settings()) {
        agree(&damaged(body, &edits), &settings);
    }
}

/// The files of the public suite of JSON texts, by name.
fn suite() -> Vec<(String, Vec<u8>)> {
    let packed: &[u8] = include_bytes!("data/jsontestsuite.tar.gz");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    let mut files = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if entry.header().entry_type().is_file()
            && ["y_", "n_", "i_"].iter().any(|kind| name.starts_with(kind))
        {
            files.push((name, bytes));
        }
    }
    files
}

const JOB: &str = r#""type":"Full","name":"n","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"]}"#;

#[test]
fn on_the_public_suite() {
    let mut counts = BTreeMap::new();
    for (name, bytes) in suite() {
        *counts.entry(name.split('_').next().unwrap().to_owned()).or_insert(0) += 1;
        let inside = [format!("{{{JOB},\"x\":").as_bytes(), &bytes, b"}"].concat();
        for body in [&bytes, &inside] {
            agree(body, &Settings::default());
            let verdict = fast(body, &Settings::default(), false);
            let syntax = verdict.findings.iter().any(|finding| finding.rule == "body-syntax");
            match name.split('_').next() {
                Some("n") => {
                    assert!(!verdict.accepted, "{name} is accepted: {}", String::from_utf8_lossy(body));
                }
                Some("y") => assert!(!syntax, "{name} is refused for its syntax: {verdict:?}"),
                _ => {}
            }
        }
    }
    assert_eq!(counts.get("n"), Some(&188), "{counts:?}");
    assert_eq!(counts.get("y"), Some(&95), "{counts:?}");
}
