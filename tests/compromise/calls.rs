//! What a worker that has been broken into can do: nothing.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::outbound::engine::embedded::{
    EmbeddedConfig, EmbeddedEngine, WorkerMode,
};
use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::execution::{Failure, Limits, Returned};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::caller;

/// The sources of workers.
pub(crate) const MODES: [WorkerMode; 2] = [WorkerMode::ForkServer, WorkerMode::ExecPool];

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// An engine whose workers can be broken into. To be made within a runtime.
pub(crate) fn engine(mode: WorkerMode) -> EmbeddedEngine {
    engine_of(EmbeddedConfig { mode, ..EmbeddedConfig::new("/proc/self/exe") })
}

pub(crate) fn engine_of(config: EmbeddedConfig) -> EmbeddedEngine {
    EmbeddedEngine::start(config, &TaskTracker::new(), &CancellationToken::new())
}

pub(crate) async fn run(engine: &EmbeddedEngine, code: &str) -> Result<Returned, Failure> {
    let limits = Limits { timeout: Duration::from_secs(30), ..Limits::default() };
    caller::run(engine, caller::job(code, "{}", Arc::new([]), limits)).await
}

pub(crate) async fn still_serves(engine: &EmbeddedEngine) {
    let answer = run(engine, "return [typeof left, 1 + 1]").await;
    assert_eq!(answer, Ok(Returned::Value(r#"["undefined",2]"#.to_owned())));
}

/// Runs `native(...)` and says how that went.
async fn native(engine: &EmbeddedEngine, arguments: &str) -> Result<Returned, Failure> {
    let code = format!("globalThis.left = 1; return native(JSON.stringify([{arguments}]))");
    run(engine, &code).await
}

/// The calls, with arguments that would do harm.
fn forbidden() -> Vec<(&'static str, String)> {
    let word = |number: libc::c_long| number.to_string();
    vec![
        ("open /etc/passwd", format!("{}, -100, '/etc/passwd', 0", word(libc::SYS_openat))),
        ("open /", format!("{}, -100, '/', 65536", word(libc::SYS_openat))),
        ("create a file", format!("{}, -100, '/tmp/x', 66, 511", word(libc::SYS_openat))),
        ("an internet socket", format!("{}, 2, 1, 0", word(libc::SYS_socket))),
        ("a local socket", format!("{}, 1, 1, 0", word(libc::SYS_socket))),
        ("kill the first process", format!("{}, 1, 9", word(libc::SYS_kill))),
        ("kill every process", format!("{}, -1, 9", word(libc::SYS_kill))),
        ("fork", format!("{}, 17, 0, 0, 0, 0", word(libc::SYS_clone))),
        ("unshare", format!("{}, 268435456", word(libc::SYS_unshare))),
        ("trace", format!("{}, 16, 1, 0, 0", word(libc::SYS_ptrace))),
        ("execute", format!("{}, '/bin/sh', 0, 0", word(libc::SYS_execve))),
        ("executable memory", format!("{}, 0, 4096, 7, 34, -1, 0", word(libc::SYS_mmap))),
        ("io_uring", format!("{}, 8, 0", word(libc::SYS_io_uring_setup))),
        ("bpf", format!("{}, 0, 0, 0", word(libc::SYS_bpf))),
        ("the parent's number", word(libc::SYS_getppid)),
        ("become root", format!("{}, 0", word(libc::SYS_setuid))),
        ("write-execute flip", format!("{}, 0, 4096, 7", word(libc::SYS_mprotect))),
        (
            "another process's memory",
            format!("{}, 1, 0, 0, 0, 0, 0", word(libc::SYS_process_vm_readv)),
        ),
        ("a shared mapping", format!("{}, 0, 4096, 3, 33, -1, 0", word(libc::SYS_mmap))),
        ("its own filters", format!("{}, 0, 0, 0", word(libc::SYS_seccomp))),
        ("wait for ever", format!("{}, 0, 0, 0, 0", word(libc::SYS_ppoll))),
    ]
}

pub(crate) fn every_forbidden_call_ends_the_worker() {
    for mode in MODES {
        runtime().block_on(async {
            let engine = engine(mode);
            for (what, arguments) in forbidden() {
                let failure = native(&engine, &arguments).await.unwrap_err();
                assert_eq!(
                    failure.code,
                    ErrorCode::SandboxViolation,
                    "{mode:?} {what}: {failure:?}"
                );
                still_serves(&engine).await;
            }
            // More memory is refused, not punished: it is what the interpreter asks for by itself.
            let grow = format!("{}, 0, 4096, 3, 34, -1, 0", libc::SYS_mmap);
            let refused = native(&engine, &grow).await;
            assert!(
                matches!(&refused, Ok(Returned::Value(text)) if text.contains("Cannot allocate")),
                "{mode:?}: {refused:?}"
            );
        });
    }
}

pub(crate) fn forged_frames_end_the_worker() {
    // `u32le length | u8 kind | body`: an unknown kind, a frame beyond every limit, a request that skips
    // numbers, a verdict that was not asked for, an outcome with a code that is not the worker's to give.
    let frames = [
        r"\u0001\u0000\u0000\u0000Zx",
        r"\u007f\u007f\u007f\u007fD",
        r"\u0007\u0000\u0000\u0000C\u0009\u0000\u0000\u0000\u0000{}",
        r"\u0000\u0000\u0000\u0000Y",
        r#"\u002f\u0000\u0000\u0000E{\"code\":\"unauthorized\",\"message\":\"you may not\"}"#,
    ];
    for mode in MODES {
        runtime().block_on(async {
            let engine = engine(mode);
            for frame in frames {
                // Where the channel is depends on who made the worker; other descriptors are closed.
                let code = format!(
                    "const frame = \"{frame}\";\n\
                     for (let channel = 0; channel < 32; channel++) {{\n\
                       for (const byte of frame) {{\n\
                         native(JSON.stringify([{write}, channel, byte === '\\0' ? '' : byte, 1]));\n\
                       }}\n\
                     }}\n\
                     for (;;);",
                    write = libc::SYS_write,
                );
                let failure = run(&engine, &code).await.unwrap_err();
                assert_eq!(
                    failure.code,
                    ErrorCode::SandboxViolation,
                    "{mode:?} {frame}: {failure:?}"
                );
                still_serves(&engine).await;
            }
        });
    }
}

pub(crate) fn a_worker_that_ends_itself_has_crashed() {
    for mode in MODES {
        runtime().block_on(async {
            let engine = engine(mode);
            for status in [0, 1] {
                let arguments = format!("{}, {status}", libc::SYS_exit_group);
                let failure = native(&engine, &arguments).await.unwrap_err();
                assert_eq!(failure.code, ErrorCode::SandboxCrashed, "{mode:?}: {failure:?}");
                still_serves(&engine).await;
            }
        });
    }
}
