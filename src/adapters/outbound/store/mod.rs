//! Where tools are kept: in memory, or in a file that several servers may share.

mod feed;
#[cfg(feature = "file")]
pub mod file;
pub mod memory;

pub use memory::MemoryStore;
