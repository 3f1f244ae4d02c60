//! One program in a session: started beside the session's first process, listened to, and killed in time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::container::{Input, Output};
use super::super::dependencies::Installed;
use super::super::spec::WORKSPACE;
use super::Inner;
use super::gathered::Gathered;
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
        prepare(&inner, LINK, name, None, &cancel).await?;
    }
    let mark = inner.mark();
    let (command, module) = match program {
        Program::Shell(command) => (["shell".to_owned(), command], None),
        Program::JavaScript { code, .. } => {
            (["node".to_owned(), code.len().to_string()], Some(code))
        }
    };
    let command = shell(SCRIPT, &mark, &command);
    let started = Instant::now();
    let mut running = Running::start(&inner, command, module.is_some()).await?;
    if let Some(module) = module {
        running.write(module.as_bytes()).await?;
    }
    let ended = running.listen(&mark, limits, &cancel).await;
    let duration = started.elapsed();
    let (end, stdout, stderr) = ended;
    let exit_code = match end {
        End::Itself => running.exit_code().await?,
        End::Time | End::Flood | End::Cancelled => {
            running.kill().await;
            TIMED_OUT
        }
    };
    match end {
        End::Cancelled => Err(SandboxError::Cancelled),
        _ => Ok(ProgramOutput {
            stdout: stdout.text(),
            stderr: stderr.text(),
            exit_code,
            duration,
            timed_out: matches!(end, End::Time),
        }),
    }
}

/// Why a program is over.
enum End {
    Itself,
    Time,
    Flood,
    Cancelled,
}

/// A program that runs.
struct Running<'a> {
    inner: &'a Inner,
    exec: String,
    input: Input,
    output: Output,
}

impl<'a> Running<'a> {
    async fn start(
        inner: &'a Inner,
        command: Vec<String>,
        with_input: bool,
    ) -> Result<Self, SandboxError> {
        let config = ExecConfig {
            attach_stdin: Some(with_input),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command),
            working_dir: Some(WORKSPACE.to_owned()),
            ..ExecConfig::default()
        };
        let made = inner.client.create_exec(&inner.id, config).await;
        let exec = made.map_err(|error| gone(inner, &error))?.id;
        let started = inner.client.start_exec(&exec, None).await;
        match started.map_err(|error| gone(inner, &error))? {
            StartExecResults::Attached { output, input } => Ok(Self { inner, exec, input, output }),
            StartExecResults::Detached => {
                Err(SandboxError::Ended("its output can't be read".to_owned()))
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), SandboxError> {
        let written = async {
            self.input.write_all(bytes).await?;
            self.input.flush().await
        };
        written.await.map_err(|error| SandboxError::Ended(error.to_string()))
    }

    /// Gathers what is printed until the program is over, or has to be.
    async fn listen(
        &mut self,
        mark: &str,
        limits: ProgramLimits,
        cancel: &CancellationToken,
    ) -> (End, Gathered, Gathered) {
        let mut stdout = Gathered::new(mark, limits.output_bytes);
        let mut stderr = Gathered::new(mark, limits.output_bytes);
        let deadline = tokio::time::sleep(limits.timeout);
        tokio::pin!(deadline);
        let end = loop {
            tokio::select! {
                () = cancel.cancelled() => break End::Cancelled,
                () = &mut deadline => break End::Time,
                piece = self.output.next() => match piece {
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
            // Whatever is started meanwhile is killed by the next one. Where there are as many processes as there may
            // be, the killer can't be started, and is tried again.
            while !inner.ended.load(Ordering::Acquire) {
                let command = ["/bin/sh", "-c", KILL].map(ToOwned::to_owned).into();
                let started = Running::start(inner, command, false).await;
                let has_run = started.is_ok();
                if let Ok(mut killer) = started {
                    while let Some(Ok(_)) = killer.output.next().await {}
                }
                let found = inner.client.inspect_exec(&exec).await;
                if has_run && found.is_ok_and(|found| found.running != Some(true)) {
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
    }
}

/// Copies packages from their volume into the workspace.
async fn unpack(
    inner: &Inner,
    packages: &Installed,
    cancel: &CancellationToken,
) -> Result<(), SandboxError> {
    let options = DownloadFromContainerOptionsBuilder::default().path("/deps/node_modules").build();
    let archive = inner.client.download_from_container(packages.keeper(), Some(options));
    prepare(inner, UNPACK, packages.volume(), Some(Box::pin(archive)), cancel).await
}

type Archive = std::pin::Pin<
    Box<dyn futures_core::Stream<Item = Result<bytes::Bytes, bollard::errors::Error>> + Send>,
>;

/// Runs a step before a program.
async fn prepare(
    inner: &Inner,
    script: &str,
    name: &str,
    archive: Option<Archive>,
    cancel: &CancellationToken,
) -> Result<(), SandboxError> {
    let mark = inner.mark();
    let command = shell(script, &mark, &[name.to_owned()]);
    let mut running = Running::start(inner, command, archive.is_some()).await?;
    let limits = ProgramLimits { timeout: PREPARATION, output_bytes: 1000 };
    let feeding = async {
        let Some(mut archive) = archive else { return true };
        while let Some(piece) = archive.next().await {
            let Ok(piece) = piece else { return false };
            if running.input.write_all(&piece).await.is_err() {
                // Whoever reads it has ended, and says why.
                return true;
            }
        }
        // Some read to the end.
        running.input.shutdown().await.ok();
        true
    };
    let is_whole = tokio::select! {
        fed = tokio::time::timeout(PREPARATION, feeding) => fed.unwrap_or(false),
        () = cancel.cancelled() => true,
    };
    if !is_whole {
        running.kill().await;
        return Err(SandboxError::Ended("the packages could not be copied".to_owned()));
    }
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
        End::Time | End::Flood => {
            running.kill().await;
            Err(SandboxError::Ended("the packages could not be copied in time".to_owned()))
        }
    }
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
            SandboxError::Ended("its container is gone, perhaps for want of memory".to_owned())
        }
        _ => SandboxError::Unavailable("its daemon does not answer".to_owned()),
    }
}
