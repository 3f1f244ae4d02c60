//! One program in a session: started beside the session's first process, listened to, and killed in time.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, InspectContainerOptions};
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::container::{Input, Output};
use super::super::dependencies::Installed;
use super::super::random;
use super::super::spec::{USER, WORKSPACE};
use super::Inner;
use super::captured::CapturedOutput;
use crate::domain::sandbox::{Program, ProgramLimits, ProgramOutput, TIMED_OUT};
use crate::ports::SandboxError;

const SCRIPT: &str = include_str!("exec.sh");
/// Unpacks packages, and puts them where Node looks for them.
const UNPACK: &str = "mkdir -p /workspace/.packages/$3 && tar -x -C /workspace/.packages/$3; status=$?; \
                      printf %s%s $1 $2; printf %s%s $1 $2 >&2; exit $status";
const LINK: &str = "ln -sfn /workspace/.packages/$3/node_modules /workspace/node_modules; status=$?; \
                    printf %s%s $1 $2; printf %s%s $1 $2 >&2; exit $status";
/// All that the session's user runs, whatever it is; but not the session's first process, nor this one.
const KILL: &str = "kill -9 -1";
/// What has not ended so long after it was killed is ended with its session.
const DEATH: Duration = Duration::from_secs(5);
/// How often the daemon is asked whether a program has ended.
const POLL: Duration = Duration::from_millis(20);
/// A program that prints more than this, in bytes, is killed: nobody reads it.
const FLOOD: u64 = 64 << 20;
/// What the shell says of a program that was killed.
const KILLED: i64 = 128 + 9;
/// How long a container may take to end behind the programs in it.
const BEHIND: Duration = Duration::from_millis(500);
/// What is known of a container that is not there any more.
const LOST: &str = "its container is gone, perhaps for want of memory";
/// How often orphans that ended are reaped while a program runs.
const REAP: Duration = Duration::from_secs(1);
/// Longest preparation of packages.
const PREPARATION: Duration = Duration::from_mins(1);

/// Runs a program, when those before it have ended.
pub(super) async fn run(
    inner: Arc<Inner>,
    program: Program,
    packages: Option<Arc<Installed>>,
    limits: ProgramLimits,
    cancel: CancellationToken,
) -> Result<ProgramOutput, SandboxError> {
    let mut unpacked = tokio::select! {
        unpacked = inner.packages.lock() => unpacked,
        () = cancel.cancelled() => return Err(SandboxError::Cancelled),
    };
    if let Some(packages) = packages {
        let name = packages.volume();
        if !unpacked.contains(name) {
            unpack(&inner, &packages, &cancel).await?;
            unpacked.insert(name.to_owned());
        }
        prepare(&inner, LINK, name, Feed::Nothing, &cancel).await?;
    }
    let mark = mark()?;
    let (command, feed) = match program {
        Program::Shell(command) => (["shell".to_owned(), command], Feed::Nothing),
        Program::JavaScript { code, .. } => {
            (["node".to_owned(), code.len().to_string()], Feed::Text(code))
        }
    };
    let command = shell(SCRIPT, &mark, &command);
    let started = Instant::now();
    let mut running = Running::start(&inner, command, feed).await?;
    let (end, stdout, stderr) = running.listen(&mark, limits, &cancel).await;
    let duration = started.elapsed();
    let exit_code = match end {
        End::Itself => {
            let code = running.exit_code().await?;
            if code == KILLED && is_lost(&inner).await {
                inner.end();
                return Err(SandboxError::Ended(LOST.to_owned()));
            }
            code
        }
        End::Time | End::Flood | End::Cancelled | End::Cut => {
            running.kill().await;
            if matches!(end, End::Flood) { KILLED } else { TIMED_OUT }
        }
    };
    let mut stderr = stderr.text();
    match end {
        End::Cancelled => return Err(SandboxError::Cancelled),
        End::Flood => {
            // Writing to a text can't fail.
            write!(stderr, "\n[killed: it printed more than {} MiB]\n", FLOOD >> 20).ok();
        }
        End::Itself | End::Time | End::Cut => {}
    }
    let timed_out = matches!(end, End::Time);
    Ok(ProgramOutput { stdout: stdout.text(), stderr, exit_code, duration, timed_out })
}

/// Why a program is over.
enum End {
    Itself,
    Time,
    Flood,
    Cancelled,
    /// What it was to read ended too early.
    Cut,
}

