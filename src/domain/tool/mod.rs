//! The aggregate: a tool's definition, its revisions and the rules a definition must keep.
//!
//! A caller writes a [`ToolDraft`] or a [`ToolPatch`]; checked against a [`ToolPolicy`] it becomes
//! [`ToolContent`]; a [`ToolRecord`] is content with a name, a revision and a digest. Records are immutable:
//! every change makes the next one.

mod check;
pub mod content;
pub mod dependency;
pub mod digest;
pub mod draft;
pub mod lock;
pub mod name;
pub mod permissions;
pub mod policy;
pub mod record;
pub mod revision;
pub mod schema;
#[cfg(test)]
mod tests;

pub use content::{Annotations, EngineChoice, Example, Icon, ToolContent};
pub use dependency::{Dependency, DependencyPolicy};
pub use digest::Digest;
pub use draft::{Patched, ToolDraft, ToolPatch};
pub use lock::DependencyLock;
pub use name::ToolName;
pub use permissions::{Ceiling, Permissions};
pub use policy::{InvalidTool, ToolPolicy};
pub use record::{Change, EngineKind, ToolRecord};
pub use revision::{Expected, Revision, RevisionConflict};
pub use schema::ToolSchema;
