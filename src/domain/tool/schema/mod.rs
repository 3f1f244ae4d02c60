//! JSON Schemas of a tool's arguments and results, kept as they were given (an older dialect is converted).
//!
//! Compiling and checking a schema is an adapter's work (`ports::schema_check`); here are the rules that
//! need no validator: shape, dialect and size.

mod dialect;
mod pointer;
pub mod positions;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A JSON Schema 2020-12 object, verbatim. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ToolSchema(Arc<Map<String, Value>>);

/// Why a schema is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Not an object.
    #[error("a schema must be a JSON object")]
    NotAnObject,
    /// MCP passes arguments as an object.
    #[error("the schema's type must be \"object\", because tool arguments are an object")]
    RootType,
    /// A dialect that is not known.
    #[error(
        "the schema's $schema {0} is not known here: leave it out for 2020-12; draft-04, draft-06, draft-07 and 2019-09 are converted"
    )]
    Dialect(String),
    /// Too large.
    #[error("the schema has {actual} bytes as JSON; at most {max} are allowed")]
    TooLarge {
        /// Most bytes.
        max: usize,
        /// How many there are.
        actual: usize,
    },
    /// The validator can't compile it.
    #[error("the schema is not valid: {0}")]
    Invalid(String),
}

impl ToolSchema {
    /// Largest schema, in bytes of JSON.
    pub const MAX_BYTES: usize = 100_000;

    /// A schema for arguments: an object whose root type is `object`. A missing root type is filled in, as
    /// MCP demands one.
    pub fn input(schema: Value) -> Result<Self, SchemaError> {
        let mut schema = dialect::normalise(sized(object(schema)?)?)?;
        match schema.get("type") {
            None => {
                schema.insert("type".to_owned(), Value::from("object"));
            }
            Some(Value::String(kind)) if kind == "object" => {}
            Some(_) => return Err(SchemaError::RootType),
        }
        Ok(Self(Arc::new(sized(schema)?)))
    }

    /// A schema for results.
    pub fn output(schema: Value) -> Result<Self, SchemaError> {
        let schema = dialect::normalise(sized(object(schema)?)?)?;
        Ok(Self(Arc::new(sized(schema)?)))
    }

    /// The schema itself, shared.
    pub fn as_map(&self) -> &Arc<Map<String, Value>> {
        &self.0
    }

    /// The schema as a JSON value.
    pub fn to_value(&self) -> Value {
        Value::Object(Map::clone(&self.0))
    }
}

fn object(schema: Value) -> Result<Map<String, Value>, SchemaError> {
    match schema {
        Value::Object(map) => Ok(map),
        _ => Err(SchemaError::NotAnObject),
    }
}

fn sized(schema: Map<String, Value>) -> Result<Map<String, Value>, SchemaError> {
    let max = ToolSchema::MAX_BYTES;
    let actual = serde_json::to_vec(&schema).map_or(usize::MAX, |json| json.len());
    if actual > max { Err(SchemaError::TooLarge { max, actual }) } else { Ok(schema) }
}
