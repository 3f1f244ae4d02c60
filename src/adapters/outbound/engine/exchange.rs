//! What an engine does with a sandbox that is ready: run one job in it, or check one piece of code.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::conversation::{Conversation, Verdict};
use super::protocol::{Run, ToWorker};
use super::sandbox::Sandbox;
use crate::domain::ErrorCode;
use crate::domain::execution::{
    Completion, Failure, Job, Limits, Location, Logs, Returned, SyntaxError,
};
use crate::ports::{EngineError, Host};

/// How long parsing may take in a check. Real code takes milliseconds; names by the ten thousand take an
/// interpreter, which does not look at the clock meanwhile, the square of that.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// A job as a sandbox gets it.
pub(super) struct Request {
    first: ToWorker,
    limits: Limits,
}

impl Request {
    /// With fresh randomness.
    pub(super) fn new(job: Job) -> Result<Self, EngineError> {
        let mut entropy = [0; 32];
        getrandom::fill(&mut entropy)
            .map_err(|error| EngineError::Internal(error.to_string().into()))?;
        let (about, limits) = (about(&job), job.limits);
        let code = job.code.to_string();
        let run = Run { limits, entropy, about, code, parsed: false, args: job.args };
        Ok(Self { first: ToWorker::Run(Box::new(run)), limits })
    }

    /// Spares the sandbox a second look at code that is known to be the body of a function.
    pub(super) fn parsed(mut self, parsed: bool) -> Self {
        if let ToWorker::Run(run) = &mut self.first {
            run.parsed = parsed;
        }
        self
    }

    /// Runs it. The sandbox may not be used afterwards.
    pub(super) async fn run(
        &self,
        sandbox: &mut impl Sandbox,
        host: Arc<dyn Host>,
        cancel: &CancellationToken,
    ) -> Completion {
        let mut talk = Conversation::new(sandbox, self.limits, Some(host));
        let outcome = match talk.hold(&self.first, cancel).await {
            Verdict::Ran(outcome) => outcome,
            Verdict::Checked(_) => Err(mixed_up()),
        };
        Completion { outcome, logs: talk.logs }
    }
}

/// What comes of a job that was cancelled before it had a sandbox.
pub(super) fn cancelled() -> Completion {
    let outcome: Result<Returned, _> =
        Err(Failure::new(ErrorCode::Cancelled, "the call was cancelled"));
    Completion { outcome, logs: Logs::default() }
}

/// Parses code. The sandbox may not be used afterwards.
pub(super) async fn check(sandbox: &mut impl Sandbox, code: &str) -> Result<(), SyntaxError> {
    let limits = Limits { timeout: CHECK_TIMEOUT, ..Limits::default() };
    let mut talk = Conversation::new(sandbox, limits, None);
    match talk.hold(&ToWorker::Check(code.to_owned()), &CancellationToken::new()).await {
        Verdict::Checked(verdict) => verdict,
        // Code that the parser can't survive is not code that can be run.
        Verdict::Ran(outcome) => {
            let failure = outcome.err().unwrap_or_else(mixed_up);
            let message = match failure.code {
                ErrorCode::Timeout => {
                    format!("it takes longer than {} s to parse", CHECK_TIMEOUT.as_secs())
                }
                _ => failure.message,
            };
            Err(SyntaxError { message, location: Location { line: 1, column: 1 } })
        }
    }
}

fn about(job: &Job) -> String {
    let tool = job
        .tool
        .as_ref()
        .map(|(name, revision)| serde_json::json!({ "name": name, "revision": revision }));
    let caller = serde_json::json!({ "subject": job.caller.subject, "scopes": job.caller.scopes });
    serde_json::json!({ "tool": tool, "caller": caller }).to_string()
}

/// A worker that answers another question than it was asked.
fn mixed_up() -> Failure {
    Failure::new(ErrorCode::SandboxViolation, "the sandbox broke its protocol and was ended")
}
