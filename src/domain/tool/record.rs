//! A tool at one revision: immutable, numbered, and verifiable by its digest.

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};

use super::{Digest, Expected, Revision, RevisionConflict, ToolContent, ToolName};
use crate::domain::caller::Actor;

/// An engine that runs code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// `QuickJS` in a locked-down process.
    Embedded,
    /// A container.
    Docker,
}

impl EngineKind {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Docker => "docker",
        }
    }
}

/// What made a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The tool was made.
    Create,
    /// Its definition was changed.
    Update,
    /// It was enabled.
    Enable,
    /// It was disabled.
    Disable,
    /// An old revision's content was brought back.
    Rollback,
    /// It came from another program's store.
    Import,
    /// Another program wrote it.
    External,
}

/// Who changes a tool, when, and what kind of change it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What kind.
    pub change: Change,
    /// Who.
    pub actor: Actor,
    /// When; kept to the millisecond.
    pub at: DateTime<Utc>,
}

/// A tool at one revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolRecord {
    /// Its name; never changes.
    pub name: ToolName,
    /// Its definition.
    #[serde(flatten)]
    pub content: ToolContent,
    /// A disabled tool is kept, not listed and not callable.
    pub enabled: bool,
    /// The revision.
    pub revision: Revision,
    /// The digest of `content`.
    pub digest: Digest,
    /// The engine that runs this revision: decided once, when the revision is made.
    pub engine_resolved: EngineKind,
    /// When the tool was made.
    #[serde(with = "millis")]
    pub created_at: DateTime<Utc>,
    /// When this revision was made.
    #[serde(with = "millis")]
    pub updated_at: DateTime<Utc>,
    /// Who made this revision.
    pub actor: Actor,
    /// What made this revision.
    pub change: Change,
}

/// What a record holds does not match its digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tool '{name}' at revision {revision} does not match its digest")]
pub struct DigestMismatch {
    /// The tool.
    pub name: ToolName,
    /// The revision.
    pub revision: Revision,
}

impl ToolRecord {
    /// A new tool. `last`: the last revision of a tool of this name that was deleted, so that revisions
    /// never come twice.
    pub fn create(
        name: ToolName,
        content: ToolContent,
        enabled: bool,
        engine_resolved: EngineKind,
        last: Option<Revision>,
        edit: Edit,
    ) -> Self {
        Self {
            name,
            digest: Digest::of(&content),
            content,
            enabled,
            revision: last.map_or(Revision::FIRST, Revision::next),
            engine_resolved,
            created_at: to_millis(edit.at),
            updated_at: to_millis(edit.at),
            actor: edit.actor,
            change: edit.change,
        }
    }

    /// The next revision with another definition.
    pub fn revise(
        &self,
        content: ToolContent,
        enabled: bool,
        engine_resolved: EngineKind,
        expected: Expected,
        edit: Edit,
    ) -> Result<Self, RevisionConflict> {
        expected.check(self.revision)?;
        Ok(Self {
            name: self.name.clone(),
            digest: Digest::of(&content),
            content,
            enabled,
            revision: self.revision.next(),
            engine_resolved,
            created_at: self.created_at,
            // A clock that went back must not make history run backwards.
            updated_at: to_millis(edit.at).max(self.updated_at),
            actor: edit.actor,
            change: edit.change,
        })
    }

    /// The next revision, enabled or disabled.
    pub fn set_enabled(
        &self,
        enabled: bool,
        expected: Expected,
        edit: Edit,
    ) -> Result<Self, RevisionConflict> {
        self.revise(self.content.clone(), enabled, self.engine_resolved, expected, edit)
    }

    /// Recomputes the digest. Stores call it on every record they read.
    pub fn verify(&self) -> Result<(), DigestMismatch> {
        if Digest::of(&self.content) == self.digest {
            Ok(())
        } else {
            Err(DigestMismatch { name: self.name.clone(), revision: self.revision })
        }
    }
}

/// What the wire form keeps of a time, so that a record is the same before and after it was stored.
fn to_millis(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(3)
}

/// RFC 3339 in UTC with milliseconds, the form of every time on the wire.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

mod millis {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &DateTime<Utc>, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&super::rfc3339(*at))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<DateTime<Utc>, D::Error> {
        DateTime::<Utc>::deserialize(from)
    }
}
