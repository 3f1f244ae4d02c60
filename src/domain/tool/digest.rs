//! A digest over everything that affects how a tool behaves.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
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
        let mut hasher = Hasher(Sha256::new());
        // A definition always has an RFC 8785 form: its keys are strings and its numbers finite.
        write(content, &mut hasher).unwrap_or_default();
        Self(hex(&hasher.0.finalize()))
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

/// Writes the RFC 8785 form. The keys of the outer object are known, so they are written in their order here;
/// that takes half the time of sorting them, and every record that is read is verified.
fn write(content: &ToolContent, out: &mut Hasher) -> serde_json::Result<()> {
    write!(out, r#"{{"code":"#).map_err(serde_json::Error::io)?;
    // A string's canonical form is the one that is always written.
    serde_json::to_writer(&mut *out, &*content.code)?;
    property(out, "dependencies", Some(&content.dependencies))?;
    property(out, "engine", Some(&content.engine))?;
    property(out, "image", Some(&content.image))?;
    property(out, "inputSchema", content.input_schema.as_ref())?;
    property(out, "outputSchema", content.output_schema.as_ref())?;
    property(out, "permissions", Some(&content.permissions))?;
    property(out, "timeoutMs", Some(&content.timeout_ms))?;
    out.write_all(b"}").map_err(serde_json::Error::io)
}

fn property<T: Serialize>(out: &mut Hasher, key: &str, part: Option<&T>) -> serde_json::Result<()> {
    let Some(part) = part else { return Ok(()) };
    write!(out, r#","{key}":"#).map_err(serde_json::Error::io)?;
    serde_json_canonicalizer::to_writer(part, out)
}

struct Hasher(Sha256);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::tool::permissions::Origin;
    use crate::domain::tool::{ToolDraft, ToolPolicy};

    /// The digest by its definition.
    fn by_definition(content: &ToolContent) -> String {
        let whole = serde_json::to_value(content).unwrap();
        let mut object = json!({ "dependencies": [], "permissions": {} });
        for key in [
            "code",
            "inputSchema",
            "outputSchema",
            "engine",
            "image",
            "dependencies",
            "timeoutMs",
            "permissions",
        ] {
            if let Some(value) = whole.get(key) {
                object[key] = value.clone();
            }
        }
        hex(&Sha256::digest(serde_json_canonicalizer::to_vec(&object).unwrap()))
    }

    fn content(code: &str, schema: &Value) -> ToolContent {
        let mut draft = json!({
            "name": "any.name",
            "description": "For a test.",
            "code": code,
            "inputSchema": { "type": "object", "default": schema },
            "permissions": {
                "net": ["https://example.com"],
                "secrets": [{ "name": "KEY", "hosts": ["https://example.com"] }],
            },
            "dependencies": [{ "version": "1.0.0", "name": "zod" }],
        });
        if schema.is_null() {
            for key in ["inputSchema", "permissions", "dependencies"] {
                draft.as_object_mut().unwrap().remove(key);
            }
        } else {
            draft["outputSchema"] = json!({ "const": schema });
        }
        let draft: ToolDraft = serde_json::from_value(draft).unwrap();
        let mut policy = ToolPolicy::default();
        policy.ceiling.net = vec![Origin::parse("https://example.com").unwrap()];
        policy.ceiling.secrets = ["KEY".to_owned()].into();
        draft.check(&policy).unwrap().1
    }

    proptest! {
        #[test]
        fn it_is_what_its_definition_says(
            code in r"[^\x00]{1,200}",
            number in prop::num::f64::NORMAL,
            key in "(?s).{0,8}",
        ) {
            let content = content(&code, &json!({ key: number, "b\u{10437}": [-0.0, 1e21], "a": {} }));
            prop_assert_eq!(Digest::of(&content).0, by_definition(&content));
        }
    }

    #[test]
    fn it_never_changes() {
        let plain = content("return 1", &Value::Null);
        assert_eq!(Digest::of(&plain).as_str(), by_definition(&plain));
        assert_eq!(
            Digest::of(&plain).as_str(),
            "b4544336aa4139f0fef9f0c3078bf904fe527d320fbcb75470cfdd570e2e13b9"
        );
    }
}
