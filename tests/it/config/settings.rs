//! Every setting: its default, the ends of its range, and what lies beyond.

use std::time::Duration;

use dynamic_mcp::app::config::setting::{Empty, Kind};
use dynamic_mcp::app::config::{
    Backend, ConfigError, Engine, LogFormat, NameStyle, Transport, settings as all,
};
use dynamic_mcp::domain::Profile;

use super::{from_variables, setting};

/// Name, default, smallest, largest: the numbers that operators rely on.
const NUMBERS: [(&str, &str, u64, u64); 29] = [
    ("MCP_PORT", "8788", 1, 65_535),
    ("MCP_HTTP_SESSION_TTL_SECONDS", "1800", 1, 604_800),
    ("MCP_HTTP_MAX_SESSIONS", "10000", 1, 100_000),
    ("MCP_HTTP_MAX_REQUEST_BYTES", "1048576", 1, 16_777_216),
    ("MCP_DYNAMIC_MAX_TOOLS", "256", 1, 10_000),
    ("MCP_DYNAMIC_HISTORY", "50", 1, 1000),
    ("MCP_DYNAMIC_PG_INIT_MAX_ATTEMPTS", "10", 1, 100),
    ("MCP_DYNAMIC_PG_INIT_BACKOFF_MS", "1000", 1, 60_000),
    ("MCP_SANDBOX_MAX_DEPENDENCIES", "32", 1, 256),
    ("MCP_SANDBOX_MAX_OUTPUT_BYTES", "200000", 1, 10_000_000),
    ("MCP_SANDBOX_MAX_TIMEOUT_MS", "120000", 1000, 300_000),
    ("MCP_SANDBOX_MAX_LOG_BYTES", "65536", 0, 10_000_000),
    ("MCP_SANDBOX_MAX_HOST_CALLS", "1000", 0, 1_000_000),
    ("MCP_SANDBOX_SESSION_TIMEOUT_SECONDS", "1800", 1, 172_800),
    ("MCP_SANDBOX_POOL_SIZE", "2", 0, 64),
    ("MCP_SANDBOX_MAX_SESSIONS", "20", 1, 1000),
    ("MCP_TOOL_MAX_DEPTH", "8", 1, 64),
    ("MCP_TOOL_MAX_CONCURRENCY", "8", 1, 10_000),
    ("MCP_TOOL_MAX_CALLS_PER_WINDOW", "300", 1, 1_000_000),
    ("MCP_TOOL_RATE_WINDOW_MS", "60000", 1, 86_400_000),
    ("MCP_AUDIT_MAX_EVENT_BYTES", "20000", 1, 1_000_000),
    ("MCP_AUDIT_MAX_FILE_BYTES", "10000000", 1, 1_000_000_000),
    ("MCP_AUDIT_MAX_FILES", "5", 1, 100),
    ("MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH_MAX", "8", 1, 256),
    ("MCP_UPSTREAM_MAX_MESSAGE_BYTES", "4194304", 1024, 64 << 20),
    ("MCP_SHUTDOWN_GRACE_SECONDS", "10", 0, 300),
    ("MCP_SANDBOX_MEMORY_LIMIT", "512m", 6 << 20, 1 << 40),
    ("MCP_SANDBOX_DEPENDENCY_CACHE", "2g", 1 << 20, 1 << 40),
    ("MCP_SANDBOX_EMBEDDED_MEMORY", "128m", 16 << 20, 4 << 30),
];

