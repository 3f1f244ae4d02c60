//! Interactive sandboxes: whose they are, how many there may be, and when they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::clock::RandomIds;
use dynamic_mcp::adapters::outbound::fakes::FakeClock;
use dynamic_mcp::app::{AppError, Lifecycle, SandboxLimits, SandboxParts, Sandboxes};
use dynamic_mcp::domain::image::ContainerImage;
use dynamic_mcp::domain::sandbox::{Program, ProgramLimits, ProgramOutput};
use dynamic_mcp::domain::tool::ToolPolicy;
use dynamic_mcp::domain::{Caller, ErrorCode};
use dynamic_mcp::ports::{ProgressFn, Sandbox, SandboxError, SandboxHost};
use tokio_util::sync::CancellationToken;

/// Sandboxes in which a program is a number of milliseconds, and prints itself.
#[derive(Default)]
struct FakeHost {
    running: Arc<AtomicUsize>,
    away: AtomicBool,
}

struct FakeSandbox(Arc<AtomicUsize>);

impl Drop for FakeSandbox {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl SandboxHost for FakeHost {
    async fn start(&self, _: &ContainerImage) -> Result<Arc<dyn Sandbox>, SandboxError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(SandboxError::Unavailable("it is away".to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.running.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(FakeSandbox(Arc::clone(&self.running))))
    }
}

#[async_trait]
impl Sandbox for FakeSandbox {
    async fn run(
        &self,
        program: Program,
        limits: ProgramLimits,
        _: &ProgressFn<'_>,
        cancel: &CancellationToken,
    ) -> Result<ProgramOutput, SandboxError> {
        let Program::Shell(command) = program else { panic!("no module is run here") };
        let takes = Duration::from_millis(command.parse().unwrap());
        tokio::select! {
            () = tokio::time::sleep(takes.min(limits.timeout)) => {}
            () = cancel.cancelled() => return Err(SandboxError::Cancelled),
        }
        let timed_out = takes > limits.timeout;
        Ok(ProgramOutput {
            stdout: command,
            stderr: String::new(),
            exit_code: i64::from(timed_out),
            duration: takes,
            timed_out,
        })
    }

    fn has_ended(&self) -> bool {
        false
    }
}

/// Sandboxes on a host of fakes.
pub(crate) struct Place {
    pub(crate) sandboxes: Arc<Sandboxes>,
    host: Arc<FakeHost>,
    clock: Arc<FakeClock>,
    lifecycle: Lifecycle,
}

impl Place {
    pub(crate) fn new(max: usize) -> Self {
        let lifecycle = Lifecycle::new(Duration::from_secs(1));
        let host = Arc::new(FakeHost::default());
        let clock = Arc::new(FakeClock::new());
        let sandboxes = Arc::new(Sandboxes::new(SandboxParts {
            host: host.clone(),
            ids: Arc::new(RandomIds),
            clock: clock.clone(),
            limits: SandboxLimits {
                max,
                idle: Duration::from_mins(1),
                output_bytes: 1000,
                policy: ToolPolicy::default(),
            },
            lifecycle: lifecycle.clone(),
        }));
        lifecycle.tasks.spawn(Arc::clone(&sandboxes).tend());
        Self { sandboxes, host, clock, lifecycle }
    }

    async fn open(&self, caller: &Caller) -> String {
        self.sandboxes.initialize(caller, None, None).await.unwrap().id.to_string()
    }

    async fn exec(&self, caller: &Caller, id: &str, command: &str) -> Result<(), ErrorCode> {
        let commands = vec![command.to_owned()];
        let never = CancellationToken::new();
        let ran = self.sandboxes.exec(caller, id, commands, None, &never).await;
        ran.map(drop).map_err(|error| error.code())
    }

