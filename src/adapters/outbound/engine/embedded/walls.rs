//! Which layers of the sandbox stand, as a worker found when it put them up.

use serde::{Deserialize, Serialize};

use crate::ports::Strength;

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Layer {
    /// Its name, as documented.
    pub(super) name: String,
    /// `None` where it stands, else why it doesn't.
    pub(super) missing: Option<String>,
}

/// All layers that were tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Walls {
    /// In the order in which they were put up.
    pub(super) layers: Vec<Layer>,
}

/// The layer without which an embedded sandbox on Linux is not one.
pub(super) const SECCOMP: &str = "seccomp";
/// Own user, mount, network, IPC, UTS, PID and cgroup namespaces.
pub(super) const NAMESPACES: &str = "namespaces";

impl Walls {
    /// Notes how putting up a layer went.
    pub(super) fn note(&mut self, name: &str, went: Result<(), String>) {
        self.layers.push(Layer { name: name.to_owned(), missing: went.err() });
    }

    /// Whether a layer stands.
    pub(super) fn has(&self, name: &str) -> bool {
        self.layers.iter().any(|layer| layer.name == name && layer.missing.is_none())
    }

    /// How strong they are together.
    pub(super) fn strength(&self) -> Strength {
        if !self.has(SECCOMP) {
            Strength::Reduced
        } else if self.layers.iter().all(|layer| layer.missing.is_none()) {
            Strength::Full
        } else {
            Strength::Degraded
        }
    }

    /// In words: which stand, which don't and why.
    pub(super) fn describe(&self) -> String {
        let standing: Vec<&str> = self
            .layers
            .iter()
            .filter(|layer| layer.missing.is_none())
            .map(|layer| layer.name.as_str())
            .collect();
        let missing: Vec<String> = self
            .layers
            .iter()
            .filter_map(|layer| layer.missing.as_ref().map(|why| format!("{} ({why})", layer.name)))
            .collect();
        let standing = if standing.is_empty() { "none".to_owned() } else { standing.join(", ") };
        if missing.is_empty() {
            format!("layers: {standing}")
        } else {
            format!("layers: {standing}; missing: {}", missing.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMESPACES, SECCOMP, Walls};
    use crate::ports::Strength;

    #[test]
    fn strength_follows_the_layers() {
        let mut walls = Walls::default();
        assert_eq!(walls.strength(), Strength::Reduced);
        walls.note(SECCOMP, Ok(()));
        assert_eq!(walls.strength(), Strength::Full);
        walls.note(NAMESPACES, Err("not permitted".to_owned()));
        assert_eq!(walls.strength(), Strength::Degraded);
        assert_eq!(walls.describe(), "layers: seccomp; missing: namespaces (not permitted)");
    }
}