/// Everything else that has a default.
const TEXTS: [(&str, &str); 19] = [
    ("MCP_PROFILE", "mvp"),
    ("MCP_TRANSPORT", "stdio"),
    ("MCP_TOOL_NAME_STYLE", "auto"),
    ("MCP_HOST", "127.0.0.1"),
    ("MCP_PATH", "/mcp"),
    ("MCP_DYNAMIC_BACKEND", "file"),
    ("MCP_DYNAMIC_STORE", ".dynamic-mcp/tools.redb"),
    ("MCP_DYNAMIC_READ_ONLY", "false"),
    ("MCP_DYNAMIC_TEST_ON_WRITE", "false"),
    ("MCP_DYNAMIC_PG_SCHEMA", "dynamic_mcp"),
    ("MCP_EXECUTION_ENGINE", "auto"),
    ("MCP_SANDBOX_ALLOW_WEAK", "false"),
    ("MCP_SANDBOX_CPU_LIMIT", "1"),
    ("MCP_SANDBOX_SESSION_NETWORK", "none"),
    ("MCP_SANDBOX_ALLOWED_IMAGES", "node:lts-slim"),
    ("MCP_SANDBOX_BLOCKED_PACKAGES", "child_process,node-pty,npm,pm2"),
    ("MCP_AUTH_MODE", "none"),
    ("MCP_AUDIT_FILE", ".dynamic-mcp/audit.log"),
    ("MCP_EXPERIMENTAL_UPSTREAM_MCP_ATTACH", "false"),
];

#[test]
fn numbers_have_the_documented_defaults_and_ranges() {
    for (name, default, smallest, largest) in NUMBERS {
        let setting = setting(name);
        assert_eq!(setting.default, Some(default), "{name}");
        let (Kind::Integer { min, max } | Kind::Memory { min, max }) = setting.kind else {
            panic!("{name} is no number");
        };
        assert_eq!((min, max), (smallest, largest), "{name}");
    }
    let numbers = all().filter(|s| matches!(s.kind, Kind::Integer { .. } | Kind::Memory { .. }));
    assert_eq!(numbers.count(), NUMBERS.len(), "a number is missing in the table of this test");
}

#[test]
fn the_rest_has_the_documented_defaults() {
    for (name, default) in TEXTS {
        assert_eq!(setting(name).default, Some(default), "{name}");
    }
}

#[test]
fn the_ends_of_every_range_are_taken_and_what_lies_beyond_is_not() {
    for (name, _, min, max) in NUMBERS {
        for good in [min, max] {
            let read = from_variables(&[(name, &good.to_string())]);
            assert!(read.is_ok(), "{name}={good}: {}", read.unwrap_err());
        }
        for bad in [min.checked_sub(1), Some(max + 1)].into_iter().flatten() {
            refused(name, &bad.to_string());
        }
    }
}

#[test]
fn numbers_are_never_read_by_their_leading_digits() {
    for (name, _, min, _) in NUMBERS {
        for bad in ["12abc", "3.7", "-1", "+8", "0x10", "1e3", "1_000", "ten"] {
            refused(name, bad);
        }
        if matches!(setting(name).kind, Kind::Integer { .. }) {
            refused(name, "64k");
        } else {
            assert!(from_variables(&[(name, &format!("{}k", min >> 10))]).is_ok(), "{name}");
            refused(name, "1.5g");
        }
    }
    for good in ["1", "0.01", "2.5", "1024"] {
        assert!(from_variables(&[("MCP_SANDBOX_CPU_LIMIT", good)]).is_ok(), "{good}");
    }
    for bad in ["0", "0.001", "1,5", "two", "1025", "-1"] {
        refused("MCP_SANDBOX_CPU_LIMIT", bad);
    }
}

#[test]
fn switches_take_eight_words_in_any_case() {
    let switches = all().filter(|s| matches!(s.kind, Kind::Switch)).map(|setting| setting.name);
    for name in switches {
        for off in ["0", "false", "no", "off", "FALSE", " off "] {
            assert!(from_variables(&[(name, off)]).is_ok(), "{name}={off}");
        }
        for bad in ["2", "maybe", "truee", "y"] {
            refused(name, bad);
        }
    }
    for on in ["1", "true", "yes", "on", "Yes"] {
        assert!(from_variables(&[("MCP_DYNAMIC_READ_ONLY", on)]).unwrap().store.read_only, "{on}");
    }
}

