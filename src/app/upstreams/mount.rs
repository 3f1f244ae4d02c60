//! One attached server: connected in the background, watched, and connected anew when the connection is lost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::Catalog;
use crate::domain::tool::ToolName;
use crate::domain::upstream::{Attachment, InvalidUpstream, Mounted, RemoteTool, UpstreamPolicy};
use crate::ports::{ServerInfo, UpstreamClient, UpstreamError, UpstreamSession};

/// Waits between attempts to connect: doubled each time, up to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_mins(1);
/// A connection that lasted so long was a good one: the next attempt comes soon.
const GOOD: Duration = Duration::from_secs(10);
/// The list is read at least so often: a server may have forgotten to tell of a change, or be gone unnoticed.
const REFRESH: Duration = Duration::from_mins(1);
/// Shortest time between two looks at the list, so that a server that tells of changes all the time costs little.
const SETTLE: Duration = Duration::from_millis(100);

/// Why a tool is not shown a second time.
const LOOP: &str = "it came from here";

/// A connection, and the tools that its server has.
pub(super) type Connected = (Arc<dyn UpstreamSession>, Vec<RemoteTool>);

/// An attached server.
pub(super) struct Mount {
    pub(super) attachment: Attachment,
    /// Tells this server from others.
    instance: Arc<str>,
    state: Mutex<State>,
    stop: CancellationToken,
    ended: CancellationToken,
}

/// How it is.
struct State {
    session: Option<Arc<dyn UpstreamSession>>,
    /// Why there is no session, or what is wrong although there is one.
    problem: Option<String>,
    server: Option<ServerInfo>,
    tools: Vec<ToolName>,
    left_out: Vec<(String, String)>,
}

/// What can be seen of it.
pub struct MountStatus {
    /// Whether calls can be made now.
    pub connected: bool,
    /// Why not, or what is wrong all the same.
    pub problem: Option<String>,
    /// Who the server says it is, as of the last connection.
    pub server: Option<ServerInfo>,
    /// Its tools, by their names here.
    pub tools: Vec<ToolName>,
    /// Tools that could not be mounted, by their own names, with the reason.
    pub left_out: Vec<(String, String)>,
}

impl Mount {
    pub(super) fn new(attachment: Attachment, instance: Arc<str>) -> Arc<Self> {
        let state = State {
            session: None,
            problem: Some("it is being connected".to_owned()),
            server: None,
            tools: Vec::new(),
            left_out: Vec::new(),
        };
        Arc::new(Self {
            attachment,
            instance,
            state: Mutex::new(state),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
        })
    }

    /// The connection, or why there is none.
    pub(super) fn session(&self) -> Result<Arc<dyn UpstreamSession>, String> {
        let state = self.state();
        state.session.clone().ok_or_else(|| state.problem.clone().unwrap_or_default())
    }

    pub(super) fn status(&self) -> MountStatus {
        let state = self.state();
        MountStatus {
            connected: state.session.is_some(),
            problem: state.problem.clone(),
            server: state.server.clone(),
            tools: state.tools.clone(),
            left_out: state.left_out.clone(),
        }
    }

    /// Shows nothing more from now on.
    pub(super) fn stop(&self) {
        // Whoever shows something now is done first.
        let _state = self.state();
        self.stop.cancel();
    }

    /// Ends it, and waits until its connection is closed.
    pub(super) async fn end(&self) {
        self.stop();
        self.ended.cancelled().await;
    }

    /// Keeps it connected until it is ended or `stopped`. `first`: a connection that is there already.
    pub(super) async fn keep(
        self: Arc<Self>,
        client: Arc<dyn UpstreamClient>,
        policy: UpstreamPolicy,
        catalog: Arc<Catalog>,
        first: Option<Connected>,
        stopped: CancellationToken,
    ) {
        let _ended = self.ended.clone().drop_guard();
        tokio::select! {
            () = self.connections(&*client, &policy, &catalog, first) => {}
            () = self.stop.cancelled() => {}
            () = stopped.cancelled() => {}
        }
        let session = self.state().session.take();
        if let Some(session) = session {
            session.close().await;
        }
    }

