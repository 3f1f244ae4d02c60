//! MCP over standard input and output: one session, one line a message.
//!
//! [`streams`] takes the descriptors into the event loop, [`lines`] cuts lines of bounded length,
//! [`message`] reads or refuses them, [`outbox`] writes answers and holds back the reader while the client
//! does not read, [`ending`] sees the session to its end, and [`transport`] is what the SDK sees of all this.

mod ending;
mod lines;
mod message;
mod outbox;
#[cfg(unix)]
mod streams;
#[cfg(not(unix))]
#[path = "streams_portable.rs"]
mod streams;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use tokio::io::{AsyncRead, AsyncWrite};

use self::ending::Ending;
use self::outbox::Outbox;
use self::transport::StdioTransport;
use super::mcp::McpServer;
use crate::app::Lifecycle;

#[cfg(unix)]
pub use self::streams::adopt;

/// How long answers may take to leave once everything else has ended: a client that does not read must not
/// keep the process.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// Why the session ended badly.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The SDK gave up on the handshake.
    #[error("the session could not be opened: {0}")]
    Handshake(#[source] Box<ServerInitializeError>),
    /// The session's task failed, which is a defect.
    #[error("the session failed: {0}")]
    Session(#[source] tokio::task::JoinError),
}

/// Serves the process's standard streams until the client closes its end or the lifecycle drains. Either
/// way the lifecycle is drained when this returns: running calls had its grace to end, and what they
/// answered is written. A client that leaves before it has said anything is no error.
pub async fn serve(server: &McpServer, lifecycle: &Lifecycle) -> Result<(), StdioError> {
    serve_streams(server, lifecycle, streams::input(), streams::output()).await
}

/// As [`serve`], on other streams.
pub async fn serve_streams(
    server: &McpServer,
    lifecycle: &Lifecycle,
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<(), StdioError> {
    let outbox = Arc::new(Outbox::default());
    lifecycle.tasks.spawn(Arc::clone(&outbox).write_to(output));
    let ending = Arc::new(Ending::new(lifecycle.clone()));
    let transport = StdioTransport::new(input, Arc::clone(&outbox), Arc::clone(&ending));
    let session = async {
        // The handshake's future holds a whole message of each kind.
        let ended = match Box::pin(server.session().serve(transport)).await {
            Ok(session) => session.waiting().await.map(drop).map_err(StdioError::Session),
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(StdioError::Handshake(Box::new(error))),
        };
        ending.leave();
        outbox.finish(LAST_WRITES).await;
        ended
    };
    tokio::join!(session, ending.see_through(&outbox)).0
}
