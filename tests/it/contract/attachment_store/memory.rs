//! Attachments in memory. The second handle is the same one.

use std::sync::Arc;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::store::MemoryAttachments;
use dynamic_mcp::ports::AttachmentStore;

use super::{Harness, stamp};

#[derive(Default)]
struct Memory(Arc<MemoryAttachments>);

#[async_trait]
impl Harness for Memory {
    async fn open(&self) -> Arc<dyn AttachmentStore> {
        self.0.clone()
    }
}

stamp!(Memory::default());
