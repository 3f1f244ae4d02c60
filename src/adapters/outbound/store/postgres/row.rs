//! A row of `dynamic_tools`, which another program may have written, and the record it stands for.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::Actor;
use crate::domain::image::ContainerImage;
use crate::domain::tool::content::{Annotations, Example, Icon};
use crate::domain::tool::{
    Change, Dependency, DependencyLock, Digest, EngineChoice, EngineKind, Permissions, Revision,
    ToolContent, ToolName, ToolRecord, ToolSchema,
};

/// A row as PostgreSQL's own JSON functions read and write it: JSON columns keep their text as it was.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row {
    name: String,
    title: Option<String>,
    description: String,
    image: String,
    timeout_ms: u32,
    dependencies: Vec<Dependency>,
    lock: Option<DependencyLock>,
    code: String,
    enabled: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    revision: u64,
    input_schema: Option<ToolSchema>,
    output_schema: Option<ToolSchema>,
    annotations: Option<Annotations>,
    icons: Option<Vec<Icon>>,
    tags: Option<Vec<String>>,
    engine: Option<EngineChoice>,
    permissions: Option<Permissions>,
    examples: Option<Vec<Example>>,
    digest: Option<Digest>,
    engine_resolved: Option<EngineKind>,
    actor: Option<Actor>,
    change: Option<Change>,
}

impl Row {
    /// Reads a row from PostgreSQL's JSON of it.
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| format!("a row can't be read: {error}"))
    }

    /// The record. `default_engine` runs what another program wrote, which knows no engines.
    pub(super) fn into_record(self, default_engine: EngineKind) -> Result<ToolRecord, String> {
        let with_dependencies = !self.dependencies.is_empty();
        let content = ToolContent {
            title: self.title,
            description: self.description,
            code: self.code.into(),
            input_schema: self.input_schema,
            output_schema: self.output_schema,
            annotations: self.annotations,
            icons: self.icons.unwrap_or_default(),
            tags: self.tags.unwrap_or_default(),
            engine: self.engine.unwrap_or_default(),
            image: ContainerImage::parse(&self.image).map_err(|error| error.to_string())?,
            dependencies: self.dependencies,
            lock: self.lock,
            timeout_ms: self.timeout_ms,
            permissions: self.permissions.unwrap_or_default(),
            examples: self.examples.unwrap_or_default(),
        };
        let engine = if with_dependencies { EngineKind::Docker } else { default_engine };
        let record = ToolRecord {
            name: ToolName::parse_external(&self.name).map_err(|error| error.to_string())?,
            digest: self.digest.unwrap_or_else(|| Digest::of(&content)),
            content,
            enabled: self.enabled,
            revision: Revision::new(self.revision).ok_or("a row's revision is 0")?,
            engine_resolved: self.engine_resolved.unwrap_or(engine),
            created_at: self.created_at,
            updated_at: self.updated_at,
            actor: self.actor.unwrap_or(Actor::External),
            change: self.change.unwrap_or(Change::External),
        };
        record.verify().map_err(|error| error.to_string())?;
        Ok(record)
    }
}

impl From<&ToolRecord> for Row {
    fn from(record: &ToolRecord) -> Self {
        let content = &record.content;
        Self {
            name: record.name.to_string(),
            title: content.title.clone(),
            description: content.description.clone(),
            image: content.image.to_string(),
            timeout_ms: content.timeout_ms,
            dependencies: content.dependencies.clone(),
            lock: content.lock.clone(),
            code: content.code.to_string(),
            enabled: record.enabled,
            created_at: record.created_at,
            updated_at: record.updated_at,
            revision: record.revision.get(),
            input_schema: content.input_schema.clone(),
            output_schema: content.output_schema.clone(),
            annotations: content.annotations.clone(),
            icons: Some(content.icons.clone()),
            tags: Some(content.tags.clone()),
            engine: Some(content.engine),
            permissions: Some(content.permissions.clone()),
            examples: Some(content.examples.clone()),
            digest: Some(record.digest.clone()),
            engine_resolved: Some(record.engine_resolved),
            actor: Some(record.actor.clone()),
            change: Some(record.change),
        }
    }
}
