//! One call's conversation with its worker: the request, what the code asks meanwhile, the outcome, and the
//! end of the worker whatever it does.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::process::{Ending, Worker};
use super::protocol::{FromWorker, ToWorker};
use super::road::{Hearing, Road};
use crate::domain::ErrorCode;
use crate::domain::execution::{
    Failure, HostRequest, Limits, LogEntry, Logs, Progress, Returned, SyntaxError,
};
use crate::ports::{Host, HostRefusal};

/// After its time is over, a worker may say so itself for this long.
const GRACE: Duration = Duration::from_millis(50);
/// After a cancellation, code may see its signal for this long; nothing that it does then counts.
const ABORT_GRACE: Duration = Duration::from_millis(20);

type Answer = (u32, Result<Value, HostRefusal>);

/// What came of it.
pub(super) enum Verdict {
    /// A run.
    Ran(Result<Returned, Failure>),
    /// A check.
    Checked(Result<(), SyntaxError>),
}

/// See the module.
pub(super) struct Conversation<'a> {
    road: Road<'a>,
    limits: Limits,
    host: Option<Arc<dyn Host>>,
    /// What was logged.
    pub(super) logs: Logs,
    calls: u32,
    progressed: u32,
    refused_with: HashSet<ErrorCode>,
    answers: FuturesUnordered<BoxFuture<'static, Answer>>,
    tick: Option<Instant>,
}

impl<'a> Conversation<'a> {
    /// With a worker that has heard nothing yet. Without a host, whatever the code asks is a violation.
    pub(super) fn new(worker: &'a mut Worker, limits: Limits, host: Option<Arc<dyn Host>>) -> Self {
        Self {
            road: Road::new(worker, super::protocol::max_from_worker(&limits)),
            limits,
            host,
            logs: Logs::default(),
            calls: 0,
            progressed: 0,
            refused_with: HashSet::new(),
            answers: FuturesUnordered::new(),
            tick: None,
        }
    }

    /// Sends the request and stays until there is a verdict. The worker may not be used afterwards.
    pub(super) async fn hold(&mut self, first: &ToWorker, cancel: &CancellationToken) -> Verdict {
        if self.road.say(first).is_err() {
            return failed(ErrorCode::InvalidInput, "the code and its arguments are too large");
        }
        let mut end = Instant::now() + self.limits.timeout + GRACE;
        let mut cancelled = false;
        loop {
            let tick = self.tick;
            tokio::select! {
                biased;
                () = cancel.cancelled(), if !cancelled => {
                    cancelled = true;
                    end = Instant::now() + ABORT_GRACE;
                    drop(self.road.say(&ToWorker::Abort));
                }
                () = tokio::time::sleep_until(end) => {
                    return if cancelled { cancelled_call() } else { self.timed_out() };
                }
                heard = self.road.pass() => match heard {
                    Hearing::Frame(frame) => {
                        let Some(said) = FromWorker::decode(frame) else { return violation() };
                        match self.hear(said) {
                            Some(_) if cancelled => return cancelled_call(),
                            Some(verdict) => return verdict,
                            None => {}
                        }
                    }
                    Hearing::Nonsense => return violation(),
                    Hearing::End if cancelled => return cancelled_call(),
                    Hearing::End => return ended(self.road.ending().await),
                },
                Some((id, answer)) = self.answers.next(), if !self.answers.is_empty() => {
                    self.answer(id, answer);
                }
                () = tokio::time::sleep_until(tick.unwrap_or(end)), if tick.is_some() => {
                    self.tick = None;
                    drop(self.road.say(&ToWorker::Tick));
                }
            }
        }
    }

