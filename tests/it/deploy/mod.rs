//! What is under `deploy/`, as far as a machine without a cluster can hold it to its word.

mod commands;
mod compose;
mod image;
mod manifests;
mod names;
mod runbook;
mod unit;

use std::path::{Path, PathBuf};

/// A file or folder of the project.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Its text.
fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The pages for those who run the server.
const PAGES: [&str; 2] = ["docs/deployment.md", "docs/production-runbook.md"];
