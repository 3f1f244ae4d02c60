//! Which calls need an access token that says more. A transport asks before a call is begun, so that it can send its
//! client for such a token, which no result of a tool can do.

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::audit::AuditDraft;
use super::server::McpServer;
use super::tool::{ADMIN_TOKEN, Guarded};
use crate::app::AppError;
use crate::domain::access::Refusal;
use crate::domain::{Caller, Scope};

impl McpServer {
    /// Why this call of a tool is refused, where that is because only administrators may make it, `caller` is none and
    /// shows no admin token. The refusal counts and is told of as one by the tool itself; a call that the guard
    /// would not let in is left to the tool.
    pub fn demands_admin(
        &self,
        caller: &Caller,
        name: &str,
        arguments: Option<&RawValue>,
    ) -> Option<String> {
        let begun = Instant::now();
        let shared = self.shared();
        let route = shared.builtin(name)?;
        let error = shared.app.authorizer.check(caller, route.action, None).err()?;
        if !matches!(error, AppError::Refused(Refusal::AdminRequired)) {
            return None;
        }
        let arguments = arguments.map_or("{}", RawValue::get);
        let arguments: Map<String, Value> = serde_json::from_str(arguments).ok()?;
        if arguments.get(ADMIN_TOKEN).is_some_and(|token| !token.is_null()) {
            return None;
        }
        if route.guarded == Guarded::BySelf {
            shared.app.gate.enter(&Scope::builtin(route.name)).ok()?.failed();
        }
        let audit = AuditDraft::of(route.action, route.name, &arguments);
        audit.ended(shared, caller, begun.elapsed(), Err(&error));
        Some(error.public_message())
    }
}