    fn hear(&mut self, said: FromWorker) -> Option<Verdict> {
        match said {
            FromWorker::Log { level, json, text } => {
                self.logs.bytes += text.len();
                if self.logs.bytes > self.limits.log_bytes {
                    return Some(violation());
                }
                let data = json
                    .then(|| serde_json::from_str(&text).ok())
                    .flatten()
                    .unwrap_or(Value::String(text));
                self.with_host(|host| host.log(LogEntry { level, data }))
            }
            FromWorker::LogsCut(bytes) => {
                self.logs.dropped_bytes = self.logs.dropped_bytes.saturating_add(bytes);
                None
            }
            FromWorker::Progress(json) => {
                self.progressed += 1;
                match progress(&json) {
                    Some(progress) if self.progressed <= self.limits.host_calls => {
                        self.with_host(|host| host.progress(progress))
                    }
                    _ => Some(violation()),
                }
            }
            FromWorker::Call { id, kind, body } => {
                self.calls += 1;
                let body = serde_json::from_str(&body).ok();
                let (Some(body), Some(host)) = (body, self.host.clone()) else {
                    return Some(violation());
                };
                if id != self.calls || id > self.limits.host_calls {
                    return Some(violation());
                }
                self.answers.push(Box::pin(async move {
                    (id, host.request(HostRequest { kind, body }).await)
                }));
                None
            }
            FromWorker::Wait(time) => {
                self.tick = Some(Instant::now() + time);
                None
            }
            FromWorker::Done(outcome) => Some(self.judge(outcome)),
            FromWorker::Checked(verdict) => Some(Verdict::Checked(verdict)),
            FromWorker::Ready(_) => Some(violation()),
        }
    }

    fn with_host(&self, tell: impl FnOnce(&dyn Host)) -> Option<Verdict> {
        match &self.host {
            Some(host) => {
                tell(host.as_ref());
                None
            }
            None => Some(violation()),
        }
    }

    /// Takes an outcome for what it is: a worker's own word about its own call.
    fn judge(&self, outcome: Result<Returned, Failure>) -> Verdict {
        let honest = match &outcome {
            Ok(Returned::Value(json) | Returned::Rich(json)) => {
                json.len() <= self.limits.output_bytes
            }
            Err(failure) => {
                matches!(
                    failure.code,
                    ErrorCode::ToolError
                        | ErrorCode::Timeout
                        | ErrorCode::MemoryExceeded
                        | ErrorCode::NeverSettled
                        | ErrorCode::OutputTooLarge
                        | ErrorCode::InvalidInput
                        | ErrorCode::LimitReached
                ) || self.refused_with.contains(&failure.code)
            }
        };
        if honest { Verdict::Ran(outcome) } else { violation() }
    }

    fn answer(&mut self, id: u32, answer: Result<Value, HostRefusal>) {
        // Answers reach a worker that waits, so that its timer is for nothing.
        self.tick = None;
        let (ok, json) = match answer {
            Ok(value) => (true, value.to_string()),
            Err(refusal) => {
                self.refused_with.insert(refusal.code);
                let json = serde_json::json!({ "code": refusal.code, "message": refusal.message });
                (false, json.to_string())
            }
        };
        drop(self.road.say(&ToWorker::Reply { id, ok, json }));
    }

    fn timed_out(&self) -> Verdict {
        let limit = self.limits.timeout.as_millis();
        failed(ErrorCode::Timeout, &format!("the call ran longer than its {limit} ms"))
    }
}

fn progress(json: &str) -> Option<Progress> {
    #[derive(serde::Deserialize)]
    struct Wire {
        done: f64,
        total: Option<f64>,
        message: Option<String>,
    }
    let wire: Wire = serde_json::from_str(json).ok()?;
    Some(Progress { done: wire.done, total: wire.total, message: wire.message })
}

fn failed(code: ErrorCode, message: &str) -> Verdict {
    Verdict::Ran(Err(Failure::new(code, message)))
}

fn violation() -> Verdict {
    failed(ErrorCode::SandboxViolation, "the sandbox broke its protocol and was ended")
}

fn cancelled_call() -> Verdict {
    failed(ErrorCode::Cancelled, "the call was cancelled")
}

/// What the end of a worker without an outcome means.
fn ended(ending: Option<Ending>) -> Verdict {
    match ending {
        #[cfg(target_os = "linux")]
        Some(Ending::Signaled(libc::SIGSYS)) => failed(
            ErrorCode::SandboxViolation,
            "the code tried a system call that the sandbox forbids, and was ended",
        ),
        Some(Ending::Signaled(signal)) => failed(
            ErrorCode::SandboxCrashed,
            &format!("the sandbox was ended by signal {signal} before the tool returned"),
        ),
        Some(Ending::Exited(_)) | None => {
            failed(ErrorCode::SandboxCrashed, "the sandbox ended before the tool returned")
        }
    }
}
