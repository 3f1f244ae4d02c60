//! Code that the interpreter has taken for the body of a function, so that a call need not parse it twice.
//!
//! What is known came from a worker. One that was broken into can only speak of the code that broke into it.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

/// Most codes that are remembered; beyond it all are forgotten. 32 bytes each.
const MOST: usize = 8_192;

/// A code's SHA-256.
pub(super) type CodeDigest = [u8; 32];

/// See the module.
#[derive(Default)]
pub(super) struct SyntaxCache(Mutex<HashSet<CodeDigest>>);

impl SyntaxCache {
    /// What a code is remembered by.
    pub(super) fn digest(code: &str) -> CodeDigest {
        Sha256::digest(code).into()
    }

    /// Whether it is known.
    pub(super) fn has(&self, digest: &CodeDigest) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(digest)
    }

    /// Remembers it.
    pub(super) fn add(&self, digest: CodeDigest) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(digest);
    }
}
