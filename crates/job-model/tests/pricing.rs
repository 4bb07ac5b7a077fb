//! The laws of prices, each for thousands of cards and jobs; and estimates that may never change.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use job_model::{
    Amount, Decimal, Estimate, Gigapixels, Item, JobRequest, JobType, Megapoints, OutputFormat, Policy,
    Quality, Quote, RateCard, RateCards, UnpricedReason, Workload,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn workload(gigapixels: Option<&str>, megapoints: Option<&str>) -> Workload {
    Workload {
        job_type: JobType::Full,
        quality: Quality::Extra,
        outputs: [OutputFormat::Obj].into_iter().collect(),
        gigapixels: gigapixels.map(|text| Gigapixels::new(decimal(text)).unwrap()),
        megapoints: megapoints.map(|text| Megapoints::new(decimal(text)).unwrap()),
    }
}

fn priced(quote: Quote) -> Estimate {
    match quote {
        Quote::Priced(estimate) => estimate,
        Quote::Unpriced(reason) => panic!("unpriced: {reason}"),
    }
}

fn sum(estimate: &Estimate) -> Decimal {
    estimate.lines().iter().map(job_model::Line::amount).sum()
}

#[test]
fn the_published_sample_costs_what_the_page_says_and_its_lines_are_the_documented_ones() {
    let estimate = priced(RateCard::illustrative().price(&workload(Some("2.1"), Some("1.5"))));
    let card = RateCard::illustrative();
    assert_eq!(
        estimate.to_json(),
        json!({"amount": "3.5", "currency": "unit",
            "rateCard": {"name": "illustrative", "version": "2026-11", "sha256": card.sha256()},
            "lines": [{"item": "gigapixels", "quantity": "2.1", "rate": "1", "amount": "2.1"},
                {"item": "megapoints", "quantity": "1.5", "rate": "1", "amount": "1.5"},
                {"item": "rounding", "amount": "-0.1"}]})
    );
    let text = serde_json::to_string(&estimate).unwrap();
    assert!(text.starts_with(r#"{"amount":"3.5","currency":"unit","rateCard":{"name":"#), "{text}");
}

/// Estimates that hold for ever: a change here is a changed bill. They were computed by a program of its own in exact fractions.
#[test]
fn these_estimates_never_change() {
    let vectors: Value = serde_json::from_str(include_str!("data/vectors.json")).unwrap();
    let list = vectors["vectors"].as_array().unwrap();
    assert!(list.len() >= 100);
    for vector in list {
        let card = match vector["card"].as_str().unwrap() {
            "illustrative" => RateCard::illustrative(),
            name => RateCard::from_json(&vectors["cards"][name].to_string()).unwrap(),
        };
        let text = |key: &str| vector["workload"][key].as_str();
        let workload = Workload {
            job_type: JobType::from_wire(text("type").unwrap()).unwrap(),
            quality: Quality::from_wire(text("quality").unwrap()).unwrap(),
            outputs: serde_json::from_value::<Vec<OutputFormat>>(vector["workload"]["outputs"].clone())
                .unwrap()
                .into_iter()
                .collect(),
            gigapixels: text("gigaPixels").map(|text| Gigapixels::new(decimal(text)).unwrap()),
            megapoints: text("megaPoints").map(|text| Megapoints::new(decimal(text)).unwrap()),
        };
        let got = match card.price(&workload) {
            Quote::Priced(estimate) => estimate.to_json(),
            Quote::Unpriced(reason) => json!(reason.as_str()),
        };
        assert_eq!(got, vector["want"], "{vector}");
    }
    assert_eq!(
        RateCard::illustrative().sha256(),
        "29ae85b2a318eefc63c2f993b6551844961cf9a0306c45aed230d95757de8988",
        "the built-in card has changed; give it a new version"
    );
}

#[test]
fn at_the_bounds_nothing_overflows_and_lines_still_add_up() {
    let surcharge = json!({"output": ["OBJ"], "per_gigapixel": "10000", "per_megapoint": "9999.999999999999", "flat": "10000"});
    for (step, mode, want) in [
        ("10000", "up", "8200000400000"),
        ("0.000001", "half-even", "8200000399999.9996"),
        ("9999.999999", "down", "8200000399179.99996"),
    ] {
        let card = json!({"name": "n", "version": "v", "currency": "c", "basis": "b", "rounding": {"step": step, "mode": mode},
            "rate": [{"per_gigapixel": "10000", "per_megapoint": "10000"}], "surcharge": vec![surcharge.clone(); 40]});
        let card = RateCard::from_json(&card.to_string()).unwrap();
        for quantity in ["10000000", "9999999.999999999999999999999", "0.0000000000000000000000000001"] {
            let estimate = priced(card.price(&workload(Some(quantity), Some(quantity))));
            assert_eq!(sum(&estimate), estimate.amount().to_decimal(), "{step} {mode} {quantity}");
            assert!(estimate.amount() > Amount::ZERO);
        }
        // The dearest job of the dearest card: 8.2 * 10^12 and 40 flats, in an amount that reaches to 9.2 * 10^12.
        let dearest = priced(card.price(&workload(Some("10000000"), Some("10000000"))));
        assert_eq!(dearest.amount().to_string(), want);
    }
}

#[test]
fn the_first_reason_is_the_one_that_is_told() {
    let card = RateCard::from_json(
        r#"{"name":"n","version":"v","currency":"c","basis":"b","rounding":{"step":"1","mode":"up"},"rate":[{"type":["Calibration"],"per_gigapixel":"1"}]}"#,
    )
    .unwrap();
    for (gigapixels, megapoints, reason) in [
        (None, None, UnpricedReason::NoQuantities),
        (Some("0"), None, UnpricedReason::ZeroQuantities),
        (Some("0.0"), Some("0"), UnpricedReason::ZeroQuantities),
        (Some("1"), None, UnpricedReason::NoRate),
    ] {
        assert_eq!(card.price(&workload(gigapixels, megapoints)), Quote::Unpriced(reason));
    }
}

#[test]
fn minimum_and_surcharge_have_their_own_lines() {
    let card = RateCard::from_json(
        r#"{"name":"n","version":"v","currency":"c","basis":"b","rounding":{"step":"1","mode":"up"},
            "rate":[{"per_gigapixel":"1","minimum":"10"}],
            "surcharge":[{"output":["OBJ","LAS"],"per_gigapixel":"0.5","flat":"2"},{"output":["PLY"],"flat":"100"}]}"#,
    )
    .unwrap();
    let mut job = workload(Some("2"), None);
    job.outputs = [OutputFormat::Las, OutputFormat::Obj].into_iter().collect();
    let estimate = priced(card.price(&job));
    let lines: Vec<_> =
        estimate.lines().iter().map(|line| (line.name(), line.amount().to_string())).collect();
    assert_eq!(
        lines,
        [("gigapixels", "2".to_owned()), ("surcharge", "3".to_owned()), ("minimum", "5".to_owned())]
    );
    assert_eq!(estimate.amount().to_string(), "10");
    assert!(matches!(estimate.lines()[1].item(), Item::Surcharge { output } if output.iter().count() == 2));
}

#[test]
fn one_card_holds_at_a_time() {
    let card = |version: &str, from: Option<&str>, until: Option<&str>| {
        let mut card = json!({"name": "n", "version": version, "currency": "c", "basis": "b",
            "rounding": {"step": "1", "mode": "up"}, "rate": [{}]});
        for (key, value) in [("effective_from", from), ("effective_until", until)] {
            if let Some(value) = value {
                card[key] = json!(value);
            }
        }
        RateCard::from_json(&card.to_string()).unwrap()
    };
    let (may, june) = (Some("2026-05-01T00:00:00Z"), Some("2026-06-01T02:00:00+02:00"));
    let cards = RateCards::new(vec![card("2", june, None), card("1", may, june)]).unwrap();
    let at = |text: &str| cards.in_force(text.parse().unwrap()).map(RateCard::version);
    assert_eq!(at("2026-04-30T23:59:59Z"), None);
    assert_eq!(at("2026-05-01T00:00:00Z"), Some("1"));
    assert_eq!(at("2026-05-31T23:59:59Z"), Some("1"));
    assert_eq!(at("2026-06-01T00:00:00Z"), Some("2"));
    let both =
        RateCards::new(vec![card("1", None, june), card("2", may, None), card("1", june, None)]).unwrap_err();
    assert_eq!(
        both.to_string(),
        "card \"n\" version \"2\" and card \"n\" version \"1\" hold at the same time; end one with effective_until where the other begins\n\
         card \"n\" version \"1\" is there twice; give it another version\n\
         card \"n\" version \"1\" and card \"n\" version \"2\" hold at the same time; end one with effective_until where the other begins"
    );
}

/// A number in quotes with up to that many decimal places.
fn number(largest: u64, places: u32) -> impl Strategy<Value = String> {
    (0..=largest, 0..=places, any::<u64>()).prop_map(move |(whole, places, fraction)| {
        if whole == largest || places == 0 {
            return whole.to_string();
        }
        let digits = format!("{fraction:020}{fraction:020}");
        format!("{whole}.{}", digits.chars().take(places as usize).collect::<String>())
    })
}

fn quantity() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some("0".to_owned())),
        6 => number(100, 4).prop_map(Some),
        2 => number(10_000_000, 21).prop_map(Some),
        1 => (1_u32..=28).prop_map(|zeros| Some(Decimal::new(1, zeros).to_string())),
    ]
}

