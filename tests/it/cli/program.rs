//! The built program: what it prints where, and its exit codes.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

/// Only there so that a hang is a failure.
const HANG: Duration = Duration::from_mins(2);

pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ended {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }
}

pub(super) fn program(directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dynamic-mcp"));
    command
        .args(args)
        .current_dir(directory)
        .env_clear()
        .env("MCP_EXECUTION_ENGINE", "embedded")
        .env("HOME", directory)
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

async fn run(mut command: Command) -> Ended {
    let output = tokio::time::timeout(HANG, command.output()).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

pub(super) async fn in_directory(directory: &Path, args: &[&str]) -> Ended {
    run(program(directory, args)).await
}

/// Speaks MCP to a server over stdio: sends these requests one after the other, and answers with the last
/// result.
async fn over_stdio(directory: &Path, requests: &[(&str, Value)]) -> Value {
    let mut command = program(directory, &["--log-level", "error"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    let mut last = Value::Null;
    let requests = std::iter::once(("initialize", hello)).chain(requests.iter().cloned());
    for (id, (method, params)) in requests.enumerate() {
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        stdin.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        last = loop {
            let line = tokio::time::timeout(HANG, lines.next_line()).await.unwrap().unwrap();
            let message: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if message["id"] == id {
                break message;
            }
        };
        if method == "initialize" {
            let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
            stdin.write_all(format!("{done}\n").as_bytes()).await.unwrap();
        }
    }
    drop(stdin);
    let status = tokio::time::timeout(HANG, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    last["result"].clone()
}

async fn create(directory: &Path, tool: Value) {
    let call = json!({ "name": "dynamic.tool.create", "arguments": { "tool": tool } });
    let result = over_stdio(directory, &[("tools/call", call)]).await;
    assert_ne!(result["isError"], true, "{result}");
}

fn uppercase() -> Value {
    json!({
        "name": "text.uppercase",
        "description": "Uppercases a text.",
        "inputSchema": {
            "type": "object",
            "properties": { "text": { "type": "string" } },
            "required": ["text"],
        },
        "code": "console.log('called'); return args.text.toUpperCase();",
    })
}

#[tokio::test]
async fn help_and_version_go_to_standard_output_and_end_well() {
    let directory = tempfile::tempdir().unwrap();
    let version = in_directory(directory.path(), &["--version"]).await;
    assert_eq!(version.out, format!("dynamic-mcp {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!((version.code, version.err.as_str()), (Some(0), ""));
    let help = in_directory(directory.path(), &["--help"]).await;
    assert_eq!(help.code, Some(0));
    assert!(help.out.contains("--dynamic-store"));
}

#[tokio::test]
async fn a_bad_command_line_or_setting_is_64_and_standard_output_stays_empty() {
    let directory = tempfile::tempdir().unwrap();
    for (args, part) in [
        (&["--prot", "1"][..], "--port"),
        (&["frobnicate"], "frobnicate"),
        (&["--port", "64k"], "MCP_PORT must be an integer from 1 to 65,535, not \"64k\""),
        (&["--auth-mode=jwt"], "MCP_AUTH_JWKS_URL is required by MCP_AUTH_MODE=jwt"),
        (&["--execution-engine", "node"], "MCP_EXECUTION_ENGINE=node is refused"),
        (&["--require-admin-token"], "MCP_ADMIN_TOKEN is required"),
        (&["--config", "missing.toml"], "missing.toml"),
        (&["tools", "list", "--dynamic-max-tools", "0"], "MCP_DYNAMIC_MAX_TOOLS"),
    ] {
        let ended = in_directory(directory.path(), args).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(64), ""), "{args:?}: {}", ended.err);
        assert!(ended.err.contains(part), "{args:?}: {}", ended.err);
    }
    let mut command = program(directory.path(), &[]);
    command.env("MCP_PROFILE", "huge");
    let ended = run(command).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(64), ""));
    assert!(ended.err.contains("the environment variable MCP_PROFILE"), "{}", ended.err);
    let made = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(made, 0, "a start that was refused left something behind");
}

#[tokio::test]
async fn tools_are_listed_shown_and_called() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let empty = in_directory(here, &["tools", "list"]).await;
    assert_eq!(empty.code, Some(0), "{}", empty.err);
    assert!(empty.out.contains("no tools yet"), "{}", empty.out);
    create(here, uppercase()).await;

    let list = in_directory(here, &["tools", "list"]).await;
    let mut lines = list.out.lines();
    assert!(lines.next().unwrap().starts_with("NAME"), "{}", list.out);
    assert!(lines.next().unwrap().starts_with("text.uppercase  1    enabled"), "{}", list.out);
    let list = in_directory(here, &["tools", "list", "--json"]).await.json();
    assert_eq!(list["tools"][0]["name"], "text.uppercase");
    assert_eq!(list["tools"][0].get("code"), None);

    let shown = in_directory(here, &["tools", "get", "text_uppercase"]).await;
    assert!(shown.out.contains("return args.text.toUpperCase();"), "{}", shown.out);
    let shown = in_directory(here, &["tools", "get", "text.uppercase", "--json"]).await.json();
    assert_eq!(shown["revision"], 1);
    let missing = in_directory(here, &["tools", "get", "text.lowercase"]).await;
    assert_eq!((missing.code, missing.out.as_str()), (Some(1), ""));
    assert!(missing.err.contains("text.lowercase"), "{}", missing.err);

    let called = in_directory(here, &["call", "text.uppercase", "text=7 hills"]).await;
    assert_eq!((called.code, called.out.as_str()), (Some(0), "7 HILLS\n"), "{}", called.err);
    assert!(called.err.contains("called"), "the log is missing: {}", called.err);
    let typed = [r#"{"text": "x"}"#, "text=7"];
    for (arguments, result) in typed.iter().zip(["X", "7"]) {
        let called = in_directory(here, &["call", "text.uppercase", arguments, "--json"]).await;
        assert_eq!(called.json()["result"], result, "{arguments}");
    }
    let refused = in_directory(here, &["call", "text.uppercase"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("text"), "{}", refused.err);
}

#[tokio::test]
async fn a_call_that_fails_ends_with_1_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let code = "throw new Error('out of ' + args.what);";
    let tool = json!({ "name": "always.fails", "description": "Fails.", "code": code });
    create(directory.path(), tool).await;
    let failed = in_directory(directory.path(), &["call", "always.fails", "what=luck"]).await;
    assert_eq!(failed.code, Some(1), "{}", failed.err);
    assert!(
        failed.out.contains("tool_error") && failed.out.contains("out of luck"),
        "{}",
        failed.out
    );
    let failed =
        in_directory(directory.path(), &["call", "always.fails", "what=luck", "--json"]).await;
    assert_eq!(failed.code, Some(1));
    let answer = failed.json();
    assert_eq!((&answer["ok"], &answer["code"]), (&json!(false), &json!("tool_error")));
}

#[tokio::test]
async fn doctor_runs_a_real_call_and_says_what_is_broken() {
    let directory = tempfile::tempdir().unwrap();
    let doctor = in_directory(directory.path(), &["doctor"]).await;
    assert!(doctor.out.contains("2 + 3 came back as 5"), "{}{}", doctor.out, doctor.err);
    assert_eq!(doctor.code, Some(0), "{}", doctor.out);
    let report = in_directory(directory.path(), &["doctor", "--json"]).await.json();
    assert_eq!(report["ok"], true);
    let checks = report["checks"].as_array().unwrap();
    for what in ["configuration", "store", "embedded engine", "docker engine", "tool names"] {
        assert!(checks.iter().any(|check| check["what"] == what), "{what}: {report}");
    }

    let broken = in_directory(directory.path(), &["doctor", "--port", "0"]).await;
    assert_eq!(broken.code, Some(1));
    assert!(broken.out.contains("MCP_PORT must be"), "{}", broken.out);

    let here = &["doctor", "--dynamic-store", "old/tools.json"];
    let imported = in_directory(directory.path(), here).await;
    assert!(imported.out.contains("tools in old/tools.redb"), "{}", imported.out);

    std::fs::write(directory.path().join("foreign.redb"), "not a store at all").unwrap();
    let foreign =
        in_directory(directory.path(), &["doctor", "--dynamic-store", "foreign.redb"]).await;
    assert_eq!(foreign.code, Some(1));
    assert!(foreign.out.contains("foreign.redb"), "{}", foreign.out);
}

#[cfg(feature = "docker")]
#[tokio::test]
async fn doctor_sees_that_an_image_is_missing_and_that_the_other_engine_works() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = program(directory.path(), &["doctor", "--json"]);
    // Nobody gives images there.
    command.env("MCP_SANDBOX_ALLOWED_IMAGES", "127.0.0.1:1/absent:1");
    command.env_remove("MCP_EXECUTION_ENGINE").envs(crate::support::docker::settings());
    let report = run(command).await.json();
    let checks = report["checks"].as_array().unwrap();
    let check = |what| checks.iter().find(|check| check["what"] == what).unwrap();
    assert_eq!(check("docker engine")["state"], "attention", "{report}");
    let detail = check("docker engine")["detail"].as_str().unwrap();
    assert!(detail.contains("127.0.0.1:1/absent:1"), "{detail}");
    assert_eq!(check("embedded engine")["state"], "works", "{report}");
    assert_eq!(check("sandboxed call")["state"], "broken", "{report}");
}

#[cfg(feature = "http")]
#[tokio::test]
async fn doctor_tries_the_port() {
    let directory = tempfile::tempdir().unwrap();
    let port = {
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        free.local_addr().unwrap().port().to_string()
    };
    let http = ["doctor", "--transport", "http", "--port", &port];
    let free = in_directory(directory.path(), &http).await;
    assert!(free.out.contains(&format!("127.0.0.1:{port} can be listened on")), "{}", free.out);
    let _holder = std::net::TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    let taken = in_directory(directory.path(), &http).await;
    assert_eq!(taken.code, Some(0), "{}", taken.out);
    assert!(taken.out.contains(&format!("something listens on 127.0.0.1:{port}")), "{}", taken.out);
    // An address of nobody's (RFC 5737).
    let foreign = [&http[..], &["--host", "192.0.2.1"]].concat();
    let foreign = in_directory(directory.path(), &foreign).await;
    assert_eq!(foreign.code, Some(1), "{}", foreign.out);
    assert!(foreign.out.contains(&format!("192.0.2.1:{port}: ")), "{}", foreign.out);
}

#[tokio::test]
async fn commands_say_what_is_odd_about_the_settings() {
    let directory = tempfile::tempdir().unwrap();
    create(directory.path(), uppercase()).await;
    for args in [&["tools", "--json"][..], &["call", "text.uppercase", "text=a", "--json"]] {
        let ended = in_directory(directory.path(), &[args, &["--docker-bin", "x"]].concat()).await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.json().is_object());
        assert!(ended.err.starts_with("Warning: "), "{}", ended.err);
    }
}

#[tokio::test]
async fn what_init_writes_starts_a_server_that_works() {
    let directory = tempfile::tempdir().unwrap();
    let wrote = in_directory(directory.path(), &["init", "claude-code", "--write"]).await;
    assert_eq!(wrote.code, Some(0), "{}", wrote.err);
    let text = std::fs::read_to_string(directory.path().join(".mcp.json")).unwrap();
    let entry = serde_json::from_str::<Value>(&text).unwrap()["mcpServers"]["dynamic-mcp"].clone();
    assert_eq!(entry["command"], env!("CARGO_BIN_EXE_dynamic-mcp"));
    let args: Vec<String> = serde_json::from_value(entry["args"].clone()).unwrap();
    let mut listed: Vec<&str> = vec!["tools", "list", "--json"];
    listed.extend(args.iter().map(String::as_str));
    let listed = in_directory(directory.path(), &listed).await;
    assert_eq!(listed.json(), json!({ "tools": [] }));
    assert!(directory.path().join(".dynamic-mcp/tools.redb").is_file());
}

#[cfg(feature = "http")]
#[tokio::test]
async fn the_demo_looks_for_another_port_only_where_one_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let ended = in_directory(directory.path(), &["demo", "--host", "192.0.2.1"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("can't listen on 192.0.2.1:8788"), "{}", ended.err);
}

#[cfg(all(unix, feature = "http"))]
#[tokio::test]
async fn the_demo_shows_the_main_job_twice_and_goes_on_serving() {
    let directory = tempfile::tempdir().unwrap();
    for (time, made) in [(1, "It makes a tool"), (2, "The tool is there from an earlier time")] {
        let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let mut child = program(directory.path(), &["demo", "--port", &port]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut shown = String::new();
        while !shown.contains("Ctrl-C ends it") {
            let line = tokio::time::timeout(HANG, lines.next_line()).await.unwrap().unwrap();
            let line = line.unwrap_or_else(|| panic!("it ended:\n{shown}"));
            shown.push_str(&line);
            shown.push('\n');
        }
        for part in [made, "MADE WHILE IT RUNS", "revision_conflict", "timeout", "claude mcp add"] {
            assert!(shown.contains(part), "time {time}: {part:?} is not in:\n{shown}");
        }
        assert!(!shown.contains(&format!(":{port}/")), "the port was taken:\n{shown}");
        let mut said = String::new();
        let mut notes = BufReader::new(child.stderr.take().unwrap());
        notes.read_line(&mut said).await.unwrap();
        assert!(said.starts_with(&format!("Port {port} is taken; ")), "the log is quiet: {said}");
        assert_eq!(child.try_wait().unwrap(), None, "it goes on serving");
        let id = rustix::process::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap());
        rustix::process::kill_process(id.unwrap(), rustix::process::Signal::TERM).unwrap();
        let status = tokio::time::timeout(HANG, child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0), "time {time}");
    }
}
