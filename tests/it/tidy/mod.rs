//! Holds the layout of the code: layers, sizes and habits that no compiler checks.
//!
//! Each test names every offence with its file and says what to do instead.

mod links;
mod map;
mod rooms;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rooms::{ROOMS, Room};
use source::Source;

/// Files end here; a longer one has more than one reason to change.
const MOST_LINES: usize = 400;

/// Besides the indexes of adapters and the composition root, where `cfg(feature = …)` may stand: above the
/// `mod` lines of optional parts. Everywhere else code is the same in every build.
const CFG_FILES: &[&str] =
    &["src/lib.rs", "src/main.rs", "src/app/mod.rs", "src/app/config/mod.rs"];

#[test]
fn every_file_begins_by_saying_what_it_is_for() {
    offences(under_all().iter().filter_map(|file| {
        let begins = file.text.starts_with("//! ");
        (!begins)
            .then(|| format!("{}: begin with `//! ` and a sentence on what it is for", file.name))
    }));
}

#[test]
fn no_file_is_too_long() {
    offences(under_all().iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > MOST_LINES).then(|| {
            let name = &file.name;
            format!(
                "{name}: {lines} lines, {MOST_LINES} at most: split it by what changes together"
            )
        })
    }));
}

#[test]
fn nothing_is_left_undone_or_skipped() {
    // Put together here, so that this file does not find itself.
    let words = [
        (["to", "do!("].concat(), "write it, or leave it out"),
        (["unimple", "mented!("].concat(), "write it, or leave it out"),
        (["#[ig", "nore"].concat(), "make it pass, or delete it: a skipped test proves nothing"),
        (["#[al", "low("].concat(), "use #[expect(.., reason = \"..\")]"),
    ];
    offences(under_all().iter().flat_map(|file| {
        let words = &words;
        file.code().flat_map(move |(line, code)| {
            words
                .iter()
                .filter(|(word, _)| code.contains(word.as_str()))
                .map(move |(word, advice)| format!("{}:{line}: `{word}`: {advice}", file.name))
        })
    }));
}

#[test]
fn features_are_switched_only_where_parts_are_chosen() {
    let may = |name: &str| {
        let index = name.starts_with("src/adapters/") && name.ends_with("/mod.rs");
        index || name.starts_with("src/app/wiring") || CFG_FILES.contains(&name)
    };
    offences(source::under(&["src"]).iter().filter(|file| !may(&file.name)).flat_map(|file| {
        file.code().filter(|(_, code)| code.contains("feature = \"")).map(|(line, _)| {
            format!(
                "{}:{line}: cfg(feature) does not belong here: put it above the `mod` line of the optional \
                 part under src/adapters, or in src/app/wiring",
                file.name
            )
        })
    }));
}

#[test]
fn every_file_is_in_a_room() {
    offences(source::under(&["src"]).iter().filter(|file| rooms::of(&file.name).is_none()).map(
        |file| {
            format!("{}: in no room: move it, or add its room to tests/it/tidy/rooms.rs", file.name)
        },
    ));
    let files = source::under(&["src"]);
    offences(
        ROOMS
            .iter()
            .filter(|room| !files.iter().any(|file| file.name.starts_with(room.files)))
            .map(|room| {
                format!(
                    "tests/it/tidy/rooms.rs: no file begins with {}: remove that room",
                    room.files
                )
            }),
    );
}

#[test]
fn rooms_know_only_the_rooms_below_them() {
    offences(in_rooms().flat_map(|(file, room)| {
        let paths = file.paths();
        let inside =
            paths.into_iter().filter(|path| path.first().is_some_and(|first| first == "crate"));
        let below: BTreeSet<String> = inside.map(|path| path[1..].join("::")).collect();
        let wrong = below.into_iter().filter(|path| !path.is_empty() && !room.may_name(path));
        wrong.map(|path| forbidden(&file, room, &format!("crate::{path}"))).collect::<Vec<_>>()
    }));
}

#[test]
fn rooms_use_only_their_own_crates() {
    let crates = dependencies();
    offences(in_rooms().flat_map(|(file, room)| {
        let paths = file.paths();
        let local = |name: &String| {
            let imported = paths.iter().any(|path| path.len() > 1 && path.last() == Some(name));
            imported || file.text.contains(&format!("mod {name};"))
        };
        let named: BTreeSet<&String> = paths.iter().filter_map(|path| path.first()).collect();
        named
            .into_iter()
            .filter(|name| crates.contains(*name) && !local(name) && !room.may_use(name))
            .map(|name| forbidden(&file, room, name))
            .collect::<Vec<_>>()
    }));
}

#[test]
fn rooms_list_no_crate_that_they_do_without() {
    let files: Vec<_> = in_rooms().collect();
    offences(ROOMS.iter().flat_map(|room| {
        let own = files.iter().filter(|(_, other)| other.files == room.files);
        let paths: Vec<_> = own.flat_map(|(file, _)| file.paths()).collect();
        let is_used = move |name: &str| paths.iter().any(|path| path[0] == name);
        room.own_crates().iter().filter(move |name| !is_used(name)).map(|name| {
            format!(
                "tests/it/tidy/rooms.rs: {} does not use {name}: take it off its list",
                room.files
            )
        })
    }));
}

fn forbidden(file: &Source, room: &Room, what: &str) -> String {
    format!(
        "{}: names {what}, which {} may not know: reach it through a port, or move this code (the rules: \
         docs/architecture.md; the lists: tests/it/tidy/rooms.rs)",
        file.name, room.files
    )
}

fn in_rooms() -> impl Iterator<Item = (Source, &'static Room)> {
    source::under(&["src"]).into_iter().filter_map(|file| {
        let room = rooms::of(&file.name)?;
        Some((file, room))
    })
}

fn under_all() -> Vec<Source> {
    source::under(&["src", "tests", "benches"])
}

/// The crates that Cargo.toml names for the program itself, as code spells them.
fn dependencies() -> BTreeSet<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    let mut found = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]") && !line.contains("dev-");
        } else if let Some((name, _)) = line.split_once(" =").filter(|_| inside) {
            found.insert(name.replace('-', "_"));
        }
    }
    assert!(found.contains("tokio"), "no dependencies read from Cargo.toml: {found:?}");
    found
}

fn offences(found: impl IntoIterator<Item = String>) {
    let found: Vec<String> = found.into_iter().collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}
