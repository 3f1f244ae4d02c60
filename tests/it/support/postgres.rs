//! A PostgreSQL server for tests: `TEST_DATABASE_URL` names it, and each test has a schema of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dynamic_mcp::adapters::outbound::store::postgres::{PgOptions, PgToolStore, SchemaName};
use dynamic_mcp::domain::tool::EngineKind;
use dynamic_mcp::ports::{NoMetrics, ToolStore as _};
use sqlx::{AssertSqlSafe, PgPool};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The server's URL.
pub(crate) fn url() -> String {
    std::env::var("TEST_DATABASE_URL").unwrap_or_else(|_| {
        panic!("TEST_DATABASE_URL names no PostgreSQL server: ./test starts one and sets it")
    })
}

/// A schema that nobody else uses; it is dropped with this.
pub(crate) struct TestSchema {
    pub(crate) name: String,
}

impl Default for TestSchema {
    fn default() -> Self {
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        Self { name: format!("test_{}_{number}", std::process::id()) }
    }
}

impl TestSchema {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A handle, ready for use.
    pub(crate) async fn open(
        &self,
        history: u32,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> PgToolStore {
        self.open_at(&url(), history, tasks, stop).await
    }

    /// As [`open`](Self::open), over another way to the server.
    pub(crate) async fn open_at(
        &self,
        url: &str,
        history: u32,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> PgToolStore {
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let options = PgOptions {
            schema: SchemaName::parse(&self.name).unwrap(),
            history,
            default_engine: EngineKind::Embedded,
            instance: format!("instance-{number}"),
            metrics: Arc::new(NoMetrics),
        };
        let store = PgToolStore::open(url, options, tasks, stop).unwrap();
        let ready = async {
            while store.health().await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.unwrap();
        store
    }

    /// A connection for what the store itself would not do; `{s}` in statements is the schema.
    pub(crate) async fn execute(&self, sql: &str) {
        let pool = PgPool::connect(&url()).await.unwrap();
        let sql = sql.replace("{s}", &self.name);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
        pool.close().await;
    }
}

impl Drop for TestSchema {
    fn drop(&mut self) {
        let name = self.name.clone();
        let drop = async move {
            let pool = PgPool::connect(&url()).await?;
            let sql = format!("DROP SCHEMA IF EXISTS {name} CASCADE");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await
        };
        // A runtime of its own: the test's may be ending.
        let dropping = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(drop)
        });
        dropping.join().ok();
    }
}
