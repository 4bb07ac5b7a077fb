//! A draft validates exactly where its wire form is accepted; so do its parts and the parts of a job.

use std::collections::BTreeSet;

use job_model::{
    CacheDraft, CacheSettings, CostDraft, Decimal, Engines, Gigapixels, InputDraft, JobDraft, JobId,
    JobPatch, JobRequest, JobType, Megapoints, OutputFormat, PatchDraft, Policy, Quality, SettingsDraft,
    SettingsPatch, Severity, StateChange,
};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use testkit::strategies;
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

const GUID: &str = "6881117d-9fd2-4900-870b-9b721dc90f25";
const OTHER: &str = "58E0C0CA-F730-4E5B-808D-1C8CACACB4D4";

/// Mostly one of the sound words, sometimes anything else.
fn text(sound: &[&'static str], broken: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    let owned = |words: &[&'static str]| select(words.to_vec()).prop_map(str::to_owned);
    prop_oneof![20 => owned(sound), 1 => owned(broken), 1 => any::<String>()]
}

fn id() -> impl Strategy<Value = String> {
    text(
        &[GUID, OTHER],
        &["", "00000000-0000-0000-0000-000000000000", "6881117d9fd24900870b9b721dc90f25", "\"", "\\"],
    )
}

fn quality() -> impl Strategy<Value = String> {
    text(&["Draft", "Medium", "Extra"], &["", "Unknown", "draft", "Extra "])
}

/// Quantities around both ends of what is allowed, of every scale.
fn quantity() -> impl Strategy<Value = Decimal> {
    let any = (-2_i64..=10_000_000, 0..=28_u32).prop_map(|(number, scale)| Decimal::new(number, scale));
    let ends = select(vec![
        Decimal::ZERO,
        -Decimal::ZERO,
        Decimal::from(10_000_000),
        Decimal::new(100_000_000_000_000_001, 10),
        Decimal::MAX,
        Decimal::MIN,
        Decimal::new(1, 28),
        Decimal::new(-1, 28),
    ]);
    prop_oneof![9 => any, 1 => ends]
}

fn cost() -> impl Strategy<Value = CostDraft> {
    let mesh = text(&["Draft", "Medium", "Extra", "Unknown"], &["", "draft"]);
    (option::of(quantity()), option::of(quantity()), option::of(mesh)).prop_map(
        |(giga_pixels, mega_points, mesh_quality)| CostDraft { giga_pixels, mega_points, mesh_quality },
    )
}

fn input() -> impl Strategy<Value = InputDraft> {
    let description = prop_oneof![9 => any::<String>(), 1 => Just("x".repeat(20_000))];
    (id(), option::of(description)).prop_map(|(id, description)| InputDraft { id, description })
}

fn cache() -> impl Strategy<Value = CacheDraft> {
    let uses = option::of(prop_oneof![3 => id(), 1 => Just(String::new())]);
    (option::of(any::<bool>()), uses)
        .prop_map(|(create_cache, use_cache)| CacheDraft { create_cache, use_cache })
}

fn settings() -> impl Strategy<Value = SettingsDraft> {
    let format = text(&["OBJ", "3MX", "Orthophoto/DSM", "CCOrientations"], &["", "obj", "Orthophoto"]);
    let engines = prop_oneof![8 => 0..9_i64, 1 => any::<i64>(), 1 => (1_i64 << 31) - 2..=1_i64 << 31];
    let outputs = prop::collection::vec(format, 0..5);
    (quality(), option::of(engines), outputs, option::of(cache())).prop_map(
        |(quality, processing_engines, outputs, cache_settings)| SettingsDraft {
            quality,
            processing_engines,
            outputs,
            cache_settings,
        },
    )
}

fn draft() -> impl Strategy<Value = JobDraft> {
    let job_type = text(&["Full", "Calibration", "Reconstruction"], &["", "full"]);
    let name = text(&["Bridge 7", "Brücke", "\u{2028}x", "\"", "\\u0000"], &["", " ", "\u{0}", "\t"]);
    let inputs = prop::collection::vec(input(), 0..4);
    (job_type, name, option::of(cost()), id(), inputs, settings()).prop_map(
        |(job_type, name, cost_estimation_parameters, workspace_id, inputs, settings)| JobDraft {
            job_type,
            name,
            cost_estimation_parameters,
            workspace_id,
            inputs,
            settings,
        },
    )
}

fn settings_patch() -> impl Strategy<Value = SettingsPatch> {
    let engines = prop_oneof![8 => 0..9_u32, 1 => any::<u32>()].prop_map(Engines::from_count);
    let outputs = prop::collection::vec(select(OutputFormat::ALL.to_vec()), 0..5);
    let uses = select(vec![None, JobId::parse(GUID)]);
    let cache = (option::of(any::<bool>()), uses)
        .prop_map(|(create_cache, use_cache)| CacheSettings { create_cache, use_cache });
    (option::of(select(Quality::ALL.to_vec())), option::of(engines), option::of(outputs), option::of(cache))
        .prop_map(|(quality, processing_engines, outputs, cache_settings)| SettingsPatch {
            quality,
            processing_engines,
            outputs,
            cache_settings,
        })
}

fn patch_draft() -> impl Strategy<Value = PatchDraft> {
    let state = option::of(select(StateChange::ALL.to_vec()));
    let job_type = option::of(select(JobType::ALL.to_vec()));
    (state, job_type, option::of(cost()), option::of(settings_patch())).prop_map(
        |(state, job_type, cost_estimation_parameters, settings)| PatchDraft {
            state,
            job_type,
            cost_estimation_parameters,
            settings,
        },
    )
}