    fn running(&self) -> usize {
        self.host.running.load(Ordering::SeqCst)
    }
}

fn caller(subject: &str) -> Caller {
    Caller { subject: Some(subject.into()), ..Caller::local() }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_its_makers_alone() {
    let place = Place::new(4);
    let (alice, bob) = (caller("alice"), caller("bob"));
    let id = place.open(&alice).await;
    assert!(id.starts_with("mcp-sbx-"), "{id}");
    assert_eq!(place.exec(&alice, &id, "1").await, Ok(()));
    for stranger in [&bob, &Caller::local()] {
        assert_eq!(place.exec(stranger, &id, "1").await, Err(ErrorCode::NotFound));
        let refused = place.sandboxes.stop(stranger, &id).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NotFound);
        assert!(place.sandboxes.list(stranger).is_empty());
    }
    assert_eq!(place.sandboxes.list(&alice).len(), 1);
    place.sandboxes.stop(&alice, &id).unwrap();
    assert_eq!((place.running(), place.sandboxes.list(&alice).len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn there_are_never_more_than_the_most() {
    let place = Place::new(2);
    let alice = caller("alice");
    let opened = futures_util::future::join_all(
        (0..5).map(|_| place.sandboxes.initialize(&alice, None, None)),
    )
    .await;
    let refused = opened.iter().filter_map(|opened| opened.as_ref().err());
    assert!(refused.map(AppError::code).eq([ErrorCode::LimitReached; 3]));
    assert_eq!(place.running(), 2);
    let first = place.sandboxes.list(&alice)[0].id.to_string();
    place.sandboxes.stop(&alice, &first).unwrap();
    place.open(&alice).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_could_not_be_started_takes_no_place() {
    let place = Place::new(1);
    place.host.away.store(true, Ordering::SeqCst);
    let away = place.sandboxes.initialize(&Caller::local(), None, None).await.unwrap_err();
    assert_eq!(away.code(), ErrorCode::EngineUnavailable);
    place.host.away.store(false, Ordering::SeqCst);
    place.open(&Caller::local()).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_ends_and_one_that_works_does_not() {
    let place = Place::new(4);
    let local = Caller::local();
    let idle = place.open(&local).await;
    let brief = place.sandboxes.initialize(&local, None, Some(5_000)).await.unwrap();
    assert_eq!(brief.idle, Duration::from_secs(5));
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(place.exec(&local, brief.id.as_str(), "1").await, Err(ErrorCode::NotFound));
    let id = place.open(&local).await;
    let works = vec!["25000".to_owned(); 4];
    let never = CancellationToken::new();
    place.sandboxes.exec(&local, &id, works, None, &never).await.unwrap();
    assert_eq!(place.exec(&local, &idle, "1").await, Err(ErrorCode::NotFound));
    assert_eq!(place.exec(&local, &id, "1").await, Ok(()));
    assert_eq!(place.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn stopping_one_ends_what_runs_in_it() {
    let place = Place::new(1);
    let local = Caller::local();
    let id = place.open(&local).await;
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        place.sandboxes.stop(&local, &id).unwrap();
    };
    let (ran, ()) = tokio::join!(place.exec(&local, &id, "29000"), stopping);
    assert_eq!(ran, Err(ErrorCode::Cancelled));
    assert_eq!(place.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_list_says_when_each_was_used() {
    let place = Place::new(4);
    let local = Caller::local();
    let id = place.open(&local).await;
    place.clock.advance(Duration::from_secs(3));
    place.exec(&local, &id, "1").await.unwrap();
    let view = &place.sandboxes.list(&local)[0];
    assert_eq!((view.last_used_at - view.created_at).num_seconds(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_server_is_theirs() {
    let place = Place::new(4);
    let local = Caller::local();
    let id = place.open(&local).await;
    let running = place.exec(&local, &id, "29000");
    let ending = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        place.lifecycle.drain().await;
    };
    let (ran, ()) = tokio::join!(running, ending);
    assert_eq!(ran, Err(ErrorCode::Cancelled));
    place.lifecycle.finish().await;
    assert_eq!(place.running(), 0);
    let late = place.sandboxes.initialize(&local, None, None).await.unwrap_err();
    assert_eq!(late.code(), ErrorCode::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_refused_before_anything_runs() {
    let place = Place::new(4);
    let local = Caller::local();
    let never = CancellationToken::new();
    let image = place.sandboxes.initialize(&local, Some("other:1"), None).await.unwrap_err();
    assert!(image.public_message().contains("node:lts-slim"), "{image}");
    let idle = place.sandboxes.initialize(&local, None, Some(60_001)).await.unwrap_err();
    assert!(idle.public_message().contains("60000"), "{idle}");
    assert_eq!(place.running(), 0);
    let id = place.open(&local).await;
    for commands in [vec![], vec!["1".to_owned(); 21], vec![String::new()], vec!["\0".to_owned()]] {
        let refused = place.sandboxes.exec(&local, &id, commands, None, &never).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidInput);
    }
    let one = vec!["1".to_owned()];
    let refused = place.sandboxes.exec(&local, &id, one, Some(999), &never).await.unwrap_err();
    assert!(refused.public_message().contains("1000 to 120000 milliseconds"), "{refused}");
}
