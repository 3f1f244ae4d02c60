//! The two profiles: what a server *does* run (Cargo features decide what it *can* run).

use serde::{Deserialize, Serialize};

/// Which set of built-in tools, resources and prompts a server offers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// For one person at a desktop client.
    #[default]
    Mvp,
    /// For a platform team: everything of `mvp`, and what fleets need.
    Enterprise,
}

impl Profile {
    /// The configuration value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mvp => "mvp",
            Self::Enterprise => "enterprise",
        }
    }

    /// Whether everything that `other` offers is offered by `self` too.
    pub const fn includes(self, other: Self) -> bool {
        matches!((self, other), (Self::Enterprise, _) | (Self::Mvp, Self::Mvp))
    }
}
