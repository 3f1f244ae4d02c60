//! Remembers tokens that were judged good, so that the signature of each is checked once and not at every request.
//!
//! What is remembered belongs to the keys that were published when the token was judged, and goes when they are
//! fetched anew: a key that is withdrawn takes its tokens with it as soon as that is known. Only tokens with a good
//! signature get here, so that nobody without one can push anything out.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use hashlink::LruCache;
use sha2::{Digest as _, Sha256};

use crate::domain::Caller;

/// Most tokens that are remembered; those that were not used for longest are forgotten. About half a KiB each.
const MAX_TOKENS: usize = 10_000;

/// What stands for a token: it is not kept itself.
pub(super) type Fingerprint = [u8; 32];

/// A good token.
#[derive(Debug, Clone)]
pub(super) struct Verified {
    pub(super) caller: Caller,
    /// From when on it is accepted no more.
    pub(super) ends: DateTime<Utc>,
}

/// Good tokens.
#[derive(Debug)]
pub(super) struct VerifiedTokens(Mutex<LruCache<Fingerprint, Verified>>);

/// What stands for this token.
pub(super) fn fingerprint(token: &str) -> Fingerprint {
    Sha256::digest(token.as_bytes()).into()
}

impl VerifiedTokens {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(MAX_TOKENS)))
    }

    /// What is known of a token that is still good.
    pub(super) fn get(&self, token: &Fingerprint, now: DateTime<Utc>) -> Option<Verified> {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let verified = tokens.get(token)?;
        if now < verified.ends {
            return Some(verified.clone());
        }
        tokens.remove(token);
        None
    }

    pub(super) fn insert(&self, token: Fingerprint, verified: Verified) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token, verified);
    }
}