fn card() -> impl Strategy<Value = RateCard> {
    let step = (1_u64..2_000_000, prop_oneof![Just("half-even"), Just("up"), Just("down")]);
    let surcharge = (
        proptest::sample::subsequence(OutputFormat::ALL.to_vec(), 1..4),
        number(10_000, 3),
        number(10_000, 12),
        number(10_000, 2),
    );
    let rate = (number(10_000, 12), number(10_000, 3), 0_u64..50);
    (step, rate, proptest::collection::vec(surcharge, 0..4)).prop_map(
        |((step, mode), (per_gigapixel, per_megapoint, minimum), surcharges)| {
            let step = Decimal::new(i64::try_from(step).unwrap(), 6);
            let minimum = step * Decimal::from(minimum);
            let surcharges: Vec<_> = surcharges
                .into_iter()
                .map(|(output, pixels, points, flat)| json!({"output": output, "per_gigapixel": pixels, "per_megapoint": points, "flat": flat}))
                .collect();
            let card = json!({"name": "n", "version": "v", "currency": "c", "basis": "b",
                "rounding": {"step": step.to_string(), "mode": mode}, "surcharge": surcharges,
                "rate": [{"per_gigapixel": per_gigapixel, "per_megapoint": per_megapoint, "minimum": minimum.to_string()}]});
            RateCard::from_json(&card.to_string()).unwrap()
        },
    )
}

