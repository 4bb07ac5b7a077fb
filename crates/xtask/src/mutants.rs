//! Changes the rules, the price and the budget in one small way after the other and runs the tests of each: what no test notices is
//! told. Hours of a machine, so no part of `test`.

use std::fs;

use crate::machine::Machine;
use crate::run::{self, Failure};
use crate::supply;

/// A package, its files, and the tests that must notice.
type Part = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Narrow on purpose: the tests named are those that a change of these files is first seen by, the quick ones first.
const PARTS: [Part; 3] = [
    ("admission", &["budget.rs"], &["--lib", "--test", "budget"]),
    (
        "job-model",
        &["quote.rs", "rate_card/price.rs"],
        &["--lib", "--test", "policy", "--test", "pricing", "--test", "cards", "--test", "fuzz_seeds"],
    ),
    (
        "job-model",
        &[
            "rules/mod.rs",
            "policy.rs",
            "wire/meaning.rs",
            "wire/members.rs",
            "wire/settings.rs",
            "wire/cost.rs",
        ],
        &[
            "--lib",
            "--test",
            "policy",
            "--test",
            "places",
            "--test",
            "messages",
            "--test",
            "fuzz_seeds",
            "--test",
            "laws",
        ],
    ),
];

/// Changes that no test can notice, and why: they are not made.
const NO_CHANGE: [(&str, &str); 9] = [
    (r"replace > with >= in Reader<'_>::job_name", "no name has more characters than bytes"),
    (
        r"guard inputs.len\(\) < limit with true in Reader<'_>::list_of_inputs",
        "a job with too many inputs is refused, kept or not",
    ),
    (r"replace < with <= in Reader<'_>::list_of_inputs", "as that"),
    (
        r"replace &= with \|= in Reader<'_>::list_of_inputs",
        "the verdict is the report's; what is denied is only not looked at further",
    ),
    (r"replace \|\| with && in Reader<'_>::input$", "as that"),
    (r"replace \|= with &= in Reader<'_>::outputs", "as that"),
    ("replace > with >= in RateCard::total", "a part of just so many places is left as it is"),
    (
        "replace <= with > in Surcharge::amount",
        "a flat has at most 12 places: all it leaves out is the shorter way",
    ),
    (r"replace < with <= in Reader<'_>::outputs", "one more suggestion is sought than is listed"),
];

/// `cargo xtask mutants [ARGS..]`.
///
/// # Errors
/// When a change went unnoticed, or a tool is missing.
pub(crate) fn run(machine: &Machine, arguments: &[String]) -> Result<(), Failure> {
    supply::to_build(machine)?;
    supply::cargo_tool(machine, supply::MUTANTS)?;
    let results = machine.root().join("target/mutants");
    // The tool makes a folder of its own in this one, and in none that is not there.
    fs::create_dir_all(&results)
        .map_err(|fault| Failure::new(format!("cannot make {}: {fault}", results.display())))?;
    let mut outcome = Ok(());
    for (package, files, tests) in PARTS {
        let output = format!("target/mutants/{package}-{}", files.first().unwrap_or(&"").replace('/', "-"));
        let mut cargo =
            machine.cargo(&["mutants", "--package", package, "--timeout", "300", "--output", &output]);
        // A failure is all that is asked for, not the smallest one.
        cargo.env("PROPTEST_MAX_SHRINK_ITERS", "0");
        cargo.args(NO_CHANGE.iter().map(|(change, _)| format!("--exclude-re={change}")));
        for file in files {
            cargo.args(["--file", &format!("crates/{package}/src/{file}")]);
        }
        // For the build as well: the other tests need not be linked each time.
        cargo.args(tests.iter().map(|argument| format!("--cargo-arg={argument}"))).args(arguments);
        // All of it is worth knowing, whatever the first part comes to.
        outcome = outcome.and(run::step(&format!("mutants of {}", files.join(", ")), cargo, |_| {}));
    }
    outcome
}
