//! The real schema checker, counting; in a build that lacks it one made of the crate that the real one is compared
//! with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dynamic_mcp::domain::tool::ToolSchema;
use dynamic_mcp::ports::{CompiledSchema, SchemaCheck};

#[cfg(feature = "mcp")]
use dynamic_mcp::adapters::outbound::schema_check::BoundedSchemaCheck as Checker;

#[cfg(not(feature = "mcp"))]
use oracle::Checker;

#[cfg(not(feature = "mcp"))]
mod oracle {
    use std::sync::Arc;

    use dynamic_mcp::domain::tool::ToolSchema;
    use dynamic_mcp::ports::{CompiledSchema, SchemaCheck, SchemaViolation};
    use serde_json::Value;

    pub(crate) struct Checker;

    struct Compiled(jsonschema::Validator);

    impl SchemaCheck for Checker {
        fn compile(&self, schema: &ToolSchema) -> Result<Arc<dyn CompiledSchema>, String> {
            let schema = Value::Object((**schema.as_map()).clone());
            let validator = jsonschema::draft202012::new(&schema);
            validator.map(|validator| Arc::new(Compiled(validator)) as _).map_err(|e| e.to_string())
        }
    }

    impl CompiledSchema for Compiled {
        fn validate(&self, value: &Value) -> Result<(), Vec<SchemaViolation>> {
            let violation = |error: jsonschema::ValidationError<'_>| SchemaViolation {
                pointer: error.instance_path().to_string(),
                expected: error.to_string(),
                got: "another value".to_owned(),
            };
            let violations: Vec<_> = self.0.iter_errors(value).map(violation).collect();
            if violations.is_empty() { Ok(()) } else { Err(violations) }
        }
    }
}

#[derive(Default)]
pub(crate) struct CountedSchemas {
    /// Schemas ever compiled.
    pub(crate) compiled: AtomicUsize,
}

impl SchemaCheck for CountedSchemas {
    fn compile(&self, schema: &ToolSchema) -> Result<Arc<dyn CompiledSchema>, String> {
        self.compiled.fetch_add(1, Ordering::SeqCst);
        Checker.compile(schema)
    }
}
