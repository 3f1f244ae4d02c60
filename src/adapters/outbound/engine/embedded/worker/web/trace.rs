//! Stack traces as the author of a tool knows the places: counted within the tool's own code.

use rquickjs::Object;
use rquickjs::function::Func;

use super::super::verdict::LINES_BEFORE_BODY;

/// How the interpreter names the text of a tool.
const SOURCE: &str = "<input>:";
/// How our own scripts are named.
const OURS: &str = "(dmcp:";
/// Most frames of one trace.
const FRAMES: usize = 20;

/// Adds `trace(stack)`.
pub(super) fn install(kit: &Object<'_>) -> rquickjs::Result<()> {
    kit.set("trace", Func::from(|stack: String| trace(&stack)))
}

fn trace(stack: &str) -> String {
    let frames = stack.lines().filter(|frame| !frame.contains(OURS)).filter_map(placed);
    let mut frames: Vec<String> = frames.take(FRAMES).collect();
    // What called the tool's own code is ours too.
    while frames.pop_if(|frame| frame.ends_with("(native)")).is_some() {}
    frames.join("\n")
}

/// A frame with its place, or nothing where that is in what the interpreter puts around the code.
fn placed(frame: &str) -> Option<String> {
    let Some((before, place)) = frame.split_once(SOURCE) else {
        return Some(frame.to_owned());
    };
    let (line, rest) = place.split_once(':').unwrap_or((place, ""));
    let line: u32 = line.parse().ok()?;
    let line = line.checked_sub(LINES_BEFORE_BODY).filter(|line| *line > 0)?;
    Some(format!("{before}tool:{line}:{rest}"))
}

#[cfg(test)]
mod tests {
    use super::trace;

    #[test]
    fn places_are_those_of_the_tool_and_ours_are_left_out() {
        let stack = "    at f (<input>:4:7)\n    at log (dmcp:console:9:1)\n    at map (native)\n    \
                     at g (<input>:5:2)\n    at apply (native)\n    at <anonymous> (<input>:1:1)";
        assert_eq!(trace(stack), "    at f (tool:2:7)\n    at map (native)\n    at g (tool:3:2)");
    }
}