/// What a program reads.
enum Feed {
    Nothing,
    /// It knows how long that is.
    Text(String),
    /// It reads to the end.
    Archive(Archive),
}

type Archive = std::pin::Pin<
    Box<dyn futures_core::Stream<Item = Result<bytes::Bytes, bollard::errors::Error>> + Send>,
>;

impl Feed {
    const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Gives it to a program, and says whether there was all of it. A program that ends before it has read it says why.
    async fn give(self, input: &mut Input) -> bool {
        match self {
            Self::Nothing => true,
            Self::Text(text) => {
                if input.write_all(text.as_bytes()).await.is_ok() {
                    input.flush().await.ok();
                }
                true
            }
            Self::Archive(mut archive) => {
                while let Some(piece) = archive.next().await {
                    let Ok(piece) = piece else { return false };
                    if input.write_all(&piece).await.is_err() {
                        return true;
                    }
                }
                input.shutdown().await.ok();
                true
            }
        }
    }
}

/// A program that runs.
struct Running<'a> {
    inner: &'a Inner,
    exec: String,
    feed: Feed,
    input: Input,
    output: Output,
}

impl<'a> Running<'a> {
    async fn start(
        inner: &'a Inner,
        command: Vec<String>,
        feed: Feed,
    ) -> Result<Self, SandboxError> {
        inner.reap().await;
        let config = ExecConfig {
            attach_stdin: Some(!feed.is_nothing()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command),
            user: Some(USER.to_owned()),
            working_dir: Some(WORKSPACE.to_owned()),
            ..ExecConfig::default()
        };
        let made = inner.client.create_exec(&inner.id, config).await;
        let exec = made.map_err(|error| gone(inner, &error))?.id;
        let started = inner.client.start_exec(&exec, None).await;
        match started.map_err(|error| gone(inner, &error))? {
            StartExecResults::Attached { output, input } => {
                Ok(Self { inner, exec, feed, input, output })
            }
            StartExecResults::Detached => {
                Err(SandboxError::Ended("its output can't be read".to_owned()))
            }
        }
    }

    /// Gives it what it reads and gathers what it prints, until it is over or has to be.
    async fn listen(
        &mut self,
        mark: &str,
        limits: ProgramLimits,
        cancel: &CancellationToken,
    ) -> (End, CapturedOutput, CapturedOutput) {
        let Self { inner, feed, input, output, .. } = self;
        let mut stdout = CapturedOutput::new(mark, limits.output_bytes);
        let mut stderr = CapturedOutput::new(mark, limits.output_bytes);
        let deadline = tokio::time::sleep(limits.timeout);
        let feed = std::mem::replace(feed, Feed::Nothing);
        let others = async {
            if !feed.give(input).await {
                return;
            }
            loop {
                tokio::time::sleep(REAP).await;
                inner.reap().await;
            }
        };
        tokio::pin!(deadline, others);
        let end = loop {
            tokio::select! {
                () = cancel.cancelled() => break End::Cancelled,
                () = &mut deadline => break End::Time,
                () = &mut others => break End::Cut,
                piece = output.next() => match piece {
                    Some(Ok(LogOutput::StdOut { message })) => stdout.take(&message),
                    Some(Ok(LogOutput::StdErr { message })) => stderr.take(&message),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => break End::Itself,
                },
            }
            if stdout.ended() && stderr.ended() {
                break End::Itself;
            }
            if stdout.total() + stderr.total() > FLOOD {
                break End::Flood;
            }
        };
        (end, stdout, stderr)
    }

    /// How the program ended; soon after it said that it did.
    async fn exit_code(&mut self) -> Result<i64, SandboxError> {
        let asked = Instant::now();
        loop {
            let found = self.inner.client.inspect_exec(&self.exec).await;
            let found = found.map_err(|error| gone(self.inner, &error))?;
            match (found.running, found.exit_code) {
                (Some(false), Some(code)) => return Ok(code),
                _ if asked.elapsed() > DEATH => {
                    self.inner.end();
                    return Err(SandboxError::Ended("a command did not end".to_owned()));
                }
                // What others print meanwhile is nobody's.
                _ => drop(tokio::time::timeout(POLL, self.drain()).await),
            }
        }
    }

    /// Reads on until the task is dropped.
    async fn drain(&mut self) {
        while let Some(Ok(_)) = self.output.next().await {}
        std::future::pending::<()>().await;
    }

