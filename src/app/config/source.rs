//! Where variables come from: the process environment, or a map in tests, which therefore never have to
//! change the environment of their process.

use std::collections::BTreeMap;

/// Named strings.
pub trait Strings {
    /// The value of `name`, if it is set. What is not Unicode is replaced by U+FFFD, and then refused by
    /// whatever reads it.
    fn get(&self, name: &str) -> Option<String>;

    /// Every name.
    fn names(&self) -> Vec<String>;
}

/// The process environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Strings for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

impl Strings for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        Self::get(self, name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}
