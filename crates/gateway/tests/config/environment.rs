//! The environment over the file: what it sets, what is refused and what is left alone.

use std::path::Path;
use std::time::Duration;

use gateway::config::{CardSource, Config, Identity, Level, Listen};
use job_model::{Rule, Severity};

use super::{folder, problems};

#[test]
fn the_environment_overrides_the_file() {
    let base = folder("environment");
    let env = [
        ("JOBGATE_LISTEN__ADDRESS", "127.0.0.1:1"),
        ("JOBGATE_LISTEN__H2C", "true"),
        ("JOBGATE_LIMITS__BODY_BYTES", "1MiB"),
        ("JOBGATE_LIMITS__STRING_BYTES", "1000"),
        ("JOBGATE_LIMITS__IN_FLIGHT", "7"),
        ("JOBGATE_UPSTREAM__CONNECT_TIMEOUT", "'1s'"),
        ("JOBGATE_VALIDATION__SEVERITY__OUTPUT_DUPLICATE", "deny"),
        ("JOBGATE_PRICING__RATE_CARD", "['card.toml', 'next.toml']"),
        ("JOBGATE_IDENTITY__MODE", "jwt"),
        ("JOBGATE_IDENTITY__ISSUER", "https://issuer.example.com"),
        ("JOBGATE_IDENTITY__AUDIENCE", "jobgate"),
        ("JOBGATE_IDENTITY__JWKS_FILE", "jwks.json"),
        ("JOBGATE_IDENTITY__SCOPES", "['a', 'b']"),
        ("JOBGATE_LOG__LEVEL", "\"warn\""),
        // Kubernetes sets these for a service called jobgate, and for one called jobgate-admin.
        ("JOBGATE_PORT", "tcp://10.0.0.1:8080"),
        ("JOBGATE_SERVICE_HOST", "10.0.0.1"),
        ("JOBGATE_ADMIN_PORT_9090_TCP_ADDR", "10.0.0.1"),
        ("HOME", "/"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let text = "listen.address = '127.0.0.1:2'\nlimits.in_flight = 8";
    let config = Config::parse(text, &base, env).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.listen, Listen { address: "127.0.0.1:1".parse().unwrap(), tls: None, h2c: true });
    assert_eq!((config.limits.body_bytes, config.limits.in_flight), (1024 * 1024, 7));
    assert_eq!(config.policy.limits().string_bytes, 1000);
    assert_eq!(config.upstream.connect_timeout, Duration::from_secs(1));
    assert_eq!(config.policy.severity(Rule::OutputDuplicate), Severity::Deny);
    let sources = [CardSource::File(base.join("card.toml")), CardSource::File(base.join("next.toml"))];
    assert_eq!(config.card_sources, sources);
    let Identity::Jwt(jwt) = config.identity else { panic!("{:?}", config.identity) };
    assert_eq!(
        (jwt.issuer.as_str(), jwt.scopes.as_slice()),
        ("https://issuer.example.com", &["a".to_owned(), "b".to_owned()][..])
    );
    assert_eq!(config.log.level, Level::Warn);
}

#[test]
fn a_bad_variable_is_refused_under_its_name() {
    let table = [
        ("JOBGATE_LOG", "x", "JOBGATE_LOG: names a section; write JOBGATE_LOG__ and the key".to_owned()),
        (
            "JOBGATE_LISTEN_ADDRESS",
            "x",
            r#"JOBGATE_LISTEN_ADDRESS: sets no key; did you mean "JOBGATE_LISTEN__ADDRESS"?"#.to_owned(),
        ),
        (
            "JOBGATE_LISTEN__ADRESS",
            "x",
            r#"JOBGATE_LISTEN__ADRESS: sets no key; did you mean "JOBGATE_LISTEN__ADDRESS"?"#.to_owned(),
        ),
        ("JOBGATE_A__B", "x", "JOBGATE_A__B: sets no key".to_owned()),
        (
            "JOBGATE_PRICING__SETTLE",
            "x",
            "pricing.settle (set by JOBGATE_PRICING__SETTLE): must be \"held\", \"upstream-estimate\" or \"upstream-units\", not \"x\"".to_owned(),
        ),
        (
            "JOBGATE_BUDGET",
            "x",
            "JOBGATE_BUDGET: cannot be set by a variable; [[budget]] belongs in the file".to_owned(),
        ),
        (
            "JOBGATE_LIMITS__IN_FLIGHT",
            "many",
            "limits.in_flight (set by JOBGATE_LIMITS__IN_FLIGHT): must be a whole number, not \"many\"".to_owned(),
        ),
        (
            "JOBGATE_VALIDATION__SEVERITY__BODY_SYNTAX",
            "off",
            "validation.severity.\"body-syntax\" (set by JOBGATE_VALIDATION__SEVERITY__BODY_SYNTAX): is fixed at \"deny\": \
             a body that breaks it may be read as one job here and as another upstream; take the line out"
                .to_owned(),
        ),
    ];
    for (name, value, expected) in table {
        assert_eq!(problems("", Path::new("/nowhere"), &[(name, value)]), [expected]);
    }
}
