//! `jobgate rules`: the whole list, one rule, and an id that there is not.

use job_model::{Profile, Rule};

use crate::Place;

#[test]
fn the_list_has_every_rule_with_both_severities() {
    let ran = Place::new("rules-list").run(&["rules"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let mut lines = ran.stdout.lines().skip(1);
    for rule in Rule::ALL {
        let line = lines.next().unwrap();
        let words: Vec<&str> = line.split_whitespace().take(3).collect();
        let severity = |profile| rule.default_severity(profile).as_str();
        assert_eq!(words, [rule.id(), severity(Profile::Compatible), severity(Profile::Strict)]);
        assert!(line.ends_with(&rule.explanation().summary) && !line.contains('{'), "{line}");
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn the_list_for_programs_has_every_rule() {
    let list = Place::new("rules-json").run(&["rules", "--format", "json"]).json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), Rule::ALL.len());
    for (object, rule) in list.iter().zip(Rule::ALL) {
        assert_eq!(object["id"], rule.id());
        assert_eq!(object["strict"], rule.default_severity(Profile::Strict).as_str());
        assert_eq!(object["fixed"], rule.is_fixed());
    }
}

#[test]
fn one_rule_is_explained() {
    let place = Place::new("rules-one");
    insta::assert_snapshot!(place.run(&["rules", "engines-invalid"]).shown());
    let object = place.run(&["rules", "engines-invalid", "--format", "json"]).json();
    assert_eq!(object["failing"], Rule::EnginesInvalid.explanation().failing);
}

#[test]
fn an_id_with_a_letter_missing_names_the_rule_that_was_meant() {
    let place = Place::new("rules-nearest");
    for rule in Rule::ALL {
        let (begin, end) = rule.id().split_at(rule.id().len() / 2);
        let ran = place.run(&["rules", &format!("{begin}{}", &end[1..])]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("Did you mean '{rule}'?")), "{rule}: {}", ran.stderr);
    }
}

#[test]
fn the_beginning_of_an_id_is_enough_for_a_hint_and_nonsense_gets_none() {
    let place = Place::new("rules-hint");
    assert!(place.run(&["rules", "workspace"]).stderr.contains("'workspace-id-"));
    for id in ["", "zzzzzzzz"] {
        let ran = place.run(&["rules", id]);
        assert_eq!(ran.code, Some(2));
        assert!(!ran.stderr.contains("mean"), "{}", ran.stderr);
    }
}
