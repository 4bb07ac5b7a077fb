//! The configuration: defaults, refusals word for word, overrides, and the files that are shipped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "config/environment.rs"]
mod environment;
#[path = "config/files.rs"]
mod files;
#[path = "config/refused.rs"]
mod refused;
#[path = "config/warnings.rs"]
mod warnings;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use files::{certified, folder};
use gateway::config::{CardSource, Config, Identity, Level, Listen};
use job_model::{Profile, Rule, Severity};

const NO_ENV: [(String, String); 0] = [];

const CARD: &str = r#"
name = "ours"
version = "1"
currency = "unit"
basis = "For a test."
effective_until = 2027-01-01T00:00:00Z
[rounding]
step = "0.5"
mode = "up"
[[rate]]
per_gigapixel = "1"
per_megapoint = "1"
minimum = "0"
"#;

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("/nowhere"), NO_ENV).unwrap_or_else(|problems| panic!("{problems}"))
}

fn problems(text: &str, base: &Path, env: &[(&str, &str)]) -> Vec<String> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    match Config::parse(text, base, env) {
        Ok(_) => Vec::new(),
        Err(found) => {
            let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found.to_string(), lines.join("\n"));
            assert!(lines.iter().all(|line| !line.contains('\n')), "one line each: {lines:?}");
            lines
        }
    }
}

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(file)
}

#[test]
fn an_empty_file_has_the_documented_defaults() {
    let config = parse("");
    let listen = Listen { address: "127.0.0.1:8080".parse().unwrap(), tls: None, h2c: false };
    assert_eq!(config.listen, listen);
    assert_eq!(config.admin, "127.0.0.1:9090".parse().unwrap());
    assert_eq!((config.upstream.tls, config.upstream.port), (true, 443));
    assert_eq!(config.upstream.host, "api.bentley.com");
    assert_eq!(config.upstream.authority, "api.bentley.com");
    assert_eq!(config.upstream.connect_timeout, Duration::from_secs(3));
    assert_eq!(config.upstream.response_timeout, Duration::from_secs(30));
    assert_eq!((config.upstream.pool_size, config.upstream.ca_file), (128, None));
    assert_eq!((config.limits.body_bytes, config.limits.head_bytes), (256 * 1024, 16 * 1024));
    assert_eq!((config.limits.head_fields, config.limits.target_bytes), (64, 2048));
    assert_eq!(config.limits.head_timeout, Duration::from_secs(10));
    assert_eq!(config.limits.body_timeout, Duration::from_secs(30));
    assert_eq!(config.limits.keep_alive, Duration::from_secs(60));
    assert_eq!(config.limits.requests_per_connection, 100);
    assert_eq!(config.limits.requests_per_http2_connection, 10_000);
    assert_eq!((config.limits.buffered_bytes, config.limits.in_flight), (64 * 1024 * 1024, 1024));
    assert_eq!(config.policy, job_model::Policy::default());
    assert_eq!((config.profile, config.identity), (Profile::Compatible, Identity::None));
    assert!(config.card_sources.is_empty());
    assert_eq!(config.log.level, Level::Info);
    assert_eq!(config.shutdown.lead, Duration::ZERO);
    assert_eq!(config.shutdown.grace, Duration::from_secs(31));
    assert!(config.threads > 0);
}

#[test]
fn the_example_is_the_defaults_and_names_every_key() {
    let example = deploy("jobgate.example.toml");
    let config = Config::load(&example, NO_ENV).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config, parse(""));

    let text = fs::read_to_string(example).unwrap();
    let mut section = "";
    let mut named = Vec::new();
    for line in text.lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = header;
        } else if let Some((key, _)) = line.split_once(" = ") {
            named.push(format!("{section}.{key}"));
        }
    }
    let missing: Vec<&str> = Config::keys().filter(|key| !named.iter().any(|name| name == key)).collect();
    assert!(missing.is_empty(), "not in the example: {missing:?}");
}

