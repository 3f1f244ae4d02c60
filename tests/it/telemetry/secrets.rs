//! Secrets of attached servers, and the administrator's, against everything that the server says: answers, log, audit
//! log, metrics, traces and the doctor.

use std::process::Stdio;

use serde_json::{Value, json};

use super::traces::call;
use crate::e2e::server::Site;
use crate::support::collector::Collector;
use crate::support::mcp_server::McpServer;

/// What must not be seen anywhere. Each secret has it in it.
const CANARY: &str = "canary";
const ADMIN: &str = "canary-of-the-administrator";

/// A server that says all it was given, in its log and in its refusals.
const GOSSIP: &str = r#"while IFS= read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"server/discover"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}\n' "$id" ;;
    *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"of %s","version":"%s"}}}\n' "$id" "$TOKEN" "$1" ;;
    *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"work","inputSchema":{"type":"object"}}]}}\n' "$id" ;;
    *'"tools/call"'*) echo "I have $TOKEN and $1" >&2
      printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":"no, %s and %s"}}\n' "$id" "$TOKEN" "$1" ;;
  esac
done"#;

#[tokio::test]
async fn no_secret_is_in_anything_that_is_said() {
    let (collector, there) = (Collector::start().await, McpServer::start().await);
    let (site, folder) = (Site::new(), tempfile::tempdir().unwrap());
    let audit = folder.path().join("audit.log");
    let flags = [
        "--profile=enterprise".to_owned(),
        "--experimental-upstream-mcp-attach".to_owned(),
        "--upstream-private-hosts=127.0.0.1".to_owned(),
        "--upstream-commands=/bin/sh".to_owned(),
        "--log-level=trace".to_owned(),
        "--audit-enabled=true".to_owned(),
        format!("--audit-file={}", audit.display()),
        format!("--admin-token={ADMIN}"),
        format!("--otel-exporter-otlp-endpoint={}", collector.endpoint),
    ];
    let server = site.http_with(|_| flags.to_vec()).await;
    let mut said: Vec<Value> = Vec::new();
    let mut ask = async |tool: &str, mut arguments: Value| {
        if tool.starts_with("upstream.") {
            arguments["adminToken"] = ADMIN.into();
        }
        let answer = call(&server.url, None, tool, &arguments).await;
        said.push(answer.clone());
        answer
    };
    let base = there.url.trim_end_matches("/mcp").to_owned();
    let headers =
        json!({ "Authorization": "Bearer canary-in-a-header", "X-Key": "canary-in-another" });
    let url = format!("{base}/s/canary-in-the-path-0123456789/mcp?key=canary-in-the-query");
    let web = json!({ "alias": "web", "transport": "http", "url": url, "headers": headers });
    let program = json!({
        "alias": "prog", "transport": "stdio", "command": "/bin/sh",
        "args": ["-c", GOSSIP, "sh", "--key=canary-argument"], "env": { "TOKEN": "canary-in-the-environment" },
    });
    for draft in [&web, &program] {
        let attached = ask("upstream.mcp.attach", draft.clone()).await;
        assert_eq!(attached["structuredContent"]["connected"], true, "{attached}");
    }
    let seen = there.seen("tools/list");
    assert_eq!(seen[0].headers["x-key"], "canary-in-another");
    assert_eq!(seen[0].query.as_deref(), Some("key=canary-in-the-query"));
    // What is refused, and what fails, is told without them too.
    for (field, wrong) in [
        ("url", json!("http://user:canary-password@127.0.0.1:1/mcp")),
        ("url", json!("http://127.0.0.1:1/mcp?key=canary-in-the-query")),
        ("url", json!("http://nowhere.invalid./mcp?key=canary-in-the-query")),
        ("headers", json!({ "Bad": "canary\n" })),
    ] {
        let mut draft = web.clone();
        draft[field] = wrong;
        draft["alias"] = "other".into();
        let refused = ask("upstream.mcp.attach", draft).await;
        assert_eq!(refused["isError"], true, "{refused}");
    }
    for tool in ["web.work", "prog.work"] {
        let failed = ask(tool, json!({ "fail": true })).await;
        assert_eq!(failed["isError"], true, "{failed}");
        assert!(failed.to_string().contains("***"), "{failed}");
    }
    for tool in
        ["upstream.mcp.list", "system.runtime_config", "system.health", "system.guard_metrics"]
    {
        ask(tool, json!({})).await;
    }
    let metrics = server.url.replace("/mcp", "/metrics");
    let metrics = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("web.work"), "{metrics}");
    let doctor = doctor(&folder, &flags).await;
    for alias in ["web", "prog"] {
        ask("upstream.mcp.detach", json!({ "alias": alias })).await;
    }
    server.stop().await;

    let audit = std::fs::read_to_string(audit).unwrap();
    assert!(audit.contains("upstream.mcp.attach"), "{audit}");
    let log = site.log_text();
    assert!(log.contains("an upstream is connected"), "{log}");
    said_nowhere(&[
        ("the answers", json!(said).to_string()),
        ("the metrics", metrics),
        ("the doctor", doctor),
        ("the audit log", audit),
        ("the log", log),
        ("the traces", format!("{:?}", collector.spans())),
    ]);
}

/// A database that is away, whose password a failure might tell.
#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_database_s_password_is_not_either() {
    let (site, folder) = (Site::new(), tempfile::tempdir().unwrap());
    let flags = [
        "--profile=enterprise".to_owned(),
        "--audit-enabled=false".to_owned(),
        "--log-level=trace".to_owned(),
        format!("--admin-token={ADMIN}"),
        "--dynamic-backend=postgres".to_owned(),
        "--dynamic-pg-url=postgres://user:canary-password@127.0.0.1:1/tools".to_owned(),
    ];
    let server = site.http_with(|_| flags.to_vec()).await;
    let config = call(&server.url, None, "system.runtime_config", &json!({})).await;
    assert_eq!(config["structuredContent"]["dynamic"]["backend"], "postgres", "{config}");
    let made = json!({ "tool": { "name": "a.tool", "description": "d", "code": "return 1" }, "adminToken": ADMIN });
    let made = call(&server.url, None, "dynamic.tool.create", &made).await;
    assert_eq!(made["structuredContent"]["code"], "store_unavailable", "{made}");
    let get = async |path: &str| {
        let url = server.url.replace("/mcp", path);
        reqwest::get(url).await.unwrap().text().await.unwrap()
    };
    let (ready, metrics) = (get("/readyz").await, get("/metrics").await);
    assert!(ready.contains("store"), "{ready}");
    let doctor = doctor(&folder, &flags).await;
    assert!(doctor.contains("broken"), "{doctor}");
    server.stop().await;
    said_nowhere(&[
        ("the answers", format!("{config} {made}")),
        ("readiness", ready),
        ("the metrics", metrics),
        ("the doctor", doctor),
        ("the log", site.log_text()),
    ]);
}

/// Everything that `doctor` says with these settings.
async fn doctor(folder: &tempfile::TempDir, flags: &[String]) -> String {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_dynamic-mcp"))
        .arg("doctor")
        .args(flags)
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn said_nowhere(everything: &[(&str, String)]) {
    for (what, text) in everything {
        let at = text.find(CANARY).unwrap_or_default();
        let around = text.get(at.saturating_sub(200)..).unwrap_or_default();
        let around: String = around.chars().take(400).collect();
        assert!(!text.is_empty() && !text.contains(CANARY), "{what}: {around}");
    }
}
