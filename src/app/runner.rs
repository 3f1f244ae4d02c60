//! Calls: a stored tool's, or code's that is not stored.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::gate::Permit;
use super::host::CallHost;
use super::outcome::{CallResult, Output, Receipt, invalid_arguments, read, unwrap_args, validate};
use super::{AppError, CallSink, Catalog, Engines, Gate, Lifecycle, Tool};
use crate::domain::execution::{Completion, Failure, Job, Limits, Logs};
use crate::domain::image::ImageError;
use crate::domain::tool::policy::{DEFAULT_TIMEOUT_MS, MAX_CODE_CHARS, MIN_TIMEOUT_MS};
use crate::domain::tool::{
    Dependency, Digest, EngineChoice, EngineKind, InvalidTool, Revision, ToolName, ToolPolicy,
};
use crate::domain::{Caller, ErrorCode, Scope};
use crate::ports::{CompiledSchema, Metrics, SchemaCheck};

/// The scope and metrics name of code that is not stored.
const EPHEMERAL: &str = "run_js_ephemeral";

/// What every run may use, beside its own timeout.
#[derive(Debug, Clone, Copy)]
pub struct RunLimits {
    /// Largest result, in bytes of JSON.
    pub output_bytes: usize,
    /// Most bytes of logs.
    pub log_bytes: usize,
    /// Most requests to the host.
    pub host_calls: u32,
}

/// Who calls, and where what happens meanwhile goes.
#[derive(Clone)]
pub struct CallContext {
    /// Who.
    pub caller: Caller,
    /// Log and progress.
    pub sink: Arc<dyn CallSink>,
    /// Cancelled when nobody waits for the result any more.
    pub cancel: CancellationToken,
}

/// Code that is not stored.
#[derive(Debug, Clone)]
pub struct EphemeralJob {
    /// The body of `async function run(args, ctx)`.
    pub code: String,
    /// Its `args`.
    pub args: Value,
    /// The image where docker runs it.
    pub image: Option<String>,
    /// npm packages.
    pub dependencies: Vec<Dependency>,
    /// Longest run, in milliseconds.
    pub timeout_ms: Option<u64>,
}

/// What the runner is made of.
pub struct RunnerParts {
    /// Where tools are found.
    pub catalog: Arc<Catalog>,
    /// What runs them.
    pub engines: Engines,
    /// The guard.
    pub gate: Arc<Gate>,
    /// Compiles schemas.
    pub schemas: Arc<dyn SchemaCheck>,
    /// Takes measurements.
    pub metrics: Arc<dyn Metrics>,
    /// What a run may use.
    pub limits: RunLimits,
    /// What code that is not stored may be.
    pub policy: ToolPolicy,
    /// Ends calls when the server ends.
    pub lifecycle: Lifecycle,
}

/// Runs code in sandboxes.
pub struct Runner {
    parts: RunnerParts,
}

impl Runner {
    /// From its parts.
    pub const fn new(parts: RunnerParts) -> Self {
        Self { parts }
    }

    /// Calls a tool, by documented name or client-safe spelling.
    ///
    /// An `Err` means that nothing ran: no such tool, refused by the guard, arguments that don't fit. What
    /// the code itself came to is in the result.
    pub async fn call(
        &self,
        context: CallContext,
        name: &str,
        arguments: Option<Map<String, Value>>,
    ) -> Result<CallResult, AppError> {
        let tool = self.parts.catalog.get(name)?;
        let record = tool.record();
        if !record.enabled {
            return Err(AppError::Disabled(record.name.clone()));
        }
        let permit = self.parts.gate.enter(&Scope::dynamic(&record.name))?;
        let result = self.call_tool(context, &tool, arguments).await;
        tally(&permit, &result);
        result
    }

    async fn call_tool(
        &self,
        context: CallContext,
        tool: &Tool,
        arguments: Option<Map<String, Value>>,
    ) -> Result<CallResult, AppError> {
        let record = tool.record();
        let content = &record.content;
        let args = match tool.input_schema(&*self.parts.schemas) {
            None => unwrap_args(arguments.unwrap_or_default()),
            Some(schema) => {
                let args = Value::Object(arguments.unwrap_or_default());
                validate(schema, &args).map_err(|wrong| invalid_arguments(&wrong))?;
                args
            }
        };
        let job = Job {
            tool: Some((record.name.clone(), record.revision)),
            code: Arc::clone(&content.code),
            args: args.to_string(),
            caller: context.caller.clone(),
            dependencies: content.dependencies.as_slice().into(),
            image: content.image.clone(),
            limits: self.limits(content.timeout()),
        };
        let identity = (record.name.clone(), record.revision, record.digest.clone());
        let output = tool.output_schema(&*self.parts.schemas);
        self.run(context, job, record.engine_resolved, Some(identity), output).await
    }

