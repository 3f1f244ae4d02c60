//! Stand-ins for what is outside, with behaviour: what the use cases are tested on, here and in programs that are
//! built on this library.
//!
//! Each does what its port promises, in memory and at once. The store's is
//! [`MemoryStore`](super::store::memory::MemoryStore), an engine's [`FakeEngine`]; what may be left out altogether has
//! its stand-in beside its port, such as [`NoAudit`](crate::ports::NoAudit).

mod audit;
mod clock;
mod engine;
mod schemas;

pub use audit::RecordingAudit;
pub use clock::FakeClock;
pub use engine::FakeEngine;
pub use schemas::AnySchema;
