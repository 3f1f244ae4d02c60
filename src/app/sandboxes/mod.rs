//! Interactive sandboxes: made for one caller, used by nobody else, and ended when they are idle.

mod session;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use self::session::{Made, Session, Slot, Using};
use super::host::NoSink;
use super::{AppError, CallSink, Lifecycle};
use crate::domain::execution::Failure;
use crate::domain::image::ContainerImage;
use crate::domain::sandbox::{
    MAX_COMMAND_CHARS, MAX_COMMANDS, Program, ProgramLimits, ProgramOutput, SandboxId,
};
use crate::domain::text::millis;
use crate::domain::tool::policy::MIN_TIMEOUT_MS;
use crate::domain::tool::{Dependency, ToolPolicy};
use crate::domain::{Caller, ErrorCode};
use crate::ports::{Clock, Ids, SandboxError, SandboxHost};

/// How often idle sandboxes are looked for.
const SWEEP: Duration = Duration::from_millis(500);

/// What bounds them.
#[derive(Debug, Clone)]
pub struct SandboxLimits {
    /// Most at once (`MCP_SANDBOX_MAX_SESSIONS`).
    pub max: usize,
    /// Longest idle time that one may ask for, and gets if it asks for none (`MCP_SANDBOX_SESSION_TIMEOUT_SECONDS`).
    pub idle: Duration,
    /// Most bytes of output of one request (`MCP_SANDBOX_MAX_OUTPUT_BYTES`).
    pub output_bytes: usize,
    /// Images, dependencies and timeouts.
    pub policy: ToolPolicy,
}

/// What they are made of.
pub struct SandboxParts {
    /// Starts them.
    pub host: Arc<dyn SandboxHost>,
    /// Names them.
    pub ids: Arc<dyn Ids>,
    /// Dates them.
    pub clock: Arc<dyn Clock>,
    /// What bounds them.
    pub limits: SandboxLimits,
    /// Ends them with the server.
    pub lifecycle: Lifecycle,
}

/// The sandboxes of this server.
pub struct Sandboxes {
    parts: SandboxParts,
    sessions: Mutex<BTreeMap<SandboxId, Slot>>,
}

/// A sandbox as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxView {
    /// Its name.
    pub id: SandboxId,
    /// The image it was started from.
    pub image: ContainerImage,
    /// After how long without use it ends.
    pub idle: Duration,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was used last.
    pub last_used_at: DateTime<Utc>,
}

/// An ECMAScript module to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its text.
    pub code: String,
    /// npm packages that it imports.
    pub dependencies: Vec<Dependency>,
    /// Longest run, in milliseconds.
    pub timeout_ms: Option<u64>,
}

/// What one command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandResult {
    /// The command.
    pub command: String,
    /// What came of it.
    pub output: ProgramOutput,
}

impl Sandboxes {
    /// None yet.
    pub fn new(parts: SandboxParts) -> Self {
        Self { parts, sessions: Mutex::default() }
    }

    /// Starts one for a caller. `idle_ms`: after how long without use it ends.
    pub async fn initialize(
        &self,
        caller: &Caller,
        image: Option<&str>,
        idle_ms: Option<u64>,
    ) -> Result<SandboxView, AppError> {
        let limits = &self.parts.limits;
        let image = limits.policy.images.choose(image).map_err(AppError::argument)?;
        let idle = self.idle(idle_ms)?;
        self.is_open()?;
        let place = self.reserve()?;
        let sandbox = self.parts.host.start(&image).await?;
        let made =
            Made { id: place.id.clone(), owner: caller.subject.clone(), image, idle, sandbox };
        let stopped = self.parts.lifecycle.stopped.child_token();
        let session = Arc::new(Session::new(made, self.parts.clock.now(), stopped));
        self.is_open()?;
        let view = session.view();
        place.take(session);
        Ok(view)
    }

    /// Runs commands one after the other; stops behind the first that fails.
    pub async fn exec(
        &self,
        caller: &Caller,
        id: &str,
        commands: Vec<String>,
        timeout_ms: Option<u64>,
        cancel: &CancellationToken,
    ) -> Result<Vec<CommandResult>, AppError> {
        if !(1..=MAX_COMMANDS).contains(&commands.len()) {
            return Err(AppError::invalid_input(format!(
                "commands must have 1 to {MAX_COMMANDS} entries, not {}",
                commands.len()
            )));
        }
        let fits = |command: &String| {
            (1..=MAX_COMMAND_CHARS).contains(&command.chars().count()) && !command.contains('\0')
        };
        if !commands.iter().all(fits) {
            return Err(AppError::invalid_input(format!(
                "a command must have 1 to {MAX_COMMAND_CHARS} characters, none of them null"
            )));
        }
        let using = self.enter(caller, id)?;
        let timeout = self.timeout(timeout_ms)?;
        let mut left = self.parts.limits.output_bytes;
        let mut results = Vec::new();
        for command in commands {
            let limits = ProgramLimits { timeout, output_bytes: left };
            let program = Program::Shell(command.clone());
            let output = self.run(&using, program, limits, &NoSink, cancel).await?;
            left = left.saturating_sub(output.stdout.len() + output.stderr.len());
            let failed = output.exit_code != 0;
            results.push(CommandResult { command, output });
            if failed {
                break;
            }
        }
        Ok(results)
    }

    /// Runs an ECMAScript module; `sink` hears how far the installation of its packages is.
    pub async fn run_js(
        &self,
        caller: &Caller,
        id: &str,
        module: Module,
        sink: &dyn CallSink,
        cancel: &CancellationToken,
    ) -> Result<ProgramOutput, AppError> {
        let Module { code, dependencies, timeout_ms } = module;
        let policy = &self.parts.limits.policy;
        policy.check_code(&code, &dependencies).map_err(AppError::argument)?;
        let using = self.enter(caller, id)?;
        let timeout = self.timeout(timeout_ms)?;
        let limits = ProgramLimits { timeout, output_bytes: self.parts.limits.output_bytes };
        self.run(&using, Program::JavaScript { code, dependencies }, limits, sink, cancel).await
    }

