//! The Inspector's command line: each run is a new client that does one thing.

use serde_json::{Value, json};

use super::clients::{package, run, with};
use super::server::Site;

const INSPECTOR: &str = "inspector/clients/launcher/build/index.js";

/// A server, as the Inspector is told of it, and the era to speak.
struct Target {
    server: Vec<String>,
    era: &'static str,
}

impl Target {
    /// What the Inspector prints of one method's result.
    async fn ask(&self, method: &str, options: &[&str]) -> Value {
        let mut command = with(package(INSPECTOR), ["--cli"]);
        command
            .args(&self.server)
            .args(["--protocol-era", self.era, "--method", method])
            .args(options);
        let out = run(command).await;
        serde_json::from_str(&out).unwrap_or_else(|_| panic!("no JSON: {out}"))
    }

    async fn call(&self, tool: &str, arguments: &[(&str, Value)]) -> Value {
        let arguments: Vec<String> =
            arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut options = vec!["--tool-name", tool];
        for argument in &arguments {
            options.extend(["--tool-arg", argument]);
        }
        self.ask("tools/call", &options).await
    }
}

/// Creates a tool, finds it listed without fault, calls it.
async fn inspect(target: Target) {
    let tool = json!({
        "name": "text.uppercase",
        "description": "Upper-cases a text",
        "code": "return args.text.toUpperCase();",
        "inputSchema": {
            "type": "object",
            "properties": { "text": { "type": "string", "description": "Any text" } },
            "required": ["text"],
        },
    });
    let made = target.call("dynamic.tool.create", &[("tool", tool)]).await;
    assert_eq!(made["structuredContent"]["tool"]["revision"], 1, "{made}");

    // Strict: a schema that some client could not use is a failure.
    let listed = target.ask("tools/list", &["--strict"]).await;
    let names: Vec<&str> = listed["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"text.uppercase") && names.contains(&"system.health"), "{names:?}");

    let answer = target.call("text.uppercase", &[("text", json!("hello"))]).await;
    assert_eq!(answer["content"], json!([{ "type": "text", "text": "HELLO" }]), "{answer}");
}

async fn over_stdio(era: &'static str) {
    let site = Site::new();
    inspect(Target { server: site.stdio(), era }).await;
}

#[cfg(feature = "http")]
async fn over_http(era: &'static str) {
    let site = Site::new();
    let server = site.http().await;
    let target = vec![server.url.clone(), "--transport".to_owned(), "http".to_owned()];
    inspect(Target { server: target, era }).await;
    server.stop().await;
}

#[tokio::test]
async fn over_stdio_legacy() {
    over_stdio("legacy").await;
}

#[tokio::test]
async fn over_stdio_modern() {
    over_stdio("modern").await;
}

#[cfg(feature = "http")]
#[tokio::test]
async fn over_http_legacy() {
    over_http("legacy").await;
}

#[cfg(feature = "http")]
#[tokio::test]
async fn over_http_modern() {
    over_http("modern").await;
}
