//! What a caller writes to attach a server, checked into a specification.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::alias::{Alias, AliasError};
use super::attachment::{Endpoint, EndpointError, HttpSpec, Secret, StdioSpec, UpstreamSpec};
use crate::domain::tool::policy::MIN_TIMEOUT_MS;

/// The timeout of an attachment that names none, in milliseconds.
const DEFAULT_TIMEOUT_MS: u32 = 60_000;
/// Longest command and working directory, in bytes.
const MAX_PATH: usize = 2_000;
/// Most arguments, variables or headers.
const MAX_ENTRIES: usize = 64;
/// Longest argument or value, in bytes.
const MAX_VALUE: usize = 8_192;
/// Most of a refused command that is repeated, in characters.
const MAX_SHOWN: usize = 200;
/// Headers that belong to the transport; also every one that begins with `mcp-`.
const TRANSPORT_HEADERS: [&str; 10] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "last-event-id",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// A server to be attached.
#[derive(Clone, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpstreamDraft {
    /// What the names of its tools begin with here, as in 'alias.tool': 1 to 32 characters, a letter first, then
    /// letters, digits, '_' or '-'.
    pub alias: String,
    /// How the server is reached.
    pub transport: Transport,
    /// For stdio: the program to start, as a path or as a name that is found in the PATH given in env; 1 to 2,000
    /// bytes. Default: none.
    pub command: Option<String>,
    /// For stdio: its arguments, at most 64 of at most 8,192 bytes. Default: none.
    #[serde(default)]
    pub args: Vec<String>,
    /// For stdio: its environment variables, at most 64 of at most 8,192 bytes. Nothing is inherited from this
    /// server; PATH is /usr/local/bin:/usr/bin:/bin unless given. Values are never shown again. Default: none.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// For stdio: its working directory, 1 to 2,000 bytes. Default: this server's.
    pub cwd: Option<String>,
    /// For http: the URL of its MCP endpoint, at most 2,000 characters. Default: none.
    pub url: Option<String>,
    /// For http: headers sent with every request, such as Authorization; at most 64 of at most 8,192 bytes. Values
    /// are never shown again. Default: none.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Longest run of a call of one of its tools, in milliseconds: 1,000 to the operator's maximum (120,000 unless
    /// changed). Default: 60,000, or that maximum where it is less.
    pub timeout_ms: Option<u64>,
    /// Whether a server that is attached under this alias is replaced; else that is an error. Default: false.
    #[serde(default)]
    pub replace: bool,
}

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A program that is started and spoken to over its standard streams.
    Stdio,
    /// Streamable HTTP.
    Http,
}

/// What the operator allows of attachments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamPolicy {
    /// Programs that may be started; `*`: any; none: none (`MCP_UPSTREAM_COMMANDS`).
    pub commands: Vec<String>,
    /// Longest timeout, in milliseconds (`MCP_SANDBOX_MAX_TIMEOUT_MS`).
    pub max_timeout_ms: u32,
}

impl UpstreamPolicy {
    /// Whether what is to be reached may be: also asked of what was kept under another policy.
    pub fn allows(&self, spec: &UpstreamSpec) -> Result<(), InvalidUpstream> {
        match spec {
            UpstreamSpec::Stdio(spec) => self.allows_program(spec),
            UpstreamSpec::Http(_) => Ok(()),
        }
    }

    fn allows_program(&self, spec: &StdioSpec) -> Result<(), InvalidUpstream> {
        let StdioSpec { command, env, .. } = spec;
        if self.commands.iter().any(|allowed| allowed == "*") {
            return Ok(());
        }
        if !self.commands.contains(command) {
            let command = command.chars().take(MAX_SHOWN).collect();
            return Err(InvalidUpstream::Command { command });
        }
        let by_name = !command.contains('/');
        let loads = |name: &&String| {
            (by_name && *name == "PATH") || name.starts_with("LD_") || name.starts_with("DYLD_")
        };
        match env.keys().find(loads) {
            Some(name) => Err(InvalidUpstream::Loader { name: name.clone() }),
            None => Ok(()),
        }
    }
}

/// A draft that was found in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The alias.
    pub alias: Alias,
    /// How the server is reached.
    pub spec: UpstreamSpec,
    /// Longest run of a call, in milliseconds.
    pub timeout_ms: u32,
}

