//! Where tools are kept: in memory, in a file that several servers may share, or in PostgreSQL.

mod feed;
#[cfg(feature = "file")]
pub mod file;
pub mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;

pub use memory::MemoryStore;
