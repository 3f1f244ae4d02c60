//! What a tool *is* at one revision: validated, and complete with its defaults.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Dependency, DependencyLock, Permissions, ToolSchema};
use crate::domain::image::ContainerImage;

/// Which engine a tool asks for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// Decided once a revision: docker where there are dependencies, else the server's engine.
    #[default]
    Auto,
    /// `QuickJS` in a locked-down process.
    Embedded,
    /// A container.
    Docker,
}

/// Hints about a tool's behaviour, as MCP defines them. Each is optional, and no client may trust them.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Annotations {
    /// A title for people, 1 to 120 characters; the tool's own `title` wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The tool changes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only_hint: Option<bool>,
    /// The tool may destroy something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destructive_hint: Option<bool>,
    /// Calling twice with the same arguments is as calling once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent_hint: Option<bool>,
    /// The tool talks to the world outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_world_hint: Option<bool>,
}

/// An icon for a tool, as MCP defines it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Icon {
    /// An `https:` or `data:image/` URI of the image, at most 65,536 characters.
    pub src: String,
    /// The image's MIME type, such as `image/png`; at most 127 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Sizes such as `48x48`, or `any`; at most 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<Vec<String>>,
    /// The colour theme the icon is for: `light` or `dark`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<IconTheme>,
}

/// The colour theme an icon is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IconTheme {
    /// Light backgrounds.
    Light,
    /// Dark backgrounds.
    Dark,
}

/// A call that shows what the tool does, and that `dynamic.tool.test` can run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Example {
    /// A name for the example, 1 to 120 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The arguments of the call.
    pub args: Value,
    /// The value it must return; absent: it must only succeed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub result: Option<Value>,
}

/// A value that is there, `null` included: an example may expect `null`.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// A tool's definition at one revision. Made by [`ToolDraft::check`](super::ToolDraft::check) and
/// [`ToolPatch::apply`](super::ToolPatch::apply) only, or read back from a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolContent {
    /// For people; 1 to 120 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// For models; 1 to 4,000 characters.
    pub description: String,
    /// The body of `async function run(args, ctx)`; 1 to 200,000 characters.
    pub code: Arc<str>,
    /// What the arguments must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<ToolSchema>,
    /// What the result must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<ToolSchema>,
    /// Hints for clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Icons for clients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// Words to find the tool by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The engine asked for.
    #[serde(default)]
    pub engine: EngineChoice,
    /// The image where docker runs the tool.
    pub image: ContainerImage,
    /// npm packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    /// What they were resolved to, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<DependencyLock>,
    /// Longest run of a call, in milliseconds.
    pub timeout_ms: u32,
    /// What the code may ask of the host.
    #[serde(default, skip_serializing_if = "Permissions::is_empty")]
    pub permissions: Permissions,
    /// Calls that show what the tool does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

impl ToolContent {
    /// Longest run of a call.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.into())
    }
}
