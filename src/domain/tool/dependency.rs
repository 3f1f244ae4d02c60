//! npm dependencies of a tool: the name grammar, the version grammar and the operator's block-list.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::text::echo;

/// One npm package that a tool's code may import; needs the docker engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dependency {
    /// The npm package's name, such as `zod` or `@scope/name`; at most 214 characters.
    pub name: String,
    /// A version, range or tag, such as `3.23.8`, `^3.0.0` or `latest`; at most 64 characters. No URLs,
    /// git references or paths.
    pub version: String,
}

/// Why a dependency is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DependencyError {
    /// The name is outside npm's grammar.
    #[error("{0:?} is not an npm package name")]
    Name(String),
    /// The version is outside the grammar.
    #[error(
        "{version:?} is not a version of the package '{name}': use a version, a range or a tag"
    )]
    Version {
        /// The package.
        name: String,
        /// What was given as its version.
        version: String,
    },
    /// The operator blocks the package.
    #[error("the package '{0}' is blocked by the operator")]
    Blocked(String),
    /// The same name twice.
    #[error("the package '{0}' is listed twice")]
    Duplicate(String),
    /// More than the limit.
    #[error("{count} dependencies are more than the {max} allowed")]
    TooMany {
        /// How many were given.
        count: usize,
        /// How many are allowed.
        max: usize,
    },
}

/// What the operator allows of dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyPolicy {
    /// Most dependencies of one tool (`MCP_SANDBOX_MAX_DEPENDENCIES`, default 32).
    pub max: usize,
    /// Package names that are never installed (`MCP_SANDBOX_BLOCKED_PACKAGES`).
    pub blocked: BTreeSet<String>,
}

impl DependencyPolicy {
    /// The hard cap on dependencies in a definition, whatever the operator allows.
    pub const HARD_MAX: usize = 64;

    /// Checks a whole list.
    pub fn check(&self, dependencies: &[Dependency]) -> Result<(), DependencyError> {
        let max = self.max.min(Self::HARD_MAX);
        if dependencies.len() > max {
            return Err(DependencyError::TooMany { count: dependencies.len(), max });
        }
        let mut seen = BTreeSet::new();
        for Dependency { name, version } in dependencies {
            if !is_package_name(name) {
                return Err(DependencyError::Name(echo(name)));
            }
            if !is_version(version) {
                let version = echo(version);
                return Err(DependencyError::Version { name: name.clone(), version });
            }
            if self.blocked.contains(name) {
                return Err(DependencyError::Blocked(name.clone()));
            }
            if !seen.insert(name.as_str()) {
                return Err(DependencyError::Duplicate(name.clone()));
            }
        }
        Ok(())
    }
}

impl Default for DependencyPolicy {
    fn default() -> Self {
        let blocked = ["child_process", "node-pty", "npm", "pm2"].map(str::to_owned).into();
        Self { max: 32, blocked }
    }
}

/// npm's rule for new packages: lower case, URL-safe, an optional scope, not beginning with `.` or `_`.
fn is_package_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '_', '-'])
            && part.bytes().all(|b| {
                b.is_ascii_lowercase()
                    || b.is_ascii_digit()
                    || matches!(b, b'-' | b'.' | b'_' | b'~')
            })
    };
    // Two names that mean something else to npm itself.
    let is_taken = matches!(name, "node_modules" | "favicon.ico");
    !is_taken
        && name.len() <= 214
        && match name.strip_prefix('@') {
            Some(scoped) => {
                scoped.split_once('/').is_some_and(|(scope, name)| part(scope) && part(name))
            }
            None => part(name),
        }
}

/// Versions, ranges and tags. `:` and `/` stay out, so that no URL, git reference, alias or path fits.
fn is_version(version: &str) -> bool {
    (1..=64).contains(&version.len())
        && version.starts_with(|c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '^' | '~' | '<' | '>' | '=' | '*')
        })
        && version.bytes().all(|b| {
            b.is_ascii_alphanumeric()
                || matches!(
                    b,
                    b'.' | b'-'
                        | b'+'
                        | b'_'
                        | b'^'
                        | b'~'
                        | b'<'
                        | b'>'
                        | b'='
                        | b'*'
                        | b'|'
                        | b' '
                )
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(name: &str, version: &str) -> Result<(), DependencyError> {
        DependencyPolicy::default()
            .check(&[Dependency { name: name.to_owned(), version: version.to_owned() }])
    }

    #[test]
    fn accepts_names_and_versions_as_npm_writes_them() {
        for (name, version) in [
            ("zod", "3.23.8"),
            ("@scope/pkg", "^1.0.0"),
            ("lodash.get", "latest"),
            ("a-b_c", ">=1 <2 || 3.x"),
            ("x", "*"),
        ] {
            assert_eq!(check(name, version), Ok(()), "{name}@{version}");
        }
    }

    #[test]
    fn refuses_sources_other_than_the_registry() {
        for version in [
            "",
            "file:../x",
            "git+ssh://x",
            "npm:other@1",
            "https://x/y.tgz",
            "user/repo",
            "-1",
            "1\n2",
        ] {
            assert!(
                matches!(check("zod", version), Err(DependencyError::Version { .. })),
                "{version}"
            );
        }
        for name in ["", "Zod", "../x", "a b", "@scope", "@/x", ".hidden", "--global", "x;y"] {
            assert!(matches!(check(name, "1"), Err(DependencyError::Name(_))), "{name}");
        }
    }

    #[test]
    fn names_the_blocked_package() {
        assert!(check("pm2", "1").unwrap_err().to_string().contains("pm2"));
    }

    proptest! {
        #[test]
        fn nothing_accepted_could_be_a_path_a_url_or_an_option(
            name in "(?s)[-@/a-zA-Z0-9:._~ \n]{0,12}", version in "(?s)[-@/a-zA-Z0-9:.^~<>=|* \n]{0,12}",
        ) {
            if check(&name, &version).is_ok() {
                prop_assert!(!name.starts_with(['-', '.', '/', '_']) && !name.contains("../"));
                prop_assert!(name.matches('/').count() <= usize::from(name.starts_with('@')));
                prop_assert!(!version.starts_with('-') && !version.contains(['/', ':', '@', '\n']));
            }
        }
    }
}
