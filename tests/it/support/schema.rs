//! A schema checker of a few words: a schema with `"broken": true` does not compile, and a value must be
//! an object that has every key named in `required`.

use std::sync::Arc;

use dynamic_mcp::domain::tool::ToolSchema;
use dynamic_mcp::ports::{CompiledSchema, SchemaCheck, SchemaViolation};
use serde_json::Value;

pub(crate) struct RequiredKeys;

struct Required(Vec<String>);

impl SchemaCheck for RequiredKeys {
    fn compile(&self, schema: &ToolSchema) -> Result<Arc<dyn CompiledSchema>, String> {
        if schema.as_map().contains_key("broken") {
            return Err("it says that it is broken".to_owned());
        }
        let keys = schema.as_map().get("required").and_then(Value::as_array);
        let keys = keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Ok(Arc::new(Required(keys.collect())))
    }
}

impl CompiledSchema for Required {
    fn validate(&self, value: &Value) -> Result<(), Vec<SchemaViolation>> {
        match self.0.iter().find(|key| value.get(key.as_str()).is_none()) {
            None => Ok(()),
            Some(key) => Err(vec![SchemaViolation {
                pointer: format!("/{key}"),
                expected: "a value".to_owned(),
                got: "nothing".to_owned(),
            }]),
        }
    }
}
