//! The settings as flags: every one of them, from the one table in which they are declared.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};

use crate::app::config::setting::{Kind, Setting};
use crate::app::config::{SECTIONS, settings};

/// Shown by `-h`; `--help` shows them all.
const COMMON: [&str; 9] = [
    "MCP_CONFIG",
    "MCP_PROFILE",
    "MCP_TRANSPORT",
    "MCP_HOST",
    "MCP_PORT",
    "MCP_DYNAMIC_STORE",
    "MCP_DYNAMIC_READ_ONLY",
    "MCP_ADMIN_TOKEN",
    "MCP_TOOL_NAME_STYLE",
];

/// One argument for each setting; `shown`: in the help too.
pub(super) fn all(shown: bool) -> impl Iterator<Item = Arg> {
    SECTIONS.iter().flat_map(move |section| {
        section.settings.iter().map(move |setting| {
            flag(setting)
                .help_heading(section.title)
                .hide(!shown)
                .hide_short_help(!COMMON.contains(&setting.name))
        })
    })
}

fn flag(setting: &Setting) -> Arg {
    let arg = Arg::new(setting.name).long(setting.flag()).help(help(setting));
    match setting.kind {
        // The value is joined to the flag before parsing, so that a switch never takes what follows it.
        Kind::Switch => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("BOOL"),
        kind => arg.value_name(value_name(kind)).allow_negative_numbers(true),
    }
}

const fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Switch => "BOOL",
        Kind::Integer { .. } | Kind::Decimal { .. } => "N",
        Kind::Memory { .. } => "SIZE",
        Kind::Word(_) => "WORD",
        Kind::List(_) => "LIST",
        Kind::Text | Kind::Identifier => "TEXT",
        Kind::Host => "HOST",
        Kind::UrlPath => "PATH",
        Kind::Url => "URL",
        Kind::File => "FILE",
    }
}

fn help(setting: &Setting) -> String {
    let about = setting.about.replace('`', "");
    let words = match setting.kind {
        Kind::Word(words) => format!(" ({})", words.join(", ")),
        _ => String::new(),
    };
    let default = match (setting.default, setting.default_note) {
        (Some(default), _) => format!(" [default: {default}]"),
        (None, Some("none") | None) => String::new(),
        (None, Some(note)) => format!(" [default: {}]", note.replace('`', "")),
    };
    format!("{about}{words}{default} [{}]", setting.name)
}

/// `--switch yes` as `--switch=yes`: only a word that a switch knows is its value.
pub(super) fn join_switches(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let switches: Vec<String> = settings()
        .filter(|setting| matches!(setting.kind, Kind::Switch))
        .map(|setting| format!("--{}", setting.flag()))
        .collect();
    let words = ["1", "true", "yes", "on", "0", "false", "no", "off"];
    let mut joined: Vec<OsString> = Vec::new();
    for arg in args {
        let is_word =
            arg.to_str().is_some_and(|arg| words.iter().any(|word| word.eq_ignore_ascii_case(arg)));
        match joined.last_mut() {
            Some(last) if is_word && switches.iter().any(|switch| last == switch.as_str()) => {
                last.push("=");
                last.push(arg);
            }
            _ => joined.push(arg),
        }
    }
    joined
}

/// The flags that were given.
pub(super) fn given(matches: &ArgMatches) -> Vec<(&'static Setting, String)> {
    settings()
        .filter(|setting| matches.value_source(setting.name) == Some(ValueSource::CommandLine))
        .filter_map(|setting| {
            let text = matches.get_one::<String>(setting.name)?;
            Some((setting, text.clone()))
        })
        .collect()
}
