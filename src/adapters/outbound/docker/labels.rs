//! The labels by which containers and volumes of ours are known, and those of whom.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Which server made it.
pub const INSTANCE: &str = "dynamic-mcp.instance";
/// What it is for.
pub const ROLE: &str = "dynamic-mcp.role";
/// Seconds after which nobody needs it any more, whoever made it.
pub const LIFETIME: &str = "dynamic-mcp.lifetime";

/// One run of a server, among all that share a daemon.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Instance(Arc<str>);

impl Instance {
    /// From an identifier that no other run has.
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a container or volume is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// One call.
    Call,
    /// The installation of npm packages.
    Install,
    /// An interactive sandbox.
    Session,
}

impl Role {
    /// As the label says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Install => "install",
            Self::Session => "session",
        }
    }
}

/// The labels of one of ours.
pub fn of(instance: &Instance, role: Role, lifetime: Option<Duration>) -> HashMap<String, String> {
    let mut labels = HashMap::from([
        (INSTANCE.to_owned(), instance.as_str().to_owned()),
        (ROLE.to_owned(), role.as_str().to_owned()),
    ]);
    if let Some(lifetime) = lifetime {
        labels.insert(LIFETIME.to_owned(), lifetime.as_secs().to_string());
    }
    labels
}
