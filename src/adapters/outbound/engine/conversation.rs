//! One call's conversation with its sandbox: the request, what the code asks meanwhile, the outcome, and the
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

use super::channel::{Channel, Received};
use super::printed::Lines;
use super::protocol::{FromWorker, ToWorker};
use super::sandbox::{Ending, Sandbox};
use crate::domain::ErrorCode;
use crate::domain::execution::{
    Failure, HostRequest, Limits, LogEntry, Logs, Progress, Returned, SyntaxError,
};
use crate::domain::log_level::LogLevel;
use crate::ports::{Host, HostRefusal};

/// After a cancellation, code may see its signal for this long; nothing that it does then counts.
const ABORT_GRACE: Duration = Duration::from_millis(20);

/// The signal of a forbidden system call, on every Linux that containers run on.
const SIGSYS: i32 = 31;

type Answer = (u32, Result<Value, HostRefusal>);

/// What came of it.
pub(super) enum Verdict {
    /// A run.
    Ran(Result<Returned, Failure>),
    /// A check.
    Checked(Result<(), SyntaxError>),
}

/// See the module.
pub(super) struct Conversation<'a, S: Sandbox> {
    channel: Channel<'a, S>,
    limits: Limits,
    host: Option<Arc<dyn Host>>,
    /// What was logged.
    pub(super) logs: Logs,
    lines: Lines,
    logged: usize,
    calls: u32,
    progressed: u32,
    refused_with: HashSet<ErrorCode>,
    answers: FuturesUnordered<BoxFuture<'static, Answer>>,
    tick: Option<Instant>,
}

impl<'a, S: Sandbox> Conversation<'a, S> {
    /// With a sandbox that has got nothing yet. Without a host, whatever the code asks is a violation.
    pub(super) fn new(sandbox: &'a mut S, limits: Limits, host: Option<Arc<dyn Host>>) -> Self {
        Self {
            channel: Channel::new(sandbox, super::protocol::max_from_worker(&limits)),
            limits,
            host,
            logs: Logs::default(),
            lines: Lines::default(),
            logged: 0,
            calls: 0,
            progressed: 0,
            refused_with: HashSet::new(),
            answers: FuturesUnordered::new(),
            tick: Self::beat(),
        }
    }

    /// When the sandbox has to be told something, whatever goes on.
    fn beat() -> Option<Instant> {
        S::HEARTBEAT.map(|pulse| Instant::now() + pulse)
    }

    /// Sends the request and stays until there is a verdict. The sandbox may not be used afterwards.
    pub(super) async fn hold(&mut self, first: &ToWorker, cancel: &CancellationToken) -> Verdict {
        let verdict = self.converse(first, cancel).await;
        if let Some(line) = self.lines.rest() {
            self.printed(line);
        }
        verdict
    }

    async fn converse(&mut self, first: &ToWorker, cancel: &CancellationToken) -> Verdict {
        if self.channel.send(first).is_err() {
            return failed(ErrorCode::InvalidInput, "the code and its arguments are too large");
        }
        let mut end = Instant::now() + self.limits.timeout + S::GRACE;
        let mut cancelled = false;
        loop {
            let tick = self.tick;
            tokio::select! {
                biased;
                () = cancel.cancelled(), if !cancelled => {
                    cancelled = true;
                    end = Instant::now() + ABORT_GRACE;
                    drop(self.channel.send(&ToWorker::Abort));
                }
                () = tokio::time::sleep_until(end) => {
                    return if cancelled { cancelled_call() } else { self.timed_out() };
                }
                received = self.channel.receive() => match received {
                    Received::Frame(frame) => {
                        let Some(said) = FromWorker::decode(frame) else { return violation() };
                        if let FromWorker::Gone(ending) = said {
                            if cancelled {
                                return cancelled_call();
                            }
                            return ended(self.channel.ending(Some(ending)).await);
                        }
                        match self.handle(said) {
                            Some(_) if cancelled => return cancelled_call(),
                            Some(verdict) => return verdict,
                            None => {}
                        }
                    }
                    Received::Printed(piece) => {
                        for line in self.lines.push(&piece) {
                            self.printed(line);
                        }
                    }
                    Received::Malformed => return violation(),
                    Received::Closed if cancelled => return cancelled_call(),
                    Received::Closed => return ended(self.channel.ending(None).await),
                },
                Some((id, answer)) = self.answers.next(), if !self.answers.is_empty() => {
                    self.answer(id, answer);
                }
                () = tokio::time::sleep_until(tick.unwrap_or(end)), if tick.is_some() => {
                    self.tick = Self::beat();
                    drop(self.channel.send(&ToWorker::Tick));
                }
            }
        }
    }

    fn handle(&mut self, said: FromWorker) -> Option<Verdict> {
        match said {
            FromWorker::Log { level, json, text } => {
                self.logged += text.len();
                if self.logged > self.limits.log_bytes {
                    return Some(violation());
                }
                if !self.has_room(text.len()) {
                    return None;
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
            FromWorker::Ready(_) | FromWorker::Gone(_) => Some(violation()),
        }
    }

    /// A line that the code wrote past the worker that counts.
    fn printed(&mut self, line: String) {
        // As the worker counts: each line costs its bytes and one more.
        if self.has_room(line.len() + 1)
            && let Some(host) = &self.host
        {
            host.log(LogEntry { level: LogLevel::Info, data: Value::String(line) });
        }
    }

    /// Counts so many bytes of log as passed on, or as left out.
    fn has_room(&mut self, bytes: usize) -> bool {
        let fits = self.logs.bytes + bytes <= self.limits.log_bytes;
        if fits {
            self.logs.bytes += bytes;
        } else {
            self.logs.dropped_bytes = self.logs.dropped_bytes.saturating_add(bytes as u64);
        }
        fits
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
        self.tick = Self::beat();
        let (ok, json) = match answer {
            Ok(value) => (true, value.to_string()),
            Err(refusal) => {
                self.refused_with.insert(refusal.code);
                let json = serde_json::json!({ "code": refusal.code, "message": refusal.message });
                (false, json.to_string())
            }
        };
        drop(self.channel.send(&ToWorker::Reply { id, ok, json }));
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
        Some(Ending::OutOfMemory) => {
            failed(ErrorCode::MemoryExceeded, "the call used more memory than it may")
        }
        Some(Ending::Signaled(SIGSYS)) => failed(
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
