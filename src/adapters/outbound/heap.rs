//! Gives freed memory back to the system. The C library keeps it for reuse, so that after a few large
//! messages a server would hold hundreds of megabytes for the rest of its life.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How often it is looked for memory to give back.
const PERIOD: Duration = Duration::from_secs(5);

/// Bytes that may be kept for reuse.
const SPARE: u64 = 32 * 1024 * 1024;

/// Gives memory back, now and then, until `end`.
pub async fn tend(end: CancellationToken) {
    // What the last time could not give back, because something in use lies between.
    let mut stuck = 0;
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        let kept = kept();
        stuck = kept.min(stuck);
        if kept > stuck + SPARE {
            // A large heap takes a while to go through.
            let left = tokio::task::spawn_blocking(give_back).await.unwrap_or(kept);
            // Only what a whole round leaves as it was is stuck: memory freed while the round went on was behind
            // it, and is for the next one.
            if left.abs_diff(kept) < SPARE {
                stuck = left;
            }
        }
    }
}

/// Gives back what is free, and says how many bytes are kept still.
#[expect(unsafe_code, reason = "the allocator has no safe form of this")]
fn give_back() -> u64 {
    // SAFETY: it may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
    kept()
}

/// Bytes in memory that hold nothing; 0 where that can't be known.
fn kept() -> u64 {
    let resident = resident().unwrap_or(0);
    // The usual case, and counting what is in use is not free.
    if resident <= SPARE { 0 } else { resident.saturating_sub(in_use()) }
}

/// Bytes in use on the heap. The C library counts to 4 GiB and begins again.
#[expect(unsafe_code, reason = "the allocator has no safe form of this")]
fn in_use() -> u64 {
    // SAFETY: it may be called at any time, from any thread.
    let info = unsafe { libc::mallinfo() };
    u64::from(info.uordblks.cast_unsigned()) + u64::from(info.hblkhd.cast_unsigned())
}

/// Bytes of this process that are in memory.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim_end().parse().ok()?;
    Some(kib * 1024)
}
