//! Several built servers on one database, and what they do when it fails.

#[cfg(feature = "enterprise")]
mod asked;
mod balanced;
mod ending;
mod faults;
mod storm;
#[cfg(feature = "enterprise")]
mod story;
mod unread;

use tokio::time::Instant;

/// Says how long something took: a figure for whoever runs the tests by hand, not a limit.
fn measured(what: &str, since: Instant) {
    said(&format!("{what}: {:?}", since.elapsed()));
}

#[expect(clippy::print_stderr, reason = "a test's own output, shown when it is asked for")]
fn said(text: &str) {
    eprintln!("{text}");
}
