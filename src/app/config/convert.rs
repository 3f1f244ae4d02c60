//! The configuration in the terms of the domain and of the use cases.

use super::{Config, Transport};
use crate::app::{CatalogLimits, RunLimits};
use crate::domain::tool::{Ceiling, DependencyPolicy, ToolPolicy};
use crate::domain::upstream::UpstreamPolicy;
use crate::domain::{AccessPolicy, Profile};

impl Config {
    /// What callers may do to the registry.
    pub fn access_policy(&self) -> AccessPolicy {
        AccessPolicy {
            read_only: self.store.read_only,
            admin_required: self.auth.admin_token.is_some() || self.admin_scope().is_some(),
        }
    }

    /// The scope that gives admin rights; none where there are no tokens.
    pub fn admin_scope(&self) -> Option<&str> {
        let over_http = self.server.transport == Transport::Http;
        self.auth.jwt.as_ref().filter(|_| over_http)?.admin_scope.as_deref()
    }

    /// What a definition may be, and how much of them there may be.
    pub fn catalog_limits(&self) -> CatalogLimits {
        CatalogLimits { max_tools: self.store.max_tools, policy: self.tool_policy() }
    }

    /// What a definition may be.
    pub fn tool_policy(&self) -> ToolPolicy {
        let sandbox = &self.sandbox;
        ToolPolicy {
            max_timeout_ms: sandbox.max_timeout_ms,
            images: sandbox.images.clone(),
            dependencies: DependencyPolicy {
                max: sandbox.max_dependencies,
                blocked: sandbox.blocked_packages.clone(),
            },
            ceiling: Ceiling {
                net: sandbox.allowed_hosts.clone(),
                secrets: sandbox.secrets.clone(),
            },
        }
    }

    /// What an attachment of another server may be.
    pub fn upstream_policy(&self) -> UpstreamPolicy {
        UpstreamPolicy {
            commands: self.upstream.commands.clone(),
            max_timeout_ms: self.sandbox.max_timeout_ms,
        }
    }

    /// Whether other servers can be attached.
    pub fn attaches(&self) -> bool {
        self.upstream.attach && self.server.profile.includes(Profile::Enterprise)
    }

    /// What every run may use, beside its own timeout.
    pub const fn run_limits(&self) -> RunLimits {
        RunLimits {
            output_bytes: self.sandbox.max_output_bytes,
            log_bytes: self.sandbox.max_log_bytes,
            host_calls: self.sandbox.max_host_calls,
        }
    }
}
