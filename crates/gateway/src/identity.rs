//! Learns who a request is from: a verified token or a trusted proxy's header becomes a principal. It knows no budget and no limit.

mod keys;
mod ring_provider;
mod source;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, decode, decode_header};
use serde_json::{Map, Value};

use crate::clock;
use crate::config;
use crate::rejection::{Rejection, TokenFault};

pub use keys::KeySet;
use keys::Keys;
use source::Source;

/// How far the issuer's clock may be from ours, in seconds.
const LEEWAY: i64 = 60;
/// The longest principal.
const LONGEST: usize = 256;

/// Whom a request is from, as verified: 1 to 256 visible ASCII characters. Never logged; operators see it in the ledger.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Principal(Box<str>);

impl Principal {
    pub(crate) fn new(text: &str) -> Option<Self> {
        let good = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        good.then(|| Self(text.into()))
    }

    /// As the ledger writes it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Principal(..)")
    }
}

/// How the gateway learns who a request is from.
#[derive(Debug)]
pub(crate) enum Identity {
    /// It does not.
    None,
    /// From the token.
    Jwt(Box<Verifier>),
    /// From a header that a proxy in front sets.
    Header(HeaderName),
}

impl Identity {
    pub(crate) fn new(config: config::Identity) -> Self {
        match config {
            config::Identity::None => Self::None,
            config::Identity::Jwt(jwt) => Self::Jwt(Box::new(Verifier::new(*jwt))),
            config::Identity::Header(name) => Self::Header(name),
        }
    }

    /// Whom a request is from; its Authorization header has been found to be one bearer token.
    ///
    /// # Errors
    /// `InvalidToken`, with what could not be proven; `KeysUnavailable` where that cannot be told now.
    pub(crate) async fn principal(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Option<Principal>, Rejection> {
        let found = match self {
            Self::None => return Ok(None),
            Self::Jwt(verifier) => match bearer(headers) {
                Some(token) => verifier.whom(token, now).await?,
                None => Err(TokenFault::Form),
            },
            Self::Header(name) => named(headers, name),
        };
        found.map(Some).map_err(Rejection::InvalidToken)
    }

    /// Asks for the issuer's keys anew, where they come from a server and it is not too soon. Tells in how long to do so again.
    pub(crate) async fn refresh(&self) -> Duration {
        let Self::Jwt(verifier) = self else { return Duration::MAX };
        verifier.source.refresh().await;
        verifier.source.pause()
    }

    /// How long ago the issuer has confirmed its keys; nothing where it is not asked for them.
    pub(crate) fn keys_age(&self) -> Duration {
        match self {
            Self::Jwt(verifier) => verifier.source.age(),
            Self::None | Self::Header(_) => Duration::ZERO,
        }
    }

    /// Whether tokens can be verified.
    pub(crate) fn is_known(&self) -> bool {
        match self {
            Self::Jwt(verifier) => verifier.source.keys().is_some(),
            Self::None | Self::Header(_) => true,
        }
    }
}

/// Whom a token is of, by the text of a key set and by what is asked of the token: all that is read of strangers here, without a
/// gate around it. Nobody where the token proves nothing.
///
/// # Errors
/// What is wrong with the key set.
pub fn whom(
    set: &[u8],
    (issuer, audience, scope): (&str, &str, &str),
    token: &[u8],
    now: Timestamp,
) -> Result<Option<String>, &'static str> {
    let set = KeySet::parse(set)?;
    let keys = Keys::new(&set);
    let verifier = Verifier::new(config::Jwt {
        issuer: issuer.to_owned(),
        audience: audience.to_owned(),
        keys: config::KeySource::File(std::path::PathBuf::new(), set),
        scopes: vec![scope.to_owned()],
        principal_claim: "sub".to_owned(),
    });
    Ok(verifier.verify(&keys, token, now).ok().map(|principal| principal.as_str().to_owned()))
}

/// The token behind the scheme.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (_, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    Some(token.trim_ascii())
}

/// What the proxy in front says, once: a second field could be the client's own.
fn named(headers: &HeaderMap, name: &HeaderName) -> Result<Principal, TokenFault> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().and_then(Principal::new).ok_or(TokenFault::Principal),
        _ => Err(TokenFault::Principal),
    }
}

/// Verifies tokens of one issuer.
#[derive(Debug)]
pub(crate) struct Verifier {
    source: Arc<Source>,
    issuer: String,
    audience: String,
    scopes: Vec<String>,
    principal_claim: String,
}

impl Verifier {
    fn new(config: config::Jwt) -> Self {
        ring_provider::install();
        Self {
            source: Arc::new(Source::new(config.keys)),
            issuer: config.issuer,
            audience: config.audience,
            scopes: config.scopes,
            principal_claim: config.principal_claim,
        }
    }

    /// Whom a token is of. One of a key that is not known may be of a new one, so the issuer is asked; where it was too soon for that, or
    /// it did not answer, nobody knows whether the token is good.
    async fn whom(&self, token: &[u8], now: Timestamp) -> Result<Result<Principal, TokenFault>, Rejection> {
        let came = clock::now();
        if let Some(keys) = self.source.keys() {
            let verdict = self.verify(&keys, token, now);
            if verdict != Err(TokenFault::Key) || !names_another(&keys, token) {
                return Ok(verdict);
            }
        }
        self.source.refresh_for_a_token().await;
        let is_certain = self.source.is_as_of(came);
        let verdict = self.source.keys().map(|keys| self.verify(&keys, token, now));
        verdict
            .filter(|verdict| is_certain || *verdict != Err(TokenFault::Key))
            .ok_or_else(|| Rejection::KeysUnavailable(self.source.wait()))
    }

