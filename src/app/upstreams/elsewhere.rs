//! Calls that wait at another replica: the client's answers go there by letter, and what comes of the call comes back by
//! letter, so that a client without a session needs to know nothing of replicas. So does what the server says of its
//! progress meanwhile.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call::Relayed;
use super::parked::{MAX_PARKED, PREFIX, Step};
use super::{Upstreams, UpstreamsError};
use crate::app::{AppError, CallSink, MountedTool};
use crate::domain::execution::{Failure, LogEntry, Progress};
use crate::domain::tool::ToolName;
use crate::domain::{Caller, ErrorCode};
use crate::ports::{BoxStream, Mailbox, StoreError, UpstreamReply};

/// How the names of letters begin that say what came of a call.
const OUTCOME: &str = "dynamic-mcp/outcome/";
/// How long the replica that has the call may take to take the answers.
const TAKEN: Duration = Duration::from_secs(3);
/// How often it is looked for a letter of which nobody told.
const LOOK: Duration = Duration::from_secs(1);
/// How much longer than the call's own time it is waited for what comes of it.
const SLACK: Duration = Duration::from_secs(5);
/// A state is the prefix and an identifier.
const MAX_STATE: usize = PREFIX.len() + 64;

/// What the client said.
#[derive(Serialize, Deserialize)]
struct Said {
    subject: Option<String>,
    client: Option<String>,
    tool: String,
    answers: Map<String, Value>,
    /// The name of the letter that is waited for.
    outcome: String,
}

/// What came of it.
#[derive(Serialize, Deserialize)]
enum Outcome {
    Result { duration_ms: u64, fields: Map<String, Value> },
    InputRequired { duration_ms: u64, fields: Map<String, Value> },
    Asks { questions: Map<String, Value>, state: String },
    Failed { code: ErrorCode, message: String },
}

impl Outcome {
    fn of(step: Result<Step, AppError>) -> Self {
        match step {
            Ok(Step::Asks { questions, state, .. }) => Self::Asks { questions, state },
            Ok(Step::Done(Relayed { duration_ms, reply, .. })) => match reply {
                Ok(UpstreamReply::Result(fields)) => Self::Result { duration_ms, fields },
                Ok(UpstreamReply::InputRequired(fields)) => {
                    Self::InputRequired { duration_ms, fields }
                }
                Err(error) => Self::failed(&error),
            },
            Err(error) => Self::failed(&error),
        }
    }

    fn failed(error: &AppError) -> Self {
        Self::Failed { code: error.code(), message: error.public_message() }
    }

    fn step(self, tool: &MountedTool) -> Result<Step, AppError> {
        let (name, alias) = (tool.mounted().name.clone(), tool.mounted().alias.clone());
        let done = |duration_ms, reply| {
            Ok(Step::Done(Relayed { tool: name.clone(), alias, duration_ms, reply: Ok(reply) }))
        };
        match self {
            Self::Result { duration_ms, fields } => {
                done(duration_ms, UpstreamReply::Result(fields))
            }
            Self::InputRequired { duration_ms, fields } => {
                done(duration_ms, UpstreamReply::InputRequired(fields))
            }
            Self::Asks { questions, state } => Ok(Step::Asks { tool: name, questions, state }),
            Self::Failed { code, message } => Err(Failure::new(code, message).into()),
        }
    }
}

/// The name of the letter that says that nobody waits for an outcome any more.
fn given_up(outcome: &str) -> String {
    format!("{outcome}/given-up")
}

/// The name of the letter that says how far the call is. Of several that wait the newest is there.
fn how_far(outcome: &str) -> String {
    format!("{outcome}/progress")
}

/// How far a call is, as a letter has it.
#[derive(Serialize, Deserialize)]
struct HowFar(f64, Option<f64>, Option<String>);

/// Hears of a call's progress for another replica.
struct Heard(watch::Sender<Option<Progress>>);

impl CallSink for Heard {
    fn log(&self, _: LogEntry) {}

    fn progress(&self, progress: Progress) {
        // JSON has no other numbers.
        if progress.done.is_finite() {
            self.0.send_replace(Some(progress));
        }
    }
}

/// Tells the replica that has the call when this is dropped before the outcome has come.
struct Wait<'a> {
    outcome: Option<String>,
    mailbox: &'a Arc<dyn Mailbox>,
    tasks: &'a TaskTracker,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let Some(outcome) = self.outcome.take() else { return };
        let mailbox = Arc::clone(self.mailbox);
        // Where it can't be told, the call's own time ends it.
        self.tasks.spawn(async move { mailbox.post(&given_up(&outcome), "").await.ok() });
    }
}

