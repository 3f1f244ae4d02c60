//! Arguments that several of these tools share.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::domain::tool::ToolName;

/// A tool's name as somebody wrote it: either spelling, perhaps of no tool at all, but never longer than a
/// name can be.
#[derive(Debug)]
pub(super) struct GivenName(pub(super) String);

impl<'de> Deserialize<'de> for GivenName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        let chars = name.chars().count();
        if (1..=ToolName::MAX_CHARS).contains(&chars) {
            return Ok(Self(name));
        }
        let max = ToolName::MAX_CHARS;
        Err(de::Error::custom(format_args!("a name has 1 to {max} characters, this one {chars}")))
    }
}

impl JsonSchema for GivenName {
    fn schema_name() -> Cow<'static, str> {
        "GivenName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": ToolName::MAX_CHARS })
    }

    fn inline_schema() -> bool {
        true
    }
}
