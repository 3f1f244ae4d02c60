//! The embedded engine alone, without MCP around it: what a call costs, what the walls cost, what idling
//! costs. `cargo bench --bench engine`; figures of one run are compared with each other only.
//!
//! The workers are this same binary. Under a name that ends in `-open` it puts up no walls, which the shipped
//! program can't do.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measuring program"
)]

#[path = "../tests/compromise/caller.rs"]
mod caller;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dynamic_mcp::adapters::outbound::engine::embedded::worker::{Variation, dispatch_with};
use dynamic_mcp::adapters::outbound::engine::embedded::{
    EmbeddedConfig, EmbeddedEngine, Spares, WorkerMode,
};
use dynamic_mcp::domain::execution::Limits;
use dynamic_mcp::ports::Engine as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const CODE: &str = "return {upper: String(args.text).toUpperCase()}";
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    let open = std::env::args().next().is_some_and(|name| name.ends_with("-open"));
    if let Some(ended) =
        dispatch_with(std::env::args_os(), Variation { open, ..Variation::default() })
    {
        return ended;
    }
    let own = std::env::current_exe().unwrap();
    let unwalled = std::env::temp_dir().join(format!("dmcp-{}-open", std::process::id()));
    std::os::unix::fs::symlink(&own, &unwalled).unwrap();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(measure(&own, &unwalled));
    std::fs::remove_file(&unwalled).unwrap();
    ExitCode::SUCCESS
}

async fn measure(own: &Path, unwalled: &Path) {
    let ready = Spares::default();
    let none = Spares { idle: 0, most: 0 };
    println!("{:<44} {:>9} {:>9} {:>9}", "", "p50 us", "p99 us", "calls/s");
    let mut taxes = Vec::new();
    for round in 1..=ROUNDS {
        let engine = start(own, WorkerMode::ForkServer, ready).await;
        paced(&format!("{round}: spare, warm, 2 ms between calls"), &engine, 300).await;
        sequential(&format!("{round}: one caller"), &engine, CODE, 2_000, 0).await;
        parallel(&format!("{round}: 8 callers"), &engine, 4_000).await;
        sequential(&format!("{round}: 64 KB in and out"), &engine, CODE, 200, 64 << 10).await;
        sequential(&format!("{round}: 1 MB in and out"), &engine, CODE, 40, 1 << 20).await;
        drop(engine);
        let walled = start(own, WorkerMode::ForkServer, none).await;
        let open = start(unwalled, WorkerMode::ForkServer, none).await;
        let full = sequential(&format!("{round}: fork per call"), &walled, CODE, 1_000, 0).await;
        let bare =
            sequential(&format!("{round}: fork per call, no walls"), &open, CODE, 1_000, 0).await;
        taxes.push(full.as_secs_f64() / bare.as_secs_f64());
        let spawned = start(own, WorkerMode::ExecPool, ready).await;
        sequential(&format!("{round}: exec pool, one caller"), &spawned, CODE, 200, 0).await;
    }
    println!("walls / no walls, by p50 of a fork per call: {taxes:.2?}");
    let engine = start(own, WorkerMode::ForkServer, ready).await;
    println!("{}", engine.report().detail);
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("idle processes, PSS in KiB: {:?}", children_pss(std::process::id()));
}

async fn start(worker: &Path, mode: WorkerMode, spares: Spares) -> EmbeddedEngine {
    let mut config = EmbeddedConfig::new(PathBuf::from(worker));
    config.mode = mode;
    config.spares = spares;
    config.allow_weak = true;
    let engine = EmbeddedEngine::start(config, &TaskTracker::new(), &CancellationToken::new());
    call(&engine, CODE, "{\"text\":\"hello\"}").await;
    engine
}

async fn call(engine: &EmbeddedEngine, code: &str, args: &str) {
    let limits = Limits { output_bytes: 10_000_000, ..Limits::default() };
    caller::run(engine, caller::job(code, args, Arc::new([]), limits)).await.unwrap();
}

async fn sequential(
    what: &str,
    engine: &EmbeddedEngine,
    code: &str,
    count: usize,
    size: usize,
) -> Duration {
    let args = format!("{{\"text\":\"hello{}\"}}", "x".repeat(size));
    let began = Instant::now();
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        call(engine, code, &args).await;
        times.push(start.elapsed());
    }
    report(what, times, began.elapsed())
}

async fn paced(what: &str, engine: &EmbeddedEngine, count: usize) {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let start = Instant::now();
        call(engine, CODE, "{\"text\":\"hello\"}").await;
        times.push(start.elapsed());
    }
    let busy = times.iter().sum();
    report(what, times, busy);
}

async fn parallel(what: &str, engine: &EmbeddedEngine, count: usize) {
    let began = Instant::now();
    let callers = (0..8).map(|_| async {
        let mut times = Vec::with_capacity(count / 8);
        for _ in 0..count / 8 {
            let start = Instant::now();
            call(engine, CODE, "{\"text\":\"hello\"}").await;
            times.push(start.elapsed());
        }
        times
    });
    let times = futures_util::future::join_all(callers).await.concat();
    report(what, times, began.elapsed());
}

fn report(what: &str, mut times: Vec<Duration>, took: Duration) -> Duration {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!(
        "{what:<44} {:>9.0} {:>9.0} {:>9.0}",
        at(50).as_secs_f64() * 1e6,
        at(99).as_secs_f64() * 1e6,
        times.len() as f64 / took.as_secs_f64(),
    );
    at(50)
}

fn children_pss(root: u32) -> Vec<u64> {
    let mut found = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{root}/task")).unwrap().flatten() {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap();
        for child in children.split_whitespace() {
            let child: u32 = child.parse().unwrap();
            let rollup = std::fs::read_to_string(format!("/proc/{child}/smaps_rollup"));
            let pss = rollup.unwrap_or_default().lines().find_map(|line| {
                line.strip_prefix("Pss:")?.split_whitespace().next()?.parse::<u64>().ok()
            });
            found.extend(pss);
            found.extend(children_pss(child));
        }
    }
    found
}
