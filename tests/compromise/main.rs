//! The sandbox when the interpreter inside it has been broken into.
//!
//! Code here has a function `native(...)` that makes any system call from within a worker: what an attacker
//! has who found a hole in the interpreter. The shipped program has no way to such a worker; this binary is
//! its own worker program, started again by the engine, which is why it stands beside `tests/it` and has a
//! `main` of its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and prints what it found"
)]

mod baseline;
mod caller;
mod calls;
mod native;

use std::process::ExitCode;

use dynamic_mcp::adapters::outbound::engine::embedded::worker::{Variation, dispatch_with};

fn main() -> ExitCode {
    let variation = Variation { native: Some(native::call), ..Variation::default() };
    if let Some(ended) = dispatch_with(std::env::args_os(), variation) {
        return ended;
    }
    let cases: &[(&str, fn())] = &[
        ("every_forbidden_call_ends_the_worker", calls::every_forbidden_call_ends_the_worker),
        ("forged_frames_end_the_worker", calls::forged_frames_end_the_worker),
        ("a_worker_that_ends_itself_has_crashed", calls::a_worker_that_ends_itself_has_crashed),
        ("a_dead_fork_server_is_replaced", baseline::a_dead_fork_server_is_replaced),
        ("a_worn_fork_server_is_replaced", baseline::a_worn_fork_server_is_replaced),
        ("nothing_is_left_behind", baseline::nothing_is_left_behind),
        ("the_end_of_the_host_ends_everything", baseline::the_end_of_the_host_ends_everything),
    ];
    if std::env::args().any(|arg| arg == "--list") {
        for (name, _) in cases {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    if let Some(role) = std::env::args().nth(1).filter(|role| role == baseline::SHORT_LIVED_HOST) {
        drop(role);
        return baseline::short_lived_host();
    }
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let (mut passed_count, mut failed) = (0_u32, 0_u32);
    for (name, case) in cases.iter().filter(|(name, _)| name.contains(&filter)) {
        let passed = std::panic::catch_unwind(case).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        if passed {
            passed_count += 1;
        } else {
            failed += 1;
        }
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {passed_count} passed; {failed} failed; 0 ignored");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
