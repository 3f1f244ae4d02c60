//! Links between the project's pages lead to pages and headings that are there.

use std::fs;
use std::path::{Path, PathBuf};

use super::offences;

/// Where pages are.
const FOLDERS: [&str; 3] = ["", "docs", "docs/adr"];

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = FOLDERS.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The addresses of a page's links that lead to other files, or to its own headings.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let ends = page.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    ends.filter(|link| !link.contains("://") && !link.contains(char::is_whitespace))
}

/// What a heading is called in links.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    heading.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

fn has_heading(page: &Path, wanted: &str) -> bool {
    let text = fs::read_to_string(page).unwrap();
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    headings.any(|line| anchor(line.trim_start_matches('#')) == wanted)
}

#[test]
fn links_lead_somewhere() {
    let mut count = 0;
    let mut found = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            count += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            if !target.exists() || !(heading.is_empty() || has_heading(&target, heading)) {
                found
                    .push(format!("{}: the link to {link} leads nowhere: mend it", page.display()));
            }
        }
    }
    assert!(count > 100, "only {count} links were found");
    offences(found);
}
