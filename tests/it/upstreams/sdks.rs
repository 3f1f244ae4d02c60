//! Servers made with the official SDKs, as upstreams. `scripts/prepare` installs the SDKs.

use serde_json::{Value, json};

use super::site::Site;
use crate::e2e::clients::file;

async fn serves(alias: &str, command: &str, program: &str, args: &[&str]) {
    let mut site = Site::open().await;
    let mut all = vec![file(program).display().to_string()];
    all.extend(args.iter().map(|arg| (*arg).to_owned()));
    let command = file(command);
    let draft = json!({ "alias": alias, "transport": "stdio", "command": command, "args": all });
    let attached = site.attach(draft).await;
    assert_eq!(attached["connected"], true, "{attached}");
    let name = |tool: &str| format!("{alias}.{tool}");
    site.until_listed(&name("add"), true).await;
    let added = site.client().call(&name("add"), json!({ "a": 2, "b": 3 })).await;
    assert_eq!(added["isError"], false, "{added}");
    assert_eq!(added["content"][0]["text"], "5", "{added}");
    let failed = site.client().call(&name("fail"), json!({})).await;
    assert_eq!(failed["isError"], true, "{failed}");
    let wrong = site.client().call(&name("add"), json!({ "a": "x", "b": 3 })).await;
    assert_eq!(code(&wrong), "invalid_input", "{wrong}");
    site.client().meta("progressToken", "mine".into());
    let slow = site.client().call(&name("slow"), json!({})).await;
    assert_eq!(slow["isError"], false, "{slow}");
    let progress = site.client().notification("notifications/progress").await;
    assert_eq!(progress["params"]["progressToken"], "mine");
    site.end().await;
}

fn code(result: &Value) -> &Value {
    let own = &result["structuredContent"]["code"];
    if own.is_null() { &result["_meta"]["dynamic-mcp/error"]["code"] } else { own }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdks() {
    serves("py", "target/clients/python/bin/python", "tests/e2e/servers/server.py", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_sdks() {
    serves("ts", "target/clients/node", "tests/e2e/servers/server.mjs", &[]).await;
}