impl Upstreams {
    /// Has another replica go on with the call of this state.
    pub(super) async fn answer_elsewhere(
        &self,
        (caller, sink): (&Caller, &dyn CallSink),
        tool: &MountedTool,
        state: &str,
        answers: Map<String, Value>,
    ) -> Result<Step, AppError> {
        let not_parked = || AppError::from(UpstreamsError::NotParked);
        let mailbox = self.parts.mailbox.as_ref().filter(|_| state.len() <= MAX_STATE);
        let mailbox = mailbox.ok_or_else(not_parked)?;
        let mounted = tool.mounted();
        let attachment = self.mounts().get(&mounted.alias).map(|mount| mount.attachment.timeout());
        let limit = attachment.ok_or_else(not_parked)? + SLACK;
        let full = UpstreamsError::TooManyParked { max: MAX_PARKED };
        let _place = self.asking_elsewhere.try_acquire().map_err(|_| full)?;
        let _running = self.parts.lifecycle.calls.token();
        let outcome = format!("{OUTCOME}{}", self.parts.ids.uuid());
        let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        let letter = Said {
            subject: text(&caller.subject),
            client: text(&caller.client),
            tool: mounted.name.to_string(),
            answers,
            outcome: outcome.clone(),
        };
        let mut told = mailbox.watch();
        let mut wait =
            Wait { outcome: Some(outcome.clone()), mailbox, tasks: &self.parts.lifecycle.tasks };
        mailbox.post(state, &write(&letter)).await?;
        let come = come(&**mailbox, &mut told, (state, &outcome), sink);
        let come = self.parts.lifecycle.stopped.run_until_cancelled(timeout(limit, come)).await;
        let come = come.unwrap_or_else(|| Ok(Err(self.cancelled().into())));
        let come = come.unwrap_or_else(|_| Err(not_parked()))?;
        wait.outcome = None;
        come.ok_or_else(not_parked)?.step(tool)
    }

    /// Goes on with calls that wait here when other replicas have their clients' answers, until `stop`.
    pub async fn correspond(self: Arc<Self>, stop: CancellationToken) {
        let Some(mailbox) = &self.parts.mailbox else { return };
        let mut told = mailbox.watch();
        while let Some(Some(name)) = stop.run_until_cancelled(told.next()).await {
            if self.parked.has(&name) {
                let upstreams = Arc::clone(&self);
                let (mailbox, stop) = (Arc::clone(mailbox), stop.clone());
                self.parts.lifecycle.tasks.spawn(async move {
                    let going_on = upstreams.go_on_for_another(&*mailbox, &name);
                    if let Some(Err(error)) = stop.run_until_cancelled(going_on).await {
                        tracing::warn!(%error, "another replica can't be told what came of a call");
                    }
                });
            }
        }
    }

    async fn go_on_for_another(
        self: &Arc<Self>,
        mailbox: &dyn Mailbox,
        state: &str,
    ) -> Result<(), AppError> {
        let mut told = mailbox.watch();
        let Some(letter) = mailbox.take(state).await? else { return Ok(()) };
        let Said { subject, client, tool, answers, outcome } = read(&letter)?;
        let (subject, client) = (subject.map(Arc::from), client.map(Arc::from));
        let caller = Caller { subject, client, ..Caller::local() };
        let (progress, mut how_far_it_is) = watch::channel(None);
        let going_on = async {
            let tool =
                ToolName::parse_external(&tool).map_err(|_| UpstreamsError::NotAttached(tool))?;
            let waiting = self.parked.take(state, &caller, &tool)?;
            let waiting = waiting.ok_or(UpstreamsError::NotParked)?;
            self.go_on(waiting, answers, Arc::new(Heard(progress))).await
        };
        tokio::pin!(going_on);
        let nobody_waits = given_up(&outcome);
        let step = loop {
            tokio::select! {
                biased;
                step = &mut going_on => break step,
                () = heard(&mut told, |name| name == nobody_waits) => {
                    return Ok(mailbox.take(&nobody_waits).await.map(drop)?);
                }
                Ok(()) = how_far_it_is.changed() => {
                    let progress = how_far_it_is.borrow_and_update().clone();
                    if let Some(Progress { done, total, message }) = progress {
                        let letter = write(&HowFar(done, total, message));
                        mailbox.post(&how_far(&outcome), &letter).await?;
                    }
                }
            }
        };
        Ok(mailbox.post(&outcome, &write(&Outcome::of(step))).await?)
    }
}

/// Waits for what comes of the call of a state, for which a letter was left; `None`: nobody has taken that.
async fn come(
    mailbox: &dyn Mailbox,
    told: &mut BoxStream<String>,
    (state, outcome): (&str, &str),
    sink: &dyn CallSink,
) -> Result<Option<Outcome>, AppError> {
    let (begun, progress) = (Instant::now(), how_far(outcome));
    let mut is_taken = false;
    loop {
        // It is looked for all the same: nobody may have told.
        timeout(LOOK, heard(told, |name| name.starts_with(outcome))).await.ok();
        // What was said before it had come to an end.
        if let Some(letter) = mailbox.take(&progress).await? {
            let HowFar(done, total, message) = read(&letter)?;
            sink.progress(Progress { done, total, message });
        }
        if let Some(letter) = mailbox.take(outcome).await? {
            return read(&letter).map(Some);
        }
        if !is_taken && begun.elapsed() >= TAKEN {
            is_taken = mailbox.take(state).await?.is_none();
            if !is_taken {
                return Ok(None);
            }
        }
    }
}

/// Returns when such a name was told.
async fn heard(told: &mut BoxStream<String>, is_meant: impl Fn(&str) -> bool) {
    while let Some(name) = told.next().await {
        if is_meant(&name) {
            return;
        }
    }
    std::future::pending::<()>().await;
}

fn write(letter: &impl Serialize) -> String {
    // What has texts for keys always has a JSON form.
    serde_json::to_string(letter).unwrap_or_default()
}

fn read<T: for<'de> Deserialize<'de>>(letter: &str) -> Result<T, AppError> {
    serde_json::from_str(letter).map_err(|error| {
        let reason = "another replica's letter can't be read".to_owned();
        StoreError::Corrupt { reason, source: Some(error.into()) }.into()
    })
}
