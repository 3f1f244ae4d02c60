//! The real schema checker, counting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dynamic_mcp::adapters::outbound::schema_check::BoundedSchemaCheck;
use dynamic_mcp::domain::tool::ToolSchema;
use dynamic_mcp::ports::{CompiledSchema, SchemaCheck};

#[derive(Default)]
pub(crate) struct CountedSchemas {
    /// Schemas ever compiled.
    pub(crate) compiled: AtomicUsize,
}

impl SchemaCheck for CountedSchemas {
    fn compile(&self, schema: &ToolSchema) -> Result<Arc<dyn CompiledSchema>, String> {
        self.compiled.fetch_add(1, Ordering::SeqCst);
        BoundedSchemaCheck.compile(schema)
    }
}
