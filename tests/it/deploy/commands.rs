//! The commands on the pages for operators: those of this program must be understood by it, and the files that
//! any of them names must be there.

use std::ffi::OsString;

use dynamic_mcp::adapters::inbound::cli;

use super::{PAGES, file, text};

/// The commands of a page's shell blocks; lines that end in a backslash go on.
pub(super) fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    let mut begun = String::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            inside = line.trim() == "```sh";
            continue;
        }
        let line = line.split(" # ").next().unwrap_or_default().trim();
        if !inside || line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(part) => begun.push_str(part),
            None => found.push(std::mem::take(&mut begun) + line),
        }
    }
    found
}

/// What a command gives to this program, its name first.
fn own_words(command: &str) -> Option<Vec<OsString>> {
    let words: Vec<&str> = command.split_whitespace().skip_while(|word| *word == "sudo").collect();
    let is_program = |word: &&str| *word == "dynamic-mcp" || word.ends_with("/dynamic-mcp");
    let is_image = |word: &&str| *word == "dynamic-mcp" || *word == "\"$IMAGE\"";
    let at = match words.as_slice() {
        [first, ..] if is_program(first) => 0,
        ["docker", "run", ..] => words.iter().position(is_image)?,
        _ => return None,
    };
    let rest = words[at..].iter().take_while(|word| !["|", ">", "&&", ";"].contains(word));
    Some(rest.map(OsString::from).collect())
}

#[test]
fn commands_of_this_program_are_understood() {
    let mut count = 0;
    for page in PAGES {
        for command in commands(&text(page)) {
            let Some(words) = own_words(&command) else { continue };
            if let Err(stop) = cli::parse(words) {
                assert!(stop.asked_for, "{page}: {command}\n{}", stop.text);
            }
            count += 1;
        }
    }
    assert!(count >= 7, "only {count} commands were found");
}

#[test]
fn files_that_commands_name_are_there() {
    let mut count = 0;
    for page in PAGES {
        for command in commands(&text(page)) {
            for word in command.split(|c: char| c.is_whitespace() || "=,:'\"".contains(c)) {
                if word.starts_with("deploy/")
                    || word.starts_with("scripts/")
                    || word == ".env.prod.example"
                {
                    assert!(file(word).exists(), "{page}: {command}: there is no {word}");
                    count += 1;
                }
            }
        }
    }
    assert!(count >= 5, "only {count} files were found");
}
