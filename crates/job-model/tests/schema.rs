//! The published schema and the reader agree, apart from what the schema's `$comment` lists.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use job_model::{JobRequest, Policy};
use proptest::prelude::*;
use serde_json::{Value, json};

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(job_model::schema()).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

fn accepts(body: &Value) -> bool {
    JobRequest::from_json(body.to_string().as_bytes(), &Policy::default()).is_ok()
}

fn example() -> Value {
    json!({"type": "Full", "name": "My first job",
        "costEstimationParameters": {"gigaPixels": 2.1, "megaPoints": 1.5, "meshQuality": "Extra"},
        "workspaceId": "6881117d-9fd2-4900-870b-9b721dc90f25",
        "inputs": [{"id": "58e0c0ca-f730-4e5b-808d-1c8cacacb4d4", "description": "photos"}],
        "settings": {"quality": "Extra", "processingEngines": 5, "outputs": ["OBJ", "3MX"],
            "cacheSettings": {"createCache": true, "useCache": "58e0c0ca-f730-4e5b-808d-1c8cacacb4d5"}}})
}

/// Every member of the contract.
const MEMBERS: [&str; 20] = [
    "/type",
    "/name",
    "/costEstimationParameters",
    "/costEstimationParameters/gigaPixels",
    "/costEstimationParameters/megaPoints",
    "/costEstimationParameters/meshQuality",
    "/workspaceId",
    "/inputs",
    "/inputs/0",
    "/inputs/0/id",
    "/inputs/0/description",
    "/settings",
    "/settings/quality",
    "/settings/processingEngines",
    "/settings/outputs",
    "/settings/outputs/0",
    "/settings/cacheSettings",
    "/settings/cacheSettings/createCache",
    "/settings/cacheSettings/useCache",
    "",
];

/// Values that are right in one place and wrong in most others.
fn value() -> impl Strategy<Value = Value> {
    let words = proptest::sample::select(vec![
        "Full",
        "full",
        "Calibration",
        "Draft",
        "Extra",
        "Unknown",
        "OBJ",
        "obj",
        "GaussianSplats",
        "True",
        "true",
        "TRUE",
        "False",
        "",
        " ",
        "\u{3000}",
        "\u{a0}x",
        "x\u{1f}",
        "x\u{85}",
        "\n",
        "name",
        "2.5",
        "02.5",
        "2.",
        ".5",
        "-1",
        "+1",
        "1e3",
        "0",
        "10000000",
        "2,5",
        "99999999",
        "58e0c0ca-f730-4e5b-808d-1c8cacacb4d4",
        "58E0C0CA-F730-4E5B-808D-1C8CACACB4D4",
        "00000000-0000-0000-0000-000000000000",
        "58e0c0ca-f730-4e5b-808d-1c8cacacb4d",
        "{58e0c0ca-f730-4e5b-808d-1c8cacacb4d4}",
        "58e0c0ca-f730-4e5b-808d-1c8cacacb4d4\n",
    ]);
    prop_oneof![
        words.prop_map(|word| json!(word)),
        any::<String>().prop_map(|text| json!(text)),
        Just(Value::Null),
        any::<bool>().prop_map(|word| json!(word)),
        (-3_i64..6).prop_map(|number| json!(number)),
        proptest::sample::select(vec![
            json!(2_147_483_647),
            json!(2_147_483_648_u64),
            json!(10_000_000),
            json!(10_000_001),
            json!(2.5),
            json!(1e7),
            json!(-0.5),
            json!(1e20)
        ]),
        Just(json!([])),
        Just(json!({})),
        Just(json!(["OBJ"])),
        Just(json!(["OBJ", "OBJ", "x"])),
        Just(json!([{"id": "58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}])),
        Just(json!({"id": "58e0c0ca-f730-4e5b-808d-1c8cacacb4d4", "more": [1]})),
        Just(json!({"quality": "Draft", "outputs": ["LAS"], "cacheSettings": null})),
    ]
}

/// The one thing in the list of `$comment` that these documents can hold: a whole number spelt as a fraction.
fn is_beyond_a_schema(body: &Value) -> bool {
    let engines = body.pointer("/settings/processingEngines").is_some_and(Value::is_f64);
    let quantity = |pointer: &str| {
        let text = body.pointer(pointer).and_then(Value::as_str);
        text.and_then(|text| text.parse::<job_model::Decimal>().ok())
            .is_some_and(|size| size > 10_000_000.into())
    };
    engines
        || quantity("/costEstimationParameters/gigaPixels")
        || quantity("/costEstimationParameters/megaPoints")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn schema_and_reader_agree(
        places in proptest::collection::vec((proptest::sample::select(MEMBERS.to_vec()), value()), 1..3),
        gone in proptest::option::weighted(0.3, (proptest::sample::select(vec!["", "/settings", "/inputs/0", "/costEstimationParameters"]), any::<usize>())),
    ) {
        thread_local!(static VALIDATOR: jsonschema::Validator = validator());
        let mut body = example();
        if let Some(object) = gone.as_ref().and_then(|(place, _)| body.pointer_mut(place)).and_then(Value::as_object_mut) {
            let key = object.keys().nth(gone.unwrap().1 % object.len()).cloned().unwrap();
            object.remove(&key);
        }
        for (place, value) in places {
            if let Some(member) = body.pointer_mut(place) {
                *member = value;
            }
        }
        let valid = VALIDATOR.with(|validator| validator.is_valid(&body));
        prop_assert!(is_beyond_a_schema(&body) || valid == accepts(&body), "schema: {valid}, {body}");
    }
}

#[test]
fn the_list_of_exceptions_is_true() {
    let validator = validator();
    for (pointer, value) in [
        ("/settings/processingEngines", json!(5.0)),
        ("/costEstimationParameters/gigaPixels", json!("10000000.5")),
        ("", json!({"Type": 1})),
        ("", json!({"$ref": 1})),
    ] {
        let mut body = example();
        match body.pointer_mut(pointer).unwrap() {
            Value::Object(object) => object.extend(value.as_object().unwrap().clone()),
            member => *member = value,
        }
        assert!(validator.is_valid(&body) && !accepts(&body), "{pointer}: {body}");
    }
}
