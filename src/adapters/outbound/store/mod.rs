//! Where tools are kept: in memory, or in a file that several servers may share.

mod feed;
pub mod memory;

pub use memory::MemoryStore;
