//! One server in a client's configuration, in no format yet.

/// The fields that are ours. Others, such as an `env` that somebody added, stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) fields: Vec<(&'static str, Field)>,
    /// Fields of the other way to attach, which must not be there.
    pub(super) not: &'static [&'static str],
}

/// A field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    Text(String),
    List(Vec<String>),
}

impl Entry {
    /// The client starts a program and speaks to its standard input and output.
    pub(super) fn start(typed: bool, program: String, args: Vec<String>) -> Self {
        let kind = typed.then(|| ("type", Field::Text("stdio".to_owned())));
        let rest = [("command", Field::Text(program)), ("args", Field::List(args))];
        Self {
            fields: kind.into_iter().chain(rest).collect(),
            not: &["url", "headers", "http_headers"],
        }
    }

    /// The client speaks to a URL.
    pub(super) fn attach(typed: bool, url: &str) -> Self {
        let kind = typed.then(|| ("type", Field::Text("http".to_owned())));
        let url = [("url", Field::Text(url.to_owned()))];
        Self { fields: kind.into_iter().chain(url).collect(), not: &["command", "args"] }
    }

    pub(super) fn url(&self) -> Option<&str> {
        self.fields.iter().find_map(|(name, field)| match field {
            Field::Text(url) if *name == "url" => Some(url.as_str()),
            _ => None,
        })
    }

    /// For a shell.
    pub(super) fn command_line(&self) -> String {
        let words = self.fields.iter().filter(|(name, _)| *name != "type");
        let words = words.flat_map(|(_, field)| match field {
            Field::Text(text) => std::slice::from_ref(text),
            Field::List(list) => list.as_slice(),
        });
        words.map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// Between single quotes, where a POSIX shell would read it otherwise.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
