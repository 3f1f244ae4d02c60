//! A digest over everything that affects how a tool behaves.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::ToolContent;

/// SHA-256 in lower-case hexadecimal over the RFC 8785 form of `{code, inputSchema, outputSchema, engine,
/// image, dependencies, timeoutMs, permissions}`; what is absent is left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Of a definition.
    pub fn of(content: &ToolContent) -> Self {
        let mut object = Map::new();
        object.insert("code".to_owned(), Value::from(&*content.code));
        object.insert("engine".to_owned(), to_value(&content.engine));
        object.insert("image".to_owned(), to_value(&content.image));
        object.insert("dependencies".to_owned(), to_value(&content.dependencies));
        object.insert("timeoutMs".to_owned(), Value::from(content.timeout_ms));
        object.insert("permissions".to_owned(), to_value(&content.permissions));
        for (key, schema) in
            [("inputSchema", &content.input_schema), ("outputSchema", &content.output_schema)]
        {
            if let Some(schema) = schema {
                object.insert(key.to_owned(), schema.to_value());
            }
        }
        let mut hasher = Sha256::new();
        // A `Value` always has an RFC 8785 form: its keys are strings and its numbers finite.
        let canonical =
            serde_json_canonicalizer::to_vec(&Value::Object(object)).unwrap_or_default();
        hasher.update(&canonical);
        let mut hex = String::with_capacity(64);
        for byte in hasher.finalize() {
            let (high, low) = (byte >> 4, byte & 0xf);
            hex.extend(
                [high, low].map(|nibble| char::from_digit(nibble.into(), 16).unwrap_or('0')),
            );
        }
        Self(hex)
    }

    /// 64 lower-case hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn to_value<T: Serialize>(part: &T) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}