    /// One connection after the other, for ever.
    async fn connections(
        &self,
        client: &dyn UpstreamClient,
        policy: &UpstreamPolicy,
        catalog: &Catalog,
        mut first: Option<Connected>,
    ) {
        let mut wait = FIRST_RETRY;
        let alias = self.attachment.alias.as_str();
        loop {
            let connected = match first.take() {
                Some(first) => Ok(first),
                None => connect(client, policy, &self.attachment).await,
            };
            let problem = match connected {
                Ok((session, tools)) => {
                    tracing::info!(alias, tools = tools.len(), "an upstream is connected");
                    let since = Instant::now();
                    self.begin(Arc::clone(&session));
                    self.show(catalog, tools);
                    let problem = self.follow(&session, catalog).await;
                    self.lose(&problem);
                    if since.elapsed() >= GOOD {
                        wait = FIRST_RETRY;
                    }
                    session.close().await;
                    problem
                }
                Err(error) => {
                    let problem = error.to_string();
                    self.lose(&problem);
                    problem
                }
            };
            tracing::warn!(alias, problem, retry_ms = wait.as_millis(), "an upstream is away");
            tokio::time::sleep(wait).await;
            wait = LONGEST_RETRY.min(wait * 2);
        }
    }

    /// Follows the changes of the server's tools until the connection is lost; says how.
    async fn follow(&self, session: &Arc<dyn UpstreamSession>, catalog: &Catalog) -> String {
        let mut changes = session.changes();
        loop {
            let look = tokio::select! {
                () = session.closed() => false,
                change = changes.next() => change.is_some(),
                () = tokio::time::sleep(REFRESH) => true,
            };
            if !look {
                return UpstreamError::Unavailable("the connection was lost".to_owned())
                    .to_string();
            }
            match session.tools().await {
                Ok(tools) => self.show(catalog, tools),
                Err(error @ (UpstreamError::Unavailable(_) | UpstreamError::Timeout(_))) => {
                    return error.to_string();
                }
                // What it had before stays, since calls may still work.
                Err(error) => self.state().problem = Some(format!("its list of tools: {error}")),
            }
            tokio::time::sleep(SETTLE).await;
        }
    }

    pub(super) fn begin(&self, session: Arc<dyn UpstreamSession>) {
        let mut state = self.state();
        state.server = Some(session.server());
        state.session = Some(session);
        state.problem = None;
    }

    /// Shows the server's tools, unless this was stopped.
    pub(super) fn show(&self, catalog: &Catalog, tools: Vec<RemoteTool>) {
        let is_loop = |tool: &RemoteTool| tool.came_through(&self.instance);
        let (loops, tools): (Vec<_>, Vec<_>) = tools.into_iter().partition(is_loop);
        let tools = tools.into_iter().map(|tool| tool.through(&self.instance)).collect();
        let (mounted, left_out) = Mounted::all(&self.attachment.alias, tools);
        let mut state = self.state();
        state.tools = mounted.iter().map(|tool| tool.name.clone()).collect();
        let left_out = left_out.into_iter().map(|(name, why)| (name, why.to_string()));
        let loops = loops.into_iter().map(|tool| (tool.name, LOOP.to_owned()));
        state.left_out = left_out.chain(loops).collect();
        state.problem = None;
        if !self.stop.is_cancelled() {
            catalog.mount(&self.attachment.alias, mounted);
        }
    }

    fn lose(&self, problem: &str) {
        let mut state = self.state();
        state.session = None;
        state.problem = Some(problem.to_owned());
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects, and asks for the tools. What is kept may have been attached under another policy.
pub(super) async fn connect(
    client: &dyn UpstreamClient,
    policy: &UpstreamPolicy,
    attachment: &Attachment,
) -> Result<Connected, UpstreamError> {
    let refused = |why: InvalidUpstream| UpstreamError::Forbidden(why.to_string());
    policy.allows(&attachment.spec).map_err(refused)?;
    let session = client.connect(&attachment.spec).await?;
    match session.tools().await {
        Ok(tools) => Ok((session, tools)),
        Err(error) => {
            session.close().await;
            Err(error)
        }
    }
}
