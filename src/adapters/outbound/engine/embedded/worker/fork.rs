//! The few calls that have no safe form: forking, closing what was inherited, ending at once, and the heap.
//!
//! All of it is for a process of one thread.

use std::os::fd::{AsRawFd as _, OwnedFd};

use rustix::process::Pid;

/// What a fork returned: which of the two processes this is.
pub(super) enum ForkResult {
    /// The new process.
    Child,
    /// The old one.
    Parent(Pid),
}

/// Forks.
#[expect(unsafe_code, reason = "fork has no safe form")]
pub(super) fn fork() -> std::io::Result<ForkResult> {
    // SAFETY: the process has one thread, so that the child finds every lock free and every structure whole.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error()),
        0 => Ok(ForkResult::Child),
        child => Pid::from_raw(child)
            .map(ForkResult::Parent)
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidData)),
    }
}

/// Ends the process now: no destructor, no handler, no flush.
#[expect(unsafe_code, reason = "_exit has no safe form")]
pub(super) fn leave(status: i32) -> ! {
    // SAFETY: it takes nothing and doesn't come back.
    unsafe { libc::_exit(status) }
}

/// Closes every descriptor from `first` to `last`, which nothing in this process owns any more.
#[expect(unsafe_code, reason = "closes descriptors by number")]
pub(super) fn close_range(first: u32, last: u32) {
    if first <= last {
        // SAFETY: the callers name only numbers that no owner of this process will use again.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0_u32) };
    }
}

/// Closes every descriptor but this one.
pub(super) fn close_all_but(kept: &OwnedFd) {
    let kept = kept.as_raw_fd().unsigned_abs();
    if kept > 0 {
        close_range(0, kept - 1);
    }
    close_range(kept + 1, u32::MAX);
}

/// Lets a fault end the process by its own signal, rather than by the standard library's handler, which makes
/// system calls that the sandbox forbids.
#[expect(unsafe_code, reason = "signal dispositions have no safe form")]
pub(super) fn default_faults() {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: only resets to the default.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Reads the time zone now, while there are files to read it from.
#[expect(unsafe_code, reason = "the C library's time zone is set up by a C call")]
pub(super) fn settle_time_zone() {
    // SAFETY: both pointers are to locals that live through the call.
    unsafe {
        let zero: libc::time_t = 0;
        let mut fields: libc::tm = std::mem::zeroed();
        libc::localtime_r(&raw const zero, &raw mut fields);
    }
}

/// Grows the C library's heap by `bytes` and has it keep them, so that it needs no more from the system.
/// `false` where the C library can't do that or the system doesn't give so much.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "speaks to the C library's allocator")]
pub(super) fn seal_heap(bytes: usize) -> bool {
    // SAFETY: the block is freed unread; the options only change where memory comes from.
    unsafe {
        if libc::mallopt(libc::M_MMAP_MAX, 0) == 0 || libc::mallopt(libc::M_TRIM_THRESHOLD, -1) == 0
        {
            return false;
        }
        let block = std::hint::black_box(libc::malloc(bytes));
        libc::free(block);
        !block.is_null()
    }
}

/// Takes what is free within the C library's heap out of use. What a worker allocates then lies together beyond
/// it, and not in holes on as many pages, each of which costs it a copy.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "speaks to the C library's allocator")]
pub(super) fn fill_holes() {
    /// Larger than any hole, and no mapping of its own.
    const LARGEST: usize = 64 << 10;
    /// More than all holes together, where all goes well.
    const MOST: usize = 4 << 20;
    let halves = std::iter::successors(Some(LARGEST / 2), |size| {
        Some(size / 2).filter(|size| *size > 1_024)
    });
    let steps = (1..=64).rev().map(|step| step * 16);
    let mut filled = 0;
    // SAFETY: the blocks are neither read nor written.
    unsafe {
        let end = libc::malloc(LARGEST);
        libc::free(end);
        for size in halves.chain(steps) {
            while filled < MOST {
                let block = std::hint::black_box(libc::malloc(size));
                if block >= end || block.is_null() {
                    libc::free(block);
                    break;
                }
                filled += size;
            }
        }
    }
}

/// As above: no other C library has such a heap.
#[cfg(not(target_env = "gnu"))]
pub(super) fn fill_holes() {}

/// As above: no other C library has such a heap.
#[cfg(not(target_env = "gnu"))]
pub(super) fn seal_heap(_bytes: usize) -> bool {
    false
}
