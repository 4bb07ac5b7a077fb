//! `jobgate estimate`: prices, differences and reasons, by the illustrative card and by one from a file.

use serde_json::{Value, json};

use crate::{GOOD, Place};

const CARD: &str = r#"
name = "ours"
version = "1"
currency = "unit"
basis = "A test's."
rounding = { step = "0.01", mode = "half-even" }
[[rate]]
type = ["Full"]
quality = ["Extra"]
per_gigapixel = "10"
per_megapoint = "1"
"#;

fn place(test: &str) -> Place {
    let place = Place::new(test).with("job.json", GOOD).with("card.toml", CARD);
    place
        .with("draft.json", GOOD.replace("2.1", "4").replace("Extra", "Draft"))
        .with(
            "unsized.json",
            GOOD.replace(r#","costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}"#, ""),
        )
        .with("bad.json", GOOD.replace("Full", "full"))
}

fn illustrative<'a>(files: &[&'a str]) -> Vec<&'a str> {
    [&["estimate", "--rate-card", "builtin:illustrative"], files].concat()
}

#[test]
fn the_lines_add_up_to_the_published_price() {
    let place = place("priced");
    insta::assert_snapshot!(place.run(&illustrative(&["job.json"])).shown());
    let ran = place.run(&illustrative(&["job.json", "--format", "json"]));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let object = ran.json();
    let amount = |value: &Value| value["amount"].as_str().unwrap().parse::<job_model::Decimal>().unwrap();
    let lines = object["estimate"]["lines"].as_array().unwrap();
    assert_eq!(lines.iter().map(amount).sum::<job_model::Decimal>(), amount(&object["estimate"]));
    assert_eq!(object["estimate"]["amount"], "3.5");
    assert_eq!(object["unpriced"], Value::Null);
}

#[test]
fn the_difference_of_two_jobs_is_shown_line_by_line() {
    let place = place("difference");
    insta::assert_snapshot!(place.run(&illustrative(&["job.json", "draft.json"])).shown());
    let object = place.run(&illustrative(&["job.json", "draft.json", "--format", "json"])).json();
    assert_eq!(object["before"]["estimate"]["amount"], "3.5");
    assert_eq!(object["after"]["estimate"]["amount"], "1.5");
    assert_eq!(object["difference"], "-2");
    assert_eq!(
        object["lines"],
        json!([
            {"item": "gigapixels", "before": "2.1", "after": "1.2", "difference": "-0.9"},
            {"item": "megapoints", "before": "1.5", "after": "0.45", "difference": "-1.05"},
            {"item": "rounding", "before": "-0.1", "after": "-0.15", "difference": "-0.05"},
        ])
    );
}

/// A surcharge is known by its formats, and what only one of the jobs has is 0 in the other.
#[test]
fn a_surcharge_is_compared_for_programs_too() {
    let place = place("surcharges").with("splats.json", GOOD.replace("OBJ", "GaussianSplats"));
    let object = place.run(&illustrative(&["job.json", "splats.json", "--format", "json"])).json();
    let surcharge = json!({"item": "surcharge", "output": ["GaussianSplats"], "before": "0", "after": "0.525", "difference": "0.525"});
    assert_eq!(object["lines"][3], surcharge);
    assert_eq!(object["lines"].as_array().unwrap().len(), 4);
}

#[test]
fn a_job_without_quantities_has_a_reason_instead_of_a_price() {
    let place = place("unpriced");
    insta::assert_snapshot!(place.run(&illustrative(&["unsized.json"])).shown());
    let ran = place.run(&illustrative(&["unsized.json", "--format", "json"]));
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.json(), json!({"estimate": null, "unpriced": "no-quantities"}));
}

#[test]
fn what_has_no_price_differs_by_nobody_knows_what() {
    let place = place("unknown");
    insta::assert_snapshot!(place.run(&illustrative(&["job.json", "unsized.json"])).shown());
    let object = place.run(&illustrative(&["job.json", "unsized.json", "--format", "json"])).json();
    assert_eq!(object["difference"], Value::Null);
    let gigapixels = json!({"item": "gigapixels", "before": "2.1", "after": null, "difference": null});
    assert_eq!(object["lines"][0], gigapixels);
}

#[test]
fn a_bad_job_is_shown_as_lint_shows_it() {
    let place = place("bad-job");
    let shown = place.run(&["lint", "bad.json"]).stdout;
    for files in [&["bad.json"][..], &["job.json", "bad.json"]] {
        let ran = place.run(&illustrative(files));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
        assert_eq!(ran.stderr, shown);
    }
}

#[test]
fn workspace_and_inputs_may_still_be_missing() {
    let job = r#"{"type":"Full","name":"n","settings":{"quality":"Extra","outputs":["OBJ"]},"costEstimationParameters":{"gigaPixels":3}}"#;
    let ran = place("early").run_on(&["estimate", "--rate-card", "card.toml", "--format", "json"], job);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.json()["estimate"]["amount"], "30");
    assert_eq!(ran.json()["estimate"]["rateCard"]["name"], "ours");
}

/// What a gateway takes for a card is one here, too.
#[test]
fn the_end_of_a_card_s_name_tells_what_it_is_written_in() {
    let card = json!({
        "name": "ours", "version": "1", "currency": "unit", "basis": "A test's.",
        "rounding": {"step": "0.01", "mode": "half-even"},
        "rate": [{"per_gigapixel": "10", "per_megapoint": "1"}],
    });
    for name in ["card.json", "CARD.JSON"] {
        let place = place("ends").with(name, card.to_string());
        let ran = place.run(&["estimate", "job.json", "--rate-card", name]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
}

#[test]
fn a_bad_card_is_bad_configuration_and_a_missing_one_wrong_usage() {
    let place = place("cards").with("bad.toml", CARD.replace("per_gigapixel", "per_gigapxel"));
    let ran = place.run(&["estimate", "job.json", "--rate-card", "bad.toml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(78), ""));
    assert!(
        ran.stderr.starts_with("jobgate: bad.toml: ") && ran.stderr.contains("per_gigapxel"),
        "{}",
        ran.stderr
    );
    let ran = place.run(&["estimate", "job.json", "--rate-card", "nowhere.toml"]);
    assert_eq!((ran.code, ran.stderr.lines().count()), (Some(2), 1));
    for name in ["illustrative", "builtin:vendor"] {
        let ran = place.run(&["estimate", "job.json", "--rate-card", name]);
        assert_eq!((ran.code, ran.stderr.lines().count()), (Some(2), 1));
        assert!(ran.stderr.contains("the built-in one is builtin:illustrative"), "{}", ran.stderr);
    }
    let ran = place.run(&illustrative(&["nowhere.json"]));
    assert_eq!((ran.code, ran.stderr.lines().count()), (Some(2), 1));
}
