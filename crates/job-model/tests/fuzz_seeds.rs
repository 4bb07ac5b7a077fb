//! Every seed of the model's fuzz targets, replayed.

use testkit::fuzz;

#[test]
fn job() {
    for seed in fuzz::seeds("job", 60) {
        fuzz::job(&seed);
    }
}

#[test]
fn patch() {
    for seed in fuzz::seeds("patch", 10) {
        fuzz::patch(&seed);
    }
}

#[test]
fn card() {
    for seed in fuzz::seeds("card", 4) {
        fuzz::card(&seed);
    }
}

#[test]
fn told() {
    for seed in fuzz::seeds("told", 15) {
        fuzz::told(&seed);
    }
}
