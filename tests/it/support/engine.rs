//! An engine that runs scripts of a few words instead of JavaScript.
//!
//! Code is a script, one step a line:
//!
//! ```text
//! echo                  return the args
//! return JSON           return this value
//! rich JSON             return it as ctx.result(...) would
//! fail CODE MESSAGE     end with this failure
//! log LEVEL TEXT        log
//! progress DONE TOTAL   report progress
//! ask KIND              ask the host; a refusal ends the run as a tool error
//! hang                  wait until cancelled
//! panic                 panic, as a defect of the server would
//! ```
//!
//! A line that is none of these is a syntax error.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::domain::execution::{
    Completion, Failure, HostRequest, Job, Location, LogEntry, Logs, Progress, Returned,
    SyntaxError,
};
use dynamic_mcp::domain::tool::EngineKind;
use dynamic_mcp::ports::{Engine, EngineError, EngineReport, Host, Strength};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(crate) struct FakeEngine {
    /// Runs that are going on.
    pub(crate) running: Arc<AtomicUsize>,
    /// Runs ever started.
    pub(crate) started: AtomicUsize,
    /// Code ever checked.
    pub(crate) checked: AtomicUsize,
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

const WORDS: [&str; 9] =
    ["echo", "return", "rich", "fail", "log", "progress", "ask", "hang", "panic"];

#[async_trait]
impl Engine for FakeEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Embedded
    }

    async fn run(
        &self,
        job: Job,
        host: Arc<dyn Host>,
        cancel: CancellationToken,
    ) -> Result<Completion, EngineError> {
        self.started.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(Arc::clone(&self.running));
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
        let wrong = code
            .lines()
            .zip(1..)
            .find(|(line, _)| !WORDS.contains(&line.split(' ').next().unwrap_or_default()));
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
            kind: EngineKind::Embedded,
            ready: true,
            strength: Strength::Full,
            detail: "a fake".to_owned(),
        }
    }

    async fn shutdown(&self) {}
}

async fn run_script(job: &Job, host: &dyn Host) -> Result<Returned, Failure> {
    for line in job.code.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "echo" => return Ok(Returned::Value(job.args.clone())),
            "return" => return Ok(Returned::Value(rest.to_owned())),
            "rich" => return Ok(Returned::Rich(rest.to_owned())),
            "fail" => {
                let (code, message) = rest.split_once(' ').unwrap();
                return Err(Failure::new(word_of(code), message));
            }
            "log" => {
                let (level, text) = rest.split_once(' ').unwrap();
                host.log(LogEntry { level: word_of(level), data: text.into() });
            }
            "progress" => {
                let (done, total) = rest.split_once(' ').unwrap();
                host.progress(Progress {
                    done: done.parse().unwrap(),
                    total: Some(total.parse().unwrap()),
                    message: None,
                });
            }
            "ask" => {
                let request = HostRequest { kind: word_of(rest), body: Value::Null };
                if let Err(refusal) = host.request(request).await {
                    return Err(Failure::new(ErrorCode::ToolError, refusal.to_string()));
                }
            }
            "hang" => std::future::pending().await,
            "panic" => panic!("the script said so"),
            other => return Err(Failure::new(ErrorCode::ToolError, format!("no step '{other}'"))),
        }
    }
    Ok(Returned::Value("null".to_owned()))
}

fn word_of<T: DeserializeOwned>(word: &str) -> T {
    serde_json::from_value(word.into()).unwrap()
}
