//! Where settings come from: flags, the environment, `.env`, a TOML file; the first of them that has a
//! setting decides it. The only file that reads files for the configuration.

mod similar;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use ::config::{File, FileFormat, Source as _, Value, ValueKind};

use super::Config;
use super::error::{ConfigError, did_you_mean};
use super::section::settings;
use super::server::CONFIG_FILE;
use super::setting::Setting;
use super::source::Strings;
use super::values::{Origin, Values};
use similar::similar;

/// Variables that begin with this name secrets.
const SECRET_PREFIX: &str = "MCP_SECRET_";

/// What a configuration is made from.
pub struct Sources<'a> {
    /// Flags as they were given, the last one first if one was given twice.
    pub flags: &'a [(&'static Setting, String)],
    /// The environment.
    pub environment: &'a dyn Strings,
    /// Where `.env` is looked for; relative paths are relative to the working directory.
    pub directory: &'a Path,
}

/// Reads every source and understands what they say.
pub fn load(sources: &Sources<'_>) -> Result<Config, ConfigError> {
    Config::read(&gather(sources)?)
}

fn gather(sources: &Sources<'_>) -> Result<Values, ConfigError> {
    let mut values = Values::default();
    for (setting, text) in sources.flags {
        values.offer(setting, text, Origin::Flag(setting.flag()));
    }
    offer_variables(&mut values, sources.environment, |name| Origin::Environment(name.to_owned()));
    let path = sources.directory.join(".env");
    if let Some(variables) = dotenv(&path)? {
        offer_variables(&mut values, &variables, |name| {
            Origin::DotEnv(name.to_owned(), path.clone())
        });
    }
    if let Some(path) = values.optional_text(&CONFIG_FILE)? {
        offer_toml(&mut values, Path::new(&path))?;
    }
    Ok(values)
}

fn offer_variables(values: &mut Values, source: &dyn Strings, origin: impl Fn(&str) -> Origin) {
    for setting in settings() {
        for name in std::iter::once(setting.name).chain(setting.alias) {
            if let Some(text) = source.get(name) {
                values.offer(setting, &text, origin(name));
            }
        }
    }
    for name in source.names() {
        if let Some(secret) = name.strip_prefix(SECRET_PREFIX) {
            values.offer_secret_name(secret);
        } else if name.starts_with("MCP_") && !settings().any(|setting| setting.name == name) {
            // Other programs have variables of this kind too, so only what looks like a slip is told.
            if let Some(near) = similar(&name, |setting| setting.name.to_owned()) {
                let near = did_you_mean(Some(&near));
                values.warn(format!("{} is not a setting{near}", origin(&name)));
            }
        }
    }
}

/// The variables of a `.env` file; `None` if there is no such file.
fn dotenv(path: &Path) -> Result<Option<BTreeMap<String, String>>, ConfigError> {
    let fail = |reason: String| ConfigError::File { path: path.to_owned(), reason };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error.to_string())),
    };
    let mut variables = BTreeMap::new();
    for line in dotenvy::from_read_iter(text.as_bytes()) {
        match line {
            // As in a shell, a later line wins.
            Ok((name, text)) => drop(variables.insert(name, text)),
            // The file may be another program's; our own lines are looked for below.
            Err(dotenvy::Error::LineParse(..)) => {}
            Err(error) => return Err(fail(error.to_string())),
        }
    }
    // A line that was not understood may hold a secret, so only its name is told.
    let lost = text
        .lines()
        .filter_map(name_of)
        .find(|name| is_ours(name) && !variables.contains_key(*name));
    match lost {
        Some(name) => Err(fail(format!(
            "the line of '{name}' can't be read; put its value between single quotes"
        ))),
        None => Ok(Some(variables)),
    }
}

/// The name in a line that sets a variable.
fn name_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    line.split_once('=').map(|(name, _)| name.trim())
}

fn is_ours(name: &str) -> bool {
    name.starts_with("MCP_") || settings().any(|setting| setting.name == name)
}

fn offer_toml(values: &mut Values, path: &Path) -> Result<(), ConfigError> {
    let fail = |reason: String| ConfigError::File { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path)
        .map_err(|error| fail(format!("{} can't be read: {error}", CONFIG_FILE.name)))?;
    let table = File::from_str(&text, FileFormat::Toml)
        .collect()
        .map_err(|error| fail(format!("it is not TOML: {}", without_source(&error.to_string()))))?;
    let mut entries = Vec::new();
    flatten("", table, &mut entries).map_err(&fail)?;
    let mut seen = BTreeSet::new();
    for (key, text) in entries {
        let Some(setting) = settings().find(|s| s.key() == key && s.name != CONFIG_FILE.name)
        else {
            let suggestion = similar(&key, Setting::key);
            return Err(ConfigError::UnknownKey { path: path.to_owned(), key, suggestion });
        };
        if !seen.insert(setting.name) {
            return Err(fail(format!("'{key}' is set twice")));
        }
        values.offer(setting, &text, Origin::Toml(key, path.to_owned()));
    }
    Ok(())
}

/// What a TOML error says, without the line of the file that it shows: secrets may be in it.
fn without_source(error: &str) -> String {
    let shows = |line: &str| {
        line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|')
    };
    error.lines().filter(|line| !shows(line)).collect::<Vec<_>>().join(": ")
}

/// Joins the names of tables and keys with `_`, and writes every value as a variable would hold it.
fn flatten(
    prefix: &str,
    table: impl IntoIterator<Item = (String, Value)>,
    entries: &mut Vec<(String, String)>,
) -> Result<(), String> {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value.kind {
            ValueKind::Table(inner) => flatten(&format!("{key}_"), inner, entries)?,
            ValueKind::Array(items) => {
                let items = items.into_iter().map(|item| scalar(&key, item.kind));
                entries.push((key.clone(), items.collect::<Result<Vec<_>, _>>()?.join(",")));
            }
            kind => entries.push((key.clone(), scalar(&key, kind)?)),
        }
    }
    Ok(())
}

fn scalar(key: &str, kind: ValueKind) -> Result<String, String> {
    match kind {
        ValueKind::String(text) => Ok(text),
        ValueKind::Boolean(on) => Ok(on.to_string()),
        ValueKind::I64(number) => Ok(number.to_string()),
        ValueKind::Float(number) => Ok(number.to_string()),
        _ => Err(format!("'{key}' must be a text, a number, true, false or a list of texts")),
    }
}
