//! Who a request is from, on live traffic: what a token must prove, what a proxy may say, and that a no sends nothing upstream.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod server;

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use gateway::Config;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use support::{JOB, Recorder, Reply, Running, get, head, post};

const RSA_KEYS: &str = include_str!("../data/jwks.json");
/// Signed by the key of that set, whose private half is gone; good until the year 2100.
const RSA_TOKEN: &str = include_str!("../data/rs256.jwt");
/// The year 2100.
const LATE: u64 = 4_102_444_800;

/// An issuer with a key of its own.
struct Issuer {
    pair: EcdsaKeyPair,
}

impl Issuer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
        Self { pair }
    }

    fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn jwk(&self, id: &str) -> Value {
        let (x, y) = self.public()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "kid": id, "x": BASE64.encode(x), "y": BASE64.encode(y)})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64.encode(signature))
    }

    fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "ES256", "kid": "ec-1"}), claims)
    }
}

fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()))
}

fn good() -> Value {
    json!({"iss": "https://issuer.example.com", "aud": "jobgate", "sub": "someone", "exp": LATE, "scope": "a itwin-platform"})
}

/// The same with one claim otherwise; without it where that is null.
fn with(claim: &str, value: Value) -> Value {
    let mut claims = good();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(claim);
    } else {
        claims[claim] = value;
    }
    claims
}

fn key_file(test: &str, content: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("identity");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{test}.json"));
    fs::write(&file, content).unwrap();
    file
}

fn section(file: &Path) -> String {
    format!(
        "[identity]\nmode = 'jwt'\nissuer = 'https://issuer.example.com'\naudience = 'jobgate'\njwks_file = '{}'\nscopes = ['itwin-platform']\n",
        file.display()
    )
}

/// A gateway that trusts that issuer and the one whose token is in a file.
fn trusting(test: &str, issuer: &Issuer) -> (Recorder, Running) {
    let mut set: Value = serde_json::from_str(RSA_KEYS).unwrap();
    set["keys"].as_array_mut().unwrap().push(issuer.jwk("ec-1"));
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, &section(&key_file(test, &set.to_string())));
    (upstream, gateway)
}

fn send(gateway: &Running, token: &str) -> Reply {
    gateway.send(&String::from_utf8(post(JOB)).unwrap().replace("t0k-en", token).into_bytes())
}

#[track_caller]
fn refused(reply: &Reply, message: &str) {
    assert_eq!((reply.status, reply.code().as_str()), (401, "InvalidToken"), "{reply:?}");
    assert_eq!(reply.json()["error"]["message"], format!("{message} Access denied."));
    assert!(reply.header("www-authenticate").is_some(), "{reply:?}");
    assert_eq!(reply.header("x-jobgate-decision"), Some("refused"));
}

#[test]
fn a_good_token_passes_and_goes_upstream_as_it_is() {
    let issuer = Issuer::new();
    let (upstream, gateway) = trusting("good", &issuer);
    let tokens = [
        RSA_TOKEN.trim().to_owned(),
        issuer.token(&good()),
        issuer.token(&with("aud", json!(["x", "jobgate"]))),
        issuer.token(&with("scope", json!(["itwin-platform", "b"]))),
        issuer.token(&with("exp", json!(4_102_444_800.5))),
        issuer.token(&with("nbf", json!(1_700_000_000))),
        issuer.token(&json!({"iss": "https://issuer.example.com", "aud": "jobgate", "sub": "x", "exp": LATE, "scp": ["itwin-platform"]})),
    ];
    for token in &tokens {
        assert_eq!(send(&gateway, token).status, 201, "{token}");
        let bearer = format!("Bearer {token}");
        assert_eq!(upstream.seen().last().unwrap().header("authorization"), Some(bearer.as_str()));
    }
    assert_eq!(upstream.seen().len(), tokens.len());
    let lines: String = gateway.log.lines(tokens.len()).iter().map(Value::to_string).collect();
    assert!(!lines.contains("someone"), "a principal is not logged: {lines}");
}

