//! Every seed of the gateway's fuzz targets, replayed.

#[path = "support/checks.rs"]
mod checks;
mod support;

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

/// A whole connection, through a gate that runs.
#[test]
fn request() {
    for seed in testkit::fuzz::seeds("request", 12) {
        support::exchange::exchange(&seed);
    }
}
