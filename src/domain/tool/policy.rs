//! The limits of a definition: those that never change, and those that the operator sets.

use super::dependency::{DependencyError, DependencyPolicy};
use super::name::NameError;
use super::permissions::{Ceiling, PermissionError};
use super::schema::SchemaError;
use crate::domain::image::{AllowedImages, ImageError};

/// Longest title, in characters.
pub const MAX_TITLE_CHARS: usize = 120;
/// Longest description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 4_000;
/// Longest code, in characters.
pub const MAX_CODE_CHARS: usize = 200_000;
/// Shortest timeout, in milliseconds.
pub const MIN_TIMEOUT_MS: u32 = 1_000;
/// The timeout of a tool that names none, in milliseconds.
pub const DEFAULT_TIMEOUT_MS: u32 = 30_000;
/// Most tags of a tool.
pub const MAX_TAGS: usize = 32;
/// Longest tag, in characters.
pub const MAX_TAG_CHARS: usize = 64;
/// Most icons of a tool.
pub const MAX_ICONS: usize = 8;
/// Longest icon URI, in characters.
pub const MAX_ICON_CHARS: usize = 65_536;
/// Most sizes of an icon.
pub const MAX_ICON_SIZES: usize = 16;
/// Longest MIME type, in characters.
pub const MAX_MIME_TYPE_CHARS: usize = 127;
/// Most examples of a tool.
pub const MAX_EXAMPLES: usize = 32;
/// Largest example, in bytes of JSON.
pub const MAX_EXAMPLE_BYTES: usize = 65_536;

/// What the operator allows of definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolPolicy {
    /// Longest timeout, in milliseconds (`MCP_SANDBOX_MAX_TIMEOUT_MS`).
    pub max_timeout_ms: u32,
    /// Allowed images.
    pub images: AllowedImages,
    /// Allowed dependencies.
    pub dependencies: DependencyPolicy,
    /// The most that a tool may be granted.
    pub ceiling: Ceiling,
}

impl Default for ToolPolicy {
    fn default() -> Self {
        Self {
            max_timeout_ms: 120_000,
            images: AllowedImages::default(),
            dependencies: DependencyPolicy::default(),
            ceiling: Ceiling::default(),
        }
    }
}

/// Why a definition is refused. The text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTool {
    /// The name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A text that is empty or too long.
    #[error("{field} must have {min} to {max} characters, not {actual}")]
    Length {
        /// The field.
        field: &'static str,
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// How many there are.
        actual: usize,
    },
    /// The null character, which no text needs and not every store can keep.
    #[error("{0} must not contain the character U+0000; in code write it as an escape")]
    Null(&'static str),
    /// A number out of range.
    #[error("timeoutMs must be {min} to {max} milliseconds, not {actual}")]
    Timeout {
        /// Shortest.
        min: u32,
        /// Longest allowed here.
        max: u32,
        /// What was asked for.
        actual: u64,
    },
    /// A list with too many entries.
    #[error("{field} may have at most {max} entries, not {actual}")]
    TooMany {
        /// The field.
        field: &'static str,
        /// Most entries.
        max: usize,
        /// How many there are.
        actual: usize,
    },
    /// A field that can't be cleared.
    #[error("{0} can't be cleared: give it a value or leave it out")]
    NotClearable(&'static str),
    /// A schema.
    #[error("{field}: {source}")]
    Schema {
        /// Which of the two.
        field: &'static str,
        /// Why.
        source: SchemaError,
    },
    /// An icon.
    #[error("icons: {given:?} is not {expected}")]
    Icon {
        /// What was given, clipped.
        given: String,
        /// What it must be.
        expected: &'static str,
    },
    /// An example with too much in it.
    #[error("an example may have at most {max} bytes as JSON, not {actual}")]
    ExampleTooLarge {
        /// Most bytes.
        max: usize,
        /// How many there are.
        actual: usize,
    },
    /// The image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A dependency.
    #[error(transparent)]
    Dependency(#[from] DependencyError),
    /// The embedded engine has no npm.
    #[error(
        "dependencies need the docker engine: leave engine out, or set it to 'docker', or remove the dependencies"
    )]
    DependenciesNeedDocker,
    /// A grant.
    #[error(transparent)]
    Permission(#[from] PermissionError),
    /// A patch that changes nothing.
    #[error("the patch is empty: give at least one field to change")]
    EmptyPatch,
}