/// Why a draft is refused. Never repeats a value that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpstream {
    /// The alias.
    #[error(transparent)]
    Alias(#[from] AliasError),
    /// The URL.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A field that the transport needs.
    #[error("{field} is required where transport is {transport}")]
    Missing {
        /// The field.
        field: &'static str,
        /// The transport.
        transport: &'static str,
    },
    /// A field that the transport has no use for.
    #[error("{field} means nothing where transport is {transport}: leave it out")]
    Foreign {
        /// The field.
        field: &'static str,
        /// The transport.
        transport: &'static str,
    },
    /// The operator's list does not have it.
    #[error(
        "this server may not start {command:?}: it starts only the programs that its operator has listed, with \
         MCP_UPSTREAM_COMMANDS={command} for instance"
    )]
    Command {
        /// The beginning of what was asked for.
        command: String,
    },
    /// A variable that would make another program of one that the operator has listed.
    #[error(
        "env/{name} decides which code runs, which is for the operator to say who has listed the programs that may \
         be started: leave it out"
    )]
    Loader {
        /// The variable.
        name: String,
    },
    /// A value of the wrong shape or length.
    #[error("{field}: {rule}")]
    Value {
        /// The field, with the key in it that is wrong.
        field: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// The timeout.
    #[error("timeoutMs must be {min} to {max}, not {actual}")]
    Timeout {
        /// Shortest.
        min: u32,
        /// Longest.
        max: u32,
        /// What was given.
        actual: u64,
    },
}

impl UpstreamDraft {
    /// Holds the draft against the rules and the operator's policy.
    pub fn check(self, policy: &UpstreamPolicy) -> Result<Checked, InvalidUpstream> {
        let alias = Alias::parse(&self.alias)?;
        let timeout_ms = timeout(self.timeout_ms, policy.max_timeout_ms)?;
        let spec = match self.transport {
            Transport::Stdio => UpstreamSpec::Stdio(self.stdio(policy)?),
            Transport::Http => UpstreamSpec::Http(self.http()?),
        };
        Ok(Checked { alias, spec, timeout_ms })
    }

    fn stdio(self, policy: &UpstreamPolicy) -> Result<StdioSpec, InvalidUpstream> {
        let foreign = |field| InvalidUpstream::Foreign { field, transport: "stdio" };
        if self.url.is_some() {
            return Err(foreign("url"));
        }
        if !self.headers.is_empty() {
            return Err(foreign("headers"));
        }
        let missing = InvalidUpstream::Missing { field: "command", transport: "stdio" };
        let command = self.command.ok_or(missing)?;
        path("command", &command)?;
        if let Some(cwd) = &self.cwd {
            path("cwd", cwd)?;
        }
        entries("args", self.args.len())?;
        entries("env", self.env.len())?;
        for (at, arg) in self.args.iter().enumerate() {
            value(&format!("args/{at}"), arg, |c| c != '\0')?;
        }
        for (name, text) in &self.env {
            let mut bytes = name.bytes();
            let named = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
                && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !named {
                let rule = "a variable's name is a letter or '_', then letters, digits and '_'";
                return Err(InvalidUpstream::Value { field: "env".to_owned(), rule });
            }
            value(&format!("env/{name}"), text, |c| c != '\0')?;
        }
        let args = self.args.into_iter().map(Secret::new).collect();
        let spec = StdioSpec { command, args, env: secrets(self.env), cwd: self.cwd };
        policy.allows_program(&spec)?;
        Ok(spec)
    }

    fn http(self) -> Result<HttpSpec, InvalidUpstream> {
        let foreign = |field| InvalidUpstream::Foreign { field, transport: "http" };
        for (field, given) in [
            ("command", self.command.is_some()),
            ("args", !self.args.is_empty()),
            ("env", !self.env.is_empty()),
            ("cwd", self.cwd.is_some()),
        ] {
            if given {
                return Err(foreign(field));
            }
        }
        let missing = InvalidUpstream::Missing { field: "url", transport: "http" };
        let url = Endpoint::parse(&self.url.ok_or(missing)?)?;
        entries("headers", self.headers.len())?;
        for (name, text) in &self.headers {
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if name.is_empty() || !name.bytes().all(token) {
                let rule = "a header's name has letters, digits and '-'";
                return Err(InvalidUpstream::Value { field: "headers".to_owned(), rule });
            }
            let lower = name.to_ascii_lowercase();
            if lower.starts_with("mcp-") || TRANSPORT_HEADERS.contains(&lower.as_str()) {
                let rule = "this header is the transport's own: leave it out";
                return Err(InvalidUpstream::Value { field: format!("headers/{name}"), rule });
            }
            value(&format!("headers/{name}"), text, |c| (' '..='~').contains(&c) || c == '\t')?;
        }
        Ok(HttpSpec { url, headers: secrets(self.headers) })
    }
}

fn timeout(given: Option<u64>, max: u32) -> Result<u32, InvalidUpstream> {
    let Some(actual) = given else { return Ok(DEFAULT_TIMEOUT_MS.min(max)) };
    match u32::try_from(actual) {
        Ok(fits) if (MIN_TIMEOUT_MS..=max).contains(&fits) => Ok(fits),
        _ => Err(InvalidUpstream::Timeout { min: MIN_TIMEOUT_MS, max, actual }),
    }
}

fn secrets(texts: BTreeMap<String, String>) -> BTreeMap<String, Secret> {
    texts.into_iter().map(|(name, text)| (name, Secret::new(text))).collect()
}

fn path(field: &str, text: &str) -> Result<(), InvalidUpstream> {
    if (1..=MAX_PATH).contains(&text.len()) && !text.contains('\0') {
        return Ok(());
    }
    let rule = "it has 1 to 2,000 bytes, and no null character";
    Err(InvalidUpstream::Value { field: field.to_owned(), rule })
}

