//! Small values as errors and results write them.

use std::time::Duration;

/// Most characters of a stranger's text that an error repeats.
const MAX_ECHO: usize = 80;

/// The beginning of a text that came from outside, short enough to be repeated in an error.
pub fn echo(text: &str) -> String {
    text.chars().take(MAX_ECHO).collect()
}

/// A time in whole milliseconds; `u64::MAX` where it is longer than those can say.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A member's name as a reference token of a JSON pointer (RFC 6901).
pub fn pointer_token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
