//! The issuer's public keys, read from a JSON Web Key Set. Which key a token needs is decided here; signatures are not.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation};
use serde_json::Value;

/// The keys of a set that verify RS256 or ES256; there is at least one, and no two share an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet(Vec<Jwk>);

impl KeySet {
    /// Reads a JSON Web Key Set; keys for something else are passed over.
    ///
    /// # Errors
    /// What is wrong with it, to be said after the name of its file.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let set: Value =
            serde_json::from_slice(bytes).map_err(|_| "is not JSON; it must be a JSON Web Key Set")?;
        let list = set.get("keys").and_then(Value::as_array);
        let list = list.ok_or("has no list \"keys\"; it must be a JSON Web Key Set")?;
        let keys: Vec<Jwk> = list
            .iter()
            .filter_map(|key| serde_json::from_value(key.clone()).ok())
            .filter(is_usable)
            .collect();
        if keys.is_empty() {
            return Err(
                "has no key that verifies RS256 (RSA of 2048 to 8192 bits) or ES256 (EC on P-256); for example, keys of use \"enc\" do not",
            );
        }
        let ids: Vec<_> = keys.iter().map(|key| key.common.key_id.as_deref()).collect();
        if ids.len() > 1 && ids.contains(&None) {
            return Err(
                "has several keys and one of them has no \"kid\": tokens could not say which one they mean",
            );
        }
        if (1..ids.len()).any(|at| ids.iter().take(at).any(|id| Some(id) == ids.get(at))) {
            return Err("has two keys with the same \"kid\"");
        }
        Ok(Self(keys))
    }
}

/// A key as it is used.
#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) verifies: DecodingKey,
    /// What the library is to check: the signature alone.
    pub(super) validation: Validation,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    pub(super) fn new(set: &KeySet) -> Self {
        let key = |jwk: &Jwk| {
            let (algorithm, verifies) = usable(jwk)?;
            Some(Key {
                id: jwk.common.key_id.clone(),
                algorithm,
                verifies,
                validation: signature_alone(algorithm),
            })
        };
        Self(set.0.iter().filter_map(key).collect())
    }

    /// The key that a token means. A token that names none means the only one, and so does any where that has no name.
    pub(super) fn find(&self, id: Option<&str>) -> Option<&Key> {
        let only = || if let [only] = self.0.as_slice() { Some(only) } else { None };
        match id {
            Some(id) => self
                .0
                .iter()
                .find(|key| key.id.as_deref() == Some(id))
                .or_else(|| only().filter(|key| key.id.is_none())),
            None => only(),
        }
    }
}

/// Claims are judged by the request's own date, and not here: the library would ask the system's clock.
fn signature_alone(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

fn is_usable(jwk: &Jwk) -> bool {
    usable(jwk).is_some()
}

/// The one algorithm that a key is used with, if it is for signatures of ours.
fn usable(jwk: &Jwk) -> Option<(Algorithm, DecodingKey)> {
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        _ => return None,
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let sound = match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => {
            let leading = n.iter().take_while(|byte| **byte == 0).count();
            (256..=1024).contains(&n.len().saturating_sub(leading))
        }
        // Uncompressed: one byte that says so and two numbers of 32.
        DecodingKeyKind::SecretOrDer(point) => point.len() == 65,
    };
    let fits = common.key_algorithm.is_none_or(|algorithm| algorithm == named);
    (signs && sound && fits).then_some((algorithm, key))
}
