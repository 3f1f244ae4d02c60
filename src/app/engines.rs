//! The engines that this server has, and which of them runs a tool.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::execution::{Failure, SyntaxError};
use crate::domain::tool::{EngineChoice, EngineKind, ToolContent};
use crate::ports::{Engine, EngineError, EngineReport, ProgressFn};

/// Longest wait for an engine to know whether it is there.
const SETTLING: Duration = Duration::from_secs(6);

/// Every engine, by kind, and the operator's preference (`MCP_EXECUTION_ENGINE`).
#[derive(Clone)]
pub struct Engines {
    available: Arc<[Arc<dyn Engine>]>,
    preference: EngineChoice,
}

impl Engines {
    /// `available`: in the order in which `auto` prefers them.
    pub fn new(available: Vec<Arc<dyn Engine>>, preference: EngineChoice) -> Self {
        Self { available: available.into(), preference }
    }

    /// Sandboxes that stand ready, of each engine that keeps some.
    pub fn spare_sandboxes(&self) -> Vec<(EngineKind, usize)> {
        let spare = |engine: &Arc<dyn Engine>| Some((engine.kind(), engine.spare_sandboxes()?));
        self.available.iter().filter_map(spare).collect()
    }

    /// As configured.
    pub const fn preference(&self) -> EngineChoice {
        self.preference
    }

    /// The engine for a new revision. A tool's own choice wins, dependencies mean docker, and else the
    /// server's engine runs it. An engine that isn't here can still be the answer: the tool is stored, and
    /// its calls say what is missing.
    pub fn resolve(&self, choice: EngineChoice, has_dependencies: bool) -> EngineKind {
        match (choice, self.preference) {
            (EngineChoice::Embedded, _) => EngineKind::Embedded,
            (EngineChoice::Docker, _) => EngineKind::Docker,
            (EngineChoice::Auto, _) if has_dependencies => EngineKind::Docker,
            (EngineChoice::Auto, EngineChoice::Embedded) => EngineKind::Embedded,
            (EngineChoice::Auto, EngineChoice::Docker) => EngineKind::Docker,
            (EngineChoice::Auto, EngineChoice::Auto) => self
                .available
                .iter()
                .find(|engine| engine.report().ready)
                .or(self.available.last())
                .map_or(EngineKind::Embedded, |engine| engine.kind()),
        }
    }

    /// Waits until it is known which engines are there, where that decides what `auto` comes to.
    pub async fn settled(&self, choice: EngineChoice) {
        if (choice, self.preference) == (EngineChoice::Auto, EngineChoice::Auto) {
            let all = self.available.iter().map(|engine| engine.settled());
            let all = futures_util::future::join_all(all);
            // A daemon that takes longer to say that it is there counts as away.
            tokio::time::timeout(SETTLING, all).await.ok();
        }
    }

    /// The engine of this kind.
    pub fn get(&self, kind: EngineKind) -> Result<&Arc<dyn Engine>, EngineError> {
        self.available.iter().find(|engine| engine.kind() == kind).ok_or_else(|| {
            EngineError::Unavailable {
                kind,
                reason: format!("this server runs without the {} engine", kind.as_str()),
            }
        })
    }

    /// Parses code in a sandbox: the embedded engine's parser, or docker's where embedded isn't there.
    pub async fn check(&self, code: &str) -> Result<Result<(), SyntaxError>, EngineError> {
        let engine = match self.get(EngineKind::Embedded) {
            Ok(engine) => engine,
            Err(_) => self.get(EngineKind::Docker)?,
        };
        engine.check(code).await
    }

    /// Installs the dependencies of a definition that is to be written, and locks them, where its engine is up: its
    /// first call is then as fast as the next. Where the engine is away, the first call installs them.
    pub async fn lock(
        &self,
        content: &mut ToolContent,
        kind: EngineKind,
        progress: &ProgressFn<'_>,
    ) -> Result<(), Failure> {
        if content.dependencies.is_empty() || content.lock.is_some() {
            return Ok(());
        }
        let Ok(engine) = self.get(kind) else { return Ok(()) };
        match engine.install(&content.image, &content.dependencies, progress).await {
            Ok(lock) => content.lock = lock?,
            Err(error) => tracing::info!(%error, "dependencies are installed with the first call"),
        }
        Ok(())
    }

    /// What each engine can do now.
    pub fn reports(&self) -> Vec<EngineReport> {
        self.available.iter().map(|engine| engine.report()).collect()
    }

    /// Ends them all.
    pub async fn shutdown(&self) {
        for engine in self.available.iter() {
            engine.shutdown().await;
        }
    }
}
