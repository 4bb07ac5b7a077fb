//! Every seed of the gateway's fuzz targets, replayed.

#[path = "support/checks.rs"]
mod checks;

#[test]
fn config() {
    for seed in testkit::fuzz::seeds("config", 4) {
        checks::config(&seed);
    }
}

#[test]
fn head() {
    for seed in testkit::fuzz::seeds("head", 12) {
        checks::head(&seed);
    }
}
