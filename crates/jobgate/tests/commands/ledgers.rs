//! A ledger is found in a configuration of which nothing else has to be right: whoever looks at it has neither the gateway's secrets nor
//! its certificates.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use ledger::{Ledger, Url};

use crate::{Place, Ran};

/// What is wrong here is not the ledger.
const OTHERWISE: &str = "listen.address = 'nowhere'\nlimits.zebra = 1\npricing.rate_card = 'gone.toml'\n[listen.tls]\ncertificate = 'gone.pem'\nkey = 'gone.key'\n[[event_sink]]\nname = 'billing'\nurl = 'https://far/'\ntoken = 'env:NOBODY_SETS_THIS'\n";

fn place(test: &str, ledger: &str) -> Place {
    let place = Place::new(test).with("gate.toml", format!("{ledger}\n{OTHERWISE}"));
    Ledger::open(&Url::Sqlite(place.0.join("book.db")), &[], jiff::Timestamp::UNIX_EPOCH).unwrap();
    place
}

const LOOKING: [&[&str]; 4] =
    [&["usage", "--by", "workspace"], &["holds", "list"], &["ledger", "export"], &["ledger", "verify"]];

fn looked(place: &Place, args: &[&str]) -> Ran {
    place.run(&[args, &["--config", "gate.toml"]].concat())
}

#[test]
fn what_is_wrong_elsewhere_keeps_nobody_from_the_ledger() {
    let place = place("elsewhere", "ledger.url = 'sqlite:book.db'");
    for args in LOOKING {
        let ran = looked(&place, args);
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
    }
    let checked = place.run(&["check-config", "gate.toml"]);
    assert_eq!((checked.code, checked.stderr.lines().count()), (Some(78), 6), "{}", checked.stderr);
}

#[test]
fn a_ledger_that_cannot_be_found_is_refused_with_its_key_first() {
    for (number, (ledger, told)) in [
        ("ledger.url = 'postgres://far'", "jobgate: ledger.url: that store is not in this version"),
        ("ledger.uri = 'sqlite:book.db'", "jobgate: ledger.uri: unknown key; did you mean \"url\"?"),
        ("ledger = 3", "jobgate: ledger: must be one section [ledger]"),
    ]
    .into_iter()
    .enumerate()
    {
        let place = place(&format!("unfound-{number}"), ledger);
        for args in LOOKING {
            let ran = looked(&place, args);
            assert_eq!(ran.code, Some(78), "{args:?}: {}", ran.stderr);
            let first = ran.stderr.lines().next().unwrap_or_default();
            assert!(first.starts_with(told), "{args:?}: {}", ran.stderr);
        }
    }
}

/// Where the ledger's own key may be what is misspelt, everything is told.
#[test]
fn a_ledger_that_nothing_names_is_told_with_all_that_is_wrong() {
    let ran = looked(&place("unnamed", "ledgr.url = 'sqlite:book.db'"), &["usage"]);
    assert_eq!(ran.code, Some(78));
    assert!(
        ran.stderr.contains("jobgate: ledgr: unknown section; did you mean \"ledger\"?"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_variable_that_is_no_text_is_refused() {
    let place = Place::new("no-text").with("gate.toml", "");
    for (name, code) in [("JOBGATE_LISTEN__ADDRESS", Some(78)), ("JOBGATE_PORT", Some(0))] {
        let mut command = place.command(&["check-config", "gate.toml"]);
        let ran = Ran::of(command.env(name, OsStr::from_bytes(b"127.0.0.1:8\xff")));
        assert_eq!(ran.code, code, "{name}: {}", ran.stderr);
        assert_eq!(
            ran.stderr == format!("jobgate: {name}: is not UTF-8\n"),
            code == Some(78),
            "{}",
            ran.stderr
        );
    }
}
