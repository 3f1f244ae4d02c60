//! What may be written on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command as Parser};

use super::flags;
use super::init::{Client, InitArgs};
use crate::app::System;
use crate::app::config::Setting;

/// What was written on the command line.
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// The settings given as flags, those behind the command's name first: they count.
    pub flags: Vec<(&'static Setting, String)>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Serve MCP.
    Serve,
    /// Serve over HTTP, and show what the server does.
    Demo,
    /// Say what works and what does not.
    Doctor {
        /// For programs.
        json: bool,
    },
    /// Set a client up.
    Init(InitArgs),
    /// Call a tool.
    Call(CallArgs),
    /// List the tools.
    ToolsList {
        /// For programs.
        json: bool,
    },
    /// Show one tool.
    ToolsGet {
        /// Its name.
        name: String,
        /// For programs.
        json: bool,
    },
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallArgs {
    /// The tool.
    pub name: String,
    /// One JSON object, `-` for standard input, or `key=value` each.
    pub arguments: Vec<String>,
    /// For programs.
    pub json: bool,
}

/// Why nothing is to be done: help was asked for, or what was written makes no sense.
#[derive(Debug)]
pub struct Stop {
    /// What to say.
    pub text: String,
    /// Whether it was asked for: then it goes to standard output, and all is well.
    pub asked_for: bool,
}

/// Understands the command line; the first argument is the program's own name.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, Stop> {
    let matches =
        parser().try_get_matches_from(flags::join_switches(args)).map_err(|error| Stop {
            text: error.render().to_string().trim_end().to_owned(),
            asked_for: matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion),
        })?;
    let mut flags = Vec::new();
    collect(&matches, &mut flags);
    Ok(Invocation { command: command(&matches), flags })
}

fn collect(matches: &ArgMatches, flags: &mut Vec<(&'static Setting, String)>) {
    if let Some((_, inner)) = matches.subcommand() {
        collect(inner, flags);
    }
    flags.extend(flags::given(matches));
}

fn command(matches: &ArgMatches) -> Command {
    match matches.subcommand() {
        Some(("demo", _)) => Command::Demo,
        Some(("doctor", inner)) => Command::Doctor { json: inner.get_flag("json") },
        Some(("init", inner)) => Command::Init(init_args(inner)),
        Some(("call", inner)) => Command::Call(CallArgs {
            name: text(inner, "name"),
            arguments: inner.get_many::<String>("arguments").unwrap_or_default().cloned().collect(),
            json: inner.get_flag("json"),
        }),
        Some(("tools", outer)) => {
            let json = |inner: &ArgMatches| outer.get_flag("json") || inner.get_flag("json");
            match outer.subcommand() {
                Some(("get", inner)) => {
                    Command::ToolsGet { name: text(inner, "name"), json: json(inner) }
                }
                Some((_, inner)) => Command::ToolsList { json: json(inner) },
                None => Command::ToolsList { json: outer.get_flag("json") },
            }
        }
        _ => Command::Serve,
    }
}

fn init_args(matches: &ArgMatches) -> InitArgs {
    let client = text(matches, "client");
    InitArgs {
        // clap let nothing else through.
        client: Client::ALL
            .into_iter()
            .find(|known| known.word() == client)
            .unwrap_or(Client::ClaudeDesktop),
        write: matches.get_flag("write"),
        url: matches.get_one::<String>("http").cloned(),
        name: text(matches, "server-name"),
        file: matches.get_one::<PathBuf>("file").cloned(),
    }
}

fn text(matches: &ArgMatches, id: &str) -> String {
    matches.get_one::<String>(id).cloned().unwrap_or_default()
}

fn parser() -> Parser {
    Parser::new("dynamic-mcp")
        .version(System::VERSION)
        .about("An MCP server whose tools are made, changed and deleted while it runs")
        .long_about(
            "An MCP server whose tools are made, changed and deleted while it runs, each call in a \
             hardened sandbox.\n\nWithout a command it serves: over stdio, or with --transport http.",
        )
        .after_help(
            "Each setting is a flag, an environment variable (in brackets), a line of .env or a key of the \
             --config file; the first of these that has it counts. `-h` shows the most used, `--help` all.",
        )
        .args_override_self(true)
        .subcommand_value_name("COMMAND")
        .disable_help_subcommand(true)
        .args(flags::all(true))
        .subcommand(
            Parser::new("serve")
                .about("Serve MCP (the default)")
                .args_override_self(true)
                .args(flags::all(true)),
        )
        .subcommand(sub("demo").about(
            "Serve over HTTP on 127.0.0.1, make a tool, call it, change it, and go on serving",
        ))
        .subcommand(sub("doctor").about("Say what works here, what does not, and what to do").arg(json()))
        .subcommand(init())
        .subcommand(
            sub("call")
                .about("Call a tool of the store")
                .arg(Arg::new("name").value_name("NAME").required(true).help("The tool"))
                .arg(Arg::new("arguments").value_name("ARGUMENTS").num_args(0..).help(
                    "A JSON object, - to read it from standard input, or key=value each; a value that \
                     is JSON is taken as such, anything else as text",
                ))
                .arg(json()),
        )
        .subcommand(
            sub("tools")
                .about("Show the tools of the store")
                .arg(json())
                .subcommand(sub("list").about("List them (the default)").arg(json()))
                .subcommand(
                    sub("get")
                        .about("Show one, with its code")
                        .arg(Arg::new("name").value_name("NAME").required(true).help("The tool"))
                        .arg(json()),
                ),
        )
}

fn init() -> Parser {
    sub("init")
        .about("Set a client up: print its configuration, or merge it in with --write")
        .arg(
            Arg::new("client")
                .value_name("CLIENT")
                .required(true)
                .value_parser(Client::ALL.map(Client::word))
                .help("The client"),
        )
        .arg(
            Arg::new("write")
                .long("write")
                .action(ArgAction::SetTrue)
                .help("Merge it into the client's own file; everything else there stays as it is"),
        )
        .arg(
            Arg::new("http")
                .long("http")
                .value_name("URL")
                .help("Attach to a server that runs, instead of starting one"),
        )
        .arg(
            Arg::new("server-name")
                .long("name")
                .value_name("NAME")
                .default_value("dynamic-mcp")
                .help("What the client calls the server"),
        )
        .arg(
            Arg::new("file")
                .long("file")
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .help("Another file than the client's usual one"),
        )
}

/// A command that understands every setting, and does not list them.
fn sub(name: &'static str) -> Parser {
    Parser::new(name)
        .args_override_self(true)
        .args(flags::all(false))
        .after_help("Settings are given as for `dynamic-mcp serve`; see `dynamic-mcp --help`.")
}

fn json() -> Arg {
    Arg::new("json").long("json").action(ArgAction::SetTrue).help("One JSON document, for programs")
}
