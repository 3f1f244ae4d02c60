//! An engine runs code in a sandbox.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{BoxError, Host, ProgressFn};
use crate::domain::execution::{Completion, Failure, Job, SyntaxError};
use crate::domain::image::ContainerImage;
use crate::domain::tool::{Dependency, DependencyLock, EngineKind};

/// Runs code that nobody trusts.
///
/// Whatever the code does, [`run`](Self::run) MUST end soon after the job's timeout or after `cancel`,
/// MUST leave nothing running, and MUST say what happened in the completion's outcome. Nothing of one run
/// MUST be visible to another. Dropping the future MUST kill the run.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Which engine this is.
    fn kind(&self) -> EngineKind;

    /// Runs a job. What the code does, good or bad, is in the [`Completion`]; an `Err` means that the engine
    /// itself could not run it. `host` gets logs, progress and requests while it runs, in order.
    async fn run(
        &self,
        job: Job,
        host: Arc<dyn Host>,
        cancel: CancellationToken,
    ) -> Result<Completion, EngineError>;

    /// Parses code without running any of it, in a sandbox. The inner result is the verdict.
    async fn check(&self, code: &str) -> Result<Result<(), SyntaxError>, EngineError>;

    /// Resolves npm packages and installs them for later runs in this image; `progress` hears how far that is. The
    /// inner result is what they were resolved to, or why npm could not. An engine without packages answers `None`.
    async fn install(
        &self,
        _image: &ContainerImage,
        _dependencies: &[Dependency],
        _progress: &ProgressFn<'_>,
    ) -> Result<Result<Option<DependencyLock>, Failure>, EngineError> {
        Ok(Ok(None))
    }

    /// Waits until it is known whether the engine is there; MUST end within seconds.
    async fn settled(&self) {}

    /// What this engine can do now. Cheap.
    fn report(&self) -> EngineReport;

    /// Sandboxes that stand ready for runs to come; `None`: it keeps none. Cheap.
    fn spare_sandboxes(&self) -> Option<usize> {
        None
    }

    /// Ends everything that the engine keeps ready. Later runs fail with [`EngineError::Unavailable`].
    async fn shutdown(&self);
}

/// How strong the walls are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Every layer that the engine has holds.
    Full,
    /// The essential layer holds, some others could not be put up here.
    Degraded,
    /// The essential layer is missing: only a process of its own and limits.
    Reduced,
    /// Not known yet, or the engine is not there.
    Unknown,
}

impl Strength {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Degraded => "degraded",
            Self::Reduced => "reduced",
            Self::Unknown => "unknown",
        }
    }
}

/// What an engine can do now, for health, doctor and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineReport {
    /// Which engine.
    pub kind: EngineKind,
    /// Whether a run would start now.
    pub ready: bool,
    /// How strong its walls are.
    pub strength: Strength,
    /// In words: which layers hold, which do not, or why it isn't ready. Holds no path.
    pub detail: String,
}

/// Why an engine could not run a job.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// It is not there, not ready, or shutting down.
    #[error("the {kind} engine is not available: {reason}", kind = kind.as_str())]
    Unavailable {
        /// Which engine.
        kind: EngineKind,
        /// What to do about it; holds no path.
        reason: String,
    },
    /// It failed in a way that is a defect.
    #[error("the engine failed: {0}")]
    Internal(#[source] BoxError),
}
