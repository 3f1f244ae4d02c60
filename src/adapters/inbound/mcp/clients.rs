//! Clients that refuse a whole server because of one tool's name, with the evidence.
//!
//! They demand `^[a-zA-Z0-9_-]{1,64}$`, the rule of the model APIs behind them, where MCP itself allows dots.
//! A client is known by the `name` in its `clientInfo`, compared without regard to case.

/// A client known to refuse names that hold a dot.
struct Strict {
    /// What its `clientInfo.name` begins with, in lower case.
    prefix: &'static str,
    /// Where that was seen.
    #[expect(dead_code, reason = "kept beside the entry, so that it can be checked and taken out")]
    evidence: &'static str,
}

/// The table. An entry goes once its client accepts dots.
const STRICT: [Strict; 5] = [
    Strict {
        prefix: "claude-ai",
        evidence: "Claude Desktop drops the server: ImmichMCP#3, meho#2745 (tool names must match ^[a-zA-Z0-9_-]{1,64}$)",
    },
    Strict { prefix: "claude desktop", evidence: "the same program under its product name" },
    Strict { prefix: "codex", evidence: "openai/codex#8174: tool names with dots are refused" },
    Strict {
        prefix: "github-copilot",
        evidence: "github/copilot-cli#2581: the session fails on the first dotted name",
    },
    Strict { prefix: "copilot", evidence: "the same program under its short name" },
];

/// Whether the client that calls itself `name` is known to refuse names with dots.
pub(super) fn refuses_dots(name: &str) -> bool {
    let name = name.to_lowercase();
    STRICT.iter().any(|client| name.starts_with(client.prefix))
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
