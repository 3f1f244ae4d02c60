//! A store that is measured and traced.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::domain::tool::{Revision, ToolName, ToolRecord};
use crate::ports::{BoxStream, Listing, Metrics, StoreError, StoreEvent, ToolStore};

/// Passes everything on.
pub struct MeasuredStore {
    inner: Arc<dyn ToolStore>,
    metrics: Arc<dyn Metrics>,
}

impl MeasuredStore {
    /// In front of another.
    pub const fn new(inner: Arc<dyn ToolStore>, metrics: Arc<dyn Metrics>) -> Self {
        Self { inner, metrics }
    }

    async fn measure<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let span = tracing::debug_span!(
            "store",
            otel.name = format_args!("store {operation}"),
            otel.status_code = Empty,
            db.operation.name = operation,
        );
        let started = Instant::now();
        let result = work.instrument(span.clone()).await;
        // A conflict is an answer, not a failure of the store.
        let failed =
            matches!(&result, Err(StoreError::Unavailable { .. } | StoreError::Corrupt { .. }));
        if failed {
            span.record("otel.status_code", "ERROR");
        }
        self.metrics.store(operation, !failed, started.elapsed());
        result
    }
}

#[async_trait]
impl ToolStore for MeasuredStore {
    async fn list(&self) -> Result<Listing, StoreError> {
        self.measure("list", self.inner.list()).await
    }

    async fn get(&self, name: &ToolName) -> Result<Option<Arc<ToolRecord>>, StoreError> {
        self.measure("get", self.inner.get(name)).await
    }

    async fn last_revision(&self, name: &ToolName) -> Result<Option<Revision>, StoreError> {
        self.measure("last_revision", self.inner.last_revision(name)).await
    }

    async fn insert(&self, record: Arc<ToolRecord>, capacity: usize) -> Result<(), StoreError> {
        self.measure("insert", self.inner.insert(record, capacity)).await
    }

    async fn replace(&self, record: Arc<ToolRecord>, seen: Revision) -> Result<(), StoreError> {
        self.measure("replace", self.inner.replace(record, seen)).await
    }

    async fn remove(&self, name: &ToolName, seen: Revision) -> Result<(), StoreError> {
        self.measure("remove", self.inner.remove(name, seen)).await
    }

    async fn history(
        &self,
        name: &ToolName,
        limit: usize,
    ) -> Result<Vec<Arc<ToolRecord>>, StoreError> {
        self.measure("history", self.inner.history(name, limit)).await
    }

    fn watch(&self) -> BoxStream<StoreEvent> {
        self.inner.watch()
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.inner.health().await
    }
}
