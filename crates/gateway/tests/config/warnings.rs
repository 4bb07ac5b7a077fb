//! What is allowed and yet told, and what is told of nobody.

use std::fs;

use gateway::config::Config;
use job_model::Mode;

use super::files::folder;
use super::{CARD, NO_ENV};

#[test]
fn warnings_tell_what_may_not_be_meant() {
    let text = "listen.address = '0.0.0.0:1'\nadmin.address = '0.0.0.0:2'\nupstream.url = 'http://far'\n\
                upstream.ca_file = 'cert.pem'\nupstream.connect_timeout = '30s'\nvalidation.mode = 'shadow'\npricing.rate_card = 'builtin:illustrative'";
    let config =
        Config::parse(text, &folder("warnings"), NO_ENV).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.policy.mode(), Mode::Shadow);
    let starts = [
        "listen.address 0.0.0.0:1 takes plain connections",
        "admin.address 0.0.0.0:2 is not loopback",
        "upstream.url has no TLS: the clients' tokens go to far in the clear",
        "upstream.ca_file has no effect",
        "upstream.connect_timeout is not below upstream.response_timeout",
        "validation.mode is \"shadow\"",
        "pricing.rate_card is the illustrative card",
        "ledger.url is \"memory:\": an Idempotency-Key is remembered by this process alone and until it ends",
    ];
    let warnings = config.warnings();
    assert_eq!(warnings.len(), starts.len(), "{warnings:?}");
    for (warning, start) in warnings.iter().zip(starts) {
        assert!(warning.starts_with(start), "{warning}");
    }

    let kept =
        "upstream.ca_file = 'cert.pem'\npricing.rate_card = 'card.toml'\nledger.url = 'sqlite:book.db'";
    let quiet = Config::parse(kept, &folder("warnings"), NO_ENV);
    assert_eq!(quiet.map(|config| config.warnings()), Ok(Vec::new()));
    let near = "upstream.url = 'http://localhost:1'\nledger.url = 'sqlite:book.db'";
    let near = Config::parse(near, &folder("warnings"), NO_ENV).unwrap();
    assert_eq!(near.warnings(), ["pricing.rate_card is not set: jobs are forwarded without a price"]);
}

/// The warnings of a text; a card that is in force, and roots, are there.
fn warnings(name: &str, text: &str) -> Vec<String> {
    let text = format!("upstream.ca_file = 'cert.pem'\nledger.url = 'sqlite:book.db'\n{text}");
    let env = [("TOKEN".to_owned(), "s3cret".to_owned())];
    let base = folder(name);
    fs::write(base.join("always.toml"), CARD.replace("effective_until = 2027-01-01T00:00:00Z", "")).unwrap();
    let config = Config::parse(&text, &base, env);
    config.unwrap_or_else(|problems| panic!("{problems}")).warnings()
}

/// Until it begins no job has a price, and no budget counts.
#[test]
fn a_card_that_only_begins_later_is_told() {
    let base = folder("later");
    let later = CARD.replace("effective_until = 2027-01-01", "effective_from = 2999-01-01");
    let now = CARD
        .replace("effective_until = 2027-01-01", "effective_until = 2999-01-01")
        .replace("version = \"1\"", "version = \"0\"");
    fs::write(base.join("later.toml"), &later).unwrap();
    fs::write(base.join("now.toml"), now).unwrap();
    let told = warnings("later", "pricing.rate_card = 'later.toml'");
    let start = "pricing.rate_card: card \"ours\" version \"1\" begins at 2999-01-01T00:00:00Z, and none is in force until then: ";
    assert!(told.len() == 1 && told[0].starts_with(start), "{told:?}");
    assert_eq!(warnings("later", "pricing.rate_card = ['now.toml', 'later.toml']"), [""; 0]);
}

#[test]
fn a_sink_that_is_sent_a_token_in_the_clear_is_told() {
    let sink = |url: &str, more: &str| {
        let text = format!(
            "pricing.rate_card = 'always.toml'\n[[event_sink]]\nname = 'billing'\nurl = '{url}'\n{more}"
        );
        warnings("sinks", &text)
    };
    let token = "token = 'env:TOKEN'";
    let expected = "event_sink \"billing\" has no TLS: its token and the events go to far in the clear";
    assert_eq!(sink("http://far:80/events", token), [expected]);
    for (url, more) in
        [("https://far/events", token), ("http://localhost/events", token), ("http://far/events", "")]
    {
        assert_eq!(sink(url, more), [""; 0], "{url}");
    }
}

/// What comes through the proxy comes from its address.
#[test]
fn a_limit_by_address_behind_a_proxy_is_told() {
    let limit = |identity: &str, scope: &str| {
        let text = format!(
            "pricing.rate_card = 'always.toml'\nidentity = {identity}\n[[rate_limit]]\nscope = '{scope}'\nrequests = 9\nper = '1m'"
        );
        warnings("proxy", &text)
    };
    let header = "{ mode = 'header', header = 'x-who' }";
    let expected = "rate_limit: scope \"address\" and identity.mode \"header\": the proxy in front is one sender, and all its clients wait together; use \"principal\"";
    assert_eq!(limit(header, "address"), [expected]);
    assert_eq!(limit(header, "principal"), [""; 0]);
    assert_eq!(limit("{ mode = 'none' }", "address"), [""; 0]);
}

#[test]
fn a_certificate_that_is_not_valid_now_is_told() {
    for (from, until, expected) in [
        (2001, 2002, Some("is not valid since 2002-01-01T00:00:00Z")),
        (2998, 2999, Some("is not valid before 2998-01-01T00:00:00Z")),
        (2001, 2999, None),
    ] {
        let base = folder("validity");
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        fs::write(base.join("its.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(base.join("its.key"), key.serialize_pem()).unwrap();
        let told = warnings(
            "validity",
            "pricing.rate_card = 'always.toml'\n[listen.tls]\ncertificate = 'its.pem'\nkey = 'its.key'",
        );
        let wanted = expected.map(|expected| {
            format!(
                "listen.tls.certificate {} {expected}: clients refuse the connection",
                base.join("its.pem").display()
            )
        });
        assert_eq!(told, wanted.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn folders_that_are_not_there_are_told() {
    let base = folder("folders");
    fs::write(base.join("always.toml"), CARD).unwrap();
    let sink = |file: &str| format!("[[event_sink]]\nname = 's'\nfile = '{file}'");
    let missing = format!("there is no folder {}/gone on this machine", base.display());
    for (text, told) in [
        (sink("gone/usage.ndjson"), format!("event_sink \"s\": {missing}")),
        (sink("."), "is a folder: jobgate does not start; name a file in it".to_owned()),
        ("ledger.url = 'sqlite:gone/book.db'".to_owned(), format!("ledger.url: {missing}")),
    ] {
        let ledger = if text.starts_with("ledger") { "" } else { "ledger.url = 'sqlite:book.db'\n" };
        let text = format!("{ledger}upstream.ca_file = 'cert.pem'\n{text}");
        let warnings =
            Config::parse(&text, &base, []).unwrap_or_else(|problems| panic!("{problems}")).warnings();
        assert!(warnings.iter().any(|line| line.contains(&told)), "{told} not in {warnings:?}");
    }
    assert_eq!(
        warnings("folders-there", &sink("usage.ndjson"))
            .iter()
            .filter(|line| line.contains("folder"))
            .count(),
        0
    );
}
