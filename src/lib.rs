//! An MCP server whose tools are created, updated, versioned, disabled and deleted while it runs, each call in
//! a hardened sandbox.
//!
//! The map of the house, from the inside out:
//!
//! * [`domain`]: what a tool, a revision, a grant, a limit is. Pure.
//! * [`ports`]: the traits through which the use cases reach the world.
//! * [`app`]: the use cases, the configuration, and the composition root `app::wiring`.
//! * [`adapters`]: what calls us (`inbound`) and what we call (`outbound`).
//!
//! docs/architecture.md says which may know which, and where a change belongs.
//!
//! # As a library
//!
//! Without features (`default-features = false`) the domain, the ports and the use cases are left, with a store in
//! memory and the stand-ins of [`adapters::outbound::fakes`]: enough for a registry without a server.
//!
//! ```
//! # use std::error::Error;
//! use std::sync::Arc;
//!
//! use dynamic_mcp::adapters::outbound::fakes::{AnySchema, FakeClock, FakeEngine};
//! use dynamic_mcp::adapters::outbound::store::memory::MemoryStore;
//! use dynamic_mcp::app::{Catalog, CatalogLimits, CatalogParts, Engines, Gate};
//! use dynamic_mcp::domain::tool::{EngineChoice, Expected, Revision, ToolPolicy};
//! use dynamic_mcp::domain::{Actor, ErrorCode, GuardLimits};
//! use dynamic_mcp::ports::{NoLimit, NoMetrics};
//! use serde_json::{from_value, json};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! let catalog = Catalog::new(CatalogParts {
//!     store: Arc::new(MemoryStore::new(50)),
//!     schemas: Arc::new(AnySchema),
//!     engines: Engines::new(vec![Arc::new(FakeEngine::default())], EngineChoice::Auto),
//!     clock: Arc::new(FakeClock::new()),
//!     gate: Arc::new(Gate::new(GuardLimits::default(), Arc::new(NoLimit), Arc::new(NoMetrics))),
//!     limits: CatalogLimits { max_tools: 100, policy: ToolPolicy::default() },
//!     test_on_write: None,
//! });
//!
//! // What the fake engine takes for code is a script of a few words.
//! let draft = json!({ "name": "text.echo", "description": "Echoes.", "code": "echo" });
//! let tool = catalog.create(Actor::Local, from_value(draft)?).await?;
//! assert_eq!(tool.revision, Revision::FIRST);
//!
//! let patch = || from_value(json!({ "title": "Echo" }));
//! let seen = Expected::Exactly(tool.revision);
//! catalog.update(Actor::Local, "text.echo", patch()?, seen).await?;
//! // Whoever has seen only the first revision overwrites nothing.
//! let stale = catalog.update(Actor::Admin, "text.echo", patch()?, seen).await.unwrap_err();
//! assert_eq!(stale.code(), ErrorCode::RevisionConflict);
//! # Ok(())
//! # }
//! ```

pub mod adapters;
pub mod app;
pub mod domain;
pub mod ports;
