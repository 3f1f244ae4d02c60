//! `sandbox.run_js`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::super::answer::WithText;
use super::super::super::feed::with_sink;
use super::super::super::tool::{Call, Hints, Tool};
use super::view::OutputView;
use crate::app::AppError;
use crate::app::sandboxes::Module;
use crate::domain::Action;
use crate::domain::tool::Dependency;

pub(in super::super) struct RunJs;

/// What to run.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Input {
    /// The session, as sandbox.initialize named it.
    session_id: String,
    /// An ECMAScript module for Node.js, 1 to 200,000 characters: use import and top-level await, and print with
    /// console.log what you want to see.
    #[schemars(length(min = 1, max = 200_000))]
    code: String,
    /// npm packages that the code imports, as many as the operator allows, usually 32. Default: none.
    #[serde(default)]
    dependencies: Vec<Dependency>,
    /// Longest run, in milliseconds, 1,000 or more. Default: 30,000; the operator's limit, usually 120,000, is the most.
    /// The installation of packages does not count.
    #[serde(default)]
    #[schemars(range(min = 1000))]
    timeout_ms: Option<u64>,
}

impl Tool for RunJs {
    const NAME: &'static str = "sandbox.run_js";
    const TITLE: &'static str = "Run JavaScript in a sandbox session";
    const ABOUT: &'static str = "Runs an ECMAScript module with Node.js in /workspace of a session of sandbox.initialize, \
        and answers with what it printed and its exit code. npm packages in dependencies are installed without their \
        install scripts. Files that it leaves in /workspace stay for later calls; variables don't.";
    const HINTS: Hints =
        Hints { read_only: false, destructive: true, idempotent: false, open_world: false };
    const ACTION: Action = Action::Sandbox;
    type Input = Input;
    type Output = WithText<OutputView>;

    async fn call(call: &Call<'_>, input: Input) -> Result<WithText<OutputView>, AppError> {
        let Input { session_id, code, dependencies, timeout_ms } = input;
        let sandboxes = super::sandboxes(call)?;
        let (caller, cancel) = (&call.exchange.caller, &call.exchange.cancel);
        let module = Module { code, dependencies, timeout_ms };
        let ran = with_sink(call.exchange, Self::NAME, async |sink| {
            sandboxes.run_js(caller, &session_id, module, sink.as_ref(), cancel).await
        })
        .await?;
        let (timed_out, mut text) = (ran.timed_out, String::new());
        let value = OutputView::from(ran);
        value.tell(timed_out, &mut text);
        Ok(WithText { value, text })
    }
}
