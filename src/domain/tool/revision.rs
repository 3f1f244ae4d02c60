//! Revisions: the numbers that optimistic concurrency compares.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// A tool's revision: 1, 2, 3..., one more on every change, never reused for a name.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Revision(NonZeroU64);

impl Revision {
    /// The revision of a name that was never used before.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// `None` for 0.
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The revision after this one. Saturates after 2^64 - 1 changes.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// As a plain number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a writer believes the newest revision to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expected {
    /// Whatever is newest: the write is retried on it.
    #[default]
    Any,
    /// Exactly this one, else nothing changes.
    Exactly(Revision),
}

impl Expected {
    /// Compares with the revision that is actually newest.
    pub fn check(self, actual: Revision) -> Result<(), RevisionConflict> {
        match self {
            Self::Exactly(expected) if expected != actual => {
                Err(RevisionConflict { expected, actual })
            }
            _ => Ok(()),
        }
    }
}

impl From<Option<Revision>> for Expected {
    fn from(expected: Option<Revision>) -> Self {
        expected.map_or(Self::Any, Self::Exactly)
    }
}

/// Somebody else changed the tool since the writer read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "revision conflict: expected revision {expected}, but the tool is at revision {actual}; read it again and repeat the change on that"
)]
pub struct RevisionConflict {
    /// What the writer expected.
    pub expected: Revision,
    /// What is there.
    pub actual: Revision,
}
