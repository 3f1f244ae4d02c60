//! Calls: a stored tool's, or code's that is not stored.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::executor::{CallContext, Executor};
use super::gate::Permit;
use super::outcome::{CallResult, Output, unwrap_args};
use super::{AppError, Catalog, Engines, Gate, Tool, audited};
use crate::domain::Scope;
use crate::domain::execution::Job;
use crate::domain::tool::{Dependency, EngineChoice, ToolPolicy};
use crate::ports::AuditLog;

/// The scope and metrics name of code that is not stored.
const EPHEMERAL: &str = "run_js_ephemeral";

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
    /// What decides where code that is not stored runs.
    pub engines: Engines,
    /// What runs code.
    pub executor: Arc<Executor>,
    /// The guard.
    pub gate: Arc<Gate>,
    /// What code that is not stored may be.
    pub policy: ToolPolicy,
    /// Is told of every call.
    pub audit: Arc<dyn AuditLog>,
}

/// Runs code for callers.
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
        let caller = context.caller.clone();
        let result = self.call_named(context, name, arguments).await;
        self.parts.audit.record(audited::call(audited::CALL, &caller, Some(name), &result));
        result
    }

    async fn call_named(
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
        let subject = self.parts.executor.subject(tool);
        let arguments = arguments.unwrap_or_default();
        let args = match subject.input {
            None => unwrap_args(arguments),
            Some(_) => Value::Object(arguments),
        };
        self.parts.executor.run_definition(context, subject, args).await
    }

    /// Runs code that is not stored.
    pub async fn run_ephemeral(
        &self,
        context: CallContext,
        job: EphemeralJob,
    ) -> Result<CallResult, AppError> {
        let caller = context.caller.clone();
        let result = self.run_guarded(context, job).await;
        self.parts.audit.record(audited::call(EPHEMERAL, &caller, None, &result));
        result
    }

    async fn run_guarded(
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
        let RunnerParts { executor, engines, policy, .. } = &self.parts;
        let timeout = policy.timeout(job.timeout_ms).map_err(AppError::argument)?;
        policy.check_code(&job.code, &job.dependencies).map_err(AppError::argument)?;
        let image = policy.images.choose(job.image.as_deref()).map_err(AppError::argument)?;
        engines.settled(EngineChoice::Auto).await;
        let engine = engines.resolve(EngineChoice::Auto, !job.dependencies.is_empty());
        let job = Job {
            tool: None,
            code: job.code.into(),
            args: job.args.to_string(),
            caller: context.caller.clone(),
            dependencies: job.dependencies.into(),
            lock: None,
            image,
            limits: executor.limits(Duration::from_millis(timeout.into())),
        };
        let (output, receipt) = executor.run(context, job, engine, EPHEMERAL, None).await?;
        Ok(CallResult { receipt, output })
    }
}

/// Counts what came to no value as failed.
fn tally(permit: &Permit, result: &Result<CallResult, AppError>) {
    if !matches!(result, Ok(CallResult { output: Output::Value { .. } | Output::Rich(_), .. })) {
        permit.failed();
    }
}
