//! What the server tells a model about itself.

use super::names::Spelling;

const INSTRUCTIONS: &str = "\
This server lets you make your own tools while it runs. Each tool is JavaScript that runs in a sandbox.

1. Make a tool with dynamic.tool.create: a name such as 'text.uppercase', a description, code (the body of an \
async function with the parameters args and ctx; return the result) and, better with it, an inputSchema.
2. Call it by its name. If it does not show up in your list of tools, call it with dynamic.tool.call, giving its \
name and its arguments.
3. Change it with dynamic.tool.update; pass the revision that you last saw as expectedRevision, and a change that \
somebody else made meanwhile is not overwritten. dynamic.tool.list shows what exists, dynamic.tool.get also the code.

For something needed only once, run code without keeping it: run_js_ephemeral. \
An error says what went wrong and what is allowed; 'retryable' says whether the same call may succeed later. \
Names are accepted with dots and with underscores in their place.";

/// The instructions, for a client with this spelling.
pub(super) fn instructions(spelling: Spelling) -> String {
    spelling.text(INSTRUCTIONS).into_owned()
}