#[test]
fn words_are_taken_in_any_case_and_no_others() {
    for setting in all() {
        let Kind::Word(words) = setting.kind else { continue };
        for word in words {
            let spelled = from_variables(&[(setting.name, &word.to_uppercase())]);
            // Not there yet, or in need of another setting: understood all the same.
            let understood = matches!(
                &spelled,
                Err(ConfigError::NotAvailable { .. } | ConfigError::Missing { .. })
            );
            assert!(spelled.is_ok() || understood, "{}={word}: {spelled:?}", setting.name);
        }
        refused(setting.name, "something-else");
    }
}

#[test]
fn other_kinds_refuse_what_they_are_not() {
    for (name, bad) in [
        ("MCP_HOST", "http://127.0.0.1"),
        ("MCP_HOST", "a b"),
        ("MCP_PATH", "/metrics"),
        ("MCP_PATH", "/a b"),
        ("MCP_PUBLIC_URL", "mcp.example.com"),
        ("MCP_PUBLIC_URL", "ftp://mcp.example.com"),
        ("MCP_AUTH_JWKS_URL", "nowhere"),
        ("MCP_DYNAMIC_PG_SCHEMA", "a; drop schema b"),
        ("MCP_HTTP_ALLOWED_ORIGINS", "app.example.com"),
        ("MCP_HTTP_ALLOWED_HOSTS", "https://app.example.com"),
        ("MCP_SANDBOX_ALLOWED_HOSTS", "api.example.com"),
        ("MCP_SANDBOX_ALLOWED_IMAGES", "node:lts-slim,--privileged"),
    ] {
        refused(name, bad);
    }
}

