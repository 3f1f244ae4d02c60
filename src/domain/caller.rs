//! Who is asking, and who gets written down for a change.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Who makes a call. Made by an inbound adapter, once a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's subject; `None` where there is no token (stdio, open HTTP).
    pub subject: Option<Arc<str>>,
    /// The token's scopes.
    pub scopes: Arc<[String]>,
    /// The token's client.
    pub client: Option<Arc<str>>,
}

impl Caller {
    /// A caller without a token: one person's own machine.
    pub fn local() -> Self {
        Self { subject: None, scopes: Arc::new([]), client: None }
    }
}

/// Who made a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Actor {
    /// A token's client, by its identifier.
    Client(String),
    /// Somebody with the admin token.
    Admin,
    /// Somebody at the machine itself, without a token.
    Local,
    /// An import from another program's store.
    Import,
    /// Another program that writes to the same store.
    External,
}

impl From<String> for Actor {
    fn from(text: String) -> Self {
        match text.as_str() {
            "admin" => Self::Admin,
            "local" => Self::Local,
            "import" => Self::Import,
            "external" => Self::External,
            _ => Self::Client(
                text.strip_prefix("client:").map_or_else(|| text.clone(), str::to_owned),
            ),
        }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Client(id) => write!(f, "client:{id}"),
            Self::Admin => f.write_str("admin"),
            Self::Local => f.write_str("local"),
            Self::Import => f.write_str("import"),
            Self::External => f.write_str("external"),
        }
    }
}
