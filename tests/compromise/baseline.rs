//! What is left when attacks, engines and hosts are over: nothing.

use std::collections::BTreeSet;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use dynamic_mcp::adapters::outbound::engine::embedded::{
    EmbeddedConfig, EmbeddedEngine, WorkerMode,
};
use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::ports::Engine as _;

use super::calls::{MODES, engine, engine_of, run, runtime, still_serves};

/// The argument that makes this binary a host which is killed while a call runs.
pub(crate) const SHORT_LIVED_HOST: &str = "__short-lived-host";

/// Every process below this one.
fn descendants() -> BTreeSet<u32> {
    below(std::process::id())
}

fn below(root: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut look = vec![root];
    while let Some(parent) = look.pop() {
        let tasks = std::fs::read_dir(format!("/proc/{parent}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(task.path().join("children"));
            for child in children.unwrap_or_default().split_whitespace() {
                let child: u32 = child.parse().unwrap();
                if found.insert(child) {
                    look.push(child);
                }
            }
        }
    }
    found
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Waits until something holds; a guard ends a wait for what never will.
fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}

/// Calls that end badly in every way.
const BAD: [(&str, ErrorCode); 6] = [
    ("throw new Error('x')", ErrorCode::ToolError),
    ("const a = []; for (;;) a.push(new Uint8Array(1 << 20))", ErrorCode::MemoryExceeded),
    ("await new Promise(() => {})", ErrorCode::NeverSettled),
    ("return 'x'.repeat(5e6)", ErrorCode::OutputTooLarge),
    ("return native('[39999]')", ErrorCode::SandboxViolation),
    ("await ctx.secret('X')", ErrorCode::PermissionDenied),
];

async fn misbehave(engine: &EmbeddedEngine) {
    for (code, expected) in BAD {
        assert_eq!(run(engine, code).await.unwrap_err().code, expected, "{code}");
    }
    still_serves(engine).await;
}

pub(crate) fn nothing_is_left_behind() {
    for mode in MODES {
        let runtime = runtime();
        let (processes, open) = runtime.block_on(async {
            let engine = engine(mode);
            misbehave(&engine).await;
            // Four spares; a fork server has a keeper.
            let resting = if mode == WorkerMode::ForkServer { 6 } else { 4 };
            until("the spares are ready", || descendants().len() == resting);
            let before = (resting, descriptors(), resident_kib());
            for _ in 0..25 {
                misbehave(&engine).await;
            }
            until("processes return to their number", || descendants().len() == before.0);
            until("descriptors return to their number", || descriptors() == before.1);
            let grown = resident_kib().saturating_sub(before.2);
            assert!(grown < 4 << 10, "{mode:?}: {grown} KiB more than before");
            engine.shutdown().await;
            until("the engine's processes end", || descendants().is_empty());
            (descendants().len(), descriptors())
        });
        drop(runtime);
        assert_eq!(processes, 0);
        until("the engine's descriptors close", || descriptors() < open);
    }
}

pub(crate) fn a_dead_fork_server_is_replaced() {
    runtime().block_on(async {
        let engine = engine(WorkerMode::ForkServer);
        still_serves(&engine).await;
        until("the spares are ready", || engine.ready_workers() == 4);
        let busy = tokio::join!(run(&engine, "for (;;);"), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            // The keeper's only child is the fork server.
            let keeper = child_of(std::process::id());
            let server = child_of(keeper);
            let killed = Command::new("kill").args(["-9", &server.to_string()]).status().unwrap();
            assert!(killed.success());
        });
        assert_eq!(busy.0.unwrap_err().code, ErrorCode::SandboxCrashed);
        still_serves(&engine).await;
        assert!(engine.report().ready);
    });
    until("every process ends", || descendants().is_empty());
}

pub(crate) fn a_worn_fork_server_is_replaced() {
    runtime().block_on(async {
        let worn = EmbeddedConfig { forks_per_server: 10, ..EmbeddedConfig::new("/proc/self/exe") };
        let engine = engine_of(worn);
        still_serves(&engine).await;
        let first = child_of(child_of(std::process::id()));
        for _ in 0..25 {
            let eight = (0..8).map(|_| still_serves(&engine));
            futures_util::future::join_all(eight).await;
        }
        assert!(!descendants().contains(&first), "the first fork server is still there");
        until("one fork server, its keeper and the spares", || descendants().len() == 6);
    });
    until("every process ends", || descendants().is_empty());
}

fn child_of(parent: u32) -> u32 {
    let mut children = BTreeSet::new();
    for task in std::fs::read_dir(format!("/proc/{parent}/task")).unwrap().flatten() {
        let line = std::fs::read_to_string(task.path().join("children")).unwrap();
        children.extend(line.split_whitespace().map(|child| child.parse::<u32>().unwrap()));
    }
    children.into_iter().next().unwrap()
}

/// A host with a call that never ends.
pub(crate) fn short_lived_host() -> ExitCode {
    runtime().block_on(async {
        let engine = engine(WorkerMode::ForkServer);
        still_serves(&engine).await;
        println!("ready");
        drop(run(&engine, "for (;;);").await);
    });
    ExitCode::SUCCESS
}

pub(crate) fn the_end_of_the_host_ends_everything() {
    use std::io::{BufRead as _, BufReader};
    let mut host = Command::new("/proc/self/exe")
        .arg(SHORT_LIVED_HOST)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let family = below(host.id());
    assert!(family.len() >= 3, "{family:?}");
    host.kill().unwrap();
    host.wait().unwrap();
    until("everything that the host had started ends", || {
        family.iter().all(|process| {
            // A number may have been given to another program by then.
            let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
            !name.starts_with("compromise")
        })
    });
}
