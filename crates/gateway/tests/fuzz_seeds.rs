//! Every seed of the gateway's fuzz targets, replayed.

#[path = "support/book.rs"]
mod book;
#[path = "support/checks.rs"]
mod checks;
#[path = "support/framing.rs"]
mod framing;
mod support;
#[path = "support/tokens.rs"]
mod tokens;

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

#[test]
fn framing_of_connections() {
    for seed in testkit::fuzz::seeds("framing", 12) {
        framing::framing(&seed);
    }
}

#[test]
fn keys_and_tokens() {
    for seed in testkit::fuzz::seeds("tokens", 30) {
        tokens::tokens(&seed);
    }
}

#[test]
fn files_of_a_ledger() {
    for seed in testkit::fuzz::seeds("book", 15) {
        book::book(&seed);
    }
}

/// A whole connection, through a gate that runs.
#[test]
fn request() {
    for seed in testkit::fuzz::seeds("request", 12) {
        support::exchange::exchange(&seed);
    }
}

/// Whatever upstream answers, through a gate that runs.
#[test]
fn answers() {
    for seed in testkit::fuzz::seeds("answer", 20) {
        support::answers::answers(&seed);
    }
}
