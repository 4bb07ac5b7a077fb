//! What has gone wrong in gates, meters and budget systems elsewhere, and must not here: a list of failures, each with the test
//! that guards against it. The tests that were missing are here; the others are where they belong, and the list names them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

#[path = "../support/mod.rs"]
mod support;

mod budgets;
mod cards;
mod records;
mod windows;

use std::fs;
use std::path::Path;

/// What goes wrong elsewhere, and the tests that show that it does not here.
const BUDGETS: &[(&str, &[&str])] = &[
    (
        "the budget is checked first and added to later: N calls at once all pass",
        &[
            "many_clients_at_one_budget_spend_exactly_what_fits",
            "a_budget_is_charged_before_upstream_is_asked",
        ],
    ),
    (
        "each process counts for itself: the limit times the number of replicas",
        &[
            "a_second_process_does_not_get_the_limit_once_more",
            "a_second_gateway_and_an_unknown_version_are_refused",
        ],
    ),
    (
        "a store that fails closed for reads lets a failed reservation pass",
        &[
            "any_write_that_fails",
            "any_flush_that_fails",
            "a_full_disk_refuses_jobs_and_one_with_room_again_takes_them",
        ],
    ),
    (
        "a budget is silently off",
        &[
            "no_budget_is_silently_off",
            "a_time_without_prices_is_told_where_budgets_count",
            "every_key_is_read",
        ],
    ),
    (
        "a hold is never given back, and refuses what would fit",
        &[
            "refusals_of_upstream_leave_no_hold_behind",
            "what_was_never_sent_is_given_back",
            "a_request_that_is_given_up_while_it_reserves_leaves_nothing_held",
            "p1_to_p9_killed_at_each_step_of_a_request",
        ],
    ),
    (
        "holds starve a budget: it is full and nothing was spent",
        &[
            "jobs_that_are_never_run_do_not_starve_a_budget",
            "a_refusal_tells_what_is_held_from_what_is_spent",
        ],
    ),
    (
        "after a restart the counters are added to once more",
        &[
            "a_restart_does_not_count_again_what_is_held",
            "what_was_open_when_a_process_ended_is_in_doubt_and_still_held",
        ],
    ),
    (
        "a stale cache or a restored copy reads low",
        &["a_ledger_that_went_back_is_refused_until_somebody_says_that_it_is_meant"],
    ),
    (
        "a reset clears one copy of the counter and not the other",
        &[
            "a_new_window_resets_nothing_and_an_old_one_is_settled_in_its_own",
            "a_clock_that_is_set_while_it_serves_gains_nothing",
        ],
    ),
    (
        "who was never seen before is not limited",
        &["who_was_never_seen_before_has_the_same_budget_from_the_first_request_on"],
    ),
    (
        "a budget fills up again with time, or counts a call as 1",
        &[
            "a_budget_is_spent_by_price_and_does_not_fill_up_again",
            "stores_agree_and_balances_follow_from_holds",
        ],
    ),
    ("refused calls are counted", &["what_is_refused_leaves_nothing_in_the_ledger"]),
    ("money is a float", &["ten_times_a_tenth_is_exactly_one", "no_room_of_money_knows_floats"]),
    (
        "the unit of a price slips by powers of ten",
        &[
            "a_card_of_another_unit_than_the_budget_is_refused",
            "a_slip_of_the_decimal_point_in_the_next_card_is_told",
            "every_fault_of_the_whole_or_of_a_row_is_told_alone",
        ],
    ),
    (
        "no money is answered with 429, and clients try again and again",
        &["no_money_is_no_reason_to_try_again"],
    ),
    (
        "the refusal does not say which budget, or tells of others",
        &["a_refusal_names_its_budget_and_tells_nobody_elses"],
    ),
    (
        "what is charged afterwards is called a limit",
        &["a_budget_is_charged_before_upstream_is_asked", "p1_to_p9_without_power_at_each_step_of_a_request"],
    ),
];

/// The same of events and of the ledger.
const RECORDS: &[(&str, &[&str])] = &[
    (
        "events are lost at shutdown, by a failed commit or a kill",
        &[
            "the_life_of_a_job_is_told_in_order_and_nothing_is_lost_at_the_end",
            "what_could_not_be_sent_is_sent_after_the_next_start",
            "killed_at_any_instant_the_ledger_still_adds_up",
        ],
    ),
    (
        "an event is marked as sent before it is, and dropped for good",
        &["a_server_gets_batches_until_it_has_confirmed_them"],
    ),
    (
        "the same is stored twice and sorted out some day",
        &["many_with_one_key_are_one", "a_key_is_taken_once_and_kept_for_a_day"],
    ),
    (
        "half of a refused batch is stored",
        &[
            "a_server_gets_batches_until_it_has_confirmed_them",
            "an_order_that_fails_in_its_midst_takes_its_batch_along",
        ],
    ),
    (
        "ids of two tenants or nodes collide",
        &["two_tenants_with_one_key_do_not_hear_each_others_answer", "many_with_one_key_are_one"],
    ),
    (
        "a counter that every request updates is the bottleneck",
        &["at_the_edge_of_a_budget_exactly_what_fits_is_admitted", "many_requests_at_once_share_writes"],
    ),
    ("whoever scans without a token writes rows", &["what_is_refused_leaves_nothing_in_the_ledger"]),
    (
        "secrets are in the audit table",
        &["nothing_secret_and_nothing_personal_is_in_the_books", "g2_secrets"],
    ),
    (
        "an id that is empty or used twice merges events",
        &["a_job_id_that_upstream_uses_twice_or_leaves_out_merges_nothing"],
    ),
    ("what is reconciled twice is added twice", &["a_job_that_is_seen_to_end_twice_is_charged_once"]),
];

/// One request in the name of somebody, as a trusted proxy says it.
fn by(who: &str, request: &[u8]) -> Vec<u8> {
    let plain = String::from_utf8(request.to_vec()).unwrap();
    plain.replacen("Host: gate", &format!("Host: gate\r\nx-who: {who}"), 1).into_bytes()
}

fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// A test that is renamed or gone leaves a failure unguarded.
#[test]
fn every_failure_of_the_list_has_its_tests() {
    let mut all = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut all);
    for (failure, tests) in BUDGETS.iter().chain(RECORDS) {
        assert!(!tests.is_empty(), "{failure}");
        for test in *tests {
            assert!(
                all.contains(&format!(" fn {test}(")) || all.contains(&format!("\nfn {test}(")),
                "{failure}: {test} is gone"
            );
        }
    }
}
