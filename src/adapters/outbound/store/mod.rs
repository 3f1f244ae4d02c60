//! Where tools are kept: in memory, in a file that several servers may share, or in PostgreSQL.

mod change_signal;
mod feed;
#[cfg(feature = "file")]
pub mod file;
pub mod memory;
pub mod memory_attachments;
pub mod memory_mailbox;
pub mod memory_sessions;
#[cfg(feature = "postgres")]
pub mod postgres;

pub use memory::MemoryStore;
pub use memory_attachments::MemoryAttachments;
pub use memory_mailbox::MemoryMailbox;
pub use memory_sessions::MemorySessionStore;
