//! What a setting is: its name, its kind and range, its default and what it is for.
//!
//! Each section declares its settings once, as data. The environment variable, the flag, the TOML key, the
//! checks, the help text, the reference page and `.env.example` all follow from that.

use super::value::{Memory, grouped};

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// Another variable that is read where this one is not set.
    pub alias: Option<&'static str>,
    /// What a value may be.
    pub kind: Kind,
    /// The value when nobody sets it, as it would be written; `None`: none, or decided by other settings.
    pub default: Option<&'static str>,
    /// In words: the default where other settings decide it, or none is given.
    pub default_note: Option<&'static str>,
    /// Its value is never shown.
    pub secret: bool,
    /// What an empty value means.
    pub empty: Empty,
    /// What it is for.
    pub about: &'static str,
    flag: Option<&'static str>,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `1 true yes on` or `0 false no off`; a flag may stand alone.
    Switch,
    /// A decimal integer.
    Integer {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A decimal number with up to three places.
    Decimal {
        /// Smallest, in thousandths.
        min: u64,
        /// Largest, in thousandths.
        max: u64,
    },
    /// Bytes in Docker's notation: `512m`, `65536k`, `1g`, `1048576`.
    Memory {
        /// Smallest, in bytes.
        min: u64,
        /// Largest, in bytes.
        max: u64,
    },
    /// One of these words, in any case.
    Word(&'static [&'static str]),
    /// Comma separated.
    List(Item),
    /// Any text.
    Text,
    /// A host name or an address to listen on.
    Host,
    /// A path of a URL.
    UrlPath,
    /// An `http` or `https` URL.
    Url,
    /// A path of a file.
    File,
    /// A name in a database: a letter or `_`, then letters, digits and `_`; at most 63 characters.
    Identifier,
}

/// What an entry of a list may be.
#[derive(Debug, Clone, Copy)]
pub enum Item {
    /// Any text without blanks.
    Text,
    /// `host` or `host:port`.
    Host,
    /// What a browser sends as `Origin`: `scheme://host[:port]`.
    BrowserOrigin,
    /// An origin that tools may be granted: `https://api.example.com`, `https://*.example.com`.
    GrantOrigin,
    /// A container image.
    Image,
}

/// What an empty value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// The same as no value: the next source is asked.
    Unset,
    /// A value: the empty list.
    Value,
    /// A mistake, because the server would be more open than whoever set it meant.
    Refused,
}

impl Setting {
    const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            alias: None,
            kind,
            default: None,
            default_note: None,
            secret: false,
            empty: if matches!(kind, Kind::List(_)) { Empty::Value } else { Empty::Unset },
            about,
            flag: None,
        }
    }

    /// A yes or no.
    pub(super) const fn switch(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Switch, about)
    }

    /// An integer in a range.
    pub(super) const fn integer(
        name: &'static str,
        min: u64,
        max: u64,
        about: &'static str,
    ) -> Self {
        Self::new(name, Kind::Integer { min, max }, about)
    }

    /// One of some words.
    pub(super) const fn word(
        name: &'static str,
        words: &'static [&'static str],
        about: &'static str,
    ) -> Self {
        Self::new(name, Kind::Word(words), about)
    }

    /// A list.
    pub(super) const fn list(name: &'static str, item: Item, about: &'static str) -> Self {
        Self::new(name, Kind::List(item), about)
    }

    /// Anything else.
    pub(super) const fn of(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self::new(name, kind, about)
    }

    /// With this default.
    pub(super) const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// With a default that other settings decide, in words.
    pub(super) const fn or_note(mut self, note: &'static str) -> Self {
        self.default_note = Some(note);
        self
    }

    /// Also read from another variable.
    pub(super) const fn alias(mut self, name: &'static str) -> Self {
        self.alias = Some(name);
        self
    }

    /// With a flag that is not the one of the rule.
    pub(super) const fn flagged(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    /// Never shown.
    pub(super) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// An empty value is a mistake.
    pub(super) const fn never_empty(mut self) -> Self {
        self.empty = Empty::Refused;
        self
    }

    /// The flag without its dashes: the variable in lower case without `MCP_`, with few exceptions.
    pub fn flag(&self) -> String {
        match self.flag {
            Some(flag) => flag.to_owned(),
            None => self.key().replace('_', "-"),
        }
    }

    /// The key in a TOML file: the variable in lower case without `MCP_`.
    pub fn key(&self) -> String {
        self.name.strip_prefix("MCP_").unwrap_or(self.name).to_ascii_lowercase()
    }

    /// What is allowed, as the end of "must be ...".
    pub fn allowed(&self) -> String {
        match self.kind {
            Kind::Switch => "1, true, yes or on, or 0, false, no or off".to_owned(),
            Kind::Integer { min, max } => {
                format!("an integer from {} to {}", grouped(min), grouped(max))
            }
            Kind::Decimal { min, max } => {
                format!("a number from {} to {}", thousandths(min), thousandths(max))
            }
            Kind::Memory { min, max } => {
                let (min, max) = (Memory::from_bytes(min), Memory::from_bytes(max));
                format!(
                    "an amount of memory from {min} to {max}, such as 512m, 65536k, 1g or bytes"
                )
            }
            Kind::Word(words) => one_of(words),
            Kind::List(item) => format!("a comma separated list of {}", item.plural()),
            Kind::Text => "text".to_owned(),
            Kind::Host => "a host name or an IP address".to_owned(),
            Kind::UrlPath => {
                "a path such as /mcp, of letters, digits and -._~/, and none of the server's own (/livez, \
                 /readyz, /metrics, /.well-known)"
                    .to_owned()
            }
            Kind::Url => "an http or https URL".to_owned(),
            Kind::File => "the path of a file".to_owned(),
            Kind::Identifier => {
                "a letter or '_', then letters, digits and '_', at most 63 characters".to_owned()
            }
        }
    }
}

impl Item {
    const fn plural(self) -> &'static str {
        match self {
            Self::Text => "words",
            Self::Host => "hosts, each as host or host:port",
            Self::BrowserOrigin => "origins, such as https://app.example.com or http://localhost:*",
            Self::GrantOrigin => {
                "origins, such as https://api.example.com or https://*.example.com"
            }
            Self::Image => "container images, such as node:lts-slim",
        }
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn thousandths(number: u64) -> String {
    let (whole, rest) = (number / 1000, number % 1000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:03}").trim_end_matches('0').to_owned()
}
