//! `init` on the files that the clients really have.

mod pages;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use dynamic_mcp::adapters::inbound::cli::init::{Client, InitArgs, Places, init};
use dynamic_mcp::adapters::inbound::cli::{CommandError, Screen};
use dynamic_mcp::app::config::{Setting, settings};
use serde_json::{Value, json};

const PROGRAM: &str = "/opt/dynamic-mcp";

struct Desk {
    home: tempfile::TempDir,
}

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Desk {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("project")).unwrap();
        Self { home }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    /// Results and notes of `init`.
    fn run(
        &self,
        args: &InitArgs,
        flags: &[(&'static Setting, String)],
    ) -> Result<(String, String), CommandError> {
        let home = self.home.path().to_str().unwrap().to_owned();
        let environment = BTreeMap::from([("HOME".to_owned(), home)]);
        let places = Places::new(&environment, self.path("project"));
        let (out, notes) = (Paper::default(), Paper::default());
        let mut screen = Screen::plain(Box::new(out.clone()), Box::new(notes.clone()), false);
        init(args, flags, Path::new(PROGRAM), &places, &mut screen)?;
        Ok((out.text(), notes.text()))
    }

    fn write(&self, client: Client) -> Result<(String, String), CommandError> {
        self.run(&args(client, true), &[])
    }

    fn store(&self) -> String {
        self.path(".dynamic-mcp/tools.redb").to_str().unwrap().to_owned()
    }
}

fn args(client: Client, write: bool) -> InitArgs {
    InitArgs { client, write, url: None, name: "dynamic-mcp".to_owned(), file: None }
}

fn at(url: &str, client: Client) -> InitArgs {
    InitArgs { url: Some(url.to_owned()), ..args(client, true) }
}

/// Where each client's file is on Linux, below the home directory.
const FILES: [(Client, &str); 5] = [
    (Client::ClaudeDesktop, ".config/Claude/claude_desktop_config.json"),
    (Client::ClaudeCode, "project/.mcp.json"),
    (Client::VsCode, "project/.vscode/mcp.json"),
    (Client::Cursor, ".cursor/mcp.json"),
    (Client::Codex, ".codex/config.toml"),
];

#[cfg(target_os = "linux")]
#[test]
fn each_client_gets_its_own_file_in_its_own_form() {
    let desk = Desk::new();
    for (client, file) in FILES {
        desk.write(client).unwrap();
        let text = fs::read_to_string(desk.path(file)).unwrap();
        if client == Client::Codex {
            let args = format!(
                "[\"--dynamic-store\", \"{}\", \"--tool-name-style\", \"underscore\"]",
                desk.store()
            );
            let wanted =
                format!("[mcp_servers.dynamic-mcp]\ncommand = \"{PROGRAM}\"\nargs = {args}\n");
            assert_eq!(text, wanted);
            continue;
        }
        let (table, typed, style) = match client {
            Client::ClaudeDesktop => ("mcpServers", false, true),
            Client::VsCode => ("servers", true, false),
            _ => ("mcpServers", true, false),
        };
        let mut args = vec!["--dynamic-store".to_owned(), desk.store()];
        if style {
            args.extend(["--tool-name-style".to_owned(), "underscore".to_owned()]);
        }
        let mut entry = json!({ "command": PROGRAM, "args": args });
        if typed {
            entry["type"] = "stdio".into();
        }
        let file: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(file, json!({ table: { "dynamic-mcp": entry } }), "{client:?}");
    }
}

#[test]
fn merging_keeps_everything_else_to_the_letter() {
    let desk = Desk::new();
    let path = desk.path("project/.vscode/mcp.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = r#"{
    // Servers of the team.
    "inputs": [],
    "servers": {
        "other": { "command": "x", "args": [1, 2.50, "\u00e4"] }, // keep me
    },
}
"#;
    fs::write(&path, before).unwrap();
    desk.write(Client::VsCode).unwrap();
    let after = fs::read_to_string(&path).unwrap();
    let kept = [
        "    // Servers of the team.\n    \"inputs\": [],\n",
        "        \"other\": { \"command\": \"x\", \"args\": [1, 2.50, \"\\u00e4\"] }, // keep me\n",
        "        \"dynamic-mcp\": {\n",
    ];
    for part in kept {
        assert!(after.contains(part), "{part:?} is not in:\n{after}");
    }
    let backup = fs::read_to_string(desk.path("project/.vscode/mcp.json.bak")).unwrap();
    assert_eq!(backup, before);
}

#[test]
fn a_second_time_changes_nothing() {
    let desk = Desk::new();
    for (client, _) in FILES {
        desk.write(client).unwrap();
        let (said, _) = desk.write(client).unwrap();
        assert!(said.contains("is as it should be"), "{client:?}: {said}");
    }
    let backups = walk(desk.home.path()).into_iter().filter(|path| path.contains(".bak"));
    assert_eq!(backups.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn what_somebody_added_to_the_entry_stays_and_what_is_old_goes() {
    let desk = Desk::new();
    let path = desk.path(".cursor/mcp.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let old = json!({ "mcpServers": { "dynamic-mcp": {
        "url": "http://127.0.0.1:1/mcp", "env": { "MCP_ADMIN_TOKEN": "kept" },
    } } });
    fs::write(&path, old.to_string()).unwrap();
    desk.write(Client::Cursor).unwrap();
    let file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let entry = &file["mcpServers"]["dynamic-mcp"];
    assert_eq!(entry["env"]["MCP_ADMIN_TOKEN"], "kept");
    assert_eq!(entry["command"], PROGRAM);
    assert_eq!(entry.get("url"), None);

    desk.run(&at("http://127.0.0.1:2/mcp", Client::Cursor), &[]).unwrap();
    let file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let entry = &file["mcpServers"]["dynamic-mcp"];
    assert_eq!(entry["url"], "http://127.0.0.1:2/mcp");
    assert_eq!((entry.get("command"), entry.get("args")), (None, None));
    assert_eq!(walk(&desk.path(".cursor")).len(), 3, "the file and two backups");
}

#[test]
fn a_codex_file_keeps_its_comments_order_and_tables() {
    let desk = Desk::new();
    let path = desk.path(".codex/config.toml");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = "# mine\nmodel = \"o\"   # best\n\n[mcp_servers.other]\ncommand = 'x'\n\n\
                  [profiles.fast]\nmodel = \"s\"\n";
    fs::write(&path, before).unwrap();
    desk.write(Client::Codex).unwrap();
    let after = fs::read_to_string(&path).unwrap();
    for part in before.split("\n\n") {
        assert!(after.contains(part.trim_end()), "{part:?} is not in:\n{after}");
    }
    assert!(after.contains("[mcp_servers.dynamic-mcp]\ncommand = "), "{after}");

    fs::write(&path, "mcp_servers = { dynamic-mcp = { command = 'old', enabled = true } }\n")
        .unwrap();
    desk.write(Client::Codex).unwrap();
    let after = fs::read_to_string(&path).unwrap();
    assert!(after.contains("enabled = true") && after.contains(PROGRAM), "{after}");
}

#[test]
fn a_file_that_cannot_be_merged_is_left_as_it_was() {
    let desk = Desk::new();
    for (client, file) in FILES {
        let path = desk.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let broken: &[&str] = if client == Client::Codex {
            &["a = ", "mcp_servers = 1", "[mcp_servers]\ndynamic-mcp = 2"]
        } else {
            &["{", "[]", "{\"mcpServers\": 1, \"servers\": []}", "{'a': 1}", "{\"a\" 1}"]
        };
        for text in broken {
            fs::write(&path, text).unwrap();
            let Err(error) = desk.write(client) else { panic!("{client:?}: {text}") };
            let sentence = error.to_string();
            assert!(sentence.contains("nothing was changed"), "{sentence}");
            assert!(sentence.contains(path.to_str().unwrap()), "{sentence}");
            assert_eq!(fs::read_to_string(&path).unwrap(), *text);
        }
    }
}

#[test]
fn a_member_that_is_there_twice_is_refused_with_its_place() {
    let desk = Desk::new();
    let path = desk.path(".cursor/mcp.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    for (text, place) in [
        (r#"{"mcpServers":{"a":{}},"mcpServers":{"b":{}}}"#, "'mcpServers'"),
        (r#"{"mcpServers":{"a":{}},"mcp\u0053ervers":1}"#, "'mcpServers'"),
        (
            r#"{"mcpServers":{"dynamic-mcp":{"env":{}},"dynamic-mcp":{}}}"#,
            "'mcpServers.dynamic-mcp'",
        ),
        (
            r#"{"mcpServers":{"dynamic-mcp":{"args":[],"args":["x"]}}}"#,
            "'mcpServers.dynamic-mcp.args'",
        ),
        (r#"{"mcpServers":{"dynamic-mcp":{"url":"a","url":"b"}}}"#, "'mcpServers.dynamic-mcp.url'"),
    ] {
        fs::write(&path, text).unwrap();
        let sentence = desk.write(Client::Cursor).err().unwrap().to_string();
        assert!(sentence.contains(place) && sentence.contains("more than once"), "{sentence}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    // Elsewhere in the file it is nobody's affair.
    fs::write(&path, r#"{"theme":1,"theme":2,"mcpServers":{"a":{"x":1,"x":2}}}"#).unwrap();
    desk.write(Client::Cursor).unwrap();
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let desk = Desk::new();
    fs::create_dir_all(desk.path(".cursor")).unwrap();
    let real = desk.path("dotfiles.json");
    fs::write(&real, "{}").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&real, desk.path(".cursor/mcp.json")).unwrap();
    desk.write(Client::Cursor).unwrap();
    assert!(fs::symlink_metadata(desk.path(".cursor/mcp.json")).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains(PROGRAM));
    for file in [real.clone(), desk.path("dotfiles.json.bak")] {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[test]
fn printing_writes_nothing_and_the_result_is_the_configuration_alone() {
    let desk = Desk::new();
    for (client, _) in FILES {
        let (out, notes) = desk.run(&args(client, false), &[]).unwrap();
        if client == Client::Codex {
            assert!(out.starts_with("[mcp_servers.dynamic-mcp]"), "{out}");
        } else {
            assert!(serde_json::from_str::<Value>(&out).is_ok(), "{out}");
        }
        assert!(notes.contains("--write"), "{notes}");
    }
    assert_eq!(walk(desk.home.path()), Vec::<String>::new());
}

#[test]
fn settings_go_along_with_absolute_paths_and_without_secrets() {
    let desk = Desk::new();
    let set = |name: &str, text: &str| {
        (settings().find(|setting| setting.name == name).unwrap(), text.to_owned())
    };
    let flags = [
        set("MCP_DYNAMIC_STORE", "mine.redb"),
        set("MCP_ADMIN_TOKEN", "s3cret"),
        set("MCP_DYNAMIC_READ_ONLY", "true"),
        set("MCP_TOOL_NAME_STYLE", "dotted"),
    ];
    let (out, notes) = desk.run(&args(Client::ClaudeDesktop, false), &flags).unwrap();
    assert!(!out.contains("s3cret") && notes.contains("Secrets"), "{out}{notes}");
    let entry: Value = serde_json::from_str(&out).unwrap();
    let store = desk.path("project/mine.redb");
    let wanted = [
        "--dynamic-store",
        store.to_str().unwrap(),
        "--dynamic-read-only",
        "true",
        "--tool-name-style",
        "dotted",
    ];
    assert_eq!(entry["mcpServers"]["dynamic-mcp"]["args"], json!(wanted));
}

#[test]
fn tools_that_are_kept_in_postgresql_need_no_file() {
    let desk = Desk::new();
    let backend = settings().find(|setting| setting.name == "MCP_DYNAMIC_BACKEND").unwrap();
    let flags = [(backend, "file".to_owned()), (backend, "postgres".to_owned())];
    let (out, _) = desk.run(&args(Client::ClaudeCode, false), &flags).unwrap();
    assert!(!out.contains("--dynamic-store"), "{out}");
    let (out, _) = desk.run(&args(Client::ClaudeCode, false), &flags[..1]).unwrap();
    assert!(out.contains("--dynamic-store"), "{out}");
}

#[test]
fn a_url_must_be_one() {
    let desk = Desk::new();
    for bad in ["127.0.0.1:8788", "ftp://a/b", "http://"] {
        let Err(error) = desk.run(&at(bad, Client::VsCode), &[]) else { panic!("{bad}") };
        assert!(error.to_string().contains("http://127.0.0.1:8788/mcp"), "{error}");
    }
}

/// Files below a directory.
fn walk(directory: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path.display().to_string());
        }
    }
    files
}
