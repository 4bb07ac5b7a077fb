//! What a policy says is what it was told; and what stands on an estimate is the card's own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use job_model::{JobRequest, Limits, Mode, Policy, Profile, Quote, RateCard, Rule, Severity, UnpricedReason};

const JOB: &str = r#"{"type":"Full","name":"n","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"]},"costEstimationParameters":{"gigaPixels":2,"megaPoints":1}}"#;

#[test]
fn a_policy_is_what_it_was_made_of() {
    for profile in [Profile::Compatible, Profile::Strict] {
        let policy = Policy::new(profile);
        for rule in Rule::ALL {
            assert_eq!(policy.severity(*rule), rule.default_severity(profile));
            assert_eq!(rule.to_string(), rule.id());
        }
        let limits = Limits { inputs: 3, ..Limits::default() };
        let other = policy.clone().with_mode(Mode::Shadow).with_limits(limits);
        assert_eq!((policy.mode(), other.mode()), (Mode::Enforce, Mode::Shadow));
        assert_eq!(other.limits(), &limits);
        assert_eq!(other.severity(Rule::UnknownMember), policy.severity(Rule::UnknownMember));
    }
}

#[test]
fn one_severity_is_changed_and_no_other() {
    let strict = Policy::new(Profile::Strict);
    for rule in Rule::ALL {
        match strict.clone().with_severity(*rule, Severity::Audit) {
            Ok(changed) => {
                assert!(!rule.is_fixed());
                assert_eq!(changed.severity(*rule), Severity::Audit);
                let same = |other: &&Rule| changed.severity(**other) == strict.severity(**other);
                let others = Rule::ALL.iter().filter(|other| *other != rule);
                assert!(others.clone().all(|other| same(&other)));
            }
            Err(why) => {
                assert!(rule.id().starts_with("body-") && rule.is_fixed() && rule.is_body());
                assert_eq!(why.to_string(), format!("the severity of {rule} is fixed at deny"));
            }
        }
    }
    let estimate = strict.clone().for_estimate();
    assert_eq!(estimate.severity(Rule::WorkspaceIdMissing), Severity::Off);
    assert_eq!(estimate.severity(Rule::InputsMissing), Severity::Off);
    assert_eq!(estimate.severity(Rule::NullMember), Severity::Deny);
}

#[test]
fn an_estimate_names_its_card_and_its_lines() {
    let job = JobRequest::from_json(JOB.as_bytes(), &Policy::default()).unwrap().into_value().unwrap();
    let card = RateCard::illustrative();
    let Quote::Priced(estimate) = card.quote(&job) else { panic!("it has sizes") };
    let of = estimate.card();
    assert_eq!((of.name(), of.version(), of.sha256()), (card.name(), card.version(), card.sha256()));
    assert_eq!((of.currency(), estimate.currency()), (card.currency(), card.currency()));
    assert!(!of.name().is_empty() && !of.version().is_empty() && of.sha256().len() == 64);
    let names: Vec<&str> = estimate.lines().iter().map(job_model::Line::name).collect();
    assert!(names.len() >= 2 && names.iter().all(|name| !name.is_empty()), "{names:?}");
    let told = estimate.to_json();
    assert_eq!(told, serde_json::to_value(&estimate).unwrap());
    assert_eq!(told["lines"].as_array().map(Vec::len), Some(names.len()));
}

#[test]
fn what_has_no_price_says_why() {
    let words = UnpricedReason::ALL.map(UnpricedReason::as_str);
    assert_eq!(words, ["no-rate-card", "no-quantities", "zero-quantities", "no-rate", "unreadable"]);
    assert_eq!(UnpricedReason::ALL.map(|reason| reason.to_string()), words);
}
