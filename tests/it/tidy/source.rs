//! The project's Rust files as the tidy tests see them: text, code without comments, and the paths it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// One file of the project.
pub(super) struct Source {
    /// From the project's root, with slashes.
    pub(super) name: String,
    /// As it is.
    pub(super) text: String,
}

/// Every Rust file under these folders of the project, by name.
pub(super) fn under(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        collect(folder, &mut found);
    }
    assert!(!found.is_empty(), "no Rust file under {folders:?}: the test looks in the wrong place");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn collect(folder: &str, found: &mut Vec<Source>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&name, found);
        } else if Path::new(&name).extension().is_some_and(|extension| extension == "rs") {
            found.push(Source { text: fs::read_to_string(root.join(&name)).unwrap(), name });
        }
    }
}

impl Source {
    /// The lines with their numbers, comments cut off.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().zip(1..).map(|(line, number)| (number, without_comment(line)))
    }

    /// Every path that the code names, in a `use` or in place, as far as it says which crate or which room
    /// of this crate is meant: `crate::…` and `super::…` from the crate's root on, others as they stand.
    pub(super) fn paths(&self) -> BTreeSet<Vec<String>> {
        let code: String = self.code().flat_map(|(_, line)| [line, "\n"]).collect();
        let mut reader = Reader {
            tokens: tokens(&code),
            at: 0,
            module: self.module(),
            inner: Vec::new(),
            depth: 0,
            paths: BTreeSet::new(),
        };
        reader.run();
        reader.paths
    }

    /// The module that the file is, from the crate's root: `crate`, `app`, `gate`.
    fn module(&self) -> Vec<String> {
        let inside = self.name.strip_prefix("src/").unwrap_or(&self.name);
        let mut module = vec!["crate".to_owned()];
        module.extend(inside.trim_end_matches(".rs").split('/').map(str::to_owned));
        if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
            module.pop();
        }
        module
    }
}

/// A `//` begins a comment, except in an address such as `https://`.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// Words, `::` and single signs.
fn tokens(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        found.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    found
}

/// Walks over tokens and collects paths.
struct Reader<'a> {
    tokens: Vec<&'a str>,
    at: usize,
    module: Vec<String>,
    /// Modules written out in the file that are open here, and the depth of braces around each.
    inner: Vec<(&'a str, usize)>,
    depth: usize,
    paths: BTreeSet<Vec<String>>,
}

impl<'a> Reader<'a> {
    fn peek(&self, ahead: usize) -> &'a str {
        self.tokens.get(self.at + ahead).copied().unwrap_or("")
    }

    fn run(&mut self) {
        while self.at < self.tokens.len() {
            let token = self.peek(0);
            match token {
                "{" => self.depth += 1,
                "}" => {
                    self.depth = self.depth.saturating_sub(1);
                    self.inner.retain(|(_, depth)| *depth < self.depth + 1);
                }
                "mod" if self.peek(2) == "{" => self.inner.push((self.peek(1), self.depth)),
                // `use ::a` is a path from `a` on.
                _ if self.peek(1) == "::" && is_word(token) && token != "use" => {
                    self.path(Vec::new());
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Reads `a::b::{c, d::e}` from a word on, behind what came before it.
    fn path(&mut self, mut path: Vec<&'a str>) {
        path.push(self.peek(0));
        self.at += 1;
        while self.peek(0) == "::" {
            self.at += 1;
            match self.peek(0) {
                "{" => return self.group(&path),
                word if is_word(word) => path.push(word),
                _ => break,
            }
            self.at += 1;
        }
        self.keep(&path);
    }

    fn group(&mut self, path: &[&'a str]) {
        self.at += 1;
        while !["}", ""].contains(&self.peek(0)) {
            match self.peek(0) {
                word if is_word(word) => self.path(path.to_vec()),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.keep(path);
    }

    fn keep(&mut self, path: &[&str]) {
        let mut whole: Vec<String> = match path.first() {
            Some(&("self" | "super")) => {
                let inner = self.inner.iter().map(|(name, _)| (*name).to_owned());
                self.module.iter().cloned().chain(inner).collect()
            }
            _ => Vec::new(),
        };
        for part in path {
            match *part {
                "super" => drop(whole.pop()),
                "self" => {}
                part => whole.push(part.to_owned()),
            }
        }
        self.paths.insert(whole);
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
