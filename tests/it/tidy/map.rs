//! The page on the architecture names what is there, and leaves no part out.

use std::fs;
use std::path::{Path, PathBuf};

use super::offences;

const PAGE: &str = include_str!("../../../docs/architecture.md");

/// Where the page's paths begin.
const BEGINNINGS: &[&str] = &[
    "",
    "src/",
    "src/adapters/inbound/",
    "src/adapters/outbound/",
    "src/adapters/outbound/store/",
    "tests/it/",
];

/// Folders whose every folder has a place on the page.
const MAPPED: &[&str] =
    &["src", "src/app", "src/adapters/inbound", "src/adapters/outbound", "tests"];

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// `a/{b,c}.rs` is `a/b.rs` and `a/c.rs`.
fn written_out(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let (choices, after) = rest.split_once('}').unwrap();
    choices.split(',').flat_map(|choice| written_out(&format!("{before}{choice}{after}"))).collect()
}

/// The paths between the page's backquotes; not those with a part to be filled in.
fn paths() -> Vec<String> {
    let quoted = PAGE.split("```").step_by(2).flat_map(|text| text.split('`').skip(1).step_by(2));
    let is_path = |text: &&str| {
        let plain = |c: char| c.is_alphanumeric() || "/._-{,}".contains(c);
        text.chars().all(plain)
            && (text.contains('/') || Path::new(text).extension().is_some_and(|end| end == "rs"))
    };
    quoted.filter(is_path).flat_map(written_out).collect()
}

#[test]
fn every_path_on_the_page_is_there() {
    let paths = paths();
    assert!(paths.len() > 60, "only {} paths were found: {paths:?}", paths.len());
    let missing = |path: &&String| {
        !BEGINNINGS.iter().any(|beginning| place(&format!("{beginning}{path}")).exists())
    };
    offences(paths.iter().filter(missing).map(|path| {
        format!(
            "docs/architecture.md: `{path}` is not there: name it anew, from one of {BEGINNINGS:?}"
        )
    }));
}

#[test]
fn every_part_has_a_place_on_the_page() {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let words: Vec<&str> = PAGE.split(|c| !is_word(c)).collect();
    offences(MAPPED.iter().flat_map(|folder| {
        let words = &words;
        fs::read_dir(place(folder)).unwrap().filter_map(move |entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let told = !entry.file_type().unwrap().is_dir() || words.contains(&name.as_str());
            (!told).then(|| format!("docs/architecture.md: say what {folder}/{name} is for"))
        })
    }));
}
