//! Arguments that several of these tools share.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::domain::tool::ToolName;

/// How many are wanted: `1` to `MAX`, `DEFAULT` where nothing is said.
#[derive(Debug)]
pub(super) struct Count<const DEFAULT: usize, const MAX: usize>(usize);

impl<const DEFAULT: usize, const MAX: usize> Count<DEFAULT, MAX> {
    pub(super) const fn get(&self) -> usize {
        self.0
    }
}

impl<const DEFAULT: usize, const MAX: usize> Default for Count<DEFAULT, MAX> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<'de, const DEFAULT: usize, const MAX: usize> Deserialize<'de> for Count<DEFAULT, MAX> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Some(number) = Option::<u64>::deserialize(from)? else { return Ok(Self::default()) };
        match usize::try_from(number) {
            Ok(number) if (1..=MAX).contains(&number) => Ok(Self(number)),
            _ => Err(de::Error::custom(format_args!("expected 1 to {MAX}, got {number}"))),
        }
    }
}

impl<const DEFAULT: usize, const MAX: usize> JsonSchema for Count<DEFAULT, MAX> {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// A text of 1 to `MAX` characters.
#[derive(Debug)]
pub(super) struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let chars = text.chars().count();
        if (1..=MAX).contains(&chars) {
            return Ok(Self(text));
        }
        Err(de::Error::custom(format_args!("expected 1 to {MAX} characters, got {chars}")))
    }
}

impl<const MAX: usize> JsonSchema for Text<MAX> {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX })
    }

    fn inline_schema() -> bool {
        true
    }
}

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
