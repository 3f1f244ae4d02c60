//! The only code that runs inside a sandbox.
//!
//! [`dispatch`] is called first thing in `main`, before any thread or runtime exists: a worker forks and
//! locks itself down, which only a process of one thread can do.

mod allocator;
mod call;
mod channel;
mod entropy;
#[cfg(target_os = "linux")]
mod fork;
#[cfg(target_os = "linux")]
mod lockdown;
#[cfg(target_os = "linux")]
mod overflow;
mod pages;
mod realm;
#[cfg(target_os = "linux")]
mod seccomp;
mod serve;
mod single;
mod state;
#[cfg(test)]
mod testing;
mod verdict;
mod web;
mod wire;
#[cfg(target_os = "linux")]
mod zygote;

use std::ffi::OsString;
use std::process::ExitCode;

#[cfg(target_os = "linux")]
use super::datagram;

/// The hidden subcommand of the fork server.
pub(super) const FORK_SERVER: &str = "__sandbox-fork-server";
/// The hidden subcommand of a worker for one call.
pub(super) const SINGLE: &str = "__sandbox-worker";

/// What a worker is told on its command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setup {
    /// For the interpreter.
    pub(super) memory_bytes: usize,
    /// Whether to serve without the essential layer.
    pub(super) allow_weak: bool,
}

impl Setup {
    /// As arguments.
    pub(super) fn to_args(self) -> [String; 2] {
        [self.memory_bytes.to_string(), self.allow_weak.to_string()]
    }

    fn from_args(mut args: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut next = || args.next()?.into_string().ok();
        Some(Self { memory_bytes: next()?.parse().ok()?, allow_weak: next()?.parse().ok()? })
    }

    /// All memory of a worker: the interpreter's, as much again for moving and encoding, and some.
    #[cfg(target_os = "linux")]
    const fn sealed_bytes(self) -> usize {
        self.memory_bytes.saturating_mul(2).saturating_add(64 << 20)
    }

    /// The same as an address space, with room for the program itself.
    #[cfg(target_os = "linux")]
    const fn address_space(self) -> u64 {
        (self.sealed_bytes() as u64).saturating_add(512 << 20)
    }
}

/// How a worker made for measuring or attacking differs from the one that ships. The program's own `main`
/// can't ask for either: it calls [`dispatch`].
#[doc(hidden)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Variation {
    /// Without walls, to measure what they cost.
    pub open: bool,
    /// A global function `native` for the code: a worker whose interpreter has been broken into.
    pub native: Option<fn(&str) -> String>,
}

/// Runs this process as a sandbox worker, where its arguments say so. `args` begin with the program's name.
pub fn dispatch(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    dispatch_with(args, Variation::default())
}

/// As [`dispatch`], for benchmarks and attack tests.
#[doc(hidden)]
pub fn dispatch_with(
    args: impl IntoIterator<Item = OsString>,
    variation: Variation,
) -> Option<ExitCode> {
    let mut args = args.into_iter().skip(1);
    let serve = match args.next()?.to_str()? {
        #[cfg(target_os = "linux")]
        FORK_SERVER => zygote::run,
        SINGLE => single::run,
        _ => return None,
    };
    Some(Setup::from_args(args).map_or(ExitCode::FAILURE, |setup| serve(setup, variation)))
}