#[test]
fn without_anything_set_everything_has_its_default() {
    let config = from_variables(&[]).unwrap();
    assert_eq!(config.server.profile, Profile::Mvp);
    assert_eq!(config.server.transport, Transport::Stdio);
    assert_eq!(config.server.name_style, NameStyle::Auto);
    assert_eq!(config.server.shutdown_grace, Duration::from_secs(10));
    assert_eq!((config.http.host.as_str(), config.http.port), ("127.0.0.1", 8788));
    assert_eq!(config.http.path, "/mcp");
    assert_eq!(config.http.session_ttl, Duration::from_mins(30));
    assert!(config.http.allowed_origins.is_empty() && config.http.allowed_hosts.is_empty());
    assert!(matches!(&config.store.backend, Backend::File(path) if path.ends_with("tools.redb")));
    assert_eq!((config.store.max_tools, config.store.history), (256, 50));
    assert_eq!(config.sandbox.engine, Engine::Auto);
    assert_eq!(config.sandbox.embedded_memory.bytes(), 128 << 20);
    assert_eq!(config.sandbox.container_memory.bytes(), 512 << 20);
    assert_eq!(config.sandbox.container_millicpus, 1000);
    assert_eq!(config.sandbox.max_depth, 8);
    assert_eq!(config.guard, dynamic_mcp::domain::GuardLimits::default());
    assert_eq!(config.tool_policy(), dynamic_mcp::domain::tool::ToolPolicy::default());
    assert_eq!(config.access_policy(), dynamic_mcp::domain::AccessPolicy::default());
    assert!(config.auth.jwt.is_none() && config.auth.admin_token.is_none());
    assert!(!config.audit.enabled && !config.upstream.attach);
    assert_eq!(config.telemetry.log_level, "info");
    assert_eq!(config.telemetry.log_format, LogFormat::Auto);
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn what_is_set_arrives() {
    let config = from_variables(&[
        ("MCP_PROFILE", "enterprise"),
        ("MCP_TRANSPORT", "http"),
        ("MCP_HOST", "0.0.0.0"),
        ("PORT", "9000"),
        ("MCP_PATH", "tools"),
        ("MCP_HTTP_ALLOWED_ORIGINS", "https://a.example, http://localhost:*"),
        ("MCP_HTTP_ALLOWED_HOSTS", "a.example,b.example:8443"),
        ("MCP_PUBLIC_URL", "https://mcp.example.com/tools"),
        ("MCP_DYNAMIC_STORE", "/data/tools.redb"),
        ("MCP_DYNAMIC_READ_ONLY", "yes"),
        ("MCP_ADMIN_TOKEN", "s3cret"),
        ("MCP_REQUIRE_ADMIN_TOKEN", "1"),
        ("MCP_EXECUTION_ENGINE", "embedded"),
        ("MCP_SANDBOX_ALLOWED_HOSTS", "https://*.example.com"),
        ("MCP_SECRET_API_KEY", "value"),
        ("MCP_SANDBOX_ALLOWED_IMAGES", "node:22,python:3"),
        ("MCP_SANDBOX_BLOCKED_PACKAGES", "left-pad"),
        ("MCP_SANDBOX_CPU_LIMIT", "1.5"),
        ("MCP_TOOL_MAX_CONCURRENCY", "100"),
        ("MCP_TOOL_NAME_STYLE", "underscore"),
    ])
    .unwrap();
    assert_eq!(config.server.profile, Profile::Enterprise);
    assert_eq!(config.server.transport, Transport::Http);
    assert_eq!(config.server.name_style, NameStyle::Underscore);
    assert_eq!((config.http.host.as_str(), config.http.port), ("0.0.0.0", 9000));
    assert_eq!(config.http.path, "/tools");
    assert_eq!(config.http.allowed_origins, ["https://a.example", "http://localhost:*"]);
    assert_eq!(config.http.allowed_hosts, ["a.example", "b.example:8443"]);
    assert_eq!(config.http.public_url.as_ref().unwrap().host_str(), Some("mcp.example.com"));
    let access = config.access_policy();
    assert!(access.read_only && access.admin_required);
    assert_eq!(config.sandbox.engine, Engine::Embedded);
    assert_eq!(config.sandbox.container_millicpus, 1500);
    assert_eq!(config.guard.max_concurrency, 100);
    let policy = config.tool_policy();
    assert_eq!(policy.ceiling.net.len(), 1);
    assert!(policy.ceiling.secrets.contains("API_KEY"));
    assert_eq!(policy.images.default_image().as_str(), "node:22");
    assert!(policy.dependencies.blocked.contains("left-pad"));
}

#[test]
fn an_empty_value_is_no_value_except_where_it_means_something() {
    for setting in all() {
        let read = from_variables(&[(setting.name, "")]);
        match setting.empty {
            Empty::Refused => {
                let sentence = read.unwrap_err().to_string();
                assert!(sentence.contains(setting.name), "{sentence}");
            }
            _ => assert!(read.is_ok(), "{}: {read:?}", setting.name),
        }
    }
    let config = from_variables(&[
        ("MCP_PORT", ""),
        ("PORT", "9000"),
        ("MCP_SANDBOX_ALLOWED_IMAGES", ""),
        ("MCP_SANDBOX_BLOCKED_PACKAGES", ""),
    ])
    .unwrap();
    assert_eq!(config.http.port, 9000);
    assert!(config.tool_policy().images.admit("anything:1").is_ok());
    assert!(config.tool_policy().dependencies.blocked.is_empty());
}

#[test]
fn flags_follow_one_rule_with_three_exceptions() {
    for setting in all() {
        let rule = setting.name.trim_start_matches("MCP_").to_lowercase().replace('_', "-");
        let expected = match setting.name {
            "MCP_SANDBOX_DOCKER_BIN" => "docker-bin",
            "MCP_SANDBOX_MEMORY_LIMIT" => "sandbox-memory",
            "MCP_SANDBOX_CPU_LIMIT" => "sandbox-cpu",
            _ => &rule,
        };
        assert_eq!(setting.flag(), expected);
    }
}

fn refused(name: &str, bad: &str) {
    let sentence = match from_variables(&[(name, bad)]) {
        Err(error @ ConfigError::Invalid { .. }) => error.to_string(),
        other => panic!("{name}={bad:?}: {other:?}"),
    };
    let allowed = setting(name).allowed();
    for part in [name, allowed.as_str(), "environment variable"] {
        assert!(sentence.contains(part), "{part:?} is not in: {sentence}");
    }
    assert!(sentence.contains(&format!("{bad:?}")), "{sentence}");
}