    /// Runs code that is not stored.
    pub async fn run_ephemeral(
        &self,
        context: CallContext,
        job: EphemeralJob,
    ) -> Result<CallResult, AppError> {
        let permit = self.parts.gate.enter(&Scope::builtin(EPHEMERAL))?;
        let result = self.run_unstored(context, job).await;
        tally(&permit, &result);
        result
    }

    async fn run_unstored(
        &self,
        context: CallContext,
        job: EphemeralJob,
    ) -> Result<CallResult, AppError> {
        let policy = &self.parts.policy;
        let timeout = self.ephemeral_timeout(job.timeout_ms)?;
        let chars = job.code.chars().count();
        if !(1..=MAX_CODE_CHARS).contains(&chars) {
            let message = format!("code must have 1 to {MAX_CODE_CHARS} characters, not {chars}");
            return Err(AppError::invalid_input(message));
        }
        let image = match &job.image {
            Some(reference) => policy.images.admit(reference).map_err(|why| input(&why))?,
            None => policy.images.default_image(),
        };
        policy
            .dependencies
            .check(&job.dependencies)
            .map_err(|why| AppError::invalid_input(InvalidTool::from(why).to_string()))?;
        let engine = self.parts.engines.resolve(EngineChoice::Auto, !job.dependencies.is_empty());
        let job = Job {
            tool: None,
            code: job.code.into(),
            args: job.args.to_string(),
            caller: context.caller.clone(),
            dependencies: job.dependencies.into(),
            image,
            limits: self.limits(timeout),
        };
        self.run(context, job, engine, None, None).await
    }

    async fn run(
        &self,
        context: CallContext,
        job: Job,
        engine: EngineKind,
        identity: Option<(ToolName, Revision, Digest)>,
        output_schema: Option<&Result<Arc<dyn CompiledSchema>, String>>,
    ) -> Result<CallResult, AppError> {
        let lifecycle = &self.parts.lifecycle;
        if lifecycle.draining.is_cancelled() {
            return Err(Failure::new(ErrorCode::Cancelled, "the server is shutting down").into());
        }
        let _running = lifecycle.calls.token();
        let started = Instant::now();
        let cancel = context.cancel.child_token();
        let host = Arc::new(CallHost { sink: context.sink });
        let running = self.parts.engines.get(engine)?.run(job, host, cancel.clone());
        tokio::pin!(running);
        let ran = tokio::select! {
            ran = &mut running => ran,
            () = lifecycle.stopped.cancelled() => {
                cancel.cancel();
                running.await
            }
        };
        let (output, logs) = match ran {
            Ok(Completion { outcome, logs }) => {
                (outcome.map_err(AppError::from).and_then(|value| read(value, output_schema)), logs)
            }
            Err(error) => {
                tracing::warn!(%error, engine = engine.as_str(), "the engine could not run a call");
                (Err(error.into()), Logs::default())
            }
        };
        let output = output.unwrap_or_else(Output::Failed);
        let took = started.elapsed();
        let code = match &output {
            Output::Failed(error) => Some(error.code()),
            _ => None,
        };
        let name = identity.as_ref().map_or(EPHEMERAL, |(name, ..)| name.as_str());
        self.parts.metrics.call(name, engine, code, took);
        tracing::debug!(
            tool.name = name,
            engine = engine.as_str(),
            outcome = code.map_or("ok", ErrorCode::as_str),
            duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "call ended"
        );
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Ok(CallResult { receipt: Receipt { tool: identity, engine, duration_ms, logs }, output })
    }

    fn limits(&self, timeout: std::time::Duration) -> Limits {
        let RunLimits { output_bytes, log_bytes, host_calls } = self.parts.limits;
        Limits { timeout, output_bytes, log_bytes, host_calls }
    }

    fn ephemeral_timeout(&self, ms: Option<u64>) -> Result<std::time::Duration, AppError> {
        let max = self.parts.policy.max_timeout_ms;
        let actual = ms.unwrap_or_else(|| DEFAULT_TIMEOUT_MS.min(max).into());
        if (u64::from(MIN_TIMEOUT_MS)..=u64::from(max)).contains(&actual) {
            Ok(std::time::Duration::from_millis(actual))
        } else {
            let wrong = InvalidTool::Timeout { min: MIN_TIMEOUT_MS, max, actual };
            Err(AppError::invalid_input(wrong.to_string()))
        }
    }
}

/// Counts what came to no value as failed.
fn tally(permit: &Permit, result: &Result<CallResult, AppError>) {
    if !matches!(result, Ok(CallResult { output: Output::Value { .. } | Output::Rich(_), .. })) {
        permit.failed();
    }
}

fn input(why: &ImageError) -> AppError {
    AppError::invalid_input(why.to_string())
}
