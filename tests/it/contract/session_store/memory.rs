//! The store in memory. Its second handle is the same one.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::store::MemorySessionStore;
use dynamic_mcp::ports::SessionStore;

use super::{SessionHarness, sessions};

#[derive(Default)]
struct Memory(Arc<MemorySessionStore>);

#[async_trait]
impl SessionHarness for Memory {
    async fn open(&self) -> Arc<dyn SessionStore> {
        self.0.clone()
    }
}

sessions!(Memory::default());