    /// Kills everything in the session. Where that can't be done in time, the session ends with it.
    async fn kill(&mut self) {
        let (inner, exec) = (self.inner, self.exec.clone());
        let death = async {
            // Whatever is started meanwhile is killed by the next one; and where there was no room for one more process,
            // there may be now.
            while !inner.ended.load(Ordering::Acquire) {
                if kill_all(inner).await && has_ended(inner, &exec).await {
                    return;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        // The daemon takes a program for running as long as what it printed was not read.
        let death = async {
            tokio::select! {
                () = death => {}
                () = self.drain() => {}
            }
        };
        if tokio::time::timeout(DEATH, death).await.is_err() {
            tracing::warn!("a sandbox session was ended, because a command in it could not be");
            inner.end();
        }
        inner.reap().await;
    }
}

/// Kills all that runs in the session, and says whether it could.
async fn kill_all(inner: &Inner) -> bool {
    let command = ["/bin/sh", "-c", KILL].map(ToOwned::to_owned).into();
    let Ok(mut killer) = Running::start(inner, command, Feed::Nothing).await else { return false };
    while let Some(Ok(_)) = killer.output.next().await {}
    let killed = inner.client.inspect_exec(&killer.exec).await;
    // 1: there was nothing. More: it could not be run itself.
    killed.is_ok_and(|killer| matches!(killer.exit_code, Some(0 | 1)))
}

/// Whether the daemon says that a program has ended.
async fn has_ended(inner: &Inner, exec: &str) -> bool {
    inner.client.inspect_exec(exec).await.is_ok_and(|found| found.running == Some(false))
}

/// Whether a program was killed because its container was, which ends last.
async fn is_lost(inner: &Inner) -> bool {
    let asked = Instant::now();
    while asked.elapsed() < BEHIND {
        let found = inner.client.inspect_container(&inner.id, None::<InspectContainerOptions>);
        let state = found.await.ok().and_then(|found| found.state);
        if state.and_then(|state| state.running) != Some(true) {
            return true;
        }
        tokio::time::sleep(POLL).await;
    }
    false
}

/// Copies packages from their volume into the workspace.
async fn unpack(
    inner: &Inner,
    packages: &Installed,
    cancel: &CancellationToken,
) -> Result<(), SandboxError> {
    let options = DownloadFromContainerOptionsBuilder::default().path("/deps/node_modules").build();
    let archive = inner.client.download_from_container(packages.keeper(), Some(options));
    prepare(inner, UNPACK, packages.volume(), Feed::Archive(Box::pin(archive)), cancel).await
}

/// Runs a step before a program.
async fn prepare(
    inner: &Inner,
    script: &str,
    name: &str,
    feed: Feed,
    cancel: &CancellationToken,
) -> Result<(), SandboxError> {
    let mark = mark()?;
    let command = shell(script, &mark, &[name.to_owned()]);
    let mut running = Running::start(inner, command, feed).await?;
    let limits = ProgramLimits { timeout: PREPARATION, output_bytes: 1000 };
    let (end, _, said) = running.listen(&mark, limits, cancel).await;
    match end {
        End::Itself if running.exit_code().await? == 0 => Ok(()),
        End::Itself => Err(SandboxError::Ended(format!(
            "the packages could not be put into the workspace: {}",
            said.text().trim()
        ))),
        End::Cancelled => {
            running.kill().await;
            Err(SandboxError::Cancelled)
        }
        End::Time | End::Flood | End::Cut => {
            running.kill().await;
            Err(SandboxError::Ended("the packages could not be copied in time".to_owned()))
        }
    }
}

/// What no program prints by chance, nor knows before it is started.
fn mark() -> Result<String, SandboxError> {
    let letters = random::letters().map_err(|error| SandboxError::Ended(error.to_string()))?;
    Ok(String::from_utf8_lossy(&letters).into_owned())
}

/// The command that runs a script with a mark and arguments.
fn shell(script: &str, mark: &str, arguments: &[String]) -> Vec<String> {
    let (one, other) = mark.split_at_checked(mark.len() / 2).unwrap_or((mark, ""));
    let fixed = ["/bin/sh", "-c", script, "sh", one, other].map(ToOwned::to_owned);
    fixed.into_iter().chain(arguments.iter().cloned()).collect()
}

/// The daemon doesn't have the session any more, or is away.
fn gone(inner: &Inner, error: &bollard::errors::Error) -> SandboxError {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code: 404 | 409, .. } => {
            inner.end();
            SandboxError::Ended(LOST.to_owned())
        }
        _ => SandboxError::Unavailable("its daemon does not answer".to_owned()),
    }
}
