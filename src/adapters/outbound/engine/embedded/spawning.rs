//! Supplies the pool with processes that were started for one call each: the portable way.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::super::channel::{Channel, Received};
use super::super::protocol::{FromWorker, MAX_MESSAGE};
use super::pool::Pool;
use super::process::{Pipe, Process, Worker};
use super::walls::{NAMESPACES, SECCOMP, Walls};
use super::worker::{SINGLE, Setup};

/// How long a worker may take to be ready.
const START: Duration = Duration::from_secs(20);
/// How often spares beyond need are let go.
const TRIM: Duration = Duration::from_secs(5);
/// The first and the longest wait after a failed start.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What it takes to start workers.
pub(super) struct Spawning {
    pub(super) program: PathBuf,
    pub(super) setup: Setup,
    pub(super) require_namespaces: bool,
    pub(super) pool: Arc<Pool>,
    pub(super) stop: CancellationToken,
}

impl Spawning {
    /// Runs until stopped, or until there can't be workers.
    pub(super) async fn run(self) {
        let mut starting = JoinSet::new();
        let mut next_id = 1;
        let mut trim = tokio::time::interval(TRIM);
        trim.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut back_off = BACK_OFF.0;
        let mut serving = false;
        loop {
            let order = self.pool.order();
            for _ in 0..order.awaited + order.spare {
                starting.spawn(start(self.program.clone(), self.setup, next_id));
                next_id += 1;
            }
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = self.pool.demanded() => {}
                _ = trim.tick() => self.pool.trim(),
                Some(started) = starting.join_next() => {
                    let Ok(Some((worker, walls))) = started else {
                        tracing::warn!("a sandbox worker could not be started");
                        tokio::select! {
                            () = tokio::time::sleep(back_off) => {}
                            () = self.stop.cancelled() => break,
                        }
                        back_off = (back_off * 2).min(BACK_OFF.1);
                        self.pool.fail_order();
                        continue;
                    };
                    if let Some(why) = self.refusal(&walls) {
                        self.pool.close(why);
                        return;
                    }
                    if !serving {
                        self.pool.serving(walls);
                        serving = true;
                    }
                    back_off = BACK_OFF.0;
                    self.pool.supply(worker);
                }
            }
        }
        self.pool.close("the server is shutting down".to_owned());
    }

    fn refusal(&self, walls: &Walls) -> Option<String> {
        if !self.setup.allow_weak && !walls.has(SECCOMP) {
            return Some(format!(
                "its sandbox can't be put up on this machine ({}); MCP_SANDBOX_ALLOW_WEAK=true runs \
                 code without it",
                walls.describe()
            ));
        }
        (self.require_namespaces && !walls.has(NAMESPACES))
            .then(|| format!("namespaces are required: {}", walls.describe()))
    }
}

/// Starts a worker and waits until its walls stand.
async fn start(program: PathBuf, setup: Setup, id: u64) -> Option<(Worker, Walls)> {
    let mut command = tokio::process::Command::new(program);
    command
        .arg(SINGLE)
        .args(setup.to_args())
        .env_clear()
        .env("TZ", "UTC0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    // Ctrl-C in a terminal is for this server alone, which lets running calls end.
    #[cfg(unix)]
    command.current_dir("/").process_group(0);
    let mut child = command.spawn().ok()?;
    let (stdin, stdout) = (child.stdin.take()?, child.stdout.take()?);
    let mut worker = Worker {
        id,
        reader: Pipe(Box::new(stdout)),
        writer: Box::new(stdin),
        process: Process::Spawned(Box::new(child)),
    };
    let mut channel = Channel::receiving(&mut worker, MAX_MESSAGE);
    let received = tokio::time::timeout(START, channel.receive()).await.ok()?;
    let Received::Frame(frame) = received else { return None };
    let FromWorker::Ready(walls) = FromWorker::decode(frame)? else { return None };
    Some((worker, serde_json::from_str(&walls).ok()?))
}
