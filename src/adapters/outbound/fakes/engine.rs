//! An engine that runs scripts of a few words instead of JavaScript.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::domain::execution::{
    Completion, Failure, HostRequest, HostRequestKind, Job, Location, LogEntry, Logs, Progress,
    Returned, SyntaxError,
};
use crate::domain::tool::EngineKind;
use crate::domain::{ErrorCode, LogLevel};
use crate::ports::{Engine, EngineError, EngineReport, Host, Strength};

/// Stands in for either engine, by default the embedded one. A tool's code is a script, one step a line:
///
/// ```text
/// echo                  return the args
/// return JSON           return this value
/// rich JSON             return it as ctx.result(...) would
/// fail CODE MESSAGE     end with this failure
/// log LEVEL TEXT        log
/// progress DONE TOTAL [WORDS]   report progress
/// ask KIND              ask the host; a refusal ends the run as a tool error
/// hang                  wait until cancelled
/// panic                 panic, as a defect of the server would
/// ```
///
/// A line that is none of these is a syntax error. A script that ends without a result returns `null`.
#[derive(Debug)]
pub struct FakeEngine {
    kind: EngineKind,
    away: AtomicBool,
    running: Arc<AtomicUsize>,
    started: AtomicUsize,
    checked: AtomicUsize,
}

impl Default for FakeEngine {
    fn default() -> Self {
        Self::of(EngineKind::Embedded)
    }
}

impl FakeEngine {
    /// One of this kind, which is there.
    pub fn of(kind: EngineKind) -> Self {
        let (running, started, checked) = Default::default();
        Self { kind, away: AtomicBool::new(false), running, started, checked }
    }

    /// Lets it go away, as a daemon does, or come back.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn is_away(&self) -> bool {
        self.away.load(Ordering::SeqCst)
    }

    /// Runs that are going on.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Runs ever started.
    pub fn started(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }

    /// How often code was checked.
    pub fn checked(&self) -> usize {
        self.checked.load(Ordering::SeqCst)
    }
}

/// Counts a run as going on while it lives.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Engine for FakeEngine {
    fn kind(&self) -> EngineKind {
        self.kind
    }

    async fn run(
        &self,
        job: Job,
        host: Arc<dyn Host>,
        cancel: CancellationToken,
    ) -> Result<Completion, EngineError> {
        if self.is_away() {
            let reason = "the fake is away".to_owned();
            return Err(EngineError::Unavailable { kind: self.kind, reason });
        }
        self.started.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(Arc::clone(&self.running));
        host.sandbox_ready();
        let script = run_script(&job, &*host);
        let outcome = tokio::select! {
            outcome = script => outcome,
            () = cancel.cancelled() => Err(Failure::new(ErrorCode::Cancelled, "the call was cancelled")),
            () = tokio::time::sleep(job.limits.timeout) => {
                Err(Failure::new(ErrorCode::Timeout, "the time limit was reached"))
            }
        };
        Ok(Completion { outcome, logs: Logs::default() })
    }

    async fn check(&self, code: &str) -> Result<Result<(), SyntaxError>, EngineError> {
        self.checked.fetch_add(1, Ordering::SeqCst);
        let wrong = code.lines().zip(1..).find(|(line, _)| Step::parse(line).is_none());
        Ok(match wrong {
            None => Ok(()),
            Some((line, number)) => Err(SyntaxError {
                message: format!("unknown step '{line}'"),
                location: Location { line: number, column: 1 },
            }),
        })
    }

    fn report(&self) -> EngineReport {
        EngineReport {
            kind: self.kind,
            ready: !self.is_away(),
            strength: Strength::Full,
            detail: "a fake".to_owned(),
        }
    }

    async fn shutdown(&self) {}
}

/// One line of a script.
enum Step<'a> {
    Echo,
    Return(&'a str),
    Rich(&'a str),
    Fail(ErrorCode, &'a str),
    Log(LogLevel, &'a str),
    Progress(f64, f64, Option<&'a str>),
    Ask(HostRequestKind),
    Hang,
    Panic,
}

impl<'a> Step<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Some(match word {
            "echo" => Self::Echo,
            "return" => Self::Return(rest),
            "rich" => Self::Rich(rest),
            "fail" => {
                let (code, message) = rest.split_once(' ')?;
                Self::Fail(named(code)?, message)
            }
            "log" => {
                let (level, text) = rest.split_once(' ')?;
                Self::Log(named(level)?, text)
            }
            "progress" => {
                let (done, rest) = rest.split_once(' ')?;
                let mut rest = rest.splitn(2, ' ');
                let total = rest.next()?;
                Self::Progress(done.parse().ok()?, total.parse().ok()?, rest.next())
            }
            "ask" => Self::Ask(named(rest)?),
            "hang" => Self::Hang,
            "panic" => Self::Panic,
            _ => return None,
        })
    }
}

/// A choice by its name on the wire.
fn named<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(word.into()).ok()
}

#[expect(clippy::panic, reason = "stands for a defect of the server, where a script asks for one")]
async fn run_script(job: &Job, host: &dyn Host) -> Result<Returned, Failure> {
    for line in job.code.lines() {
        let unknown = || Failure::new(ErrorCode::ToolError, format!("no step '{line}'"));
        match Step::parse(line).ok_or_else(unknown)? {
            Step::Echo => return Ok(Returned::Value(job.args.clone())),
            Step::Return(json) => return Ok(Returned::Value(json.to_owned())),
            Step::Rich(json) => return Ok(Returned::Rich(json.to_owned())),
            Step::Fail(code, message) => return Err(Failure::new(code, message)),
            Step::Log(level, text) => host.log(LogEntry { level, data: text.into() }),
            Step::Progress(done, total, words) => {
                let message = words.map(str::to_owned);
                host.progress(Progress { done, total: Some(total), message });
            }
            Step::Ask(kind) => {
                if let Err(refusal) = host.request(HostRequest { kind, body: Value::Null }).await {
                    return Err(Failure::new(ErrorCode::ToolError, refusal.to_string()));
                }
            }
            Step::Hang => std::future::pending().await,
            Step::Panic => panic!("the script said so"),
        }
    }
    Ok(Returned::Value("null".to_owned()))
}
