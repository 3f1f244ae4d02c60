//! The server measured from outside, as its clients see it, next to a bare echo server in the same run.
//!
//! `cargo bench --bench end_to_end [-- --quick]` prints a table for docs/performance.md. It needs the
//! release binary, whose path `DYNAMIC_MCP` may name.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring program fails by panicking, reads the clock and prints its table"
)]

mod echo;
mod guarded;
mod http;
#[path = "../../tests/it/support/issuer/keys.rs"]
#[expect(dead_code, reason = "tests make other keys and tokens too")]
mod keys;
mod scenarios;
mod server;
mod stats;
mod stdio;

use std::path::{Path, PathBuf};

use scenarios::Bench;
use stats::Report;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if has("--echo-stdio") || has("--echo-http") {
        // As many threads as the server under test would have.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        if has("--echo-stdio") {
            runtime.block_on(echo::stdio());
        } else {
            runtime.block_on(echo::http());
        }
        return;
    }
    let named = std::env::var_os("DYNAMIC_MCP").map(PathBuf::from);
    let binary = named.unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/dynamic-mcp")
    });
    assert!(binary.is_file(), "build it first: cargo build --release ({})", binary.display());
    let divide = if has("--quick") { 20 } else { 1 };
    let bench = Bench { binary: &binary, divide, report: Report::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime.block_on(run(bench));
    println!("{report}");
}

async fn run(mut bench: Bench<'_>) -> Report {
    // A store of its own for each scenario: none inherits another's tools.
    let folders: Vec<_> = (0..7).map(|_| tempfile::tempdir().unwrap()).collect();
    bench.cold_start(folders[0].path()).await;
    bench.footprint(folders[1].path()).await;
    bench.stdio_calls(folders[2].path()).await;
    bench.registry(folders[3].path()).await;
    bench.http_calls(folders[4].path()).await;
    bench.sessions(folders[5].path()).await;
    bench.guarded(folders[6].path()).await;
    bench.report
}