/// Takes the hash off the example's optional keys, so that their form is held to the parser, too.
#[test]
fn the_optional_keys_of_the_example_are_written_as_the_parser_takes_them() {
    let base = folder("optional");
    for name in ["tls", "cards", "identity"] {
        fs::create_dir_all(base.join(name)).unwrap();
    }
    for (name, text) in [
        ("tls/server.pem", certified().0.as_str()),
        ("tls/server.key", certified().1.as_str()),
        ("tls/roots.pem", certified().0.as_str()),
        ("cards/2026-11.toml", CARD),
        ("identity/jwks.json", include_str!("data/jwks.json")),
    ] {
        fs::write(base.join(name), text).unwrap();
    }
    let text = fs::read_to_string(deploy("jobgate.example.toml")).unwrap();
    let lines = text.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if rest.starts_with('[') || rest.contains(" = ") => rest,
        _ => line,
    });
    let text = lines.collect::<Vec<_>>().join("\n").replace("mode = \"none\"", "mode = \"header\"");
    // The keys of one mode exclude those of another.
    let without = |text: &str, keys: &[&str]| {
        let kept = text.lines().filter(|line| !keys.iter().any(|key| line.starts_with(&format!("{key} = "))));
        kept.collect::<Vec<_>>().join("\n")
    };
    let by_header =
        without(&text, &["issuer", "audience", "jwks_file", "jwks_url", "scopes", "principal_claim"]);
    let config = Config::parse(&by_header, &base, NO_ENV).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.identity, Identity::Header("x-principal".parse().unwrap()));
    let text = without(&text, &["header"]).replace("mode = \"header\"", "mode = \"jwt\"");
    let by_url = Config::parse(&without(&text, &["jwks_file"]), &base, NO_ENV);
    let by_url = by_url.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(Config::parse(&by_url.effective(), &base, NO_ENV).unwrap(), by_url);
    let text = without(&text, &["jwks_url"]);
    let config = Config::parse(&text, &base, NO_ENV).unwrap_or_else(|problems| panic!("{problems}"));
    let Identity::Jwt(jwt) = &config.identity else { panic!("{:?}", config.identity) };
    assert_eq!((jwt.issuer.as_str(), jwt.principal_claim.as_str()), ("https://issuer.example.com", "sub"));
    assert_eq!(jwt.scopes, ["itwin-platform"]);
    assert_eq!(Config::parse(&config.effective(), &base, NO_ENV).unwrap(), config);
    assert!(config.listen.tls.is_some() && config.upstream.ca_file.is_some());
    assert_eq!(config.card_sources, [CardSource::File(base.join("cards/2026-11.toml"))]);
    assert_eq!((config.threads, config.policy.limits().engines), (2, Some(8)));
    assert_eq!(config.policy.severity(Rule::OutputDuplicate), Severity::Deny);
}

#[test]
fn the_shipped_configurations_load() {
    for file in ["compose/jobgate.toml", "kubernetes/jobgate.toml"] {
        let config =
            Config::load(&deploy(file), NO_ENV).unwrap_or_else(|problems| panic!("{file}: {problems}"));
        assert_eq!((config.listen.address.port(), config.admin.port()), (8080, 9090), "{file}");
    }
}

