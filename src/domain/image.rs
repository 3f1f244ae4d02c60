//! Container images: the reference grammar and the operator's allow-list.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::text::echo;

/// A container image reference, `[registry[:port]/]path[:tag][@digest]`, at most 255 bytes.
///
/// Grammar: the OCI distribution specification's reference, without whitespace or control characters, so
/// that it can never be read as an option.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerImage(Arc<str>);

/// Why a string is not an image reference that may be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// It does not match the grammar.
    #[error("{0:?} is not a container image reference such as 'node:lts-slim'")]
    Grammar(String),
    /// The operator's allow-list does not hold it.
    #[error("the image '{image}' is not allowed here; allowed images: {allowed}")]
    NotAllowed {
        /// The image asked for.
        image: String,
        /// The allow-list, comma separated.
        allowed: String,
    },
}

impl ContainerImage {
    /// Longest reference, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// Checks the grammar.
    pub fn parse(reference: &str) -> Result<Self, ImageError> {
        if reference.len() <= Self::MAX_BYTES && is_reference(reference) {
            Ok(Self(reference.into()))
        } else {
            Err(ImageError::Grammar(echo(reference)))
        }
    }

    /// The reference as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_reference(reference: &str) -> bool {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (reference, None),
    };
    let (path, tag) = match name.rsplit_once(':') {
        // A colon before the last slash belongs to the registry's port.
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
    let tag_ok = tag.is_none_or(|tag| {
        (1..=128).contains(&tag.len())
            && !tag.starts_with(['.', '-'])
            && tag.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
    });
    let digest_ok = digest.is_none_or(|digest| {
        digest.strip_prefix("sha256:").is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    });
    tag_ok && digest_ok && is_path(path)
}

fn is_path(path: &str) -> bool {
    let mut parts = path.split('/').peekable();
    let Some(first) = parts.next() else {
        return false;
    };
    if parts.peek().is_none() {
        return is_component(first);
    }
    (is_registry(first) || is_component(first)) && parts.all(is_component)
}

/// Runs of lower-case letters and digits, with `.`, `_`, `__` or any number of `-` between them.
fn is_component(part: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = part.split(is_alphanumeric).filter(|between| !between.is_empty());
    part.starts_with(is_alphanumeric)
        && part.ends_with(is_alphanumeric)
        && separators.into_iter().all(|between| {
            matches!(between, "." | "_" | "__") || between.bytes().all(|b| b == b'-')
        })
}

fn is_registry(part: &str) -> bool {
    let (host, port) = part.split_once(':').map_or((part, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_port = |port: &str| {
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

impl TryFrom<String> for ContainerImage {
    type Error = ImageError;

    fn try_from(reference: String) -> Result<Self, ImageError> {
        Self::parse(&reference)
    }
}

impl From<ContainerImage> for String {
    fn from(image: ContainerImage) -> Self {
        image.as_str().to_owned()
    }
}

impl std::fmt::Display for ContainerImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The images that tools may run in. The first one is the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedImages(Vec<ContainerImage>);

impl AllowedImages {
    /// The documented default image.
    pub const DEFAULT: &'static str = "node:lts-slim";

    /// An empty list allows every image, and the default image is then `node:lts-slim`.
    pub const fn new(images: Vec<ContainerImage>) -> Self {
        Self(images)
    }

    /// The image of a tool that names none.
    pub fn default_image(&self) -> ContainerImage {
        self.0.first().cloned().unwrap_or_else(|| ContainerImage(Self::DEFAULT.into()))
    }

    /// Parses a reference and checks it against the list.
    pub fn admit(&self, reference: &str) -> Result<ContainerImage, ImageError> {
        let image = ContainerImage::parse(reference)?;
        if self.0.is_empty() || self.0.contains(&image) {
            return Ok(image);
        }
        let allowed = self.0.iter().map(ContainerImage::as_str).collect::<Vec<_>>().join(", ");
        Err(ImageError::NotAllowed { image: image.to_string(), allowed })
    }

    /// The image of this reference, if it is allowed; without one the default.
    pub fn choose(&self, reference: Option<&str>) -> Result<ContainerImage, ImageError> {
        reference.map_or_else(|| Ok(self.default_image()), |reference| self.admit(reference))
    }

    /// The list as configured.
    pub fn as_slice(&self) -> &[ContainerImage] {
        &self.0
    }
}

impl Default for AllowedImages {
    fn default() -> Self {
        Self(vec![ContainerImage(Self::DEFAULT.into())])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_references_as_docker_writes_them() {
        let digest = format!("node@sha256:{}", "a".repeat(64));
        for good in [
            "node",
            "node:lts-slim",
            "library/node:22",
            "localhost:5000/team/node:1",
            "a--b__c.d/e",
            digest.as_str(),
            "registry.example.com/a/b_c/d-e.f:v1.2_3",
        ] {
            assert!(ContainerImage::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn refuses_what_could_be_read_as_something_else() {
        let long = "a".repeat(256);
        for bad in [
            "",
            "-v",
            "--privileged",
            "node lts",
            "node:",
            "node:-x",
            "Node",
            "a//b",
            "/node",
            "node/",
            "node@sha256:12",
            "node\nlts",
            "http://x/y",
            "a..b",
            "a.-b",
            "a___b",
            "a_",
            "host:+5/x",
            "host:0/x",
            "host:65536/x",
            "-host.example/x",
            "a..b.example/x",
            long.as_str(),
        ] {
            assert!(ContainerImage::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_empty_list_allows_all_and_a_list_allows_its_own() {
        let all = AllowedImages::new(vec![]);
        assert!(all.admit("python:3").is_ok());
        assert_eq!(all.default_image().as_str(), "node:lts-slim");
        let refused = AllowedImages::default().admit("python:3").unwrap_err();
        assert!(refused.to_string().contains("node:lts-slim"), "{refused}");
    }

    proptest! {
        #[test]
        fn the_grammar_accepts_what_it_describes(
            reference in "([a-z]{1,9}(\\.[a-z]{2,3})?(:[1-9][0-9]{0,3})?/)?[a-z0-9]{1,9}([._-][a-z0-9]{1,9}){0,3}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,20})?",
        ) {
            prop_assert!(ContainerImage::parse(&reference).is_ok(), "{}", reference);
        }

        #[test]
        fn nothing_accepted_could_be_an_option_or_two_words(text in "(?s)[-a-zA-Z0-9:/@._ \n]{0,20}") {
            if ContainerImage::parse(&text).is_ok() {
                prop_assert!(!text.starts_with('-'));
                prop_assert!(text.bytes().all(|b| b.is_ascii_graphic()));
            }
        }
    }
}
