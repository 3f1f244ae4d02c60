//! What npm resolved a tool's dependencies to: the exact packages, with the hashes that they are checked against.
//!
//! It is kept with the tool, so that every later installation, on whichever machine, is of the same bytes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Dependency;

/// Most packages, those that packages themselves need included.
pub const MAX_LOCKED_PACKAGES: usize = 2_000;
/// Largest lock, in bytes of JSON.
pub const MAX_LOCK_BYTES: usize = 1 << 20;

/// The `packages` of a `package-lock.json` (version 3) without the project itself, as npm wrote them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DependencyLock(Arc<Map<String, Value>>);

/// One package of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockedPackage {
    /// Where it is installed, such as `node_modules/zod`.
    pub path: String,
    /// Its exact version.
    pub version: String,
    /// The hash that its archive must have (Subresource Integrity), where the registry gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrity: Option<String>,
}

/// Why a lock is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Not what npm writes.
    #[error("npm's lock can't be read")]
    Unreadable,
    /// Too much.
    #[error("the dependencies need {0} packages, and {MAX_LOCKED_PACKAGES} are the most")]
    TooMany(usize),
    /// Too large.
    #[error("npm's lock has {0} bytes, and {MAX_LOCK_BYTES} are the most")]
    TooLarge(usize),
    /// A package that does not come from a registry.
    #[error("the package at '{0}' does not come from the registry")]
    Foreign(String),
    /// A package that needs another one by its address.
    #[error("the package at '{path}' needs '{name}' from elsewhere than the registry")]
    NeedsForeign {
        /// Where it is installed.
        path: String,
        /// What it needs.
        name: String,
    },
}

/// Where a package says what it needs at run time.
const NEEDS: [&str; 3] = ["dependencies", "optionalDependencies", "peerDependencies"];

impl DependencyLock {
    /// Takes what npm wrote.
    pub fn from_lockfile(text: &[u8]) -> Result<Self, LockError> {
        if text.len() > MAX_LOCK_BYTES {
            return Err(LockError::TooLarge(text.len()));
        }
        let whole: Value = serde_json::from_slice(text).map_err(|_| LockError::Unreadable)?;
        let packages = whole.get("packages").and_then(Value::as_object);
        let mut packages = packages.cloned().ok_or(LockError::Unreadable)?;
        packages.retain(|path, _| !path.is_empty());
        if packages.len() > MAX_LOCKED_PACKAGES {
            return Err(LockError::TooMany(packages.len()));
        }
        for (path, package) in &packages {
            let resolved = package.get("resolved").and_then(Value::as_str);
            let from_registry = resolved
                .is_none_or(|url| url.starts_with("https://") || url.starts_with("http://"));
            let bundled = package.get("inBundle") == Some(&Value::Bool(true));
            let linked = package.get("link") == Some(&Value::Bool(true));
            let known = path.starts_with("node_modules/") && package.get("version").is_some();
            if !known || linked || !from_registry || (resolved.is_none() && !bundled) {
                return Err(LockError::Foreign(path.clone()));
            }
            if let Some(name) = foreign_need(package) {
                return Err(LockError::NeedsForeign { path: path.clone(), name: name.clone() });
            }
        }
        Ok(Self(Arc::new(packages)))
    }

    /// A whole `package-lock.json` for a project with these dependencies.
    pub fn lockfile(&self, dependencies: &[Dependency]) -> Value {
        let mut packages = Map::new();
        packages.insert(String::new(), json!({ "dependencies": by_name(dependencies) }));
        packages.extend(self.0.iter().map(|(path, package)| (path.clone(), package.clone())));
        json!({ "lockfileVersion": 3, "requires": true, "packages": packages })
    }

    /// The packages, in npm's order.
    pub fn packages(&self) -> Vec<LockedPackage> {
        let text =
            |package: &Value, key| package.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
        self.0
            .iter()
            .map(|(path, package)| LockedPackage {
                path: path.clone(),
                version: text(package, "version").unwrap_or_default(),
                integrity: text(package, "integrity"),
            })
            .collect()
    }