    /// The signature comes first: nothing is told about claims that nobody vouches for.
    fn verify(&self, keys: &Keys, token: &[u8], now: Timestamp) -> Result<Principal, TokenFault> {
        let claims = claims(keys, token)?;
        let now = now.as_second();
        if text(&claims, "iss") != Some(self.issuer.as_str()) {
            return Err(TokenFault::Issuer);
        }
        if !words(&claims, "aud").contains(&self.audience.as_str()) {
            return Err(TokenFault::Audience);
        }
        // A token without an end would be good for ever.
        if seconds(claims.get("exp")).is_none_or(|end| end.saturating_add(LEEWAY) <= now) {
            return Err(TokenFault::Expired);
        }
        let begin = claims.get("nbf");
        if begin.is_some() && seconds(begin).is_none_or(|begin| begin.saturating_sub(LEEWAY) > now) {
            return Err(TokenFault::NotYet);
        }
        let granted = granted(&claims);
        if !self.scopes.iter().all(|scope| granted.contains(&scope.as_str())) {
            return Err(TokenFault::Scope);
        }
        text(&claims, &self.principal_claim).and_then(Principal::new).ok_or(TokenFault::Principal)
    }
}

/// What the token says, where one of our keys has signed it. The key decides on the algorithm, never the token.
fn claims(keys: &Keys, token: &[u8]) -> Result<Map<String, Value>, TokenFault> {
    let header = decode_header(token).map_err(|_| TokenFault::Form)?;
    if header.crit.is_some() {
        // It asks for something that must be understood, and we understand nothing of the kind.
        return Err(TokenFault::Form);
    }
    let key = keys.find(header.kid.as_deref()).ok_or(TokenFault::Key)?;
    if header.alg != key.algorithm {
        return Err(TokenFault::Key);
    }
    decode(token, &key.verifies, &key.validation).map(|token| token.claims).map_err(|error| {
        match error.kind() {
            ErrorKind::Json(_) | ErrorKind::Utf8(_) => TokenFault::Form,
            _ => TokenFault::Signature,
        }
    })
}

/// Whether a token names a key that is not among these and could be among others.
fn names_another(keys: &Keys, token: &[u8]) -> bool {
    decode_header(token).is_ok_and(|header| {
        matches!(header.alg, Algorithm::RS256 | Algorithm::ES256)
            && header.kid.is_some_and(|kid| keys.find(Some(&kid)).is_none())
    })
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// One word or a list of them.
fn words<'a>(claims: &'a Map<String, Value>, name: &str) -> Vec<&'a str> {
    match claims.get(name) {
        Some(Value::String(word)) => vec![word],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What the token allows: issuers write `scope` or `scp`, a list or words in one text.
fn granted(claims: &Map<String, Value>) -> Vec<&str> {
    let name = if claims.contains_key("scope") { "scope" } else { "scp" };
    words(claims, name).into_iter().flat_map(|word| word.split(' ')).collect()
}

/// A date of a token; a fraction of a second is dropped.
fn seconds(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    let fraction = || std::time::Duration::try_from_secs_f64(value.as_f64()?).ok()?.as_secs().try_into().ok();
    value.as_i64().or_else(fraction)
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    fn encode(bytes: &[u8]) -> String {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }

    /// A token that begins at 1000 and ends at 2000, and who verifies it.
    fn issued() -> (Verifier, String) {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let set = json!({"keys": [{"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)}]});
        let claims = json!({"iss": "i", "aud": "a", "sub": "s", "nbf": 1000, "exp": 2000});
        let message = format!("{}.{}", encode(br#"{"alg":"ES256"}"#), encode(claims.to_string().as_bytes()));
        let signature = encode(pair.sign(&random, message.as_bytes()).unwrap().as_ref());
        let verifier = Verifier::new(config::Jwt {
            issuer: "i".to_owned(),
            audience: "a".to_owned(),
            keys: config::KeySource::File(
                "keys.json".into(),
                KeySet::parse(set.to_string().as_bytes()).unwrap(),
            ),
            scopes: Vec::new(),
            principal_claim: "sub".to_owned(),
        });
        (verifier, format!("{message}.{signature}"))
    }

    #[test]
    fn a_token_holds_from_its_begin_to_its_end_and_a_minute_on_either_side() {
        let (verifier, token) = issued();
        for (now, expected) in [
            (939, Some(TokenFault::NotYet)),
            (940, None),
            (1500, None),
            (2059, None),
            (2060, Some(TokenFault::Expired)),
            (i64::from(u32::MAX), Some(TokenFault::Expired)),
        ] {
            let keys = verifier.source.keys().unwrap();
            let verdict = verifier.verify(&keys, token.as_bytes(), Timestamp::from_second(now).unwrap());
            assert_eq!(verdict.err(), expected, "{now}");
        }
    }

    #[test]
    fn a_principal_shows_nothing_of_itself() {
        let principal = Principal::new("someone@example.com").unwrap();
        assert_eq!(format!("{principal:?}"), "Principal(..)");
        for text in ["", "a b", "a\n", "\u{e9}", &"x".repeat(257)] {
            assert_eq!(Principal::new(text), None, "{text:?}");
        }
        assert!(Principal::new(&"x".repeat(256)).is_some());
    }
}
