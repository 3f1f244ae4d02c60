//! How values are read: strictly, so that nothing is understood that was not meant.

use url::Url;

use super::setting::{Item, Kind};
use crate::domain::image::ContainerImage;
use crate::domain::tool::permissions::Origin;

/// An amount of memory, in bytes. Shown in Docker's notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory(u64);

impl Memory {
    /// From bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Reads Docker's notation: digits, then nothing, `b`, `k`, `m` or `g` (powers of 1024, any case).
    fn parse(text: &str) -> Option<Self> {
        let (digits, unit) = match text.as_bytes().last()?.to_ascii_lowercase() {
            b'b' => (text.get(..text.len() - 1)?, 1),
            b'k' => (text.get(..text.len() - 1)?, 1 << 10),
            b'm' => (text.get(..text.len() - 1)?, 1 << 20),
            b'g' => (text.get(..text.len() - 1)?, 1 << 30),
            _ => (text, 1),
        };
        integer(digits)?.checked_mul(unit).map(Self)
    }
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [(1_u64 << 30, "g"), (1 << 20, "m"), (1 << 10, "k")];
        match units.into_iter().find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit)) {
            Some((unit, letter)) => write!(f, "{}{letter}", self.0 / unit),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Switch(bool),
    /// Also thousandths and bytes.
    Number(u64),
    Word(&'static str),
    List(Vec<String>),
    Text(String),
}

/// Reads `text`, already trimmed and not empty unless it is a list.
pub(super) fn parse(kind: Kind, text: &str) -> Option<Value> {
    let number = |value: u64, min: u64, max: u64| {
        (min..=max).contains(&value).then_some(Value::Number(value))
    };
    let kept = |ok: bool| ok.then(|| Value::Text(text.to_owned()));
    match kind {
        Kind::Switch => switch(text).map(Value::Switch),
        Kind::Integer { min, max } => number(integer(text)?, min, max),
        Kind::Decimal { min, max } => number(decimal(text)?, min, max),
        Kind::Memory { min, max } => number(Memory::parse(text)?.bytes(), min, max),
        Kind::Word(words) => {
            words.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| Value::Word(word))
        }
        Kind::List(item) => list(item, text).map(Value::List),
        Kind::Text | Kind::File => kept(!text.contains('\0')),
        Kind::Host => kept(!text.contains(|c: char| c.is_whitespace() || "/@?#".contains(c))),
        Kind::UrlPath => url_path(text).map(Value::Text),
        Kind::Url => kept(web_url(text).is_some()),
        Kind::Identifier => kept(is_identifier(text)),
    }
}

/// An `http` or `https` URL with a host.
pub(super) fn web_url(text: &str) -> Option<Url> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
}

/// `1234567` as `1,234,567`, but numbers below 10,000 as they are.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn switch(text: &str) -> Option<bool> {
    let is = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(["1", "true", "yes", "on"]) {
        Some(true)
    } else if is(["0", "false", "no", "off"]) {
        Some(false)
    } else {
        None
    }
}

/// Digits only: no sign, no blanks, no separators, no exponent.
fn integer(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Digits, and up to three of them behind a point; in thousandths.
fn decimal(text: &str) -> Option<u64> {
    let (whole, places) = text.split_once('.').map_or((text, "0"), |parts| parts);
    if places.len() > 3 {
        return None;
    }
    let thousandths = integer(&format!("{places:0<3}"))?;
    integer(places)?;
    integer(whole)?.checked_mul(1000)?.checked_add(thousandths)
}

fn list(item: Item, text: &str) -> Option<Vec<String>> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(|entry| is_item(item, entry).then(|| entry.to_owned())).collect()
}

