//! What is taken for a connection URL.

use std::process::Stdio;

use tokio::process::Command;

#[tokio::test]
async fn the_url_of_something_else_is_refused_and_not_repeated() {
    for url in ["mysql://u:hush-hush@db.example/x", "hush-hush", "postgres://u:hush-hush@:99999/x"]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_dynamic-mcp"))
            .args(["--dynamic-backend=postgres".to_owned(), format!("--dynamic-pg-url={url}")])
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{url}: {said}");
        assert!(said.contains("MCP_DYNAMIC_PG_URL"), "{url}: {said}");
        assert!(!said.contains("hush-hush"), "{said}");
    }
}
