//! How many connections the process can hold.

/// Files that connections may not take: the store, the log, the sandboxes' pipes.
#[cfg(unix)]
const KEPT_FILES: u64 = 256;

/// Raises the limit of open files as far as the system lets it, and says how many of the connections
/// wanted there is room for. Many systems start a process with room for about a thousand.
#[cfg(unix)]
pub(super) fn connections(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    let needed = wanted as u64 + KEPT_FILES;
    if let Some(current) = limit.current
        && current < needed
    {
        let raised = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
        match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit }) {
            Ok(()) => limit.current = Some(raised),
            Err(error) => tracing::debug!(%error, "the limit of open files could not be raised"),
        }
    }
    let room = limit.current.map_or(needed, |files| files.min(needed));
    // Where hardly any files are allowed, half of them are connections.
    let room = room.saturating_sub(KEPT_FILES).max(room / 2).max(1);
    usize::try_from(room).map_or(wanted, |room| room.min(wanted))
}

/// Systems without such a limit.
#[cfg(not(unix))]
pub(super) fn connections(wanted: usize) -> usize {
    wanted
}
