//! A tool's name: grammar, reserved names and the spelling that strict clients accept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::builtin::is_reserved;

/// A dynamic tool's name: `^[a-zA-Z][a-zA-Z0-9._:-]{2,63}$`.
///
/// Cheap to clone. Ordered by its bytes, which is the order of every list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ToolName(Arc<str>);

/// Why a string is not a tool's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It does not match the grammar.
    #[error(
        "the name {0:?} is not valid: use 3 to 64 characters, a letter first, then letters, digits, '.', '_', ':' or '-'"
    )]
    Grammar(String),
    /// It belongs to the server itself.
    #[error(
        "the name {0:?} is reserved for the server's own tools: choose another one that does not begin with 'dynamic.', 'sandbox.', 'system.' or 'upstream.'"
    )]
    Reserved(String),
}

impl ToolName {
    /// Shortest name, in characters.
    pub const MIN_CHARS: usize = 3;
    /// Longest name, in characters.
    pub const MAX_CHARS: usize = 64;

    /// A name for a tool to be made here: grammar and reserved names are checked.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let parsed = Self::parse_external(name)?;
        if is_reserved(name) { Err(NameError::Reserved(name.to_owned())) } else { Ok(parsed) }
    }

    /// A name that came from outside (an import, another program's row): only the grammar is checked, so
    /// that a tool made before a prefix was reserved is kept.
    pub fn parse_external(name: &str) -> Result<Self, NameError> {
        let mut bytes = name.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic());
        let rest =
            bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'));
        if first && rest && (Self::MIN_CHARS..=Self::MAX_CHARS).contains(&name.len()) {
            Ok(Self(name.into()))
        } else {
            Err(NameError::Grammar(name.chars().take(Self::MAX_CHARS + 1).collect()))
        }
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The spelling that every known client accepts; see [`client_safe`].
    pub fn client_safe(&self) -> String {
        client_safe(&self.0)
    }
}

/// Each character outside `[a-zA-Z0-9_-]` becomes `_`.
pub fn client_safe(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' })
        .collect()
}

impl TryFrom<String> for ToolName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::parse_external(&name)
    }
}

impl From<ToolName> for String {
    fn from(name: ToolName) -> Self {
        name.as_str().to_owned()
    }
}

impl std::borrow::Borrow<str> for ToolName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ToolName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_grammar_accepts_what_it_describes(name in "[a-zA-Z][a-zA-Z0-9._:-]{2,63}") {
            prop_assert!(ToolName::parse_external(&name).is_ok());
        }

        #[test]
        fn nothing_else_is_accepted(name in "(?s)[a-z0-9A-Z._:é /-]{0,70}") {
            let mut rest = name.chars();
            let described = (3..=64).contains(&name.chars().count())
                && rest.next().is_some_and(|c| c.is_ascii_alphabetic())
                && rest.all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c));
            prop_assert_eq!(ToolName::parse_external(&name).is_ok(), described);
        }

        #[test]
        fn a_name_is_read_as_it_was_written(name in "[a-zA-Z][a-zA-Z0-9._:-]{2,63}") {
            let parsed = ToolName::parse_external(&name).unwrap();
            let json = serde_json::to_string(&parsed).unwrap();
            prop_assert_eq!(serde_json::from_str::<ToolName>(&json).unwrap(), parsed);
        }

        #[test]
        fn no_dynamic_tool_is_spelled_like_a_built_in(name in "[a-z]{3,8}[._:][a-z_.]{3,20}") {
            if let Ok(name) = ToolName::parse(&name) {
                let built_in = |other: &str| client_safe(other) == name.client_safe();
                prop_assert!(!crate::domain::builtin::BUILTINS.iter().any(|b| built_in(b.name)));
            }
        }

        #[test]
        fn the_client_safe_spelling_fits_the_strictest_client(name in ".{0,80}") {
            let safe = client_safe(&name);
            prop_assert!(safe.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
            prop_assert_eq!(safe.chars().count(), name.chars().count());
            prop_assert_eq!(client_safe(&safe), safe);
        }
    }

    #[test]
    fn refuses_what_is_outside_the_grammar() {
        let long = format!("a{}", "b".repeat(64));
        for bad in ["", "ab", "1abc", ".abc", "a b", "té.xt", "a/b/c", long.as_str()] {
            assert!(matches!(ToolName::parse(bad), Err(NameError::Grammar(_))), "{bad}");
        }
    }

    #[test]
    fn refuses_reserved_names_in_each_spelling() {
        for bad in [
            "dynamic.x.y",
            "system.health",
            "system_health",
            "system:health",
            "run_js_ephemeral",
            "run.js.ephemeral",
            "upstream.anything",
            "sandbox-exec".replace('-', ".").as_str(),
        ] {
            assert!(matches!(ToolName::parse(bad), Err(NameError::Reserved(_))), "{bad}");
            assert!(ToolName::parse_external(bad).is_ok(), "{bad}");
        }
        for good in ["dynamics", "text.uppercase", "system-info", "sandbox_x"] {
            assert!(ToolName::parse(good).is_ok(), "{good}");
        }
    }
}
