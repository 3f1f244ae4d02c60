//! The Node project's `tools.json` (version 1), read once into a new file.
//!
//! What today's policy would refuse is kept: reserved names, blocked packages, images that are not allowed,
//! more tools than the limit. Such a tool is listed, and a call of it says what is missing.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::error::OpenError;
use crate::domain::caller::Actor;
use crate::domain::image::{AllowedImages, ContainerImage};
use crate::domain::tool::{
    Change, Dependency, Digest, EngineChoice, EngineKind, Permissions, Revision, ToolContent,
    ToolName, ToolRecord,
};

#[derive(Deserialize)]
struct NodeStore {
    version: u32,
    tools: Vec<NodeTool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeTool {
    name: ToolName,
    title: Option<String>,
    description: String,
    #[serde(default = "default_image")]
    image: String,
    #[serde(default = "default_timeout_ms")]
    timeout_ms: u32,
    #[serde(default)]
    dependencies: Vec<NodeDependency>,
    code: String,
    #[serde(default = "enabled_by_default")]
    enabled: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    revision: Revision,
}

/// Unlike [`Dependency`], it may carry keys that are not known here.
#[derive(Deserialize)]
struct NodeDependency {
    name: String,
    version: String,
}

fn default_image() -> String {
    AllowedImages::DEFAULT.to_owned()
}

const fn default_timeout_ms() -> u32 {
    crate::domain::tool::policy::DEFAULT_TIMEOUT_MS
}

const fn enabled_by_default() -> bool {
    true
}

/// The tools of the store at `path`; none where there is no file.
pub(super) fn read(path: &Path) -> Result<Vec<ToolRecord>, OpenError> {
    let json = match std::fs::read(path) {
        Ok(json) => json,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(OpenError::io("read", path, error)),
    };
    parse(&json).map_err(|reason| OpenError::Import { path: path.to_owned(), reason })
}

fn parse(json: &[u8]) -> Result<Vec<ToolRecord>, String> {
    let store: NodeStore = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if store.version != 1 {
        return Err(format!("it has version {}, and only version 1 is known", store.version));
    }
    let mut names = BTreeSet::new();
    for tool in &store.tools {
        if !names.insert(&tool.name) {
            return Err(format!("it holds the tool '{}' twice", tool.name));
        }
    }
    Ok(store.tools.into_iter().map(record).collect())
}

fn record(tool: NodeTool) -> ToolRecord {
    let image = ContainerImage::parse(&tool.image).unwrap_or_else(|_| {
        let instead = AllowedImages::default().default_image();
        tracing::warn!(tool.name = %tool.name, %instead, "imported a tool whose image is no image reference");
        instead
    });
    let engine_resolved =
        if tool.dependencies.is_empty() { EngineKind::Embedded } else { EngineKind::Docker };
    let dependencies = tool.dependencies.into_iter();
    let content = ToolContent {
        title: tool.title,
        description: tool.description,
        code: tool.code.into(),
        input_schema: None,
        output_schema: None,
        annotations: None,
        icons: Vec::new(),
        tags: Vec::new(),
        engine: EngineChoice::Auto,
        image,
        dependencies: dependencies
            .map(|dependency| Dependency { name: dependency.name, version: dependency.version })
            .collect(),
        lock: None,
        timeout_ms: tool.timeout_ms,
        permissions: Permissions::default(),
        examples: Vec::new(),
    };
    ToolRecord {
        name: tool.name,
        digest: Digest::of(&content),
        content,
        enabled: tool.enabled,
        revision: tool.revision,
        engine_resolved,
        created_at: tool.created_at,
        updated_at: tool.updated_at,
        actor: Actor::Import,
        change: Change::Import,
    }
}
