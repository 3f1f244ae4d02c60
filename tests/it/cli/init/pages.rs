//! What README.md and docs/clients.md tell people to write by hand is what `init` writes.

use std::collections::BTreeMap;
use std::path::Path;

use dynamic_mcp::adapters::inbound::cli::Screen;
use dynamic_mcp::adapters::inbound::cli::init::{Client, InitArgs, Places, init};
use serde_json::{Value, json};

use super::{Paper, args};

const README: &str = include_str!("../../../../README.md");
const PAGE: &str = include_str!("../../../../docs/clients.md");

/// The names that the pages have for clients.
const TITLES: [(&str, Client); 5] = [
    ("Claude Desktop", Client::ClaudeDesktop),
    ("Claude Code", Client::ClaudeCode),
    ("VS Code", Client::VsCode),
    ("Cursor", Client::Cursor),
    ("Codex", Client::Codex),
];

/// What `init` prints for a server at this URL, or for one that the client starts: the file, and what else it says.
fn printed(client: Client, url: Option<&str>) -> (String, String) {
    let environment = BTreeMap::from([("HOME".to_owned(), "/home/me".to_owned())]);
    let places = Places::new(&environment, "/home/me/project".into());
    let args = InitArgs { url: url.map(str::to_owned), ..args(client, false) };
    let (out, notes) = (Paper::default(), Paper::default());
    let mut screen = Screen::plain(Box::new(out.clone()), Box::new(notes.clone()), false);
    init(&args, &[], Path::new("/path/to/dynamic-mcp"), &places, &mut screen).unwrap();
    (out.text(), notes.text())
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Whether a page's snippet is what `init` has for the client.
fn check(client: Client, url: Option<&str>, snippet: &str) {
    let (file, notes) = printed(client, url);
    if let Some(command) = snippet.strip_prefix("claude mcp add ") {
        // By hand the scope is a matter of taste.
        let command = command.trim_start_matches("--scope user ").replace('~', "/home/me");
        let wanted = format!("claude mcp add --scope user {command}\n");
        assert!(notes.contains(&wanted), "{wanted} is not in:\n{notes}");
    } else if client == Client::Codex {
        assert_eq!(snippet.trim_end(), file.trim_end());
    } else {
        assert_eq!(json_of(snippet), json_of(&file), "{client:?}");
    }
}

#[test]
fn each_entry_of_the_page_is_what_init_writes() {
    let mut seen = Vec::new();
    for (title, client) in TITLES {
        let start = format!("\n### {title}\n");
        let section = PAGE.split(&start).nth(1).unwrap_or_else(|| panic!("no {title}"));
        let section = section.split("\n#").next().unwrap();
        for block in section.split("```").skip(1).step_by(2) {
            let (kind, snippet) = block.split_once('\n').unwrap();
            check(client, None, snippet.trim());
            seen.push(kind);
        }
    }
    assert_eq!(seen, ["json", "sh", "json", "json", "toml"]);
}

/// The cells of the row that a table begins with this title.
fn row<'a>(text: &'a str, title: &str) -> Vec<&'a str> {
    let start = format!("| {title} | ");
    let row = text.lines().find(|line| line.starts_with(&start));
    let row = row.unwrap_or_else(|| panic!("no row {title}"));
    row.trim_matches('|').split(" | ").map(str::trim).collect()
}

#[test]
fn each_row_of_the_readme_is_what_init_writes() {
    for (title, client) in TITLES {
        let cell = row(README, title)[2];
        let snippet = cell.trim_matches('`').replace("`, `", "\n");
        check(client, None, &snippet);
    }
}

#[test]
fn each_row_for_http_is_what_init_writes() {
    let url = "http://127.0.0.1:8788/mcp";
    let table = PAGE.split("## Over HTTP").nth(1).unwrap();
    let codes =
        |title| -> Vec<&str> { row(table, title)[1].split('`').skip(1).step_by(2).collect() };
    let [command] = codes("Claude Code")[..] else { panic!() };
    check(Client::ClaudeCode, Some(url), command);
    for (title, client) in [("VS Code", Client::VsCode), ("Cursor", Client::Cursor)] {
        let [entry, table] = codes(title)[..] else { panic!("{title}") };
        let file = json!({ table: json_of(&format!("{{{entry}}}")) });
        check(client, Some(url), &file.to_string());
    }
    let [entry, table] = codes("Codex")[..] else { panic!() };
    check(Client::Codex, Some(url), &format!("{table}\n{entry}"));
    let bridge = codes("Claude Desktop")[1].replace("URL", url);
    let bridge: Vec<&str> = bridge.split(' ').collect();
    let entry = json!({ "command": bridge[0], "args": bridge[1..] });
    let file = json!({ "mcpServers": { "dynamic-mcp": entry } });
    check(Client::ClaudeDesktop, Some(url), &file.to_string());
}