#[test]
fn a_claim_that_is_not_as_it_must_be_is_refused_and_nothing_is_sent() {
    let issuer = Issuer::new();
    let (upstream, gateway) = trusting("claims", &issuer);
    let other_issuer = "The token is from another issuer.";
    let other_audience = "The token is for another audience.";
    let expired = "The token has expired or has no expiry.";
    let early = "The token is not valid yet.";
    let scope = "The token lacks a required scope.";
    let nobody = "The request does not say who sent it in the required way.";
    for (claim, value, message) in [
        ("iss", json!("https://issuer.example.com/"), other_issuer),
        ("iss", json!(["https://issuer.example.com"]), other_issuer),
        ("iss", Value::Null, other_issuer),
        ("aud", json!("other"), other_audience),
        ("aud", json!(["jobgat", "jobgate2"]), other_audience),
        ("aud", Value::Null, other_audience),
        ("exp", json!(1_700_000_000), expired),
        ("exp", json!("4102444800"), expired),
        ("exp", json!(-1.5), expired),
        ("exp", Value::Null, expired),
        ("nbf", json!(LATE), early),
        ("nbf", json!("now"), early),
        ("scope", json!("itwin-platform2"), scope),
        ("scope", json!(""), scope),
        ("scope", Value::Null, scope),
        ("sub", Value::Null, nobody),
        ("sub", json!(7), nobody),
        ("sub", json!(""), nobody),
        ("sub", json!("a b"), nobody),
        ("sub", json!("x".repeat(257)), nobody),
    ] {
        refused(&send(&gateway, &issuer.token(&with(claim, value))), message);
    }
    assert_eq!(upstream.seen().len(), 0);
}

#[test]
fn a_token_that_nobody_vouches_for_is_refused_and_nothing_is_sent() {
    let issuer = Issuer::new();
    let (upstream, gateway) = trusting("forged", &issuer);
    let no_jwt = "The token is not a signed JWT of a known form.";
    let no_key = "The token is not signed with a known key and its algorithm.";
    let no_signature = "The token's signature is not valid.";
    for token in
        ["t0k-en", "a.b.c", "a.b", "....", &format!("{}.", message(&json!({"alg": "none"}), &good()))]
    {
        refused(&send(&gateway, token), no_jwt);
    }
    for alg in ["none", "None", "nOnE", "XS256"] {
        let unsigned = message(&json!({"alg": alg, "kid": "ec-1"}), &good());
        refused(&send(&gateway, &format!("{unsigned}.")), no_jwt);
        refused(&send(&gateway, &format!("{unsigned}.AAAA")), no_jwt);
    }
    let critical = json!({"alg": "ES256", "kid": "ec-1", "crit": ["b64"], "b64": false});
    refused(&send(&gateway, &issuer.sign(&critical, &good())), no_jwt);

    // The public key, which everybody has, as if it were a shared secret.
    let rsa: Value = serde_json::from_str(RSA_KEYS).unwrap();
    let secrets = [
        issuer.public().to_vec(),
        rsa.to_string().into_bytes(),
        BASE64.decode(rsa["keys"][0]["n"].as_str().unwrap()).unwrap(),
    ];
    for (id, secret) in [("ec-1", &secrets[0]), ("rsa-1", &secrets[1]), ("rsa-1", &secrets[2])] {
        let message = message(&json!({"alg": "HS256", "kid": id}), &good());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        refused(&send(&gateway, &format!("{message}.{}", BASE64.encode(tag))), no_key);
    }
    for header in [
        json!({"alg": "ES256", "kid": "ec-2"}),
        json!({"alg": "ES256"}),
        json!({"alg": "ES256", "kid": "rsa-1"}),
        json!({"alg": "RS256", "kid": "ec-1"}),
        json!({"alg": "ES384", "kid": "ec-1"}),
    ] {
        refused(&send(&gateway, &issuer.sign(&header, &good())), no_key);
    }
    // A key that the token brings along is nobody's.
    let stranger = Issuer::new();
    let own = json!({"alg": "ES256", "kid": "ec-1", "jwk": stranger.jwk("ec-1")});
    refused(&send(&gateway, &stranger.sign(&own, &good())), no_signature);
    // Every claim may be as wanted; it is not what was signed.
    for token in [issuer.token(&with("sub", json!("somebody"))), RSA_TOKEN.trim().to_owned()] {
        let mut parts: Vec<&str> = token.split('.').collect();
        let claims = BASE64.encode(with("sub", json!("else")).to_string());
        parts[1] = &claims;
        refused(&send(&gateway, &parts.join(".")), no_signature);
        let cut = token.rsplit_once('.').unwrap().0;
        refused(&send(&gateway, &format!("{cut}.")), no_signature);
    }
    assert_eq!(upstream.seen().len(), 0);
}

