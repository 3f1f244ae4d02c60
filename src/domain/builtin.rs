//! The names of every built-in tool, in any profile, compiled in or not: all of them are reserved, so
//! that a tool made on a small server can move to a large one.

use super::profile::Profile;
use super::tool::name::client_safe;

/// A built-in tool's documented name and the smallest profile that offers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Builtin {
    /// The documented name, such as `dynamic.tool.create`.
    pub name: &'static str,
    /// The smallest profile that offers it.
    pub profile: Profile,
}

const fn mvp(name: &'static str) -> Builtin {
    Builtin { name, profile: Profile::Mvp }
}

const fn enterprise(name: &'static str) -> Builtin {
    Builtin { name, profile: Profile::Enterprise }
}

/// Every built-in tool.
pub const BUILTINS: [Builtin; 23] = [
    mvp("dynamic.tool.create"),
    mvp("dynamic.tool.update"),
    mvp("dynamic.tool.delete"),
    mvp("dynamic.tool.list"),
    mvp("dynamic.tool.get"),
    mvp("dynamic.tool.enable"),
    mvp("dynamic.tool.call"),
    mvp("run_js_ephemeral"),
    mvp("system.health"),
    enterprise("dynamic.tool.history"),
    enterprise("dynamic.tool.rollback"),
    enterprise("dynamic.tool.search"),
    enterprise("dynamic.tool.test"),
    enterprise("sandbox.initialize"),
    enterprise("sandbox.exec"),
    enterprise("sandbox.run_js"),
    enterprise("sandbox.stop"),
    enterprise("sandbox.session.list"),
    enterprise("system.guard_metrics"),
    enterprise("system.runtime_config"),
    enterprise("upstream.mcp.attach"),
    enterprise("upstream.mcp.detach"),
    enterprise("upstream.mcp.list"),
];

/// Prefixes that no dynamic tool's name may have.
pub const RESERVED_PREFIXES: [&str; 4] = ["dynamic.", "sandbox.", "system.", "upstream."];

/// Whether `name`, or the spelling that clients see of it, belongs to a built-in tool or to one of the
/// reserved prefixes.
pub fn is_reserved(name: &str) -> bool {
    let safe = client_safe(name);
    RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || BUILTINS.iter().any(|builtin| builtin.name == name || client_safe(builtin.name) == safe)
}
