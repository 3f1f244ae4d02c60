//! What a server lets its callers do to the registry.

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Call a tool.
    Use,
    /// Look at definitions: `dynamic.tool.list` and `.get`.
    Inspect,
    /// Change the registry.
    Manage,
    /// Use interactive sandboxes.
    Sandbox,
    /// Look at attached servers.
    InspectAttached,
    /// Attach and detach servers. That starts programs and opens connections with the rights of this server, so
    /// that it is for proven administrators alone.
    Attach,
}

/// The server's own rules, set at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccessPolicy {
    /// Every change is refused (`MCP_DYNAMIC_READ_ONLY`).
    pub read_only: bool,
    /// Inspecting and changing need admin rights, because the operator has said what gives them
    /// (`MCP_ADMIN_TOKEN`, `MCP_AUTH_ADMIN_SCOPE`).
    pub admin_required: bool,
}

/// Why an action is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The registry can't be changed.
    #[error(
        "this server is read-only: tools can be listed and called, not changed (MCP_DYNAMIC_READ_ONLY)"
    )]
    ReadOnly,
    /// No or a wrong admin token, and no token with the admin scope.
    #[error(
        "this needs admin rights: pass the admin token as the argument adminToken, or use an access token \
         with the admin scope"
    )]
    AdminRequired,
    /// Only administrators may, and nobody can prove to be one.
    #[error(
        "this is for administrators, and this server knows none: the operator has to set MCP_ADMIN_TOKEN or MCP_AUTH_ADMIN_SCOPE"
    )]
    NoAdmin,
}

impl AccessPolicy {
    /// Decides. `is_admin`: the caller has shown that it is one.
    ///
    /// The token is asked for before read-only is spoken of, so that a stranger learns nothing.
    pub const fn check(self, action: Action, is_admin: bool) -> Result<(), Refusal> {
        match action {
            Action::Use => Ok(()),
            Action::Inspect | Action::Manage | Action::Sandbox
                if self.admin_required && !is_admin =>
            {
                Err(Refusal::AdminRequired)
            }
            Action::InspectAttached | Action::Attach if !is_admin => {
                Err(if self.admin_required { Refusal::AdminRequired } else { Refusal::NoAdmin })
            }
            Action::Manage | Action::Attach if self.read_only => Err(Refusal::ReadOnly),
            Action::Inspect
            | Action::Manage
            | Action::Sandbox
            | Action::InspectAttached
            | Action::Attach => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules() {
        let open = AccessPolicy::default();
        let closed = AccessPolicy { read_only: true, admin_required: true };
        assert_eq!(open.check(Action::Manage, false), Ok(()));
        assert_eq!(closed.check(Action::Use, false), Ok(()));
        assert_eq!(closed.check(Action::Inspect, false), Err(Refusal::AdminRequired));
        assert_eq!(closed.check(Action::Inspect, true), Ok(()));
        assert_eq!(closed.check(Action::Manage, false), Err(Refusal::AdminRequired));
        assert_eq!(closed.check(Action::Manage, true), Err(Refusal::ReadOnly));
        assert_eq!(open.check(Action::Attach, false), Err(Refusal::NoAdmin));
        assert_eq!(open.check(Action::InspectAttached, false), Err(Refusal::NoAdmin));
        assert_eq!(closed.check(Action::Attach, false), Err(Refusal::AdminRequired));
        assert_eq!(closed.check(Action::Attach, true), Err(Refusal::ReadOnly));
        assert_eq!(closed.check(Action::InspectAttached, true), Ok(()));
        assert_eq!(open.check(Action::Attach, true), Ok(()));
    }
}
