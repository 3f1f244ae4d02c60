//! JSON Schema validation.

use std::sync::Arc;

use serde_json::Value;

use crate::domain::tool::ToolSchema;

/// Compiles schemas.
pub trait SchemaCheck: Send + Sync {
    /// Compiles a schema; an error in words if it is not a valid one. MUST come back in bounded time and
    /// memory whatever the schema is, and MUST NOT fetch anything.
    fn compile(&self, schema: &ToolSchema) -> Result<Arc<dyn CompiledSchema>, String>;
}

/// A compiled schema.
pub trait CompiledSchema: Send + Sync {
    /// Validates a value; the violations found, at most a handful. MUST come back in bounded time and
    /// memory whatever schema and value are.
    fn validate(&self, value: &Value) -> Result<(), Vec<SchemaViolation>>;
}

/// One way in which a value does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaViolation {
    /// Where, as a JSON pointer (RFC 6901); empty for the whole value.
    pub pointer: String,
    /// What was expected, in words.
    pub expected: String,
    /// What came, clipped.
    pub got: String,
}

impl std::fmt::Display for SchemaViolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = if self.pointer.is_empty() { "(root)" } else { &self.pointer };
        write!(f, "{at}: expected {}, got {}", self.expected, self.got)
    }
}
