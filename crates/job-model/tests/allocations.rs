//! What accepting and pricing a job allocates: what the job and its estimate keep, and nothing besides.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fmt::Write as _;

use allocation_counter::{AllocationInfo, measure};
use job_model::{JobRequest, Policy, Quote, RateCard};

/// A job with so many inputs, every second one described.
fn job(inputs: usize) -> String {
    let mut list = String::new();
    for n in 0..inputs {
        let comma = if n == 0 { "" } else { ",\n" };
        let description = if n % 2 == 0 { r#","description":"Drone \/ images""# } else { "" };
        write!(list, r#"{comma}{{"id":"58e0c0ca-f730-4e5b-808d-{n:012x}"{description}}}"#).unwrap();
    }
    format!(
        r#"{{"type":"Full","name":"My first job","costEstimationParameters":{{"gigaPixels":2.5,"megaPoints":1.5,"meshQuality":"Extra"}},
            "workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{list}],
            "settings":{{"quality":"Extra","processingEngines":5,"outputs":["OBJ","3MX"],
                "cacheSettings":{{"createCache":true,"useCache":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}}}}}}"#
    )
}

fn accept(body: &str) -> (AllocationInfo, u64) {
    let policy = Policy::default();
    let card = RateCard::illustrative();
    let mut kept = None;
    let info = measure(|| {
        let accepted = JobRequest::from_json(body.as_bytes(), &policy).unwrap();
        let quote = card.price(accepted.workload().unwrap());
        kept = Some((accepted, quote));
    });
    let (accepted, quote) = kept.unwrap();
    let job = accepted.value().unwrap();
    assert!(matches!(quote, Quote::Priced(_)) && accepted.report().violations().is_empty());
    let descriptions = job.inputs().iter().filter(|input| input.description().is_some()).count();
    // Its name, its inputs, its outputs; and the lines of the estimate.
    (info, u64::try_from(descriptions).unwrap() + 4)
}

#[test]
fn accepting_a_job_allocates_what_the_job_owns_and_nothing_else() {
    for inputs in [1, 2, 16, 17, 64, 65, 1_000] {
        let (info, owned) = accept(&job(inputs));
        assert_eq!(info.count_total, owned, "{inputs} inputs: {info:?}");
        assert_eq!(info.count_current, i64::try_from(owned).unwrap(), "{inputs} inputs: {info:?}");
    }
}

#[test]
fn what_is_only_checked_keeps_no_description() {
    let policy = Policy::default();
    for inputs in [1, 2, 65, 1_000] {
        let body = job(inputs);
        let info = measure(|| assert!(JobRequest::check(body.as_bytes(), &policy).is_ok()));
        // Its name, its inputs and its outputs.
        assert_eq!((info.count_total, info.count_current), (3, 0), "{inputs} inputs: {info:?}");
    }
}

#[test]
fn a_list_of_inputs_is_given_about_the_room_that_it_needs() {
    let (info, _) = accept(&job(1_000));
    let inputs = u64::try_from(1_000 * size_of::<job_model::JobInput>()).unwrap();
    let texts = 500 * u64::try_from("Drone / images".len()).unwrap();
    assert!(info.bytes_max < 2 * inputs + texts, "{info:?}");
}
