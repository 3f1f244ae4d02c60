//! `demo`: the main job before one's eyes. A client makes a tool on a server that runs, calls it, changes
//! it, and is told of a conflict; then the server goes on serving.

mod client;

use std::net::SocketAddr;

use client::{Answer, Client};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::table::printable;
use super::{CommandError, Screen};

const TOOL: &str = "text.uppercase";

/// Arguments longer than this are shown on several lines.
const LINE_CHARS: usize = 100;

/// Shows what the server that listens on `address` does, and how to attach to it.
pub async fn demo(
    address: SocketAddr,
    path: &str,
    admin_token: Option<&SecretString>,
    screen: &mut Screen,
) -> Result<(), CommandError> {
    let url = format!("http://{address}{path}");
    screen.line(&format!("{} serves MCP at {}", screen.strong("dynamic-mcp"), screen.strong(&url)));
    let (client, server) = Client::connect(address, path).await?;
    let mut show = Show { client, screen, step: 0, admin_token };
    show.step("A client attaches");
    let info = |key: &str| server.pointer(&format!("/serverInfo/{key}")).and_then(Value::as_str);
    let (name, version) = (info("name").unwrap_or("?"), info("version").unwrap_or("?"));
    show.came(&format!("{name} {version}"));
    let seen = show.make().await?;
    show.uppercase().await?;
    show.change(seen).await?;
    show.uppercase().await?;
    show.step("It changes the tool again, still expecting the old revision");
    let patch = json!({ "code": "return 'overwritten';" });
    let stale = json!({ "name": TOOL, "expectedRevision": seen, "patch": patch });
    show.manage("dynamic.tool.update", stale, true).await?;
    show.step("It runs code that never ends, with one second of time");
    let endless = json!({ "code": "while (true) {}", "timeoutMs": 1000 });
    show.call("run_js_ephemeral", endless, true).await?;
    attach(&url, screen);
    Ok(())
}

struct Show<'a> {
    client: Client,
    screen: &'a mut Screen,
    step: u32,
    admin_token: Option<&'a SecretString>,
}

impl Show<'_> {
    fn step(&mut self, what: &str) {
        self.step += 1;
        let what = self.screen.strong(&format!("{}. {what}", self.step));
        self.screen.line(&format!("\n{what}"));
    }

    fn came(&mut self, answer: &str) {
        for line in printable(answer).lines() {
            let arrow = self.screen.good("<-");
            self.screen.line(&format!("   {arrow} {line}"));
        }
    }

    /// Makes the tool, or finds it from an earlier time; answers with its revision.
    async fn make(&mut self) -> Result<u64, CommandError> {
        let mut look = json!({ "name": TOOL });
        self.show_token(&mut look);
        let found = self.client.call("dynamic.tool.get", look).await?;
        if !found.is_error {
            let revision = revision(&found);
            self.step("The tool is there from an earlier time: it is kept in the store");
            self.came(&format!("{TOOL}, revision {revision}"));
            return Ok(revision);
        }
        self.step("It makes a tool, while the server runs");
        let tool = json!({
            "name": TOOL,
            "description": "Uppercases a text.",
            "inputSchema": {
                "type": "object",
                "properties": { "text": { "type": "string" } },
                "required": ["text"],
            },
            "code": "return args.text.toUpperCase();",
        });
        let made = self.manage("dynamic.tool.create", json!({ "tool": tool }), false).await?;
        Ok(revision(&made))
    }

    async fn uppercase(&mut self) -> Result<(), CommandError> {
        self.step("It calls the tool; the code runs in a sandbox of its own");
        self.call(TOOL, json!({ "text": "made while it runs" }), false).await.map(drop)
    }

    async fn change(&mut self, seen: u64) -> Result<(), CommandError> {
        self.step("It changes the tool, expecting the revision that it saw");
        let marks = "!".repeat(usize::try_from(seen % 3).unwrap_or_default() + 1);
        let patch = json!({ "code": format!("return args.text.toUpperCase() + '{marks}';") });
        let update = json!({ "name": TOOL, "expectedRevision": seen, "patch": patch });
        self.manage("dynamic.tool.update", update, false).await.map(drop)
    }

    /// A call of a management tool, with the admin token where there is one; the token is not shown.
    async fn manage(
        &mut self,
        tool: &str,
        mut arguments: Value,
        fails: bool,
    ) -> Result<Answer, CommandError> {
        self.sent(tool, &arguments);
        self.show_token(&mut arguments);
        self.answered(tool, arguments, fails).await
    }

    async fn call(
        &mut self,
        tool: &str,
        arguments: Value,
        fails: bool,
    ) -> Result<Answer, CommandError> {
        self.sent(tool, &arguments);
        self.answered(tool, arguments, fails).await
    }

    fn sent(&mut self, tool: &str, arguments: &Value) {
        let arrow = self.screen.faint("->");
        let mut shown = arguments.to_string();
        if shown.chars().count() > LINE_CHARS {
            shown = format!("{arguments:#}").replace('\n', "\n      ");
        }
        self.screen.line(&format!("   {arrow} {tool} {shown}"));
    }

    fn show_token(&self, arguments: &mut Value) {
        if let (Some(token), Some(fields)) = (self.admin_token, arguments.as_object_mut()) {
            fields.insert("adminToken".to_owned(), token.expose_secret().into());
        }
    }

    async fn answered(
        &mut self,
        tool: &str,
        arguments: Value,
        fails: bool,
    ) -> Result<Answer, CommandError> {
        let answer = self.client.call(tool, arguments).await?;
        if answer.is_error != fails {
            return Err(CommandError::new(format!("{tool} answered: {}", answer.text)));
        }
        let code = answer.structured.get("code").and_then(Value::as_str);
        let shown = match code {
            Some(code) if answer.is_error => format!("{}: {}", self.screen.odd(code), answer.text),
            _ if answer.structured.get("tool").is_some() => {
                format!("{TOOL}, revision {}", revision(&answer))
            }
            _ => answer.text.clone(),
        };
        let arrow = self.screen.good("<-");
        self.screen.line(&format!("   {arrow} {shown}"));
        Ok(answer)
    }
}

fn revision(answer: &Answer) -> u64 {
    answer.structured.pointer("/tool/revision").and_then(Value::as_u64).unwrap_or_default()
}

fn attach(url: &str, screen: &mut Screen) {
    let lines = [
        String::new(),
        format!("The server goes on serving at {}. Attach to it:", screen.strong(url)),
        format!("   Claude Code   claude mcp add --transport http dynamic-mcp {url}"),
        format!("   VS Code       dynamic-mcp init vscode --http {url} --write"),
        format!("   Cursor        dynamic-mcp init cursor --http {url} --write"),
        format!("   Codex         codex mcp add dynamic-mcp --url {url}"),
        "or have a client start its own, over stdio: dynamic-mcp init CLIENT".to_owned(),
        String::new(),
        screen.faint("Ctrl-C ends it; start it again, and the tool is still there."),
    ];
    for line in lines {
        screen.line(&line);
    }
}
