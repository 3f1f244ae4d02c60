//! A record as it is stored: one JSON object with the number of its form, which must load forever.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::caller::Actor;
use crate::domain::tool::record::Change;
use crate::domain::tool::{Digest, EngineKind, Revision, ToolContent, ToolName, ToolRecord};

/// The form that is written. Older ones are still read.
const FORM: u32 = 1;

/// Why a row can't be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowError {
    /// Not JSON, or not of a form known here.
    #[error("the record can't be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Written by a later release.
    #[error("the record has form {0}; this release reads up to form {FORM}")]
    Newer(u32),
    /// It stands under a name or revision that is not its own.
    #[error("the record is stored under another name or revision than its own")]
    Misplaced,
    /// It is not what was written.
    #[error("the record does not match its digest")]
    Digest,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    form: u32,
    name: Cow<'a, ToolName>,
    revision: Revision,
    enabled: bool,
    digest: Cow<'a, Digest>,
    engine_resolved: EngineKind,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    actor: Cow<'a, Actor>,
    change: Change,
    content: Cow<'a, ToolContent>,
}

pub(super) fn encode(record: &ToolRecord) -> Result<Vec<u8>, RowError> {
    let row = Row {
        form: FORM,
        name: Cow::Borrowed(&record.name),
        revision: record.revision,
        enabled: record.enabled,
        digest: Cow::Borrowed(&record.digest),
        engine_resolved: record.engine_resolved,
        created_at: record.created_at,
        updated_at: record.updated_at,
        actor: Cow::Borrowed(&record.actor),
        change: record.change,
        content: Cow::Borrowed(&record.content),
    };
    Ok(serde_json::to_vec(&row)?)
}

/// Reads a row that stands under this name and revision, and verifies its digest.
pub(super) fn decode(name: &str, revision: u64, json: &[u8]) -> Result<ToolRecord, RowError> {
    let row: Row<'_> = serde_json::from_slice(json).map_err(|error| newer(json, error))?;
    if row.form > FORM {
        return Err(RowError::Newer(row.form));
    }
    if row.name.as_str() != name || row.revision.get() != revision {
        return Err(RowError::Misplaced);
    }
    let record = ToolRecord {
        name: row.name.into_owned(),
        content: row.content.into_owned(),
        enabled: row.enabled,
        revision: row.revision,
        digest: row.digest.into_owned(),
        engine_resolved: row.engine_resolved,
        created_at: row.created_at,
        updated_at: row.updated_at,
        actor: row.actor.into_owned(),
        change: row.change,
    };
    record.verify().map_err(|_| RowError::Digest)?;
    Ok(record)
}

/// A row that does not parse may only be of a form that is not known yet.
fn newer(json: &[u8], error: serde_json::Error) -> RowError {
    #[derive(Deserialize)]
    struct Form {
        form: u32,
    }
    match serde_json::from_slice(json) {
        Ok(Form { form }) if form > FORM => RowError::Newer(form),
        _ => RowError::Unreadable(error),
    }
}
