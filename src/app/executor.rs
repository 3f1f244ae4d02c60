//! Runs one job in its engine and reads what comes out, for whoever decided that it may run.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::host::CallHost;
use super::outcome::{CallResult, Output, Receipt, invalid_arguments, read, validate};
use super::snapshot::SchemaSlot;
use super::{AppError, CallSink, Engines, Lifecycle, Tool};
use crate::domain::execution::{Completion, Failure, Job, Limits, Logs};
use crate::domain::text::millis;
use crate::domain::tool::{Digest, EngineKind, Revision, ToolContent, ToolName};
use crate::domain::{Caller, ErrorCode};
use crate::ports::{Metrics, SchemaCheck};

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

/// What the executor is made of.
pub struct ExecutorParts {
    /// What runs code.
    pub engines: Engines,
    /// Compiles schemas that nobody needed yet.
    pub schemas: Arc<dyn SchemaCheck>,
    /// Takes measurements.
    pub metrics: Arc<dyn Metrics>,
    /// What a run may use.
    pub limits: RunLimits,
    /// Ends runs when the server ends.
    pub lifecycle: Lifecycle,
}

/// Runs code in sandboxes.
pub struct Executor {
    parts: ExecutorParts,
}

/// A definition that can be run, stored or not.
#[derive(Clone)]
pub(super) struct Subject<'a> {
    /// How measurements and the log name it.
    pub(super) label: &'a str,
    /// The stored tool, if it is one.
    pub(super) identity: Option<(ToolName, Revision, Digest)>,
    pub(super) content: &'a ToolContent,
    pub(super) engine: EngineKind,
    pub(super) input: Option<&'a SchemaSlot>,
    pub(super) output: Option<&'a SchemaSlot>,
}

impl Executor {
    /// From its parts.
    pub const fn new(parts: ExecutorParts) -> Self {
        Self { parts }
    }

    /// A stored tool as something that can be run.
    pub(super) fn subject<'a>(&self, tool: &'a Tool) -> Subject<'a> {
        let record = tool.record();
        let schemas = &*self.parts.schemas;
        Subject {
            label: record.name.as_str(),
            identity: Some((record.name.clone(), record.revision, record.digest.clone())),
            content: &record.content,
            engine: record.engine_resolved,
            input: tool.input_schema(schemas),
            output: tool.output_schema(schemas),
        }
    }

    /// Runs a definition with these arguments. An `Err` means that nothing ran.
    pub(super) async fn run_definition(
        &self,
        context: CallContext,
        subject: Subject<'_>,
        args: Value,
    ) -> Result<CallResult, AppError> {
        if let Some(schema) = subject.input {
            validate(schema, &args).map_err(|wrong| invalid_arguments(&wrong))?;
        }
        let content = subject.content;
        let job = Job {
            tool: subject.identity.as_ref().map(|(name, revision, _)| (name.clone(), *revision)),
            code: Arc::clone(&content.code),
            args: args.to_string(),
            caller: context.caller.clone(),
            dependencies: content.dependencies.as_slice().into(),
            lock: content.lock.clone(),
            image: content.image.clone(),
            limits: self.limits(content.timeout()),
        };
        let Subject { label, identity, engine, output, .. } = subject;
        let (output, receipt) = self.run(context, job, engine, label, output).await?;
        Ok(CallResult { receipt: Receipt { tool: identity, ..receipt }, output })
    }

    /// Runs a job.
    pub(super) async fn run(
        &self,
        context: CallContext,
        job: Job,
        engine: EngineKind,
        label: &str,
        output_schema: Option<&SchemaSlot>,
    ) -> Result<(Output, Receipt), AppError> {
        let lifecycle = &self.parts.lifecycle;
        if lifecycle.draining.is_cancelled() {
            return Err(Failure::new(ErrorCode::Cancelled, "the server is shutting down").into());
        }
        let _running = lifecycle.calls.token();
        let started = Instant::now();
        let cancel = context.cancel.child_token();
        let span = tracing::debug_span!(
            "sandbox",
            otel.name = format_args!("sandbox {}", engine.as_str()),
            otel.status_code = Empty,
            gen_ai.tool.name = label,
            engine = engine.as_str(),
            error.type = Empty,
        );
        let host = Arc::new(CallHost {
            sink: context.sink,
            metrics: Arc::clone(&self.parts.metrics),
            engine,
            started,
        });
        let running = self.parts.engines.get(engine)?.run(job, host, cancel.clone());
        let running = running.instrument(span.clone());
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
        if let Some(code) = code {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", code.as_str());
        }
        self.parts.metrics.call(label, engine, code, took);
        tracing::debug!(
            tool.name = label,
            engine = engine.as_str(),
            outcome = code.map_or("ok", ErrorCode::as_str),
            duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "call ended"
        );
        let duration_ms = millis(took);
        Ok((output, Receipt { tool: None, engine, duration_ms, logs }))
    }

    /// What a run with this timeout may use.
    pub(super) const fn limits(&self, timeout: Duration) -> Limits {
        let RunLimits { output_bytes, log_bytes, host_calls } = self.parts.limits;
        Limits { timeout, output_bytes, log_bytes, host_calls }
    }
}