fn entries(field: &str, count: usize) -> Result<(), InvalidUpstream> {
    if count <= MAX_ENTRIES {
        return Ok(());
    }
    Err(InvalidUpstream::Value { field: field.to_owned(), rule: "at most 64 are allowed" })
}

fn value(field: &str, text: &str, allowed: impl Fn(char) -> bool) -> Result<(), InvalidUpstream> {
    if text.len() <= MAX_VALUE && text.chars().all(allowed) {
        return Ok(());
    }
    let rule = "it has at most 8,192 bytes, and no characters that can't be passed on";
    Err(InvalidUpstream::Value { field: field.to_owned(), rule })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(fields: Value) -> Result<Checked, InvalidUpstream> {
        let draft: UpstreamDraft = serde_json::from_value(fields).unwrap();
        let commands = vec!["/bin/tool".to_owned()];
        draft.check(&UpstreamPolicy { commands, max_timeout_ms: 120_000 })
    }

    fn stdio(field: &str, value: Value) -> Result<Checked, InvalidUpstream> {
        let mut draft = json!({ "alias": "a", "transport": "stdio", "command": "/bin/tool" });
        draft[field] = value;
        check(draft)
    }

    fn http(field: &str, value: Value) -> Result<Checked, InvalidUpstream> {
        let mut draft =
            json!({ "alias": "a", "transport": "http", "url": "https://x.example/mcp" });
        draft[field] = value;
        check(draft)
    }

    #[test]
    fn what_is_in_order_passes() {
        let checked = stdio("env", json!({ "TOKEN": "hush" })).unwrap();
        assert_eq!(checked.timeout_ms, 60_000);
        assert_eq!(checked.spec.secret_names(), ["TOKEN"]);
        let checked = http("headers", json!({ "Authorization": "Bearer hush" })).unwrap();
        assert_eq!(checked.spec.target(), "https://x.example/mcp");
    }

    #[test]
    fn what_is_not_is_refused_with_its_place() {
        for (refused, says) in [
            (stdio("command", json!("/bin/other")), "MCP_UPSTREAM_COMMANDS=/bin/other"),
            (stdio("env", json!({ "LD_PRELOAD": "/tmp/x.so" })), "env/LD_PRELOAD"),
            (stdio("command", json!(null)), "command is required"),
            (stdio("url", json!("https://x.example")), "url means nothing"),
            (stdio("args", json!(["a\u{0}b"])), "args/0"),
            (stdio("env", json!({ "A-B": "x" })), "env"),
            (stdio("timeoutMs", json!(999)), "1000 to 120000"),
            (http("command", json!("x")), "command means nothing"),
            (http("url", json!("ftp://x.example")), "http or https"),
            (http("url", json!("https://u:hush@x.example")), "headers"),
            (http("headers", json!({ "Mcp-Session-Id": "x" })), "headers/Mcp-Session-Id"),
            (http("headers", json!({ "X-Key": "a\r\nb" })), "headers/X-Key"),
        ] {
            let message = refused.unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
            assert!(!message.contains("hush"), "{message}");
        }
    }

    #[test]
    fn a_program_listed_by_name_is_found_where_the_operator_looks() {
        let named = |commands: &[&str], env: Value| {
            let fields =
                json!({ "alias": "a", "transport": "stdio", "command": "tool", "env": env });
            let draft: UpstreamDraft = serde_json::from_value(fields).unwrap();
            let commands = commands.iter().map(|command| (*command).to_owned()).collect();
            draft.check(&UpstreamPolicy { commands, max_timeout_ms: 120_000 })
        };
        let path = json!({ "PATH": "/tmp/mine" });
        assert!(named(&["tool"], json!({})).is_ok());
        let refused = named(&["tool"], path.clone()).unwrap_err();
        assert_eq!(refused, InvalidUpstream::Loader { name: "PATH".to_owned() });
        assert!(named(&["*"], path).is_ok());
        assert!(matches!(named(&[], json!({})), Err(InvalidUpstream::Command { .. })));
        // A path needs none of it.
        assert!(stdio("env", json!({ "PATH": "/opt/bin" })).is_ok());
    }

    #[test]
    fn no_secret_shows_in_any_view() {
        let secret = http("headers", json!({ "X-Key": "hush" })).unwrap();
        let query = http("url", json!("https://x.example/mcp?key=hush")).unwrap();
        let path = http("url", json!("https://x.example/s/hush-0123456789abcdef/mcp")).unwrap();
        assert_eq!(path.spec.target(), "https://x.example/s/***/mcp");
        let args = stdio("args", json!(["--token=hush"])).unwrap();
        let env = stdio("env", json!({ "TOKEN": "hush" })).unwrap();
        for checked in [secret, query, path, args, env] {
            assert!(!format!("{checked:?}").contains("hush"));
            assert!(!checked.spec.target().contains("hush"));
            assert!(checked.spec.secrets().iter().any(|secret| secret.contains("hush")));
        }
    }
}
