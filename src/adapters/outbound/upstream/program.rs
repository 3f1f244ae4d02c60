//! A program as an upstream: started in a process group of its own, and ended with everything that it started.
//!
//! The group is killed as one. What has left the group is found by a variable that every process of the program
//! inherits; only one that has left the group and emptied its environment gets away.

use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncRead;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio_util::codec::FramedRead;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::connect::ClientOptions;
use super::fault::Redactor;
use super::lines::{Bounded, Line, Lines};
use crate::domain::upstream::{Secret, StdioSpec};
use crate::ports::UpstreamError;

/// By its value the processes of one start are known.
const MARK: &str = "DYNAMIC_MCP_UPSTREAM";
/// Where programs are looked for unless the attachment says.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Longest line of a program's own log, in bytes; longer ones are left out.
const MAX_LOG_LINE: usize = 2048;
/// How long a program that has closed its output may take to be gone.
const MOMENT: Duration = Duration::from_millis(500);
/// Rounds of looking for processes that have left the group; a fork during one is found in the next.
#[cfg(target_os = "linux")]
const ROUNDS: usize = 20;
/// Longest wait in a round for one that was killed to be dead.
#[cfg(target_os = "linux")]
const DYING: rustix::event::Timespec = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };

static STARTS: AtomicU64 = AtomicU64::new(0);

/// A running program. Ended when dropped.
pub(super) struct Program {
    /// `None` while it runs, then how it ended.
    ended: watch::Receiver<Option<String>>,
    stop: CancellationToken,
    _stops: DropGuard,
}

impl Program {
    /// Starts it. Its own log goes to this server's, without secrets, for who debugs.
    pub(super) fn start(
        spec: &StdioSpec,
        options: &ClientOptions,
        redactor: Redactor,
        tasks: &TaskTracker,
    ) -> Result<(Self, Lines<ChildStdout, ChildStdin>), UpstreamError> {
        let mark = format!("{}-{}", std::process::id(), STARTS.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(&spec.command);
        command
            .args(spec.args.iter().map(Secret::expose))
            .env_clear()
            .env("PATH", PATH)
            .envs(spec.env.iter().map(|(name, value)| (name, value.expose())))
            .env(MARK, &mark)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(cwd) = &spec.cwd {
            command.current_dir(cwd);
        }
        let unstartable = |error: std::io::Error| {
            UpstreamError::Unavailable(format!("the program can't be started: {}", error.kind()))
        };
        let mut child = command.spawn().map_err(unstartable)?;
        let group = Group { leader: child.id().and_then(pid), mark };
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(UpstreamError::Unavailable("the program has no streams".to_owned()));
        };
        if let Some(stderr) = child.stderr.take() {
            tasks.spawn(show(stderr, redactor));
        }
        let (end, ended) = watch::channel(None);
        let stop = CancellationToken::new();
        tasks.spawn(keep(child, group, stop.clone(), options.end_grace, end));
        let program = Self { ended, stop: stop.clone(), _stops: stop.drop_guard() };
        Ok((program, Lines::new(stdout, stdin, options.max_message_bytes)))
    }

    /// How it ended, if it has by now or does in a moment.
    pub(super) async fn ended(&self) -> Option<String> {
        let mut ended = self.ended.clone();
        let end = tokio::time::timeout(MOMENT, ended.wait_for(Option::is_some)).await;
        end.ok()?.ok()?.clone()
    }

    /// Ends it, and waits until it and everything that it started is gone.
    pub(super) async fn end(&self) {
        self.stop.cancel();
        // An error only says that the task is gone, and the program with it.
        self.ended.clone().wait_for(Option::is_some).await.ok();
    }
}

/// Waits for the end, or brings it about.
async fn keep(
    mut child: Child,
    group: Group,
    stop: CancellationToken,
    grace: Duration,
    end: watch::Sender<Option<String>>,
) {
    let status = tokio::select! {
        status = child.wait() => Some(status),
        () = stop.cancelled() => tokio::time::timeout(grace, child.wait()).await.ok(),
    };
    group.kill();
    let status = match status {
        Some(status) => status,
        None => child.wait().await,
    };
    let how =
        status.map_or_else(|_| "its end is not known".to_owned(), |status| status.to_string());
    #[cfg(target_os = "linux")]
    {
        let mark = group.mark.clone();
        // Where the runtime ends meanwhile, dropping the group does what is left.
        tokio::task::spawn_blocking(move || kill_marked(&mark)).await.ok();
    }
    drop(group);
    end.send_replace(Some(how));
}

/// Everything that a program started, killed when dropped.
struct Group {
    leader: Option<Pid>,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "read where /proc is"))]
    mark: String,
}

impl Group {
    fn kill(&self) {
        if let Some(leader) = self.leader {
            // An error only says that nobody is left.
            kill_process_group(leader, Signal::KILL).ok();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// Kills every process that carries the mark, until there is none.
#[cfg(target_os = "linux")]
fn kill_marked(mark: &str) {
    let marked = format!("{MARK}={mark}");
    for _ in 0..ROUNDS {
        let Ok(processes) = std::fs::read_dir("/proc") else { return };
        let mut found = false;
        for process in processes.flatten() {
            let Some(id) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            found |= pid(id).is_some_and(|id| kill_if_marked(id, &marked));
        }
        if !found {
            return;
        }
    }
}

/// By a handle on the process, so that no other one that got its number meanwhile is hit; waits until it is dead.
#[cfg(target_os = "linux")]
fn kill_if_marked(id: Pid, marked: &str) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let Ok(handle) = pidfd_open(id, PidfdFlags::empty()) else { return false };
    let environment = std::fs::read(format!("/proc/{}/environ", id.as_raw_pid()));
    let is_marked = environment
        .is_ok_and(|all| all.split(|byte| *byte == 0).any(|entry| entry == marked.as_bytes()));
    if !is_marked || pidfd_send_signal(&handle, Signal::KILL).is_err() {
        return false;
    }
    // One that the kernel holds on to is looked for in the next round.
    poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&DYING)).ok();
    true
}

/// Reads on whatever comes, until there is no more: a program must not be held up by a full pipe, nor ended by a
/// closed one.
async fn show(stderr: impl AsyncRead + Unpin, redactor: Redactor) {
    let mut lines = FramedRead::new(stderr, Bounded::new(MAX_LOG_LINE));
    while let Some(Ok(line)) = lines.next().await {
        if let Line::Whole(line) = line {
            let line = String::from_utf8_lossy(&line);
            tracing::debug!(target: "upstream", "{}", redactor.redact(line.trim_end()));
        }
    }
}