fn job(gigapixels: Option<&String>, megapoints: Option<&String>, outputs: &[OutputFormat]) -> Workload {
    let mut job = workload(gigapixels.map(String::as_str), megapoints.map(String::as_str));
    job.outputs = outputs.iter().copied().collect();
    job
}

fn outputs() -> impl Strategy<Value = Vec<OutputFormat>> {
    proptest::sample::subsequence(OutputFormat::ALL.to_vec(), 1..6).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_add_up_and_a_size_costs_something(card in card(), g in quantity(), m in quantity(), outputs in outputs()) {
        let none = |quantity: &Option<String>| quantity.as_deref().is_none_or(|text| decimal(text).is_zero());
        match card.price(&job(g.as_ref(), m.as_ref(), &outputs)) {
            Quote::Priced(estimate) => {
                prop_assert_eq!(sum(&estimate), estimate.amount().to_decimal());
                prop_assert!(estimate.amount() > Amount::ZERO);
                prop_assert!(estimate.lines().iter().all(|line| !line.amount().is_zero()));
            }
            Quote::Unpriced(reason) => {
                prop_assert!(none(&g) && none(&m), "{}", reason);
            }
        }
    }

    #[test]
    fn a_larger_job_never_costs_less(card in card(), g in quantity(), m in quantity(), more in quantity(), outputs in outputs()) {
        let amount = |g: &Option<String>, m: &Option<String>| match card.price(&job(g.as_ref(), m.as_ref(), &outputs)) {
            Quote::Priced(estimate) => estimate.amount(),
            Quote::Unpriced(_) => Amount::ZERO,
        };
        let value = |quantity: &Option<String>| quantity.as_deref().map_or(Decimal::ZERO, decimal);
        let (small, large) = if value(&g) <= value(&more) { (&g, &more) } else { (&more, &g) };
        prop_assert!(amount(small, &m) <= amount(large, &m));
        prop_assert!(amount(&m, small) <= amount(&m, large));
    }

    #[test]
    fn neither_order_nor_repetition_changes_the_price(
        card in card(), g in number(100, 4), m in number(100, 4), outputs in outputs(), again in any::<bool>(),
        order in Just(vec![0_usize, 1, 2, 3, 4, 5]).prop_shuffle(),
    ) {
        let words = |outputs: &[OutputFormat]| serde_json::to_string(outputs).unwrap();
        let mut reversed: Vec<_> = outputs.iter().rev().copied().collect();
        if again {
            reversed.push(outputs[0]);
        }
        let body = |outputs: &[OutputFormat], order: &[usize]| {
            let members = [
                r#""type":"Full""#.to_owned(),
                r#""name":"n""#.to_owned(),
                r#""workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25""#.to_owned(),
                r#""inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}]"#.to_owned(),
                format!(r#""settings":{{"outputs":{},"quality":"Extra"}}"#, words(outputs)),
                format!(r#""costEstimationParameters":{{"megaPoints":{m},"gigaPixels":"{g}"}}"#),
            ];
            format!("{{{}}}", order.iter().map(|index| members[*index].as_str()).collect::<Vec<_>>().join(" , "))
        };
        let quote = |body: String| {
            let accepted = JobRequest::from_json(body.as_bytes(), &Policy::default()).unwrap();
            assert_eq!(accepted.workload().copied(), accepted.value().map(JobRequest::workload));
            card.quote(accepted.value().unwrap())
        };
        prop_assert_eq!(quote(body(&outputs, &[0, 1, 2, 3, 4, 5])), quote(body(&reversed, &order)));
    }

    #[test]
    fn a_card_is_the_same_from_either_notation(card in card()) {
        let text = card.to_json().to_string();
        let again = RateCard::from_json(&text).unwrap();
        prop_assert_eq!(&again, &card);
        let table: toml::Table = serde_json::from_str(&text).unwrap();
        let again = RateCard::from_toml(&table.to_string()).unwrap();
        prop_assert_eq!(again.sha256(), card.sha256());
    }
}