    /// Ends one, and whatever runs in it.
    pub fn stop(&self, caller: &Caller, id: &str) -> Result<SandboxId, AppError> {
        let session = self.find(caller, id)?;
        session.stopped.cancel();
        self.sessions().remove(&session.made.id);
        Ok(session.made.id.clone())
    }

    /// The caller's own, by name.
    pub fn list(&self, caller: &Caller) -> Vec<SandboxView> {
        let sessions = self.sessions();
        let ready = sessions.values().filter_map(Slot::ready);
        ready.filter(|session| session.is_of(caller)).map(|session| session.view()).collect()
    }

    /// Ends those that were idle for too long, and forgets those that ended by themselves, until the server ends;
    /// then ends them all.
    pub async fn tend(self: Arc<Self>) {
        let stopped = self.parts.lifecycle.stopped.clone();
        loop {
            tokio::select! {
                () = tokio::time::sleep(SWEEP) => {}
                () = stopped.cancelled() => break,
            }
            self.sessions().retain(|id, slot| {
                let keep = slot.ready().is_none_or(|session| !session.is_over());
                if !keep {
                    tracing::info!(session = %id, "a sandbox session ended");
                }
                keep
            });
        }
        self.sessions().clear();
    }

    async fn run(
        &self,
        using: &Using,
        program: Program,
        limits: ProgramLimits,
        sink: &dyn CallSink,
        cancel: &CancellationToken,
    ) -> Result<ProgramOutput, AppError> {
        self.is_open()?;
        let _running = self.parts.lifecycle.calls.token();
        let cancel = cancel.child_token();
        let tell = |progress| sink.progress(progress);
        let running = using.0.made.sandbox.run(program, limits, &tell, &cancel);
        tokio::pin!(running);
        let ran = tokio::select! {
            ran = &mut running => ran,
            () = using.0.stopped.cancelled() => {
                cancel.cancel();
                running.await
            }
        };
        if using.0.made.sandbox.has_ended() {
            self.sessions().remove(&using.0.made.id);
        }
        Ok(ran?)
    }

    fn enter(&self, caller: &Caller, id: &str) -> Result<Using, AppError> {
        Ok(Using::new(self.find(caller, id)?, Arc::clone(&self.parts.clock)))
    }

    /// A session of the caller's own: nobody learns of another's.
    fn find(&self, caller: &Caller, id: &str) -> Result<Arc<Session>, AppError> {
        let sessions = self.sessions();
        let mut ready = sessions.values().filter_map(Slot::ready);
        let found = ready.find(|session| session.made.id.as_str() == id && session.is_of(caller));
        found.cloned().ok_or_else(|| {
            let id: String = id.chars().take(64).collect();
            let message = format!(
                "there is no sandbox session '{id}' of yours: it may have been idle for too long; sandbox.initialize \
                 starts a new one"
            );
            Failure::new(ErrorCode::NotFound, message).into()
        })
    }

    fn reserve(&self) -> Result<Place<'_>, AppError> {
        let max = self.parts.limits.max;
        let id = SandboxId::new(&self.parts.ids.uuid());
        let mut sessions = self.sessions();
        if sessions.len() >= max {
            let message = format!(
                "the limit of {max} sandbox sessions is reached; stop one with sandbox.stop, or try again later"
            );
            return Err(Failure::new(ErrorCode::LimitReached, message).into());
        }
        sessions.insert(id.clone(), Slot::Starting);
        drop(sessions);
        Ok(Place { sandboxes: self, id, taken: false })
    }

    fn timeout(&self, ms: Option<u64>) -> Result<Duration, AppError> {
        let ms = self.parts.limits.policy.timeout(ms).map_err(AppError::argument)?;
        Ok(Duration::from_millis(ms.into()))
    }

    fn idle(&self, ms: Option<u64>) -> Result<Duration, AppError> {
        let most = millis(self.parts.limits.idle);
        let actual = ms.unwrap_or(most);
        if (u64::from(MIN_TIMEOUT_MS)..=most).contains(&actual) {
            return Ok(Duration::from_millis(actual));
        }
        Err(AppError::invalid_input(format!(
            "timeoutMs must be {MIN_TIMEOUT_MS} to {most} milliseconds, not {actual}"
        )))
    }

    fn is_open(&self) -> Result<(), AppError> {
        if self.parts.lifecycle.draining.is_cancelled() {
            return Err(Failure::new(ErrorCode::Cancelled, "the server is shutting down").into());
        }
        Ok(())
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, BTreeMap<SandboxId, Slot>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is given back unless a session takes it.
struct Place<'a> {
    sandboxes: &'a Sandboxes,
    id: SandboxId,
    taken: bool,
}

impl Place<'_> {
    fn take(mut self, session: Arc<Session>) {
        self.taken = true;
        self.sandboxes.sessions().insert(self.id.clone(), Slot::Ready(session));
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.taken {
            self.sandboxes.sessions().remove(&self.id);
        }
    }
}

impl From<SandboxError> for AppError {
    fn from(error: SandboxError) -> Self {
        let code = match error {
            SandboxError::Failed(failure) => return failure.into(),
            SandboxError::Unavailable(_) => ErrorCode::EngineUnavailable,
            SandboxError::Ended(_) => ErrorCode::SandboxCrashed,
            SandboxError::Cancelled => ErrorCode::Cancelled,
        };
        Failure::new(code, error.to_string()).into()
    }
}
