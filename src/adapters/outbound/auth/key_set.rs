//! The issuer's keys: which of them may have signed a token.

use std::collections::BTreeSet;

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Most keys of one set; issuers publish a handful.
const MAX_KEYS: usize = 100;

/// Most keys that are tried for one token: several share an identifier only for a moment.
const MAX_CANDIDATES: usize = 4;

/// What an RSA key may sign with if it does not say.
const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// One key, with what it may be used for.
#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    verifies: DecodingKey,
}

/// The keys that an issuer publishes, less those that can't verify a signature.
#[derive(Debug, Default)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl KeySet {
    /// Reads a JWK Set (RFC 7517, section 5). Keys of a kind that is not known are passed over, as the
    /// standard says; a set without a usable key is an error.
    pub(super) fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let document: Document<'_> =
            serde_json::from_slice(body).map_err(|_| "what it sent is not a JWK Set")?;
        let keys: Vec<_> = document
            .keys
            .iter()
            .take(MAX_KEYS)
            .filter_map(|key| serde_json::from_str(key.get()).ok())
            .filter_map(|jwk| Key::of(&jwk))
            .collect();
        if keys.is_empty() { Err("its JWK Set has no key for signatures") } else { Ok(Self(keys)) }
    }

    /// How many keys, and for which signatures.
    pub(super) fn describe(&self) -> String {
        let all = self.0.iter().flat_map(|key| &key.algorithms);
        let names: BTreeSet<String> = all.map(|algorithm| format!("{algorithm:?}")).collect();
        let names: Vec<String> = names.into_iter().collect();
        let keys = if self.0.len() == 1 { "key" } else { "keys" };
        format!("{} {keys} for signatures, by {}", self.0.len(), names.join(", "))
    }

    /// The keys that a token with this header may be signed with. A token that names no key has to leave no
    /// choice.
    pub(super) fn candidates(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<&DecodingKey> {
        let fits = |key: &&Key| key.algorithms.contains(&algorithm);
        let Some(id) = id else {
            let mut all = self.0.iter().filter(fits);
            return match (all.next(), all.next()) {
                (Some(only), None) => vec![&only.verifies],
                _ => Vec::new(),
            };
        };
        let named = self.0.iter().filter(|key| key.id.as_deref() == Some(id)).filter(fits);
        named.take(MAX_CANDIDATES).map(|key| &key.verifies).collect()
    }
}

impl Key {
    /// `None` for what is not a public key for signatures. Above all never a symmetric one: what everybody
    /// can read would sign for everybody.
    fn of(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        let for_signatures =
            common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
        let verifies = common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !for_signatures || !verifies {
            return None;
        }
        let possible: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => RSA,
            AlgorithmParameters::EllipticCurve(key) => match key.curve {
                EllipticCurve::P256 => &[Algorithm::ES256],
                EllipticCurve::P384 => &[Algorithm::ES384],
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                &[Algorithm::EdDSA]
            }
            _ => return None,
        };
        let algorithms = match common.key_algorithm {
            None => possible.to_vec(),
            Some(named) => vec![*possible.iter().find(|one| is(**one, named))?],
        };
        let verifies = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { id: common.key_id.clone(), algorithms, verifies })
    }
}

fn is(algorithm: Algorithm, named: KeyAlgorithm) -> bool {
    Algorithm::try_from(named).is_ok_and(|named| named == algorithm)
}