fn is_item(item: Item, entry: &str) -> bool {
    let plain = !entry.contains(|c: char| c.is_whitespace() || c.is_control());
    plain
        && match item {
            Item::Text => true,
            Item::Host => !entry.contains(['/', '@', '?', '#']),
            Item::BrowserOrigin => is_browser_origin(entry),
            Item::GrantOrigin => Origin::parse(entry).is_ok(),
            Item::Image => ContainerImage::parse(entry).is_ok(),
        }
}

/// `scheme://host[:port]` and nothing more, with `*` for any port; or `null`. Any scheme: extensions and
/// desktop shells have their own.
fn is_browser_origin(entry: &str) -> bool {
    let any_port = entry.strip_suffix(":*");
    entry == "null"
        || Url::parse(any_port.unwrap_or(entry)).is_ok_and(|url| {
            url.host_str().is_some_and(|host| !host.is_empty() && !host.contains('*'))
                && matches!(url.path(), "" | "/")
                && !entry.ends_with('/')
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        })
}

/// With a leading slash, added where it is missing, and no trailing one.
fn url_path(text: &str) -> Option<String> {
    let path = format!("/{}", text.trim_matches('/'));
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/".contains(&b));
    let own = ["/livez", "/readyz", "/metrics", "/.well-known"];
    let free = !own.iter().any(|own| path == *own) && !path.starts_with("/.well-known/");
    (plain && free && !path.contains("//")).then_some(path)
}

fn is_identifier(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_digits_only() {
        assert_eq!(integer("65536"), Some(65_536));
        for bad in ["", "64k", "12abc", "3.7", "+1", "-1", "1e3", "0x10", "1_000", "1,000", " 1"] {
            assert_eq!(integer(bad), None, "{bad:?}");
        }
        assert_eq!(integer("99999999999999999999"), None);
    }

    #[test]
    fn decimals_are_read_in_thousandths() {
        assert_eq!(decimal("1"), Some(1000));
        assert_eq!(decimal("1.5"), Some(1500));
        assert_eq!(decimal("0.125"), Some(125));
        for bad in ["", ".", "1.", ".5", "1.2345", "1,5", "1.5x", "-1", "1.-5", "NaN", "1e3"] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn memory_is_read_and_shown_as_docker_does() {
        for (text, bytes) in
            [("512m", 512 << 20), ("65536k", 65_536 << 10), ("1G", 1 << 30), ("77b", 77), ("5", 5)]
        {
            assert_eq!(Memory::parse(text), Some(Memory(bytes)), "{text}");
        }
        for bad in ["", "m", "1.5g", "1t", "1mb", "-1m", "1 m", "18446744073709551615g"] {
            assert_eq!(Memory::parse(bad), None, "{bad:?}");
        }
        assert_eq!(Memory(64 << 20).to_string(), "64m");
        assert_eq!(Memory(1_048_577).to_string(), "1048577");
    }

    #[test]
    fn paths_get_their_slash_and_keep_off_the_servers_own() {
        assert_eq!(url_path("mcp").as_deref(), Some("/mcp"));
        assert_eq!(url_path("/a/b/").as_deref(), Some("/a/b"));
        assert_eq!(url_path("/").as_deref(), Some("/"));
        for bad in ["/metrics", "livez", "/.well-known/x", "/a b", "/a?b", "/a//b", "/{id}", "/ü"]
        {
            assert_eq!(url_path(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn lists_drop_blanks_and_refuse_bad_entries() {
        let read = |item, text| list(item, text);
        assert_eq!(read(Item::Text, " a, b ,,c"), Some(["a", "b", "c"].map(str::to_owned).into()));
        assert_eq!(read(Item::Text, ""), Some(vec![]));
        assert_eq!(read(Item::Image, "node:lts-slim,--privileged"), None);
        let good = "https://a.example,vscode-webview://x,http://localhost:*,null";
        assert!(read(Item::BrowserOrigin, good).is_some());
        for bad in ["a.example", "https://a.example/", "https://a.example/x", "*", "https://*"] {
            assert_eq!(read(Item::BrowserOrigin, bad), None, "{bad}");
        }
    }
}
