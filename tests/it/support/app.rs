//! The use cases on fakes, with handles to each fake.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::outbound::fakes::{FakeClock, FakeEngine, RecordingAudit};
use dynamic_mcp::adapters::outbound::store::memory::MemoryStore;
use dynamic_mcp::app::config::{Config, Values};
use dynamic_mcp::app::{
    App, Authorizer, CallContext, Catalog, CatalogLimits, CatalogParts, Engines, Examples,
    Executor, ExecutorParts, Gate, Lifecycle, RunLimits, Runner, RunnerParts, RuntimeConfig,
    Search, System, Testing,
};
use dynamic_mcp::domain::tool::{EngineChoice, ToolDraft, ToolPolicy};
use dynamic_mcp::domain::{AccessPolicy, Caller, GuardLimits};
use dynamic_mcp::ports::{Engine, NoLimit, NoMetrics, ToolStore};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::schema::CountedSchemas;
use super::sink::RecordingSink;

/// What a test may want to be different.
pub(crate) struct Setup {
    pub(crate) access: AccessPolicy,
    pub(crate) admin_token: Option<&'static str>,
    pub(crate) admin_scope: Option<&'static str>,
    pub(crate) guard: GuardLimits,
    pub(crate) max_tools: usize,
    pub(crate) policy: ToolPolicy,
    pub(crate) store: Arc<dyn ToolStore>,
    pub(crate) test_on_write: bool,
    /// Beside the embedded engine, and before it.
    pub(crate) docker: Option<Arc<FakeEngine>>,
    /// The server's own choice of engine.
    pub(crate) preference: EngineChoice,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            access: AccessPolicy::default(),
            admin_token: None,
            admin_scope: None,
            guard: GuardLimits { max_concurrency: 64, ..GuardLimits::default() },
            max_tools: 16,
            policy: ToolPolicy::default(),
            store: Arc::new(MemoryStore::new(50)),
            test_on_write: false,
            docker: None,
            preference: EngineChoice::Auto,
        }
    }
}

/// The use cases and the fakes behind them.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) engine: Arc<FakeEngine>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) schemas: Arc<CountedSchemas>,
    pub(crate) store: Arc<dyn ToolStore>,
    pub(crate) lifecycle: Lifecycle,
    #[cfg_attr(not(feature = "stdio"), expect(dead_code, reason = "read over a transport"))]
    pub(crate) audit: Arc<RecordingAudit>,
}

impl TestApp {
    pub(crate) fn new() -> Self {
        Self::with(Setup::default())
    }

    pub(crate) fn with(setup: Setup) -> Self {
        let engine = Arc::new(FakeEngine::default());
        let clock = Arc::new(FakeClock::new());
        let schemas = Arc::new(CountedSchemas::default());
        let lifecycle = Lifecycle::new(Duration::from_secs(10));
        let audit = Arc::new(RecordingAudit::default());
        let embedded: Arc<dyn Engine> = engine.clone();
        let docker = setup.docker.map(|docker| docker as Arc<dyn Engine>);
        let engines =
            Engines::new(docker.into_iter().chain([embedded]).collect(), setup.preference);
        let gate = Arc::new(Gate::new(setup.guard, Arc::new(NoLimit), Arc::new(NoMetrics)));
        let executor = Arc::new(Executor::new(ExecutorParts {
            engines: engines.clone(),
            schemas: schemas.clone(),
            metrics: Arc::new(NoMetrics),
            limits: RunLimits { output_bytes: 200_000, log_bytes: 65_536, host_calls: 1_000 },
            lifecycle: lifecycle.clone(),
        }));
        let examples =
            Arc::new(Examples::new(Arc::clone(&executor), audit.clone(), Duration::from_mins(2)));
        let catalog = Arc::new(Catalog::new(CatalogParts {
            store: Arc::clone(&setup.store),
            schemas: schemas.clone(),
            engines: engines.clone(),
            clock: clock.clone(),
            gate: Arc::clone(&gate),
            limits: CatalogLimits { max_tools: setup.max_tools, policy: setup.policy.clone() },
            test_on_write: setup.test_on_write.then(|| Arc::clone(&examples)),
        }));
        let runner = Arc::new(Runner::new(RunnerParts {
            catalog: Arc::clone(&catalog),
            engines: engines.clone(),
            executor,
            gate: Arc::clone(&gate),
            policy: setup.policy,
            audit: audit.clone(),
        }));
        let config = Config::read(&Values::default()).unwrap();
        let token = setup.admin_token.map(SecretString::from);
        let scope = setup.admin_scope.map(str::to_owned);
        let app = App {
            search: Arc::new(Search::new(Arc::clone(&catalog))),
            testing: Arc::new(Testing::new(Arc::clone(&catalog), examples)),
            catalog,
            runner,
            gate,
            authorizer: Arc::new(Authorizer::new(setup.access, token, scope)),
            system: Arc::new(System::new(engines, RuntimeConfig::of(&config))),
            upstreams: None,
            sandboxes: None,
            metrics: Arc::new(NoMetrics),
            audit: audit.clone(),
        };
        Self { app, engine, clock, schemas, store: setup.store, lifecycle, audit }
    }
}

/// A caller at the machine itself, and what its call tells it.
pub(crate) fn context() -> (CallContext, Arc<RecordingSink>) {
    let sink = Arc::new(RecordingSink::default());
    let context = CallContext {
        caller: Caller::local(),
        sink: sink.clone(),
        cancel: CancellationToken::new(),
    };
    (context, sink)
}

/// A draft with these fields over a small valid one.
pub(crate) fn draft(fields: &Value) -> ToolDraft {
    let mut draft = json!({ "name": "text.echo", "description": "Echoes.", "code": "echo" });
    draft.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    serde_json::from_value(draft).unwrap()
}
