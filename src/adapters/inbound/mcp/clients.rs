//! Clients that refuse a whole server because of one tool's name, with the evidence.
//!
//! They demand `^[a-zA-Z0-9_-]{1,64}$`, the rule of the model APIs behind them, where MCP itself allows dots.
//! A client is known by the `name` in its `clientInfo`, compared without regard to case.

/// What the `clientInfo.name` of each begins with, in lower case, and where it was seen. An entry goes once its
/// client accepts dots.
const STRICT: [&str; 5] = [
    // Claude Desktop drops the server: ImmichMCP#3, meho#2745.
    "claude-ai",
    // The same program under its product name.
    "claude desktop",
    // openai/codex#8174: tool names with dots are refused.
    "codex",
    // github/copilot-cli#2581: the session fails on the first dotted name.
    "github-copilot",
    // The same program under its short name.
    "copilot",
];

/// Whether the client that calls itself `name` is known to refuse names with dots.
pub(super) fn refuses_dots(name: &str) -> bool {
    let name = name.to_lowercase();
    STRICT.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_strict_ones_by_their_own_names() {
        for strict in ["claude-ai", "Codex-mcp-client", "codex-mcp-client", "github-copilot-cli"] {
            assert!(refuses_dots(strict), "{strict}");
        }
        for lenient in ["claude-code", "Visual Studio Code", "mcp", "cursor-vscode", ""] {
            assert!(!refuses_dots(lenient), "{lenient}");
        }
    }
}
