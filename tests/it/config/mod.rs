//! The configuration: every setting, every source, every refusal.

mod reference;
mod refusals;
mod settings;
mod sources;

use std::collections::BTreeMap;
use std::path::Path;

use dynamic_mcp::app::config::{Config, ConfigError, Setting, Sources, load, settings as all};

/// The configuration from these variables alone.
fn from_variables(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    from_sources(&[], variables, directory.path())
}

/// The configuration from flags, variables, and what lies in a directory.
fn from_sources(
    flags: &[(&str, &str)],
    variables: &[(&str, &str)],
    directory: &Path,
) -> Result<Config, ConfigError> {
    let flags: Vec<_> =
        flags.iter().map(|(name, text)| (setting(name), (*text).to_owned())).collect();
    let environment: BTreeMap<String, String> =
        variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    load(&Sources { flags: &flags, environment: &environment, directory })
}

fn setting(name: &str) -> &'static Setting {
    all().find(|setting| setting.name == name).unwrap()
}
