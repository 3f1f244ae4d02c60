//! The rooms of the source: which other rooms and which crates each may know.

/// A part of the source and what it may name besides itself and the standard library.
pub(super) struct Room {
    /// The files: all whose name begins so.
    pub(super) files: &'static str,
    /// Other rooms, as paths below the crate's root.
    pub(super) knows: &'static [&'static str],
    /// Crates.
    pub(super) crates: Crates,
}

/// Which crates.
pub(super) enum Crates {
    /// Any.
    Any,
    /// These.
    Only(&'static [&'static str]),
    /// What every adapter may use, and these.
    Adapter(&'static [&'static str]),
}

/// What every adapter may use.
const COMMON: &[&str] = &[
    "async_trait",
    "bytes",
    "chrono",
    "futures_core",
    "futures_util",
    "schemars",
    "secrecy",
    "serde",
    "serde_json",
    "thiserror",
    "tokio",
    "tokio_util",
    "tracing",
    "url",
];

/// What nobody may name but the composition root and themselves.
const PRIVATE: &[&str] = &["app::wiring", "app::config::load"];

const EVERYTHING: &[&str] = &["app", "ports", "domain", "adapters"];
/// Inbound adapters call use cases and are told settings and metrics in the core's words.
const CALLERS: &[&str] = &["app", "ports", "domain", "adapters::inbound"];
/// Outbound adapters implement ports; who calls them is not their business.
const CALLED: &[&str] = &["ports", "domain"];

/// Engines share the way to a sandbox.
const SANDBOXES: &[&str] = &[
    "ports",
    "domain",
    "adapters::outbound::engine::exchange",
    "adapters::outbound::engine::frame",
    "adapters::outbound::engine::protocol",
    "adapters::outbound::engine::channel",
    "adapters::outbound::engine::sandbox",
];

/// What the engine of containers knows beside that: the way to their daemon.
const CONTAINERS: &[&str] = &[
    "ports",
    "domain",
    "adapters::outbound::docker",
    "adapters::outbound::engine::exchange",
    "adapters::outbound::engine::protocol",
    "adapters::outbound::engine::channel",
    "adapters::outbound::engine::sandbox",
];

