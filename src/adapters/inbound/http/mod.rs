//! Streamable HTTP: MCP at one path, beside it the probes and the metrics.
//!
//! From the outside in: [`server`] accepts connections, [`connection`] serves one of them, [`router`] finds
//! the route, [`envelope`] puts the request id and the security headers on every answer, [`endpoint`] judges
//! an MCP request before the SDK sees it, [`bearer`] the credential that it shows, [`expiry`] ends streams with it,
//! [`request_session`] finds the session that it names, [`sessions`] take the place of the SDK's, and [`answer`] turns the
//! SDK's refusals into the shapes that are promised here. Every refusal is a [`refusal::Refusal`].

mod answer;
mod auth_audit;
mod bearer;
mod body;
mod caller;
mod capacity;
mod connection;
mod cors;
mod early_answer;
mod endpoint;
mod envelope;
mod expiry;
mod message;
mod options;
mod probes;
mod protected_resource;
mod rebinding;
mod refusal;
mod request_session;
mod router;
mod server;
mod sessions;
mod state;
mod tls;
mod trace;

pub use bearer::{Access, AdminScope, Demand};
pub use caller::caller;
pub use options::{BindError, HttpOptions};
pub use probes::{Check, Readiness};
pub use request_session::log_level;
pub use server::{HttpParts, HttpServer};
pub use tls::{TlsError, TlsFiles, examine as examine_certificate};
pub use trace::trace;
