//! `init`: how a client attaches to this server, printed or merged into the client's own file.

mod client;
mod entry;
mod file;
mod json;
mod toml;

use std::path::{Path, PathBuf};

pub use client::{Client, Places};
use entry::{Entry, Field};

use super::{CommandError, Screen, Verdict};
use crate::app::config::setting::{Kind, Setting};
use crate::app::config::{server, store};

/// What `init` is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitArgs {
    /// The client.
    pub client: Client,
    /// Merge it into the client's file.
    pub write: bool,
    /// Attach to a running server instead of starting one.
    pub url: Option<String>,
    /// What the client calls the server.
    pub name: String,
    /// Another file than the client's usual one.
    pub file: Option<PathBuf>,
}

/// Prints the client's configuration, or merges it in.
///
/// `program`: the absolute path of this binary; `flags`: settings that the server is to be started with.
pub fn init(
    args: &InitArgs,
    flags: &[(&'static Setting, String)],
    program: &Path,
    places: &Places,
    screen: &mut Screen,
) -> Result<Verdict, CommandError> {
    let path = match &args.file {
        Some(path) => places.directory.join(path),
        None => args.client.file(places)?,
    };
    let entry = match &args.url {
        Some(url) => attach(args.client, url)?,
        None => start(args.client, flags, program, places)?,
    };
    if args.write {
        write(args, &path, &entry, screen)?;
    } else {
        print(args, &path, &entry, screen);
    }
    if args.url.is_none() && flags.iter().any(|(setting, _)| setting.secret) {
        screen.note("Secrets are not written there: set them in the client's environment.");
    }
    Ok(Verdict::Done)
}

fn print(args: &InitArgs, path: &Path, entry: &Entry, screen: &mut Screen) {
    screen.note(&format!("{} reads {}:", args.client.title(), path.display()));
    let text = merged(args, "", entry).unwrap_or_default();
    screen.line(text.trim_end());
    if let Some(command) = args.client.command(&args.name, entry) {
        screen.note(&format!("or, for every project of yours: {command}"));
    }
    screen.note("Add --write to merge it into that file.");
    screen.note(args.client.afterwards());
}

fn write(
    args: &InitArgs,
    path: &Path,
    entry: &Entry,
    screen: &mut Screen,
) -> Result<(), CommandError> {
    let fail = |why: &dyn std::fmt::Display| {
        CommandError::new(format!("{}: {why}; nothing was changed", path.display()))
    };
    let old = file::read(path).map_err(|error| fail(&error))?;
    let new = merged(args, old.as_deref().unwrap_or_default(), entry).map_err(|why| fail(&why))?;
    if old.as_deref() == Some(new.as_str()) {
        screen.line(&format!("{} is as it should be.", path.display()));
        return Ok(());
    }
    let backup = file::replace(path, &new).map_err(|error| fail(&error))?;
    screen.line(&format!("Wrote '{}' to {}.", args.name, path.display()));
    if let Some(backup) = backup {
        screen.line(&format!("What was there before is in {}.", backup.display()));
    }
    screen.line(args.client.afterwards());
    Ok(())
}

fn merged(args: &InitArgs, text: &str, entry: &Entry) -> Result<String, String> {
    let table = args.client.table();
    if args.client.is_toml() {
        toml::merge(text, table, &args.name, entry)
    } else {
        json::merge(text, table, &args.name, entry)
    }
}

/// The client starts the server.
fn start(
    client: Client,
    flags: &[(&'static Setting, String)],
    program: &Path,
    places: &Places,
) -> Result<Entry, CommandError> {
    let mut args = Vec::new();
    let mut has_store = false;
    let mut has_style = false;
    let mut seen = Vec::new();
    for (setting, text) in flags {
        if setting.secret || seen.contains(&setting.name) {
            continue;
        }
        seen.push(setting.name);
        has_store |= setting.name == store::STORE.name;
        has_style |= setting.name == server::NAME_STYLE.name;
        // The client starts the server in a directory of its own choice.
        let text = match setting.kind {
            Kind::File => utf8(&places.directory.join(text))?,
            _ => text.clone(),
        };
        args.extend([format!("--{}", setting.flag()), text]);
    }
    let in_file = seen_value(flags, &store::BACKEND).is_none_or(|backend| backend == "file");
    if in_file && !has_store {
        let store = places.home()?.join(".dynamic-mcp").join("tools.redb");
        args.extend([format!("--{}", store::STORE.flag()), utf8(&store)?]);
    }
    if let (false, Some(style)) = (has_style, client.name_style()) {
        args.extend([format!("--{}", server::NAME_STYLE.flag()), style.to_owned()]);
    }
    Ok(Entry::start(client.names_transport(), utf8(program)?, args))
}

/// What a flag says; of two, the last counts.
fn seen_value<'a>(flags: &'a [(&'static Setting, String)], of: &Setting) -> Option<&'a str> {
    let mut given = flags.iter().rev().filter(|(setting, _)| setting.name == of.name);
    given.next().map(|(_, text)| text.as_str())
}

/// The client attaches to a server that runs.
fn attach(client: Client, url: &str) -> Result<Entry, CommandError> {
    let parsed = url::Url::parse(url).ok();
    let usable =
        parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !usable {
        return Err(CommandError::new(format!(
            "'{url}' is not the URL of a server, such as http://127.0.0.1:8788/mcp"
        )));
    }
    Ok(match client {
        // Its file knows local programs only; this is the usual bridge.
        Client::ClaudeDesktop => Entry::start(
            false,
            "npx".to_owned(),
            vec!["-y".to_owned(), "mcp-remote".to_owned(), url.to_owned()],
        ),
        Client::ClaudeCode | Client::VsCode => Entry::attach(true, url),
        Client::Cursor | Client::Codex => Entry::attach(false, url),
    })
}

fn utf8(path: &Path) -> Result<String, CommandError> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        CommandError::new(format!(
            "the path {} is not Unicode, so no client can read it",
            path.display()
        ))
    })
}
