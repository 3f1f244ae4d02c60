//! Every setting that is named there exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use dynamic_mcp::app::config::{Backend, Sources, load, settings};

use super::{PAGES, file, text};

/// Variables of programs beside the server.
const OTHERS: [&str; 4] =
    ["DYNAMIC_MCP_IMAGE", "POSTGRES_IMAGE", "POSTGRES_PASSWORD", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Every file below a folder.
fn walk(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path.to_str().unwrap().to_owned());
        }
    }
}

/// Words that look like a setting.
fn named(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("MCP_") || word.starts_with("OTEL_"))
        .collect()
}

#[test]
fn every_setting_that_is_named_exists() {
    let known: BTreeSet<&str> =
        settings().flat_map(|setting| std::iter::once(setting.name).chain(setting.alias)).collect();
    let mut files = Vec::new();
    walk(&file("deploy"), &mut files);
    files.extend(["Dockerfile", ".env.prod.example"].map(|name| file(name).display().to_string()));
    files.extend(PAGES.map(|name| file(name).display().to_string()));
    let mut count = 0;
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for name in named(&text) {
            let is_known =
                known.contains(name) || name.starts_with("MCP_SECRET_") || OTHERS.contains(&name);
            assert!(is_known, "{path} names {name}, which is no setting");
            count += 1;
        }
    }
    assert!(count > 50, "only {count} names were found");
}

/// The example for production, as Compose, systemd and Kubernetes read it: nothing is unquoted or expanded.
#[test]
fn the_example_for_production_is_a_configuration() {
    let text = text(".env.prod.example");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: BTreeMap<String, String> = lines
        .map(|line| {
            let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
            assert!(!value.contains(['"', '\'', '$', ' ']), "{line}");
            (name.to_owned(), value.to_owned())
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let sources = Sources { flags: &[], environment: &lines, directory: folder.path() };
    let config = load(&sources).unwrap_or_else(|error| panic!("{error}"));
    assert!(config.auth.jwt.is_some() && config.auth.admin_token.is_some());
    assert!(matches!(config.store.backend, Backend::Postgres(_)));
}
