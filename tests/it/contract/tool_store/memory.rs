//! The store in memory. Its second handle is the same one.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::store::MemoryStore;
use dynamic_mcp::ports::ToolStore;

use super::{HISTORY, StoreHarness, shared::shared, single::single, watched::watched};

struct Memory(Arc<MemoryStore>);

impl Memory {
    fn new() -> Self {
        Self(Arc::new(MemoryStore::new(HISTORY)))
    }
}

#[async_trait]
impl StoreHarness for Memory {
    async fn open(&self) -> Arc<dyn ToolStore> {
        self.0.clone()
    }
}

single!(Memory::new());
watched!(Memory::new());
shared!(Memory::new());
