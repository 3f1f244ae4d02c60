//! `run_js_ephemeral`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::feed::with_sink;
use super::super::tool::{Call, Guarded, Hints, Tool};
use crate::app::{AppError, CallContext, CallResult, EphemeralJob};
use crate::domain::tool::Dependency;

pub(super) struct RunJsEphemeral;

/// Code and what it gets.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// JavaScript: the body of `async function run(args, ctx)`, which returns the result; 1 to 200,000
    /// characters. Example: `return args.numbers.reduce((a, b) => a + b, 0)`.
    #[schemars(length(min = 1, max = 200_000))]
    code: String,
    /// The object that the code finds as `args`. Default: {}.
    #[serde(default)]
    args: Map<String, Value>,
    /// The container image where docker runs the code, from the operator's allow-list. Default: the first
    /// allowed image.
    image: Option<String>,
    /// npm packages that the code imports; they need the docker engine. At most 64. Default: none.
    #[serde(default)]
    dependencies: Vec<Dependency>,
    /// Longest run, in milliseconds: 1,000 to the operator's maximum (120,000 unless changed). Default:
    /// 30,000.
    timeout_ms: Option<u64>,
}

impl Tool for RunJsEphemeral {
    const NAME: &'static str = "run_js_ephemeral";
    const TITLE: &'static str = "Run JavaScript once";
    const ABOUT: &'static str = "Runs JavaScript once in a sandbox of its own and returns what it returns; nothing \
        is kept. Use it for a calculation or a transformation needed only now; make a tool with \
        dynamic.tool.create for what will be needed again. The code has no network, no files and no access to \
        other calls.";
    const HINTS: Hints =
        Hints { read_only: true, destructive: false, idempotent: false, open_world: false };
    const GUARDED: Guarded = Guarded::Elsewhere;
    type Input = Input;
    type Output = CallResult;

    async fn call(call: &Call<'_>, input: Input) -> Result<CallResult, AppError> {
        let job = EphemeralJob {
            code: input.code,
            args: Value::Object(input.args),
            image: input.image,
            dependencies: input.dependencies,
            timeout_ms: input.timeout_ms,
        };
        let exchange = call.exchange;
        with_sink(exchange, Self::NAME, async |sink| {
            let caller = exchange.caller.clone();
            let context = CallContext { caller, sink, cancel: exchange.cancel.clone() };
            call.shared.app.runner.run_ephemeral(context, job).await
        })
        .await
    }
}
