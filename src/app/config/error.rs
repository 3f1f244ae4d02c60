//! Why the configuration can't be used. Each sentence names the setting, where its value came from, and what
//! would be right; the value of a secret is never in it.

use std::path::PathBuf;

use super::values::Origin;

/// The server does not start: exit code 64 (`EX_USAGE` of sysexits.h).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value out of its kind or range.
    #[error("{name} must be {allowed}, not {shown} (set by {origin})")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What would be right.
        allowed: String,
        /// The value, or a word for it if it is secret.
        shown: String,
        /// Who set it.
        origin: Origin,
    },
    /// A value that must not be empty.
    #[error(
        "{name} is empty (set by {origin}): give it a value, or remove it; an empty one is not taken \
         for none, because the server would then be open to everybody"
    )]
    Empty {
        /// The variable.
        name: &'static str,
        /// Who set it.
        origin: Origin,
    },
    /// A value that its part can't use.
    #[error("{name} can't be used: {why}")]
    Unusable {
        /// The variable.
        name: &'static str,
        /// Why; holds no secret.
        why: String,
    },
    /// A setting that another one needs.
    #[error("{name} is required {because}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// By what.
        because: String,
    },
    /// The setting asks for a part that this version does not have.
    #[error(
        "{asked} (set by {origin}) asks for {part}, which this version does not have yet; {instead}"
    )]
    NotAvailable {
        /// The setting, with its value where that matters and is not secret.
        asked: String,
        /// Who set it.
        origin: Origin,
        /// What it asks for.
        part: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// The setting asks for a part that this binary was built without.
    #[error(
        "{asked} needs the Cargo feature '{feature}', which this binary was built without; use the full \
         build, or build with --features {feature}"
    )]
    NotCompiled {
        /// The setting and its value, such as `MCP_TRANSPORT=http`.
        asked: String,
        /// The feature.
        feature: &'static str,
    },
    /// A value that is refused on principle.
    #[error("{name}={value} is refused: {why}")]
    Refused {
        /// The variable.
        name: &'static str,
        /// The value.
        value: &'static str,
        /// Why.
        why: &'static str,
    },
    /// A file that can't be read or understood.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A key in the TOML file that is no setting.
    #[error("{}: '{key}' is not a setting{}", path.display(), did_you_mean(.suggestion.as_deref()))]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// A key that looks like it.
        suggestion: Option<String>,
    },
}

/// `; did you mean 'x'?`, or nothing.
pub(super) fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean '{name}'?"))
}