/// The room of a file is the one with the longest `files`.
pub(super) const ROOMS: &[Room] = &[
    // The crate's roots and the composition root: the only ones that know everybody.
    room("src/lib.rs", EVERYTHING, Crates::Any),
    room("src/main.rs", EVERYTHING, Crates::Any),
    room("src/app/wiring", EVERYTHING, Crates::Any),
    // The core.
    room(
        "src/domain/",
        &[],
        Crates::Only(&[
            "chrono",
            "schemars",
            "serde",
            "serde_json",
            "serde_json_canonicalizer",
            "sha2",
            "thiserror",
            "url",
        ]),
    ),
    room(
        "src/ports/",
        &["domain"],
        Crates::Only(&[
            "async_trait",
            "chrono",
            "futures_core",
            "serde_json",
            "thiserror",
            "tokio_util",
        ]),
    ),
    room(
        "src/app/",
        &["ports", "domain"],
        Crates::Only(&[
            "arc_swap",
            "async_trait",
            "chrono",
            "futures_util",
            "imbl",
            "schemars",
            "secrecy",
            "serde",
            "serde_json",
            "sha2",
            "subtle",
            "thiserror",
            "tokio",
            "tokio_util",
            "tracing",
            "url",
        ]),
    ),
    // Where settings are read from files, the environment and flags.
    room("src/app/config/load", &["app", "ports", "domain"], Crates::Only(&["config", "dotenvy"])),
    // What calls us.
    adapter("src/adapters/mod.rs", &[], &[]),
    adapter("src/adapters/inbound/mod.rs", CALLERS, &[]),
    adapter("src/adapters/inbound/stdio", CALLERS, &["rmcp", "rustix"]),
    adapter("src/adapters/inbound/mcp/", CALLERS, &["arc_swap", "rmcp", "serde_path_to_error"]),
    adapter(
        "src/adapters/inbound/http/",
        CALLERS,
        &[
            "axum",
            "http",
            "http_body",
            "http_body_util",
            "hyper",
            "hyper_util",
            "rmcp",
            "rustix",
            "rustls",
            "sha2",
            "tokio_rustls",
            "tower",
        ],
    ),
    adapter(
        "src/adapters/inbound/cli/",
        CALLERS,
        &["clap", "http", "http_body_util", "hyper", "hyper_util", "jsonc_parser", "toml_edit"],
    ),
    // What we call.
    adapter("src/adapters/outbound/mod.rs", CALLED, &[]),
    adapter("src/adapters/outbound/audit/", CALLED, &[]),
    adapter(
        "src/adapters/outbound/auth/",
        CALLED,
        &[
            "arc_swap",
            "hashlink",
            "http",
            "http_body_util",
            "hyper_rustls",
            "hyper_util",
            "jsonwebtoken",
            "rustls",
            "sha2",
        ],
    ),
    adapter("src/adapters/outbound/clock.rs", CALLED, &["uuid"]),
    adapter(
        "src/adapters/outbound/docker/",
        CALLED,
        &["bollard", "getrandom", "hyper_rustls", "hyper_util", "rustls", "sha2", "tar"],
    ),
    adapter("src/adapters/outbound/fakes/", CALLED, &[]),
    adapter("src/adapters/outbound/heap.rs", CALLED, &["libc"]),
    adapter("src/adapters/outbound/limiter.rs", CALLED, &["governor"]),
    adapter("src/adapters/outbound/schema_check", CALLED, &["jsonschema_regex", "regex", "url"]),
    adapter("src/adapters/outbound/store/", CALLED, &[]),
    adapter(
        "src/adapters/outbound/store/file/",
        &[
            "ports",
            "domain",
            "adapters::outbound::store::change_signal",
            "adapters::outbound::store::feed",
        ],
        &["redb"],
    ),
    adapter(
        "src/adapters/outbound/store/postgres/",
        &[
            "ports",
            "domain",
            "adapters::outbound::store::change_signal",
            "adapters::outbound::store::feed",
        ],
        &["sqlx"],
    ),
    adapter("src/adapters/outbound/engine/", CALLED, &["getrandom"]),
    adapter("src/adapters/outbound/engine/docker/", CONTAINERS, &["bollard"]),
    adapter(
        "src/adapters/outbound/engine/embedded/",
        SANDBOXES,
        &["hmac", "landlock", "libc", "rquickjs", "rustix", "seccompiler", "sha1", "sha2"],
    ),
    adapter(
        "src/adapters/outbound/upstream/",
        CALLED,
        &["http", "reqwest", "rmcp", "rustix", "sse_stream"],
    ),
    adapter(
        "src/adapters/outbound/telemetry/",
        CALLED,
        &[
            "opentelemetry",
            "opentelemetry_otlp",
            "opentelemetry_prometheus",
            "opentelemetry_sdk",
            "prometheus",
            "tracing_opentelemetry",
            "tracing_subscriber",
        ],
    ),
];

const fn room(files: &'static str, knows: &'static [&'static str], crates: Crates) -> Room {
    Room { files, knows, crates }
}

const fn adapter(
    files: &'static str,
    knows: &'static [&'static str],
    own: &'static [&'static str],
) -> Room {
    Room { files, knows, crates: Crates::Adapter(own) }
}

/// The room that a file is in.
pub(super) fn of(file: &str) -> Option<&'static Room> {
    ROOMS.iter().filter(|room| file.starts_with(room.files)).max_by_key(|room| room.files.len())
}

impl Room {
    /// The room's own path below the crate's root.
    pub(super) fn own(&self) -> String {
        let inside = self.files.trim_start_matches("src/").trim_end_matches('/');
        inside.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::")
    }

    /// Whether it may name this path below the crate's root.
    pub(super) fn may_name(&self, path: &str) -> bool {
        let own = self.own();
        let within = |room: &str| is_within(path, room);
        if within(&own) {
            return true;
        }
        let composes = matches!(self.crates, Crates::Any);
        self.knows.iter().any(|room| within(room))
            && (composes || !PRIVATE.iter().any(|room| within(room)))
    }

    /// The crates that are listed for it.
    pub(super) const fn own_crates(&self) -> &'static [&'static str] {
        match self.crates {
            Crates::Any => &[],
            Crates::Only(crates) | Crates::Adapter(crates) => crates,
        }
    }

    /// Whether it may use this crate.
    pub(super) fn may_use(&self, name: &str) -> bool {
        match self.crates {
            Crates::Any => true,
            Crates::Only(crates) => crates.contains(&name),
            Crates::Adapter(own) => COMMON.contains(&name) || own.contains(&name),
        }
    }
}

/// Whether a path is a room's own, or something in it.
fn is_within(path: &str, room: &str) -> bool {
    path.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
