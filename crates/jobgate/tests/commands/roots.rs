//! The certificates that this machine trusts, where no others are named.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::{Place, Ran};

const LISTEN: &str =
    "listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\nledger.url = 'memory:'\n";
const DAMAGED: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const SINK: &str = "[[event_sink]]\nname = 'billing'\nurl = 'https://127.0.0.1:9/'\n";
const ISSUER: &str =
    "identity = { mode = 'jwt', issuer = 'a', audience = 'b', jwks_url = 'https://127.0.0.1:9/' }\n";

/// With these roots and no others.
fn place(test: &str, upstream: &str, more: &str, roots: &str) -> Place {
    let place = Place::new(test).with("roots.pem", roots);
    std::fs::create_dir(place.0.join("none")).unwrap();
    place.with("gate.toml", format!("{LISTEN}upstream.url = '{upstream}://127.0.0.1:9'\n{more}"))
}

fn command(place: &Place, args: &[&str]) -> std::process::Command {
    let mut command = place.command(args);
    command.env("SSL_CERT_FILE", "roots.pem").env("SSL_CERT_DIR", "none");
    command
}

/// All that it says until it listens, or else ends.
fn begun(place: &Place) -> String {
    let mut command = command(place, &["serve", "--config", "gate.toml"]);
    let mut gate = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    let mut stderr = BufReader::new(gate.stderr.take().unwrap());
    while !said.contains("listening on ") && stderr.read_line(&mut said).unwrap() > 0 {}
    gate.kill().unwrap();
    gate.wait().unwrap();
    said
}

/// The library panics at one that is damaged.
#[test]
fn a_damaged_root_of_the_machine_is_one_line() {
    for (test, upstream, more, key) in [
        ("upstream", "https", "", "upstream.url"),
        ("sink", "http", SINK, "event_sink"),
        ("issuer", "http", ISSUER, "identity.jwks_url"),
    ] {
        let place = place(&format!("roots-damaged-{test}"), upstream, more, DAMAGED);
        let checked = Ran::of(&mut command(&place, &["check-config", "gate.toml"]));
        let expected = format!("jobgate: {key}: the certificates that this machine trusts cannot be used: ");
        assert!(checked.stderr.starts_with(&expected), "{}", checked.stderr);
        assert_eq!((checked.code, checked.stderr.lines().count()), (Some(78), 1), "{}", checked.stderr);
        let served = Ran::of(&mut command(&place, &["serve", "--config", "gate.toml"]));
        assert_eq!((served.code, served.stderr), (Some(78), checked.stderr));
    }
}

/// Who is reached in the clear is not looked for in them.
#[test]
fn roots_that_nobody_needs_are_not_read() {
    let place = place("roots-unread", "http", "", DAMAGED);
    let said = begun(&place);
    assert!(said.contains("listening on ") && !said.contains("panicked"), "{said}");
}

#[test]
fn a_machine_without_roots_is_told_of() {
    let without = |test: &str, upstream: &str, more: &str| {
        let place = place(test, upstream, more, "");
        let said = begun(&place);
        assert!(said.contains("listening on "), "{said}");
        said.contains("this machine trusts no certificate")
    };
    assert!(without("roots-none", "https", ""));
    assert!(without("roots-none-sink", "http", SINK));
    assert!(!without("roots-none-needed", "http", ""));
}
