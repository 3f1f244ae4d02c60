//! A server that can attach others, its client, and scripts that play servers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::inbound::mcp::McpOptions;
use dynamic_mcp::adapters::outbound::store::MemoryAttachments;
use dynamic_mcp::adapters::outbound::upstream::{ClientOptions, McpClient};
use dynamic_mcp::domain::network::PrivateHosts;
use dynamic_mcp::domain::{AccessPolicy, Profile};
use dynamic_mcp::ports::{AttachmentStore, UpstreamClient};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::app::{Setup, TestApp};
use crate::support::client::{DuplexClient, LATEST_SESSION, Served};
use crate::support::upstreams::attaching;
use crate::support::wait::until;

pub(super) const TOKEN: &str = "admin-token-of-the-tests";

/// What a test may want to be different.
pub(super) struct Options {
    pub(super) store: Arc<dyn AttachmentStore>,
    pub(super) client: Option<Arc<dyn UpstreamClient>>,
    pub(super) private_hosts: Vec<&'static str>,
    pub(super) max: usize,
    pub(super) max_message_bytes: usize,
    pub(super) connect_timeout: Duration,
    pub(super) list_timeout: Duration,
    pub(super) setup: Setup,
}

impl Default for Options {
    fn default() -> Self {
        let access = AccessPolicy { admin_required: true, ..AccessPolicy::default() };
        Self {
            store: Arc::new(MemoryAttachments::new()),
            client: None,
            private_hosts: vec!["127.0.0.1", "localhost"],
            max: 8,
            max_message_bytes: 1 << 20,
            connect_timeout: Duration::from_mins(1),
            list_timeout: Duration::from_mins(1),
            setup: Setup { access, admin_token: Some(TOKEN), ..Setup::default() },
        }
    }
}

/// A server on fakes, but for its upstreams.
pub(super) struct Site {
    pub(super) served: Served,
}

impl Site {
    pub(super) async fn open() -> Self {
        Self::with(Options::default()).await
    }

    pub(super) async fn with(options: Options) -> Self {
        let mut site = Self::unopened(options);
        site.client().initialize(LATEST_SESSION).await;
        site
    }

    /// Its client has said nothing yet.
    pub(super) fn unopened(options: Options) -> Self {
        let test = TestApp::with(options.setup);
        let tasks = test.lifecycle.tasks.clone();
        let own = || -> Arc<dyn UpstreamClient> {
            let hosts = options.private_hosts.iter().map(|host| (*host).to_owned());
            let client = ClientOptions {
                private_hosts: PrivateHosts::new(hosts),
                max_message_bytes: options.max_message_bytes,
                connect_timeout: options.connect_timeout,
                list_timeout: options.list_timeout,
                ..ClientOptions::new("dynamic-mcp", "test")
            };
            Arc::new(McpClient::new(client, tasks.clone()))
        };
        let client = options.client.clone().unwrap_or_else(own);
        let test = attaching(test, client, options.store, options.max);
        let face = McpOptions { profile: Profile::Enterprise, ..McpOptions::default() };
        Self { served: Served::with(test, face) }
    }

    pub(super) fn client(&mut self) -> &mut DuplexClient {
        &mut self.served.client
    }

    /// Makes a tool of this server's own.
    pub(super) async fn create(&mut self, name: &str) {
        let tool = json!({ "name": name, "description": "A tool.", "code": "echo" });
        let result = self.manage("dynamic.tool.create", json!({ "tool": tool })).await;
        assert_eq!(result["isError"], false, "{result}");
    }

    /// Calls a management tool as the administrator.
    pub(super) async fn manage(&mut self, tool: &str, mut arguments: Value) -> Value {
        arguments["adminToken"] = TOKEN.into();
        self.client().call(tool, arguments).await
    }

    /// Attaches a server, which has to go well.
    pub(super) async fn attach(&mut self, draft: Value) -> Value {
        let result = self.manage("upstream.mcp.attach", draft).await;
        assert_eq!(result["isError"], false, "{result}");
        result["structuredContent"].clone()
    }

    /// Attaches a server, which has to be refused; the failure.
    pub(super) async fn refused(&mut self, draft: Value) -> Value {
        let result = self.manage("upstream.mcp.attach", draft).await;
        assert_eq!(result["isError"], true, "{result}");
        result["structuredContent"].clone()
    }

    pub(super) async fn detach(&mut self, alias: &str) -> Value {
        self.manage("upstream.mcp.detach", json!({ "alias": alias })).await["structuredContent"]
            .clone()
    }

    /// What `upstream.mcp.list` shows of an alias.
    pub(super) async fn listed(&mut self, alias: &str) -> Value {
        let listed = self.manage("upstream.mcp.list", json!({})).await;
        let all = listed["structuredContent"]["upstreams"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["alias"] == alias).unwrap_or(Value::Null)
    }

    /// Waits until the list of tools has one of this name, or has none.
    pub(super) async fn until_listed(&mut self, name: &str, there: bool) {
        let client = self.client();
        until(async || client.names().await.iter().any(|listed| listed == name) == there).await;
    }

    /// Ends the server; returns when nothing of it runs any more.
    pub(super) async fn end(self) {
        let lifecycle = self.served.test.lifecycle.clone();
        let ending = async {
            lifecycle.drain().await;
            lifecycle.finish().await;
        };
        tokio::time::timeout(Duration::from_mins(1), ending).await.unwrap();
    }
}

/// A port that nobody listens on.
pub(super) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until somebody listens there.
pub(super) async fn listens(port: u16) {
    until(async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
}

/// The built server, as a program to attach.
pub(super) fn own(alias: &str, folder: &TempDir) -> Value {
    let store = format!("--dynamic-store={}", folder.path().join("tools.redb").display());
    let program = env!("CARGO_BIN_EXE_dynamic-mcp");
    json!({ "alias": alias, "transport": "stdio", "command": program, "args": [store] })
}

/// A shell script that plays a server, as a program to attach. `on` says what it does on each kind of message, as
/// branches of `case`; `answer` and `fail` answer the message at hand.
pub(crate) fn script(alias: &str, folder: &TempDir, on: &str) -> Value {
    let path: PathBuf = folder.path().join(format!("{alias}.sh"));
    std::fs::write(&path, SCRIPT.replace("@ON@", on)).unwrap();
    json!({
        "alias": alias,
        "transport": "stdio",
        "command": "/bin/sh",
        "args": [path],
        "cwd": folder.path(),
        "timeoutMs": 60_000,
    })
}

/// A server with sessions and one tool, `work`; what `@ON@` has comes first.
const SCRIPT: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
fail() { printf '{"jsonrpc":"2.0","id":%s,"error":{"code":%s,"message":"%s"}}\n' "$id" "$1" "$2"; }
tool() { printf '{"name":"%s","description":"A tool.","inputSchema":{"type":"object"}}' "$1"; }
text() { answer '{"content":[{"type":"text","text":"'"$1"'"}]}'; }
while IFS= read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    @ON@
    *'"server/discover"'*) fail -32601 'no such method' ;;
    *'"initialize"'*) answer '{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"script","version":"1"}}' ;;
    *'"tools/list"'*) answer "{\"tools\":[$(tool work)]}" ;;
    *'"tools/call"'*) text done ;;
  esac
done
"#;
