//! What a thrown value comes to: which error code, in which words, and where in the tool's code.

use rquickjs::{Ctx, Function, Value};

use super::super::super::protocol::MAX_MESSAGE;
use super::state::CallState;
use crate::domain::ErrorCode;
use crate::domain::execution::{Failure, Location};

/// Lines that the interpreter puts before the body of a function made from text.
pub(super) const LINES_BEFORE_BODY: u32 = 2;

/// The name that text given to the interpreter has in stack traces.
pub(super) const SOURCE: &str = "<input>:";

/// A call that ran out of time.
pub(super) fn timeout(state: &CallState) -> Failure {
    let limit = state.limits().timeout.as_millis();
    Failure::new(ErrorCode::Timeout, format!("the call ran longer than its {limit} ms"))
}

/// A call that ran out of memory.
pub(super) fn memory() -> Failure {
    Failure::new(ErrorCode::MemoryExceeded, "the call used more memory than it may")
}

/// What was thrown, as a failure. `describe` is the script's own function, made before any code ran.
pub(super) fn failure<'js>(
    ctx: &Ctx<'js>,
    state: &CallState,
    describe: &Function<'js>,
    thrown: Value<'js>,
) -> Failure {
    if state.timed_out() {
        return timeout(state);
    }
    // What is thrown where memory has run out need not say so: often it is a consequence.
    if state.memory.refused() {
        return memory();
    }
    let described: rquickjs::Result<Vec<String>> = describe.call((thrown,));
    if let Ok(parts) = described {
        return from_parts(parts);
    }
    drop(ctx.catch());
    if state.must_stop() {
        timeout(state)
    } else if state.memory.refused() {
        memory()
    } else {
        Failure::new(ErrorCode::ToolError, "the tool threw a value that can't be described")
    }
}

/// From `[message, stack, name, refusal]`.
fn from_parts(parts: Vec<String>) -> Failure {
    let mut parts = parts.into_iter();
    let mut next = || parts.next().unwrap_or_default();
    let (message, stack, name, refusal) = (next(), next(), next(), next());
    if is_too_large(&name, &message) {
        return memory();
    }
    let code = serde_json::from_value(refusal.into()).unwrap_or(ErrorCode::ToolError);
    Failure {
        code,
        message: clip(message),
        location: location(&stack, SOURCE, LINES_BEFORE_BODY),
        details: (!name.is_empty()).then(|| serde_json::json!({ "name": clip(name) })),
    }
}

/// The interpreter's own refusals to make a value that no memory limit would allow.
fn is_too_large(name: &str, message: &str) -> bool {
    let refusals = match name {
        "RangeError" => [
            "BigInt is too large",
            "invalid array buffer length",
            "invalid max array buffer length",
            "invalid string length",
        ]
        .as_slice(),
        "InternalError" => ["string too long"].as_slice(),
        _ => return false,
    };
    refusals.iter().any(|refusal| message.contains(refusal))
}

/// A place as people count: the interpreter counts columns in bytes, and finds that something is missing
/// beyond the last line.
pub(super) fn in_characters(code: &str, at: Location) -> Location {
    let lines = u32::try_from(code.lines().count()).unwrap_or(u32::MAX).max(1);
    let number = at.line.min(lines);
    let line = code.lines().nth(number.saturating_sub(1) as usize).unwrap_or_default();
    let bytes = if at.line > lines { line.len() } else { at.column.saturating_sub(1) as usize };
    let before = line.get(..line.floor_char_boundary(bytes)).unwrap_or_default();
    let column = u32::try_from(before.chars().count()).unwrap_or(u32::MAX).saturating_add(1);
    Location { line: number, column }
}

/// The first place of a stack trace that is in the tool's own code.
pub(super) fn location(stack: &str, source: &str, lines_before: u32) -> Option<Location> {
    stack.lines().find_map(|frame| {
        let (_, place) = frame.split_once(source)?;
        let mut numbers = place.trim_end_matches(')').split(':');
        let line: u32 = numbers.next()?.parse().ok()?;
        let column = numbers.next()?.parse().ok()?;
        Some(Location { line: line.checked_sub(lines_before).filter(|line| *line > 0)?, column })
    })
}

/// At most [`MAX_MESSAGE`] bytes.
fn clip(mut text: String) -> String {
    if text.len() > MAX_MESSAGE / 2 {
        text.truncate(text.floor_char_boundary(MAX_MESSAGE / 2));
        text.push('…');
    }
    text
}