/// A draft with nothing wrong.
fn sound() -> JobDraft {
    JobDraft::new("Full", "Bridge 7")
        .workspace(GUID)
        .input(OTHER)
        .quality("Extra")
        .output(job_model::OutputFormat::Obj)
}

/// Every code in a tree of errors with the path to it.
fn collect(errors: &ValidationErrors, path: &str, found: &mut BTreeSet<(String, String)>) {
    for (name, kind) in errors.errors() {
        let place = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        match kind {
            ValidationErrorsKind::Field(errors) => {
                found.extend(errors.iter().map(|error| (place.clone(), error.code.to_string())));
            }
            ValidationErrorsKind::Struct(inner) => collect(inner, &place, found),
            ValidationErrorsKind::List(elements) => {
                for (index, inner) in elements {
                    collect(inner, &format!("{place}[{index}]"), found);
                }
            }
        }
    }
}

/// What validation says, with the path that leads to the part put before.
fn validated(part: &impl Validate, path: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    if let Err(errors) = part.validate() {
        collect(&errors, path, &mut found);
        assert!(!found.is_empty(), "refused for no reason");
    }
    // An error of an element as a whole, such as an output, is kept below an empty name.
    found.into_iter().map(|(path, code)| (path.trim_end_matches('.').to_owned(), code)).collect()
}

/// What the reader says of the same job.
fn denied(draft: &JobDraft) -> BTreeSet<(String, String)> {
    let Err(rejected) = JobRequest::from_json(draft.to_json().as_bytes(), &Policy::default()) else {
        return BTreeSet::new();
    };
    let violations = rejected.report().violations().iter().filter(|v| v.severity() == Severity::Deny);
    violations.map(|v| (v.target().unwrap_or_default(), v.rule().id().to_owned())).collect()
}

/// At least so many cases; more where `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { failure_persistence: None, cases: config.cases.max(2_500), ..config }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_draft_validates_exactly_where_it_is_accepted(draft in draft()) {
        prop_assert_eq!(validated(&draft, ""), denied(&draft));
        prop_assert_eq!(draft.validate().is_ok(), draft.build(&Policy::default()).is_ok());
    }

    #[test]
    fn cost_parameters_validate_exactly_where_a_job_with_them_is_accepted(cost in cost()) {
        let draft = JobDraft { cost_estimation_parameters: Some(cost.clone()), ..sound() };
        prop_assert_eq!(validated(&cost, "costEstimationParameters"), denied(&draft));
    }

    #[test]
    fn an_input_validates_exactly_where_a_job_with_it_is_accepted(input in input()) {
        let draft = JobDraft { inputs: vec![input.clone()], ..sound() };
        let found = validated(&input, "inputs[0]");
        let expected = denied(&draft);
        // A text that is too long is a fault of the body as a whole.
        if expected.iter().any(|(path, _)| path.is_empty()) {
            prop_assert!(!found.is_empty());
        } else {
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn settings_validate_exactly_where_a_job_with_them_is_accepted(settings in settings()) {
        let draft = JobDraft { settings: settings.clone(), ..sound() };
        prop_assert_eq!(validated(&settings, "settings"), denied(&draft));
    }

    #[test]
    fn cache_settings_validate_exactly_where_a_job_with_them_is_accepted(cache in cache()) {
        let settings = SettingsDraft { cache_settings: Some(cache.clone()), ..sound().settings };
        let draft = JobDraft { settings, ..sound() };
        prop_assert_eq!(validated(&cache, "settings.cacheSettings"), denied(&draft));
    }

    /// A change is built exactly where it validates; it is what was put into it, and what is read from its own text.
    #[test]
    fn a_change_that_is_built_is_what_is_read_from_its_own_text(draft in patch_draft()) {
        let built = draft.build(&Policy::default());
        let refused = |rejected: &job_model::Rejected| -> BTreeSet<(String, String)> {
            let found = rejected.violations().filter(|violation| violation.severity() == Severity::Deny);
            found.map(|v| (v.target().unwrap_or_default(), v.rule().id().to_owned())).collect()
        };
        prop_assert_eq!(validated(&draft, ""), built.as_ref().err().map(refused).unwrap_or_default());
        if let Ok(built) = built {
            let patch = built.into_value().unwrap();
            prop_assert_eq!((patch.state(), patch.job_type()), (draft.state, draft.job_type));
            prop_assert_eq!(patch.settings(), draft.settings.as_ref());
            let read = JobPatch::from_json(patch.to_json().as_bytes(), &Policy::default()).unwrap();
            prop_assert_eq!(read.value(), Some(&patch));
            let cost = patch.cost_estimation_parameters().copied().unwrap_or_default();
            let wanted = draft.cost_estimation_parameters.unwrap_or_default();
            prop_assert_eq!(cost.giga_pixels.map(Gigapixels::get), wanted.giga_pixels);
            prop_assert_eq!(cost.mega_points.map(Megapoints::get), wanted.mega_points);
        }
    }

    /// What was checked once, stays valid, in whole and in part.
    #[test]
    fn a_job_that_was_accepted_validates_with_all_its_parts(body in strategies::valid_job()) {
        let job = JobRequest::from_json(body.as_bytes(), &Policy::default()).unwrap().into_value().unwrap();
        prop_assert!(job.validate().is_ok());
        prop_assert!(job.settings().validate().is_ok());
        prop_assert!(job.settings().cache().is_none_or(|cache| cache.validate().is_ok()));
        prop_assert!(job.cost_estimation_parameters().is_none_or(|cost| cost.validate().is_ok()));
        prop_assert!(job.inputs().iter().all(|input| input.validate().is_ok()));
    }
}
