//! An attachment as it is shown: without any value that may be a secret.

use schemars::JsonSchema;
use serde::Serialize;

use crate::app::upstreams::Attached;

/// An attached server.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct AttachedView {
    /// What its tools' names begin with here.
    alias: String,
    /// `stdio` or `http`.
    transport: String,
    /// The program without its arguments, or the URL without its query.
    target: String,
    /// Names of the environment variables or headers that are set; values are never shown.
    secrets: Vec<String>,
    /// Longest run of a call, in milliseconds, 1,000 or more.
    timeout_ms: u32,
    /// How many tools it has, 0 or more.
    tool_count: usize,
    /// Its tools, by the names to call them by.
    tool_names: Vec<String>,
    /// Tools that are not offered because of their names.
    left_out: Vec<LeftOut>,
    /// Whether calls can be made now.
    connected: bool,
    /// Why not, or what is wrong all the same. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Who it says it is, as of the last connection. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<ServerView>,
    /// Who attached it.
    attached_by: String,
    /// When it was attached, RFC 3339 in UTC.
    attached_at: String,
}

/// A tool that is not offered.
#[derive(Serialize, JsonSchema)]
struct LeftOut {
    /// Its name there.
    name: String,
    /// Why.
    reason: String,
}

/// Who a server says it is.
#[derive(Serialize, JsonSchema)]
struct ServerView {
    /// Its name.
    name: String,
    /// Its version.
    version: String,
    /// The revision of MCP that is spoken with it.
    protocol: String,
}

impl From<Attached> for AttachedView {
    fn from(attached: Attached) -> Self {
        let status = attached.status;
        Self {
            alias: attached.alias.to_string(),
            transport: attached.transport.to_owned(),
            target: attached.target,
            secrets: attached.secret_names,
            timeout_ms: attached.timeout_ms,
            tool_count: status.tools.len(),
            tool_names: status.tools.iter().map(ToString::to_string).collect(),
            left_out: status
                .left_out
                .into_iter()
                .map(|(name, reason)| LeftOut { name: name.chars().take(128).collect(), reason })
                .collect(),
            connected: status.connected,
            problem: status.problem,
            server: status.server.map(|server| ServerView {
                name: server.name,
                version: server.version,
                protocol: server.protocol,
            }),
            attached_by: attached.actor.to_string(),
            attached_at: attached.since.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        }
    }
}
