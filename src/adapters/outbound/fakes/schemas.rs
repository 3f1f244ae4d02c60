//! Schemas that nobody looks at.

use std::sync::Arc;

use serde_json::Value;

use crate::domain::tool::ToolSchema;
use crate::ports::{CompiledSchema, SchemaCheck, SchemaViolation};

/// Takes every schema, and every value for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnySchema;

impl SchemaCheck for AnySchema {
    fn compile(&self, _: &ToolSchema) -> Result<Arc<dyn CompiledSchema>, String> {
        Ok(Arc::new(Self))
    }
}

impl CompiledSchema for AnySchema {
    fn validate(&self, _: &Value) -> Result<(), Vec<SchemaViolation>> {
        Ok(())
    }
}
