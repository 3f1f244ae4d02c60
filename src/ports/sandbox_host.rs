//! Interactive sandboxes, which live from one program to the next.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::ProgressFn;
use crate::domain::execution::Failure;
use crate::domain::image::ContainerImage;
use crate::domain::sandbox::{Program, ProgramLimits, ProgramOutput};

/// Starts sandboxes.
#[async_trait]
pub trait SandboxHost: Send + Sync {
    /// Starts one from an image. MUST come back in bounded time, and MUST leave nothing where it fails or is dropped.
    async fn start(&self, image: &ContainerImage) -> Result<Arc<dyn Sandbox>, SandboxError>;
}

/// One sandbox. What programs leave in its workspace stays for the next. Dropping it MUST end all that runs in it and
/// remove it, and so MUST the end of this process, however it comes.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// Runs a program to its end; one at a time, others wait. Soon after its time or after `cancel` nothing of it MUST
    /// run any more, nor after the future was dropped. `progress` hears how far its preparation is.
    async fn run(
        &self,
        program: Program,
        limits: ProgramLimits,
        progress: &ProgressFn<'_>,
        cancel: &CancellationToken,
    ) -> Result<ProgramOutput, SandboxError>;

    /// Whether it ended by itself, so that it can't be used any more. Cheap.
    fn has_ended(&self) -> bool;
}

/// Why a sandbox did not do it.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// There is no sandbox to be had now.
    #[error("sandbox sessions need Docker: {0}")]
    Unavailable(String),
    /// The sandbox is gone, and everything in it.
    #[error("the sandbox ended: {0}")]
    Ended(String),
    /// The program could not be prepared.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// Nobody waits for it any more.
    #[error("the command was cancelled")]
    Cancelled,
}
