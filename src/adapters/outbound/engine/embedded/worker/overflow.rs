//! A stack that is used up, said as what it is where the interpreter itself does not notice: some of its native
//! functions call one another without counting, such as an iterator's helper of a helper of a helper.

use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use super::super::super::protocol::FromWorker;
use super::fork;
use crate::domain::ErrorCode;
use crate::domain::execution::Failure;

/// For the handler, which finds the other stack used up.
const OWN_STACK_BYTES: usize = 64 << 10;

/// Beyond this from its top, a fault is none of the stack's.
const STACK_BYTES: usize = 16 << 20;

/// What a shell says of a process that a fault has ended.
const FAULT: i32 = 128 + libc::SIGSEGV;

/// The frame that says so.
static FRAME: OnceLock<Vec<u8>> = OnceLock::new();

/// Where the stack begins.
static TOP: AtomicUsize = AtomicUsize::new(0);

/// The channel to the host; -1 while there is none.
static CHANNEL: AtomicI32 = AtomicI32::new(-1);

/// Watches the stack of this process, whose first thread this is, and of those that it forks.
#[expect(unsafe_code, reason = "signal handlers have no safe form")]
pub(super) fn watch() {
    let failure = Failure {
        details: Some(serde_json::json!({ "name": "RangeError" })),
        ..Failure::new(ErrorCode::ToolError, "RangeError: Maximum call stack size exceeded")
    };
    let Ok(frame) = FromWorker::Done(Err(failure)).encode() else { return };
    // The first frame counts; there is no second.
    FRAME.set(frame).ok();
    let here = 0_u8;
    TOP.store((&raw const here).addr(), Ordering::Relaxed);
    let stack = vec![0_u8; OWN_STACK_BYTES].leak();
    let stack =
        libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: OWN_STACK_BYTES };
    // SAFETY: the stack is nobody else's for ever; the handler only reads what is set before and makes two system
    // calls; zero is a valid value of every field of the structure that is not set.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = faulted as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        if libc::sigaltstack(&raw const stack, std::ptr::null_mut()) == 0 {
            libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut());
        }
    }
}

/// From now on there is a host to tell.
pub(super) fn tell(channel: BorrowedFd<'_>) {
    CHANNEL.store(channel.as_raw_fd(), Ordering::Relaxed);
}

/// Ends the process, having said why where the stack is the reason.
#[expect(unsafe_code, reason = "reads what the system says of a fault, and writes without a type")]
extern "C" fn faulted(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the system gives a handler of this kind a valid description, of a fault with an address.
    let address = unsafe { (*info).si_addr() }.addr();
    let below = TOP.load(Ordering::Relaxed).checked_sub(address);
    let channel = CHANNEL.load(Ordering::Relaxed);
    if let (true, Some(frame)) =
        (channel >= 0 && below.is_some_and(|below| below < STACK_BYTES), FRAME.get())
    {
        // SAFETY: the bytes are valid for ever. A frame that can't be written is as one that was never made.
        unsafe { libc::write(channel, frame.as_ptr().cast(), frame.len()) };
        fork::leave(0);
    }
    fork::leave(FAULT)
}
