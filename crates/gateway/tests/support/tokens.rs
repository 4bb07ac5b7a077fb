//! What must hold of any key set and any token: nobody is anybody by a token that our key has not signed as it is, or that does not say
//! what is asked of it. Run by a fuzz target and, on the seeds, by a test.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a fault is found by panicking"
)]

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway::whom;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

const NOW: i64 = 1500;
const ASKED: (&str, &str, &str) = ("i", "a", "jobs");
const HEADER: &[u8] = br#"{"alg":"ES256"}"#;
const CLAIMS: &[u8] = br#"{"iss":"i","aud":"a","sub":"s","nbf":1000,"exp":2000,"scope":"jobs"}"#;

/// A key of ours, the set it is in, and a token that holds.
struct Issuer {
    pair: EcdsaKeyPair,
    point: [String; 2],
    set: Vec<u8>,
    token: String,
}

/// The first byte says what the rest is: a key set, a header or claims that our key signs, or a piece that is put into a token.
pub fn tokens(input: &[u8]) {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    let issuer = ISSUER.get_or_init(Issuer::new);
    let Some((kind, rest)) = input.split_first() else { return };
    match kind {
        b'S' => issuer.set(rest),
        b'H' => issuer.header(rest),
        b'C' => issuer.claims(rest),
        b'T' => issuer.spliced(rest),
        _ => {}
    }
}

impl Issuer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let point = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
        let key = json!({"kty": "EC", "crv": "P-256", "x": point[0], "y": point[1]});
        let set = json!({"keys": [key]}).to_string().into_bytes();
        let mut issuer = Self { pair, point, set, token: String::new() };
        issuer.token = issuer.signed(HEADER, CLAIMS);
        assert_eq!(issuer.whom(&issuer.token).as_deref(), Some("s"), "the one that all others are made of");
        issuer
    }

    fn signed(&self, header: &[u8], claims: &[u8]) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn whom(&self, token: impl AsRef<[u8]>) -> Option<String> {
        let now = jiff::Timestamp::from_second(NOW).unwrap();
        whom(&self.set, ASKED, token.as_ref(), now).expect("the set is one")
    }

    /// `@X` and `@Y` stand for our key. A set verifies our token only where our key is in it.
    fn set(&self, text: &[u8]) {
        let text = String::from_utf8_lossy(text).replace("@X", &self.point[0]).replace("@Y", &self.point[1]);
        let now = jiff::Timestamp::from_second(NOW).unwrap();
        match whom(text.as_bytes(), ASKED, self.token.as_bytes(), now) {
            Err(why) => assert!(!why.is_empty() && !why.contains(char::is_control), "{why:?}"),
            Ok(None) => {}
            Ok(Some(principal)) => {
                let set: Value = serde_json::from_str(&text).unwrap();
                let ours = |key: &Value| {
                    [&key["x"], &key["y"]] == self.point.each_ref().map(String::as_str)
                        && ["EC", "P-256"] == [&key["kty"], &key["crv"]]
                };
                assert_eq!(principal, "s");
                assert!(set["keys"].as_array().unwrap().iter().any(ours), "{text}");
            }
        }
    }

    /// Whatever a header says, the key decides how it is verified; nothing that must be understood is passed over.
    fn header(&self, header: &[u8]) {
        if self.whom(self.signed(header, CLAIMS)).is_some() {
            let said: Value = serde_json::from_slice(header).expect("a header is JSON");
            assert_eq!(said["alg"], "ES256", "{said}");
            assert!(said["crit"].is_null(), "{said}");
        }
    }

    /// As a reader of the claims understands them that has nothing else to do.
    fn claims(&self, claims: &[u8]) {
        let found = self.whom(self.signed(HEADER, claims));
        let tree: Option<Value> = serde_json::from_slice(claims).ok();
        let expected = tree.as_ref().and_then(principal);
        // Who says a thing twice may be told that it proves nothing.
        assert!(found.is_none() || found == expected, "{}", String::from_utf8_lossy(claims));
        if let Some(tree) = tree {
            let once = tree.to_string();
            assert_eq!(self.whom(self.signed(HEADER, once.as_bytes())), expected, "{once}");
        }
    }

    /// Where, how many bytes go, and what comes: only the signature itself can be written in two ways.
    fn spliced(&self, rest: &[u8]) {
        let [at, gone, piece @ ..] = rest else { return };
        let mut token = self.token.clone().into_bytes();
        let at = usize::from(*at).min(token.len());
        let end = (at + usize::from(*gone)).min(token.len());
        token.splice(at..end, piece.iter().copied());
        if self.whom(&token).is_some() {
            let signed = self.token.rsplit_once('.').unwrap().0.as_bytes();
            let other = String::from_utf8_lossy(&token);
            assert!(token.starts_with(signed) && token.get(signed.len()) == Some(&b'.'), "{other}");
        }
    }
}

fn principal(claims: &Value) -> Option<String> {
    let claims = claims.as_object()?;
    let among = |name: &str, word: &str| match claims.get(name) {
        Some(Value::String(one)) => one == word,
        Some(Value::Array(list)) => list.iter().any(|one| one == word),
        _ => false,
    };
    let date = |name: &str| {
        let date = claims.get(name)?.as_number()?;
        let float = date.as_f64().filter(|date| (0.0..2_f64.powi(63)).contains(date)).map(f64::floor);
        #[expect(clippy::cast_precision_loss, reason = "these are years away from any date that is compared")]
        date.as_i64().map(|whole| whole as f64).or(float)
    };
    let scope = if claims.contains_key("scope") { "scope" } else { "scp" };
    let granted = match claims.get(scope) {
        Some(Value::String(words)) => words.split(' ').any(|word| word == ASKED.2),
        Some(Value::Array(list)) => {
            list.iter().filter_map(Value::as_str).any(|words| words.split(' ').any(|word| word == ASKED.2))
        }
        _ => false,
    };
    let begun = !claims.contains_key("nbf") || date("nbf").is_some_and(|begin| begin - 60.0 <= 1500.0);
    let holds = claims.get("iss")?.as_str()? == ASKED.0
        && among("aud", ASKED.1)
        && date("exp").is_some_and(|end| end + 60.0 > 1500.0)
        && begun
        && granted;
    let name = claims.get("sub")?.as_str()?;
    let plain = (1..=256).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    (holds && plain).then(|| name.to_owned())
}
