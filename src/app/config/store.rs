//! The registry of tools: where it is kept, how large it may grow and who may change it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::error::ConfigError;
use super::section::Section;
use super::setting::{Kind, Setting};
use super::values::Values;

/// `MCP_DYNAMIC_BACKEND`.
pub static BACKEND: Setting =
    Setting::word("MCP_DYNAMIC_BACKEND", &["file", "postgres"], "Where tools are kept").or("file");
/// `MCP_DYNAMIC_STORE`.
pub static STORE: Setting = Setting::of(
    "MCP_DYNAMIC_STORE",
    Kind::File,
    "The store's file. The name of a `.json` store of the Node project has it imported, once, into the \
     `.redb` beside it",
)
.or(".dynamic-mcp/tools.redb");
/// `MCP_DYNAMIC_MAX_TOOLS`.
pub static MAX_TOOLS: Setting =
    Setting::integer("MCP_DYNAMIC_MAX_TOOLS", 1, 10_000, "Most tools").or("256");
/// `MCP_DYNAMIC_HISTORY`.
pub static HISTORY: Setting =
    Setting::integer("MCP_DYNAMIC_HISTORY", 1, 1000, "How many revisions of a tool are kept")
        .or("50");
/// `MCP_DYNAMIC_READ_ONLY`.
pub static READ_ONLY: Setting = Setting::switch(
    "MCP_DYNAMIC_READ_ONLY",
    "Every change is refused; tools are listed and called",
)
.or("false");
/// `MCP_DYNAMIC_TEST_ON_WRITE`.
pub static TEST_ON_WRITE: Setting = Setting::switch(
    "MCP_DYNAMIC_TEST_ON_WRITE",
    "A create or update whose examples fail is refused",
)
.or("false");
/// `MCP_DYNAMIC_PG_URL`.
pub static PG_URL: Setting =
    Setting::of("MCP_DYNAMIC_PG_URL", Kind::Text, "PostgreSQL's connection string")
        .secret()
        .or_note("none");
/// `MCP_DYNAMIC_PG_SCHEMA`.
pub static PG_SCHEMA: Setting =
    Setting::of("MCP_DYNAMIC_PG_SCHEMA", Kind::Identifier, "PostgreSQL's schema").or("dynamic_mcp");
/// `MCP_DYNAMIC_PG_INIT_MAX_ATTEMPTS`.
pub static PG_ATTEMPTS: Setting = Setting::integer(
    "MCP_DYNAMIC_PG_INIT_MAX_ATTEMPTS",
    1,
    100,
    "How often the first connection to PostgreSQL is tried",
)
.or("10");
/// `MCP_DYNAMIC_PG_INIT_BACKOFF_MS`.
pub static PG_BACKOFF: Setting = Setting::integer(
    "MCP_DYNAMIC_PG_INIT_BACKOFF_MS",
    1,
    60_000,
    "How long to wait between those attempts, in milliseconds",
)
.or("1000");

pub(super) static SECTION: Section = Section {
    title: "Registry",
    about: "Where tools are kept and how many there may be.",
    settings: &[
        &BACKEND,
        &STORE,
        &MAX_TOOLS,
        &HISTORY,
        &READ_ONLY,
        &TEST_ON_WRITE,
        &PG_URL,
        &PG_SCHEMA,
        &PG_ATTEMPTS,
        &PG_BACKOFF,
    ],
};

/// Where tools are kept.
#[derive(Debug, Clone)]
pub enum Backend {
    /// A file (`MCP_DYNAMIC_STORE`), relative to the working directory.
    File(PathBuf),
    /// PostgreSQL.
    Postgres(Postgres),
}

/// Where the tools are, for the operator's terminal; without the secret parts. The `.json` store of the Node
/// project is where they came from.
impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) if path.extension().is_some_and(|end| end == "json") => {
                path.with_extension("redb").display().fmt(f)
            }
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(postgres) => write!(f, "PostgreSQL, schema {}", postgres.schema),
        }
    }
}

/// How PostgreSQL is reached.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// `MCP_DYNAMIC_PG_URL`.
    pub url: SecretString,
    /// `MCP_DYNAMIC_PG_SCHEMA`.
    pub schema: String,
    /// `MCP_DYNAMIC_PG_INIT_MAX_ATTEMPTS`, 1 to 100.
    pub init_max_attempts: u32,
    /// `MCP_DYNAMIC_PG_INIT_BACKOFF_MS`, 1 ms to 60 s.
    pub init_backoff: Duration,
}

/// The registry of tools.
#[derive(Debug, Clone)]
pub struct Store {
    /// `MCP_DYNAMIC_BACKEND`.
    pub backend: Backend,
    /// `MCP_DYNAMIC_MAX_TOOLS`, 1 to 10,000.
    pub max_tools: usize,
    /// `MCP_DYNAMIC_HISTORY`: revisions kept of each tool, 1 to 1,000.
    pub history: usize,
    /// `MCP_DYNAMIC_READ_ONLY`.
    pub read_only: bool,
    /// `MCP_DYNAMIC_TEST_ON_WRITE`.
    pub test_on_write: bool,
}

impl Store {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let backend = match values.word(&BACKEND)? {
            "postgres" => Backend::Postgres(Postgres::read(values)?),
            _ => Backend::File(values.text(&STORE)?.into()),
        };
        Ok(Self {
            backend,
            max_tools: values.number(&MAX_TOOLS)?,
            history: values.number(&HISTORY)?,
            read_only: values.switch(&READ_ONLY, false)?,
            test_on_write: values.switch(&TEST_ON_WRITE, false)?,
        })
    }
}

impl Postgres {
    fn read(values: &Values) -> Result<Self, ConfigError> {
        let because = || format!("by {}=postgres", BACKEND.name);
        let url = values.secret(&PG_URL)?;
        Ok(Self {
            url: url
                .ok_or_else(|| ConfigError::Missing { name: PG_URL.name, because: because() })?,
            schema: values.text(&PG_SCHEMA)?,
            init_max_attempts: values.number(&PG_ATTEMPTS)?,
            init_backoff: values.millis(&PG_BACKOFF)?,
        })
    }
}
