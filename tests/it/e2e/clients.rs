//! The installed clients, and how one of their programs is run.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// What `scripts/prepare` installed has to be what these files ask for.
const LOCKS: [&str; 2] =
    [include_str!("../../e2e/requirements.txt"), include_str!("../../e2e/package-lock.json")];

/// Nothing is timed: this only ends a client that hangs.
const HANG: Duration = Duration::from_mins(3);

/// A file of the project.
pub(crate) fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The Python that has the Python SDK.
pub(super) fn python() -> Command {
    program("target/clients/python/bin/python")
}

/// The Node.js that the TypeScript clients need.
pub(super) fn node() -> Command {
    program("target/clients/node")
}

/// A program of a package of the TypeScript clients.
pub(super) fn package(program: &str) -> Command {
    let mut command = node();
    command.arg(file("tests/e2e/node_modules/@modelcontextprotocol").join(program));
    command
}

/// An SDK with a client.
#[derive(Clone, Copy)]
pub(super) enum Sdk {
    /// Python's.
    Python,
    /// TypeScript's first generation, which knows the revisions with sessions.
    V1,
    /// TypeScript's second generation.
    V2,
}

impl Sdk {
    /// Its client that plays this play.
    pub(super) fn client(self, play: &str) -> Command {
        let script = |ending| [file(&format!("tests/e2e/clients/{play}{ending}"))];
        match self {
            Self::Python => with(python(), script(".py")),
            Self::V1 => with(node(), script("_v1.mjs")),
            Self::V2 => with(node(), script("_v2.mjs")),
        }
    }
}

/// One test for each SDK and each era that it speaks, which runs a function of both.
macro_rules! each_client {
    ($play:path) => {
        $crate::e2e::clients::each_client! { $play:
            python_legacy: Python "legacy",
            python_auto: Python "auto",
            python_modern: Python "modern",
            sdk_v1_legacy: V1 "legacy",
            client_v2_legacy: V2 "legacy",
            client_v2_auto: V2 "auto",
            client_v2_modern: V2 "modern",
        }
    };
    ($play:path: $($name:ident: $sdk:ident $era:literal,)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                $play($crate::e2e::clients::Sdk::$sdk, $era).await;
            }
        )+
    };
}
pub(super) use each_client;

fn program(name: &str) -> Command {
    let installed = fs::read_to_string(file("target/clients/installed")).unwrap_or_default();
    assert!(
        installed == LOCKS.concat(),
        "the real MCP clients are not installed, or not the ones of this version: `./test` installs them and \
         runs the tests, `scripts/prepare` installs them alone"
    );
    let mut command = Command::new(file(name));
    // What a client keeps for its user goes where nobody keeps anything.
    command.env("HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Adds arguments of any kind.
pub(super) fn with<A: AsRef<OsStr>>(
    mut command: Command,
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    command.args(arguments);
    command
}

/// Runs a client to its end, which has to be a good one; gives what it wrote to standard output.
pub(super) async fn run(command: Command) -> String {
    let (code, out, err) = finish(command).await;
    assert!(code == Some(0), "the client failed ({code:?}):\n{out}\n{err}");
    out
}

/// Runs a client to its end: its exit code, standard output and standard error.
pub(super) async fn finish(mut command: Command) -> (Option<i32>, String, String) {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(HANG, command.output()).await;
    let Ok(output) = output else { panic!("the client hangs") };
    let output = output.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}