#[test]
fn every_route_asks_for_the_token() {
    let issuer = Issuer::new();
    let (upstream, gateway) = trusting("routes", &issuer);
    for target in ["/contextcapture/jobs", "/jobgate/v1/rules", "/jobgate/v1/rate-card"] {
        refused(&gateway.send(&get(target)), "The token is not a signed JWT of a known form.");
    }
    let estimate = support::request("POST", "/jobgate/v1/estimate", JOB);
    refused(&gateway.send(&estimate), "The token is not a signed JWT of a known form.");
    assert_eq!(upstream.seen().len(), 0);
}

#[test]
fn the_token_is_judged_before_anything_of_the_body() {
    let issuer = Issuer::new();
    let (upstream, gateway) = trusting("order", &issuer);
    let media = "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}";
    let length = "Content-Type: application/json\r\nContent-Length: 9999999\r\n\r\n";
    let expectation = "Content-Type: application/json\r\nExpect: wonders\r\nContent-Length: 2\r\n\r\n{}";
    for (more, status) in [(media, 415), (length, 413), (expectation, 417)] {
        let wire = head("POST", "/contextcapture/jobs", more);
        refused(&gateway.send(wire.as_bytes()), "The token is not a signed JWT of a known form.");
        let proven = wire.replace("t0k-en", RSA_TOKEN.trim());
        assert_eq!(gateway.send(proven.as_bytes()).status, status, "{more}");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_set_of_one_key_needs_no_name() {
    let issuer = Issuer::new();
    let mut key = issuer.jwk("");
    key.as_object_mut().unwrap().remove("kid");
    let upstream = Recorder::start();
    let file = key_file("one", &json!({"keys": [key]}).to_string());
    let gateway = Running::start(upstream.address, &section(&file));
    for header in [json!({"alg": "ES256"}), json!({"alg": "ES256", "kid": "any"})] {
        assert_eq!(send(&gateway, &issuer.sign(&header, &good())).status, 201);
    }
}

#[test]
fn a_key_set_that_cannot_be_used_is_refused() {
    let issuer = Issuer::new();
    let (one, other) = (issuer.jwk("a"), issuer.jwk("b"));
    let mut unnamed = issuer.jwk("");
    unnamed.as_object_mut().unwrap().remove("kid");
    let mut encrypts = issuer.jwk("a");
    encrypts["use"] = json!("enc");
    let shared = json!({"kty": "oct", "k": "AAAA", "kid": "a"});
    let short = json!({"kty": "RSA", "kid": "a", "e": "AQAB", "n": BASE64.encode([255; 128])});
    let none = "has no key that verifies RS256";
    for (name, text, expected) in [
        ("text", "keys".to_owned(), "is not JSON"),
        ("list", "[]".to_owned(), "has no list \"keys\""),
        ("empty", json!({"keys": []}).to_string(), none),
        ("enc", json!({"keys": [encrypts]}).to_string(), none),
        ("oct", json!({"keys": [shared]}).to_string(), none),
        ("short", json!({"keys": [short]}).to_string(), none),
        ("twice", json!({"keys": [one, other, one]}).to_string(), "has two keys with the same \"kid\""),
        (
            "unnamed",
            json!({"keys": [one, unnamed]}).to_string(),
            "has several keys and one of them has no \"kid\"",
        ),
    ] {
        let file = key_file(&format!("bad-{name}"), &text);
        let problems = Config::parse(&section(&file), Path::new("."), []).unwrap_err().to_string();
        assert!(problems.starts_with("identity.jwks_file: ") && problems.contains(expected), "{problems}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

const BY_PROXY: &str = "[identity]\nmode = 'header'\nheader = 'X-Principal'\n";

fn from(fields: &str) -> Vec<u8> {
    let more =
        format!("{fields}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{JOB}", JOB.len());
    head("POST", "/contextcapture/jobs", &more).into_bytes()
}

#[test]
fn a_proxy_says_once_who_sends_and_upstream_does_not_see_it() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, BY_PROXY);
    assert_eq!(gateway.send(&from("x-principal: someone\r\n")).status, 201);
    assert_eq!(upstream.seen()[0].header("x-principal"), None);
    for fields in ["", "x-principal:\r\n", "x-principal: a b\r\n", "x-principal: a\r\nX-Principal: a\r\n"] {
        let reply = gateway.send(&from(fields));
        refused(&reply, "The request does not say who sent it in the required way.");
    }
    let tokenless = String::from_utf8(from("x-principal: a\r\n")).unwrap();
    let tokenless = tokenless.replace("Authorization: Bearer t0k-en\r\n", "");
    assert_eq!(gateway.send(tokenless.as_bytes()).code(), "HeaderNotFound");
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn a_principal_has_its_own_allowance_whatever_its_token() {
    let upstream = Recorder::start();
    let limit = "[[rate_limit]]\nscope = 'principal'\nrequests = 2\nper = '1h'";
    let gateway = Running::start(upstream.address, &format!("{BY_PROXY}{limit}"));
    for (name, token, status) in [("a", "1", 201), ("a", "2", 201), ("a", "3", 429), ("b", "1", 201)] {
        let request = String::from_utf8(from(&format!("x-principal: {name}\r\n"))).unwrap();
        assert_eq!(
            gateway.send(request.replace("t0k-en", token).as_bytes()).status,
            status,
            "{name} {token}"
        );
    }
    let metrics = gateway.operator().send(&get("/metrics")).body;
    assert!(metrics.contains(r#"jobgate_rate_limited_total{scope="principal"} 1"#), "{metrics}");
}

#[test]
fn whoever_can_go_past_the_proxy_is_warned_of() {
    let warned = |address: &str| {
        let text = format!("listen.address = '{address}'\n{BY_PROXY}");
        let warnings = Config::parse(&text, Path::new("."), []).unwrap().warnings();
        warnings.iter().any(|line| line.starts_with("identity.mode is \"header\""))
    };
    assert!(warned("0.0.0.0:8080"));
    assert!(!warned("127.0.0.1:8080"));
}

/// Whoever tries one token after another is told to wait, as is whoever sends too much.
#[test]
fn tokens_that_prove_nothing_count_for_the_limits_of_their_sender() {
    let issuer = Issuer::new();
    let upstream = Recorder::start();
    let file = key_file("tried", &json!({"keys": [issuer.jwk("ec-1")]}).to_string());
    let limit = "[[rate_limit]]\nscope = 'address'\nrequests = 3\nper = '1h'\n";
    let gateway = Running::start(upstream.address, &format!("{}{limit}", section(&file)));
    let forged = |n: usize| Issuer::new().token(&with("sub", json!(format!("somebody-{n}"))));
    let told: Vec<u16> = (0..5).map(|n| send(&gateway, &forged(n)).status).collect();
    assert_eq!(told, [401, 401, 401, 429, 429]);
    assert_eq!(send(&gateway, &issuer.token(&good())).status, 429, "it is the same address");
    assert!(upstream.seen().is_empty());
}