#[test]
fn each_bad_file_is_refused_with_one_clear_line() {
    for (text, expected) in refused::REFUSED {
        assert_eq!(problems(text, Path::new("/nowhere"), &[]), [*expected], "{text}");
    }
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_sections() {
    let text = "[listen]\naddress = 'here'\n[upstream]\nurl = 'x'\nzebra = 1\n[limits]\nin_flight = 0\n\
                [validation.severity]\nnope = 'deny'\nbody-depth = 'off'\n[budget]\n[log]\nlevel = 1\n";
    let found =
        problems(text, Path::new("/nowhere"), &[("JOBGATE_LOG", "debug"), ("JOBGATE_LIMITS__IN", "1")]);
    let keys: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    let expected = [
        "JOBGATE_LIMITS__IN",
        "JOBGATE_LOG",
        "upstream.zebra",
        "listen.address",
        "upstream.url",
        "limits.in_flight",
        "validation.severity.\"body-depth\"",
        "validation.severity.\"nope\"",
        "log.level",
        "budget",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn every_key_is_read() {
    for key in Config::keys() {
        let found = problems(&format!("{key} = 1979-05-27"), Path::new("/nowhere"), &[]);
        assert!(found.iter().any(|line| line.starts_with(&format!("{key}: must be "))), "{key}: {found:?}");
    }
}

#[test]
fn a_bad_card_is_named_with_each_of_its_problems() {
    let found = problems("pricing.rate_card = ['card.toml', 'cert.pem']", &folder("bad-card"), &[]);
    assert!(!found.is_empty());
    assert!(found.iter().all(|line| line.starts_with("pricing.rate_card: cert.pem: ")), "{found:?}");
    let found = problems("pricing.rate_card = ['card.toml', './card.toml']", &folder("bad-card"), &[]);
    assert_eq!(found, ["pricing.rate_card: names \"./card.toml\" twice"]);
    let found =
        problems("pricing.rate_card = ['card.toml', 'builtin:illustrative']", &folder("bad-card"), &[]);
    assert_eq!(
        found,
        [
            "pricing.rate_card: card \"illustrative\" version \"2026-11\" and card \"ours\" version \"1\" hold at the same time; end one with effective_until where the other begins"
        ]
    );
}

#[test]
fn an_unreadable_file_is_one_problem() {
    let problems = Config::load(Path::new("/nowhere/jobgate.toml"), NO_ENV).unwrap_err();
    let expected = "/nowhere/jobgate.toml: cannot be read: No such file or directory (os error 2)";
    assert_eq!(problems.to_string(), expected);
}

#[test]
fn the_effective_configuration_reads_back_as_the_same() {
    let base = folder("effective");
    let full = r#"
        listen = { address = "[::1]:0", tls = { certificate = "cert.pem", key = "key.pem" } }
        admin.address = "0.0.0.0:0"
        upstream = { url = "https://[::1]:8443/", connect_timeout = "250ms", response_timeout = "2m", ca_file = "cert.pem", pool_size = 1, pool_idle = "1s", public_only = true, back_off = "5m", nothing_done = [504, 503, 503] }
        pricing.rate_card = ["card.toml", "next.toml"]
        identity = { mode = "jwt", issuer = "a", audience = "b", jwks_file = "jwks.json", scopes = ["c", "d"], principal_claim = "email" }
        log.level = "debug"
        shutdown = { lead = "1500ms", grace = "1d" }
        [limits]
        body_bytes = 1000
        head_bytes = "2KiB"
        head_fields = 8
        target_bytes = 2048
        head_timeout = "1ms"
        body_timeout = "61s"
        keep_alive = "1h"
        requests_per_connection = 4
        requests_per_http2_connection = 5
        buffered_bytes = "1GiB"
        in_flight = 1
        connections = 2
        connections_per_address = 1
        threads = 3
        inputs = 7
        name_chars = 8
        string_bytes = 300
        engines = 9
        [validation]
        profile = "strict"
        mode = "shadow"
        [validation.severity]
        output-duplicate = "deny"
        unknown-member = "off"
    "#;
    let by_header = "identity = { mode = 'header', header = 'X-Who' }";
    let spending = "pricing.rate_card = 'card.toml'\nledger.url = 'memory:'\n[[budget]]\nname = 'a'\nscope = 'global'\nlimit = '1'\ncurrency = 'unit'\nwindow = 'total'";
    for text in [
        "",
        "budget = []\nevent_sink = []\nrate_limit = []",
        "upstream.url = 'http://127.0.0.1'\nlisten.h2c = true",
        by_header,
        spending,
        full,
    ] {
        let config = Config::parse(text, &base, NO_ENV).unwrap_or_else(|problems| panic!("{problems}"));
        let effective = config.effective();
        assert_eq!(parse(&effective), config, "{effective}");
        // With all that a budget may say.
        assert_eq!(effective.contains("currency = \"unit\"\nwindow"), text == spending, "{effective}");
        let unset: Vec<&str> = effective.lines().filter(|line| line.ends_with(" is not set")).collect();
        // A file that sets all there is to set still leaves out the keys of the other ways.
        assert_eq!(unset == ["# jwks_url is not set", "# header is not set"], text == full, "{effective}");
    }
}

#[test]
fn statuses_that_did_nothing_are_failures_of_a_server() {
    let read = |value: &str| {
        let config = Config::parse(&format!("upstream.nothing_done = {value}"), Path::new("."), NO_ENV);
        config.map(|config| config.upstream.nothing_done).map_err(|problems| problems.to_string())
    };
    for (value, expected) in
        [("503", vec![503]), ("[504, 500, 504]", vec![500, 504]), ("'503'", vec![503]), ("[]", vec![])]
    {
        assert_eq!(read(value), Ok(expected), "{value}");
    }
    for value in ["200", "[503, 404]", "600", "'soon'", "true", "[[503]]", "-503"] {
        let refused = read(value).unwrap_err();
        let must = "upstream.nothing_done: must be a status from 500 to 599 or a list of them, not ";
        assert!(refused.contains(must), "{refused}");
    }
}

#[test]
fn the_upstream_is_taken_apart() {
    for (url, tls, host, port, authority) in [
        ("https://api.example.com", true, "api.example.com", 443, "api.example.com"),
        ("HTTPS://API.Example.com:443/", true, "api.example.com", 443, "api.example.com"),
        ("http://sandbox_1:8081", false, "sandbox_1", 8081, "sandbox_1:8081"),
        ("https://10.0.0.1", true, "10.0.0.1", 443, "10.0.0.1"),
        ("http://[::1]", false, "::1", 80, "[::1]"),
        ("http://[0:0::1]:443", false, "::1", 443, "[::1]:443"),
    ] {
        let upstream = parse(&format!("upstream.url = '{url}'")).upstream;
        assert_eq!((upstream.tls, upstream.port), (tls, port), "{url}");
        assert_eq!((upstream.host.as_str(), upstream.authority.as_str()), (host, authority), "{url}");
    }
}

#[test]
fn listeners_may_share_a_port_where_they_do_not_meet() {
    for (listen, admin) in [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1:80", "127.0.0.2:80"),
        ("0.0.0.0:80", "[::1]:80"),
        ("0.0.0.0:80", "0.0.0.0:81"),
    ] {
        parse(&format!("listen.address = '{listen}'\nadmin.address = '{admin}'"));
    }
}

#[test]
fn the_grace_follows_the_response_timeout() {
    let config = parse("upstream.response_timeout = '1m'");
    assert_eq!(config.shutdown.grace, Duration::from_secs(61));
}
