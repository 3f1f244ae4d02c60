//! The resources: documents in which the server says what it is and how it does.

use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents};
use serde::Serialize;
use serde_json::json;

use super::server::Shared;
use super::tools::system::guard_metrics;
use crate::app::System;

const JSON: &str = "application/json";

/// Longest piece of a client's own URI in an answer.
const MAX_ECHO: usize = 200;

struct Document {
    uri: &'static str,
    name: &'static str,
    title: &'static str,
    about: &'static str,
    write: fn(&Shared) -> serde_json::Result<String>,
}

static DOCUMENTS: [Document; 3] = [
    Document {
        uri: "dynamic://service/meta",
        name: "service.meta",
        title: "Service metadata",
        about: "The server's name, version, profile and time since its start.",
        write: |shared| {
            text(&json!({
                "name": System::SERVICE,
                "version": System::VERSION,
                "profile": shared.profile(),
                "protocol": "Model Context Protocol",
                "uptimeSeconds": shared.app.system.health().uptime_seconds,
            }))
        },
    },
    Document {
        uri: "dynamic://service/runtime-config",
        name: "service.runtime_config",
        title: "Server configuration",
        about: "How the server is set up, without any secret; the same as system.runtime_config.",
        write: |shared| text(&shared.app.system.runtime_config()),
    },
    Document {
        uri: "dynamic://metrics/guard",
        name: "guard.metrics",
        title: "Execution guard",
        about: "Limits on calls and what has been called; the same as system.guard_metrics.",
        write: |shared| text(&guard_metrics::Output::of(&shared.app.gate)),
    },
];

fn text<T: Serialize>(value: &T) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value)
}

/// Every resource.
pub(super) fn all() -> Vec<Resource> {
    let resource = |document: &Document| {
        Resource::new(document.uri, document.name)
            .with_title(document.title)
            .with_description(document.about)
            .with_mime_type(JSON)
    };
    DOCUMENTS.iter().map(resource).collect()
}

/// Reads one.
pub(super) fn read(shared: &Shared, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let Some(document) = DOCUMENTS.iter().find(|document| document.uri == uri) else {
        let clipped: String = uri.chars().take(MAX_ECHO).collect();
        let message =
            format!("Resource not found: '{clipped}'; resources/list shows those there are");
        return Err(ErrorData::resource_not_found(message, Some(json!({ "uri": clipped }))));
    };
    let text = (document.write)(shared).map_err(|error| {
        tracing::error!(%error, "a resource could not be written");
        ErrorData::internal_error("the server failed; its log says why", None)
    })?;
    let contents = ResourceContents::text(text, document.uri).with_mime_type(JSON);
    Ok(ReadResourceResult::new(vec![contents]))
}
