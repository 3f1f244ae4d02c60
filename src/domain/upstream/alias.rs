//! An alias: the first part of every name that an upstream's tools have here, reserved for them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::builtin::{BUILTINS, RESERVED_PREFIXES};
use crate::domain::tool::name::client_safe;

/// An upstream's alias: `^[a-zA-Z][a-zA-Z0-9_-]{0,31}$`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Alias(Arc<str>);

/// Why a string is not an alias.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AliasError {
    /// It does not match the grammar.
    #[error(
        "the alias {0:?} is not valid: use 1 to 32 characters, a letter first, then letters, digits, '_' or '-'"
    )]
    Grammar(String),
    /// The server's own tools begin so.
    #[error(
        "the alias {0:?} is reserved, because names of the server's own tools begin so: choose another one"
    )]
    Reserved(String),
}

impl Alias {
    /// Longest alias, in characters.
    pub const MAX_CHARS: usize = 32;

    /// Reads an alias.
    pub fn parse(text: &str) -> Result<Self, AliasError> {
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic());
        let rest = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if !(first && rest && text.len() <= Self::MAX_CHARS) {
            return Err(AliasError::Grammar(text.chars().take(Self::MAX_CHARS + 1).collect()));
        }
        let alias = Self(text.into());
        let own = BUILTINS.iter().any(|builtin| alias.covers(builtin.name))
            || RESERVED_PREFIXES.iter().any(|prefix| alias.covers(prefix));
        if own { Err(AliasError::Reserved(text.to_owned())) } else { Ok(alias) }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a tool of this name is under the alias, in the spelling of either: `gh.issue`, `gh_issue`.
    pub fn covers(&self, name: &str) -> bool {
        let safe = client_safe(name);
        safe.strip_prefix(&*self.0).is_some_and(|rest| rest.starts_with('_'))
    }

    /// Whether names under one of the two could be names under the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self == other || self.covers(other.as_str()) || other.covers(self.as_str())
    }
}

impl TryFrom<String> for Alias {
    type Error = AliasError;

    fn try_from(text: String) -> Result<Self, AliasError> {
        Self::parse(&text)
    }
}

impl From<Alias> for String {
    fn from(alias: Alias) -> Self {
        alias.as_str().to_owned()
    }
}

impl std::fmt::Display for Alias {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(text: &str) -> Alias {
        Alias::parse(text).unwrap()
    }

    #[test]
    fn the_grammar() {
        let long = "a".repeat(33);
        for bad in ["", "1a", "_a", "a.b", "a:b", "a b", "é", long.as_str()] {
            assert!(matches!(Alias::parse(bad), Err(AliasError::Grammar(_))), "{bad}");
        }
        for good in ["a", "gh", "Git-Hub_2", &long[1..]] {
            assert_eq!(alias(good).as_str(), good);
        }
    }

    #[test]
    fn what_the_servers_own_tools_begin_with_is_reserved() {
        for own in ["dynamic", "sandbox", "system", "upstream", "run", "run_js", "dynamic_tool"] {
            assert!(matches!(Alias::parse(own), Err(AliasError::Reserved(_))), "{own}");
        }
        for free in ["dynamics", "run_jsx", "sys"] {
            assert!(Alias::parse(free).is_ok(), "{free}");
        }
    }

    #[test]
    fn covers_names_in_both_spellings_and_nothing_else() {
        let gh = alias("gh");
        for under in ["gh.issue", "gh_issue", "gh:issue", "gh._x"] {
            assert!(gh.covers(under), "{under}");
        }
        for other in ["gh", "ghi.x", "GH.issue", "x.gh.y", "gh-issue"] {
            assert!(!gh.covers(other), "{other}");
        }
    }

    #[test]
    fn overlapping_aliases_are_found_from_both_sides() {
        assert!(alias("gh").overlaps(&alias("gh_enterprise")));
        assert!(alias("gh_enterprise").overlaps(&alias("gh")));
        assert!(alias("gh").overlaps(&alias("gh")));
        assert!(!alias("gh").overlaps(&alias("gh-enterprise")));
    }
}
