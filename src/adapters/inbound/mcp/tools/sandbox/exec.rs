//! `sandbox.exec`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::answer::WithText;
use super::super::super::tool::{Call, Hints, Tool};
use super::view::OutputView;
use crate::app::AppError;
use crate::domain::Action;

pub(in super::super) struct Exec;

/// What to run.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The session, as sandbox.initialize named it.
    session_id: String,
    /// 1 to 20 commands for /bin/sh, each of 1 to 16,384 characters, run one after the other in /workspace until one
    /// fails.
    #[schemars(length(min = 1, max = 20))]
    commands: Vec<String>,
    /// Longest run of each command, in milliseconds, 1,000 or more. Default: 30,000; the operator's limit, usually
    /// 120,000, is the most. A command that runs longer is killed with everything that runs in the session.
    #[serde(default)]
    #[schemars(range(min = 1000))]
    timeout_ms: Option<u64>,
}

/// What came of the commands that were run.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Output {
    /// One entry for each command that was run; the last may have failed.
    results: Vec<CommandView>,
}

/// One command.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CommandView {
    /// The command.
    command: String,
    #[serde(flatten)]
    output: OutputView,
    /// Whether it was killed because it ran over its time.
    timed_out: bool,
}

impl Tool for Exec {
    const NAME: &'static str = "sandbox.exec";
    const TITLE: &'static str = "Run shell commands in a sandbox session";
    const ABOUT: &'static str = "Runs shell commands in a session of sandbox.initialize, one after the other, and stops \
        behind the first that fails. Each has its output, exit code and duration. Files in /workspace stay; variables and \
        the working folder don't, so that `cd` counts for its own command only.";
    const HINTS: Hints =
        Hints { read_only: false, destructive: true, idempotent: false, open_world: false };
    const ACTION: Action = Action::Sandbox;
    type Input = Input;
    type Output = WithText<Output>;

    async fn call(call: &Call<'_>, input: Input) -> Result<WithText<Output>, AppError> {
        let Input { session_id, commands, timeout_ms } = input;
        let sandboxes = super::sandboxes(call)?;
        let (caller, cancel) = (&call.exchange.caller, &call.exchange.cancel);
        let ran = sandboxes.exec(caller, &session_id, commands, timeout_ms, cancel).await?;
        let mut text = String::new();
        let view = |result: crate::app::sandboxes::CommandResult| {
            let timed_out = result.output.timed_out;
            let output = OutputView::from(result.output);
            text.push_str("$ ");
            text.push_str(&result.command);
            text.push('\n');
            output.tell(timed_out, &mut text);
            CommandView { command: result.command, output, timed_out }
        };
        let results = ran.into_iter().map(view).collect();
        Ok(WithText { value: Output { results }, text })
    }
}
