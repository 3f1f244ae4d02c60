//! A tool as these tools show it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::tool::lock::LockedPackage;
use crate::domain::tool::record::rfc3339;
use crate::domain::tool::{
    Annotations, Dependency, DependencyLock, EngineChoice, EngineKind, Example, Icon, Permissions,
    Revision, ToolRecord, ToolSchema,
};

/// A tool at its newest revision.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolView {
    /// The documented name.
    name: String,
    /// A title for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// What the tool does.
    description: String,
    /// The code; only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Arc<str>>,
    /// The code's size in bytes of UTF-8.
    code_size_bytes: usize,
    /// JSON Schema of the arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    input_schema: Option<ToolSchema>,
    /// JSON Schema of the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    output_schema: Option<ToolSchema>,
    /// Hints for clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations>,
    /// Icons for clients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    icons: Vec<Icon>,
    /// Words to find the tool by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    /// The engine asked for.
    engine: EngineChoice,
    /// The engine that runs this revision.
    engine_resolved: EngineKind,
    /// The container image where docker runs the tool.
    image: String,
    /// npm packages.
    dependencies: Vec<Dependency>,
    /// What they were resolved to: every package with its exact version and hash. Shown with the code,
    /// once they are installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<Vec<LockedPackage>>,
    /// Longest run of a call, in milliseconds.
    timeout_ms: u32,
    /// What the code may ask of the host.
    permissions: Permissions,
    /// Calls that show what the tool does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    examples: Vec<Example>,
    /// Whether the tool is listed and callable.
    enabled: bool,
    /// The revision: 1 or more, one more on every change.
    revision: Revision,
    /// SHA-256 in hexadecimal of all that affects the tool's behaviour.
    digest: String,
    /// When the tool was made: RFC 3339, UTC.
    created_at: String,
    /// When this revision was made: RFC 3339, UTC.
    updated_at: String,
}

impl ToolView {
    /// With or without the code.
    pub(super) fn of(record: &ToolRecord, with_code: bool) -> Self {
        let content = &record.content;
        Self {
            name: record.name.to_string(),
            title: content.title.clone(),
            description: content.description.clone(),
            code: with_code.then(|| Arc::clone(&content.code)),
            code_size_bytes: content.code.len(),
            input_schema: content.input_schema.clone(),
            output_schema: content.output_schema.clone(),
            annotations: content.annotations.clone(),
            icons: content.icons.clone(),
            tags: content.tags.clone(),
            engine: content.engine,
            engine_resolved: record.engine_resolved,
            image: content.image.to_string(),
            dependencies: content.dependencies.clone(),
            lock: content.lock.as_ref().filter(|_| with_code).map(DependencyLock::packages),
            timeout_ms: content.timeout_ms,
            permissions: content.permissions.clone(),
            examples: content.examples.clone(),
            enabled: record.enabled,
            revision: record.revision,
            digest: record.digest.as_str().to_owned(),
            created_at: rfc3339(record.created_at),
            updated_at: rfc3339(record.updated_at),
        }
    }
}

/// One tool.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct OneTool {
    /// The tool.
    pub(super) tool: ToolView,
}