    /// How many packages there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A package that this one needs by a URL, a path or a repository. In a lock it looks like one of the registry's.
fn foreign_need(package: &Value) -> Option<&String> {
    let needs = NEEDS.iter().filter_map(|field| package.get(field)?.as_object()).flatten();
    let is_foreign = |wanted: &Value| {
        let wanted = wanted.as_str().unwrap_or_default();
        !wanted.starts_with("npm:") && wanted.contains([':', '/'])
    };
    needs.into_iter().find(|(_, wanted)| is_foreign(wanted)).map(|(name, _)| name)
}

/// The `package.json` of a project with these dependencies.
pub fn manifest(dependencies: &[Dependency]) -> Value {
    json!({ "private": true, "dependencies": by_name(dependencies) })
}

/// As npm writes them.
fn by_name(dependencies: &[Dependency]) -> Map<String, Value> {
    let entry = |dependency: &Dependency| {
        (dependency.name.clone(), Value::String(dependency.version.clone()))
    };
    dependencies.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lockfile(packages: &Value) -> Vec<u8> {
        json!({ "name": "x", "lockfileVersion": 3, "packages": packages }).to_string().into_bytes()
    }

    fn zod() -> Value {
        json!({ "version": "3.23.8", "resolved": "https://r.example/zod.tgz", "integrity": "sha512-x" })
    }

    #[test]
    fn it_keeps_the_packages_and_their_hashes() {
        let text = lockfile(&json!({ "": { "dependencies": {} }, "node_modules/zod": zod() }));
        let lock = DependencyLock::from_lockfile(&text).unwrap();
        let [package] = &lock.packages()[..] else { panic!("{lock:?}") };
        assert_eq!(package.path, "node_modules/zod");
        assert_eq!(package.version, "3.23.8");
        assert_eq!(package.integrity.as_deref(), Some("sha512-x"));
        let zod = Dependency { name: "zod".to_owned(), version: "^3".to_owned() };
        let whole = lock.lockfile(&[zod]);
        assert_eq!(whole["packages"][""]["dependencies"]["zod"], "^3");
        let again = DependencyLock::from_lockfile(whole.to_string().as_bytes()).unwrap();
        assert_eq!(again, lock);
    }

    #[test]
    fn what_does_not_come_from_a_registry_is_refused() {
        for package in [
            json!({ "version": "1.0.0", "resolved": "git+ssh://git@example.com/x.git" }),
            json!({ "version": "1.0.0", "resolved": "file:../x" }),
            json!({ "version": "1.0.0" }),
            json!({ "resolved": "../x", "link": true }),
        ] {
            let text = lockfile(&json!({ "node_modules/x": package }));
            assert!(
                matches!(DependencyLock::from_lockfile(&text), Err(LockError::Foreign(_))),
                "{package}"
            );
        }
        for wanted in
            ["https://example.com/y.tgz", "git+https://example.com/y", "someone/y", "file:../y"]
        {
            for field in NEEDS {
                let mut package = zod();
                package[field] = json!({ "z": ">=1.0.0 <2 || ^3", "y": wanted });
                let text = lockfile(&json!({ "node_modules/zod": package }));
                let refused = DependencyLock::from_lockfile(&text).unwrap_err().to_string();
                assert!(refused.contains("zod' needs 'y' from elsewhere"), "{wanted}: {refused}");
            }
        }
        let mut renamed = zod();
        renamed["dependencies"] = json!({ "y": "npm:@scope/y@^1.0.0", "z": "latest" });
        let text = lockfile(&json!({ "node_modules/zod": renamed }));
        assert!(DependencyLock::from_lockfile(&text).is_ok());
        let outside = lockfile(&json!({ "../x": zod() }));
        assert!(matches!(DependencyLock::from_lockfile(&outside), Err(LockError::Foreign(_))));
    }

    #[test]
    fn what_is_no_lock_or_too_much_is_refused() {
        assert_eq!(DependencyLock::from_lockfile(b"{"), Err(LockError::Unreadable));
        assert_eq!(DependencyLock::from_lockfile(b"{}"), Err(LockError::Unreadable));
        let many: Map<String, Value> =
            (0..=MAX_LOCKED_PACKAGES).map(|n| (format!("node_modules/x{n}"), zod())).collect();
        let many = lockfile(&Value::Object(many));
        assert_eq!(
            DependencyLock::from_lockfile(&many),
            Err(LockError::TooMany(MAX_LOCKED_PACKAGES + 1))
        );
    }
}
