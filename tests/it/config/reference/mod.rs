//! The reference page and `.env.example` are what the declarations say. `UPDATE_DOCS=1 cargo test` writes
//! them anew.

#[cfg(feature = "stdio")]
mod api;

use std::fmt::Write as _;
use std::path::Path;

use dynamic_mcp::app::config::setting::{Empty, Kind};
use dynamic_mcp::app::config::{SECTIONS, Setting};

const PAGE: &str = "\
# Configuration

This page is made from the declarations of the settings in `src/app/config`; `UPDATE_DOCS=1 cargo test
--test it config::reference` writes it anew.

A setting can be given in five places. The first of them that has it decides:

1. a flag, `--key value` or `--key=value`, before or behind the command's name; the last one counts if it is
   given twice;
2. an environment variable;
3. a line of the file `.env` in the working directory;
4. a key of the TOML file that `--config` (or `MCP_CONFIG`) names: the variable in lower case without `MCP_`.
   Tables join their name with `_`, so `http_max_sessions = 100` and `[http]` with `max_sessions = 100` are
   the same. An unknown key is an error;
5. its default.

A bad value ends the start with exit code 64 and a sentence that names the variable, who set it, the value
(unless it is secret) and what is allowed.

* Numbers are read strictly: `64k`, `12abc` and `3.7` are no integers.
* Memory is written as for Docker: `512m`, `65536k`, `1g`, or bytes.
* A switch takes `1`, `true`, `yes`, `on` or `0`, `false`, `no`, `off`; as a flag it may stand alone.
* A list is comma separated (in TOML also a list of texts).
* An empty value is the same as none, except that an empty list is a list, and that an empty
  `MCP_ADMIN_TOKEN` is an error: a token that got lost on its way must not open the server.
* A variable that begins with `MCP_` and looks like a misspelt setting is warned about.
* Paths are relative to the working directory. Settings marked \u{1f512} are secret and never shown.
* A setting that asks for a part which this version does not have ends the start too, so that a server is
  never more open, and never keeps less, than it was told to:
  `MCP_SANDBOX_SECRETS_FILE`.
* `MCP_SECRET_<NAME>` says that there is a secret of this name for tools to be granted.
* `MCP_EXECUTION_ENGINE=node` is refused: that engine ran untrusted code with the server's own rights.
";

#[test]
fn the_page_is_current() {
    let mut page = PAGE.to_owned();
    for section in SECTIONS {
        writeln!(page, "\n## {}\n\n{}\n", section.title, section.about).unwrap();
        page.push_str(
            "| variable | flag | allowed | default | |\n| --- | --- | --- | --- | --- |\n",
        );
        for setting in section.settings {
            let alias = setting.alias.map(|name| format!(", `{name}`")).unwrap_or_default();
            let lock = if setting.secret { " \u{1f512}" } else { "" };
            writeln!(
                page,
                "| `{}`{alias}{lock} | `--{}` | {} | {} | {} |",
                setting.name,
                setting.flag(),
                allowed(setting),
                default(setting),
                setting.about
            )
            .unwrap();
        }
    }
    current("docs/configuration.md", &page);
}

#[test]
fn the_example_is_current() {
    let mut file = "\
# Settings of dynamic-mcp, each with its default. Copy this file to .env and change what you need;
# docs/configuration.md says what is allowed. A flag or an environment variable counts before a line here.
"
    .to_owned();
    for section in SECTIONS {
        writeln!(file, "\n# {}", section.title).unwrap();
        for setting in section.settings.iter().filter(|setting| setting.name != "MCP_CONFIG") {
            writeln!(file, "# {}.", setting.about.replace('`', "")).unwrap();
            let value = setting.default.unwrap_or_default();
            writeln!(file, "#{}={value}", setting.name).unwrap();
        }
    }
    current(".env.example", &file);
}

#[test]
fn every_setting_says_what_it_is_for_and_what_happens_without_it() {
    for setting in SECTIONS.iter().flat_map(|section| section.settings) {
        assert!(!setting.about.is_empty() && !setting.about.ends_with('.'), "{}", setting.name);
        assert!(setting.default.is_some() != setting.default_note.is_some(), "{}", setting.name);
        assert!(!setting.secret || setting.default.is_none(), "{}", setting.name);
        assert!(setting.empty != Empty::Refused || setting.secret, "{}", setting.name);
    }
}

fn allowed(setting: &Setting) -> String {
    match setting.kind {
        Kind::Switch => "switch".to_owned(),
        Kind::Word(words) => {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        _ => setting.allowed().trim_start_matches("an ").trim_start_matches("a ").to_owned(),
    }
}

fn default(setting: &Setting) -> String {
    setting
        .default_note
        .map_or_else(|| format!("`{}`", setting.default.unwrap_or_default()), str::to_owned)
}

fn current(file: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(&path, wanted).unwrap();
    }
    let is = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(is == wanted, "{file} is out of date: run UPDATE_DOCS=1 cargo test --test it config");
}
