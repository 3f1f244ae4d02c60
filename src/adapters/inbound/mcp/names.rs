//! The two spellings of a tool's name, and which of them a client is shown.

use std::borrow::Cow;

use super::clients::refuses_dots;
use crate::app::config::NameStyle;
use crate::domain::builtin::BUILTINS;
use crate::domain::tool::name::client_safe;

/// How names are written to one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As documented: `dynamic.tool.create`.
    Documented,
    /// Outside `[a-zA-Z0-9_-]` an underscore: `dynamic_tool_create`.
    ClientSafe,
}

impl Spelling {
    /// What the operator wants for a client that calls itself `client`.
    pub(super) fn for_client(style: NameStyle, client: Option<&str>) -> Self {
        match style {
            NameStyle::Dotted => Self::Documented,
            NameStyle::Underscore => Self::ClientSafe,
            NameStyle::Auto if client.is_some_and(refuses_dots) => Self::ClientSafe,
            NameStyle::Auto => Self::Documented,
        }
    }

    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Documented, Self::ClientSafe];

    /// A name in this spelling. A colon is outside the protocol's own grammar and never shown.
    pub(super) fn of(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Documented if !name.contains(':') => Cow::Borrowed(name),
            _ => Cow::Owned(client_safe(name)),
        }
    }

    /// A text of the server's own, with the built-in tools that it names in this spelling.
    pub(super) fn text(self, text: &str) -> Cow<'_, str> {
        let mut text = Cow::Borrowed(text);
        if self == Self::ClientSafe {
            for builtin in BUILTINS.iter().filter(|b| b.name.contains('.')) {
                if text.contains(builtin.name) {
                    text = Cow::Owned(text.replace(builtin.name, &client_safe(builtin.name)));
                }
            }
        }
        text
    }
}

/// Whether `given` is `name` in either spelling.
pub(super) fn is_spelling_of(given: &str, name: &str) -> bool {
    given == name || (given.len() == name.len() && given == client_safe(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_goes_by_the_client() {
        for (style, client, spelling) in [
            (NameStyle::Auto, Some("claude-ai"), Spelling::ClientSafe),
            (NameStyle::Auto, Some("claude-code"), Spelling::Documented),
            (NameStyle::Auto, None, Spelling::Documented),
            (NameStyle::Dotted, Some("claude-ai"), Spelling::Documented),
            (NameStyle::Underscore, None, Spelling::ClientSafe),
        ] {
            assert_eq!(Spelling::for_client(style, client), spelling, "{style:?} {client:?}");
        }
    }

    #[test]
    fn a_colon_is_never_shown() {
        assert_eq!(Spelling::Documented.of("a:b.c"), "a_b_c");
        assert_eq!(Spelling::Documented.of("ab.c"), "ab.c");
        assert_eq!(Spelling::ClientSafe.of("ab.c"), "ab_c");
    }

    #[test]
    fn texts_follow_the_spelling() {
        let text = "use dynamic.tool.list, then dynamic.tool.call";
        assert_eq!(Spelling::Documented.text(text), text);
        assert_eq!(
            Spelling::ClientSafe.text(text),
            "use dynamic_tool_list, then dynamic_tool_call"
        );
    }

    #[test]
    fn either_spelling_is_recognised() {
        assert!(is_spelling_of("system_health", "system.health"));
        assert!(is_spelling_of("system.health", "system.health"));
        assert!(!is_spelling_of("system-health", "system.health"));
    }
}
