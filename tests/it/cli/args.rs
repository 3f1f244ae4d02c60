//! What may be written on the command line.

use std::ffi::OsString;

use dynamic_mcp::adapters::inbound::cli::{Command, Invocation, Stop, parse};
use dynamic_mcp::app::config::setting::Kind;
use dynamic_mcp::app::config::settings;

fn read(args: &[&str]) -> Result<Invocation, Stop> {
    parse(std::iter::once("dynamic-mcp").chain(args.iter().copied()).map(OsString::from))
}

/// The flags of a command line that makes sense, as variables.
fn flags(args: &[&str]) -> Vec<(&'static str, String)> {
    let invocation = read(args).unwrap_or_else(|stop| panic!("{args:?}: {}", stop.text));
    invocation.flags.into_iter().map(|(setting, text)| (setting.name, text)).collect()
}

fn refused(args: &[&str]) -> String {
    match read(args) {
        Err(Stop { text, asked_for: false }) => text,
        Err(stop) => panic!("{args:?} asked for help: {}", stop.text),
        Ok(invocation) => panic!("{args:?} is {:?}", invocation.command),
    }
}

#[test]
fn every_setting_is_a_flag_in_both_spellings() {
    for setting in settings() {
        let flag = format!("--{}", setting.flag());
        let value = if matches!(setting.kind, Kind::Switch) { "yes" } else { "x" };
        let given = vec![(setting.name, value.to_owned())];
        assert_eq!(flags(&[&flag, value]), given);
        assert_eq!(flags(&[&format!("{flag}={value}")]), given);
        assert_eq!(flags(&["serve", &flag, value]), given);
        assert_eq!(flags(&["tools", "list", &flag, value]), given);
    }
}

#[test]
fn a_switch_may_stand_alone_and_never_takes_what_is_not_its_own() {
    let on = vec![("MCP_DYNAMIC_READ_ONLY", "true".to_owned())];
    assert_eq!(flags(&["--dynamic-read-only"]), on);
    assert_eq!(flags(&["--dynamic-read-only", "serve"]), on);
    assert_eq!(flags(&["call", "--dynamic-read-only", "text.uppercase"]), on);
    let off = vec![("MCP_DYNAMIC_READ_ONLY", "off".to_owned())];
    assert_eq!(flags(&["--dynamic-read-only", "off"]), off);
    let both = flags(&["--dynamic-read-only", "--port", "1"]);
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn the_last_of_two_counts_and_what_stands_behind_the_command() {
    assert_eq!(flags(&["--port", "1", "--port=2"]), [("MCP_PORT", "2".to_owned())]);
    let both = flags(&["--port", "1", "serve", "--port", "2"]);
    assert_eq!(both.first(), Some(&("MCP_PORT", "2".to_owned())));
}

#[test]
fn without_a_command_it_serves() {
    for args in [&[][..], &["serve"], &["--transport", "http"], &["--transport=http", "serve"]] {
        assert_eq!(
            read(args).unwrap_or_else(|stop| panic!("{}", stop.text)).command,
            Command::Serve
        );
    }
}

#[test]
fn tools_are_listed_for_programs_wherever_that_is_said() {
    for args in
        [&["tools", "--json"][..], &["tools", "--json", "list"], &["tools", "list", "--json"]]
    {
        assert_eq!(read(args).unwrap().command, Command::ToolsList { json: true }, "{args:?}");
    }
    for args in [&["tools", "--json", "get", "a"][..], &["tools", "get", "a", "--json"]] {
        let wanted = Command::ToolsGet { name: "a".to_owned(), json: true };
        assert_eq!(read(args).unwrap().command, wanted, "{args:?}");
    }
    assert_eq!(read(&["tools"]).unwrap().command, Command::ToolsList { json: false });
}

#[test]
fn what_makes_no_sense_is_answered_with_what_may_have_been_meant() {
    assert!(refused(&["--prot", "1"]).contains("--port"));
    assert!(refused(&["--dynamic-readonly"]).contains("--dynamic-read-only"));
    assert!(refused(&["sevre"]).contains("serve"));
    assert!(refused(&["--port"]).contains("--port"));
    assert!(refused(&["init", "emacs"]).contains("claude-desktop"));
    assert!(refused(&["call"]).contains("NAME"));
    assert!(refused(&["--dynamic-read-only=yes", "extra"]).contains("extra"));
}

#[test]
fn help_and_version_are_answers() {
    let asked = |args: &[&str]| match read(args) {
        Err(Stop { text, asked_for: true }) => text,
        _ => panic!("{args:?} is no question"),
    };
    assert_eq!(asked(&["--version"]), format!("dynamic-mcp {}", env!("CARGO_PKG_VERSION")));
    let (short, long) = (asked(&["-h"]), asked(&["--help"]));
    for setting in settings() {
        assert!(long.contains(&format!("--{}", setting.flag())), "{}", setting.name);
        assert!(long.contains(setting.name), "{}", setting.name);
    }
    assert!(short.lines().count() < 50, "the short help is long:\n{short}");
    assert!(short.contains("--transport") && !short.contains("--audit-max-files"));
    for command in ["serve", "demo", "doctor", "init", "call", "tools"] {
        assert!(short.contains(command), "{command}");
        asked(&[command, "--help"]);
    }
}
