//! What ends the start although each value by itself is a good one, and what is never shown.

use dynamic_mcp::app::config::{ConfigError, Transport};

use super::{from_sources, from_variables};

#[test]
fn a_part_that_is_not_there_is_named_when_it_is_asked_for() {
    let name = "MCP_SANDBOX_SECRETS_FILE";
    let error = from_variables(&[(name, "/etc/secrets")]).unwrap_err();
    assert!(matches!(error, ConfigError::NotAvailable { .. }), "{error}");
    let sentence = error.to_string();
    assert!(sentence.contains(name) && sentence.contains("secrets"), "{sentence}");
}

#[test]
fn a_certificate_and_its_key_come_together() {
    let (certificate, key) = (("MCP_TLS_CERT", "cert.pem"), ("MCP_TLS_KEY", "key.pem"));
    assert!(from_variables(&[certificate, key]).unwrap().http.tls.is_some());
    assert!(from_variables(&[]).unwrap().http.tls.is_none());
    let sentence = from_variables(&[certificate]).unwrap_err().to_string();
    assert!(sentence.contains("MCP_TLS_KEY is required by MCP_TLS_CERT"), "{sentence}");
    let sentence = from_variables(&[key]).unwrap_err().to_string();
    assert!(sentence.contains("MCP_TLS_CERT is required by MCP_TLS_KEY"), "{sentence}");
}

#[test]
fn enterprise_keeps_an_audit_log_unless_told_otherwise() {
    let config = from_variables(&[("MCP_PROFILE", "enterprise")]).unwrap();
    assert!(config.audit.enabled);
    let without = [("MCP_PROFILE", "enterprise"), ("MCP_AUDIT_ENABLED", "false")];
    assert!(!from_variables(&without).unwrap().audit.enabled);
    assert!(!from_variables(&[]).unwrap().audit.enabled);
    assert!(from_variables(&[("MCP_AUDIT_ENABLED", "yes")]).unwrap().audit.enabled);
}

#[test]
fn the_node_engine_is_refused_with_its_reason() {
    let sentence = from_variables(&[("MCP_EXECUTION_ENGINE", "node")]).unwrap_err().to_string();
    assert!(sentence.contains("untrusted code with the server's own rights"), "{sentence}");
}

#[test]
fn docker_bin_is_taken_with_a_warning() {
    let config = from_variables(&[("MCP_SANDBOX_DOCKER_BIN", "podman")]).unwrap();
    assert!(config.warnings[0].contains("MCP_SANDBOX_DOCKER_BIN has no effect"));
}

#[test]
fn a_required_admin_token_must_be_there_and_not_empty() {
    let sentence = from_variables(&[("MCP_REQUIRE_ADMIN_TOKEN", "true")]).unwrap_err().to_string();
    assert!(sentence.contains("MCP_ADMIN_TOKEN is required"), "{sentence}");
    assert!(sentence.contains("MCP_REQUIRE_ADMIN_TOKEN"), "{sentence}");
    let sentence = from_variables(&[("MCP_ADMIN_TOKEN", " ")]).unwrap_err().to_string();
    assert!(sentence.contains("MCP_ADMIN_TOKEN is empty"), "{sentence}");
    assert!(from_variables(&[("MCP_REQUIRE_ADMIN_TOKEN", "false")]).is_ok());
}

#[test]
fn what_judges_tokens_must_be_whole_and_safe() {
    let jwt = [
        ("MCP_AUTH_MODE", "jwt"),
        ("MCP_AUTH_JWKS_URL", "https://id.example.com/jwks"),
        ("MCP_AUTH_ISSUER", "https://id.example.com"),
        ("MCP_AUTH_AUDIENCE", "https://mcp.example.com/mcp"),
        ("MCP_TRANSPORT", "http"),
    ];
    assert!(from_variables(&jwt).unwrap().auth.jwt.is_some());
    for name in ["MCP_AUTH_JWKS_URL", "MCP_AUTH_ISSUER", "MCP_AUTH_AUDIENCE"] {
        let rest: Vec<_> = jwt.into_iter().filter(|(other, _)| *other != name).collect();
        let sentence = from_variables(&rest).unwrap_err().to_string();
        assert!(sentence.contains(&format!("{name} is required")), "{sentence}");
    }
    let with = |name, value| {
        let mut all = jwt.to_vec();
        all.retain(|(other, _)| *other != name);
        all.push((name, value));
        from_variables(&all)
    };
    for local in ["http://127.0.0.1:9/jwks", "http://localhost/jwks", "http://[::1]:9/jwks"] {
        assert!(with("MCP_AUTH_JWKS_URL", local).is_ok(), "{local}");
    }
    for bare in ["http://id.example.com/jwks", "http://127.0.0.1.example.com/", "http://10.0.0.1/"]
    {
        let sentence = with("MCP_AUTH_JWKS_URL", bare).unwrap_err().to_string();
        assert!(sentence.contains("https"), "{sentence}");
    }
    for name in ["MCP_AUTH_REQUIRED_SCOPES", "MCP_AUTH_ADMIN_SCOPE"] {
        for wrong in ["two words", "a\"b", "back\\slash"] {
            let sentence = with(name, wrong).unwrap_err().to_string();
            assert!(sentence.contains(name), "{sentence}");
        }
    }
    let stdio = with("MCP_TRANSPORT", "stdio").unwrap();
    assert!(stdio.warnings.iter().any(|warning| warning.contains("over stdio")));
}

#[test]
fn admin_rights_come_from_a_token_a_scope_or_either() {
    let fleet = |more: &[(&str, &str)]| {
        let mut all = vec![
            ("MCP_PROFILE", "enterprise"),
            ("MCP_TRANSPORT", "http"),
            ("MCP_AUTH_MODE", "jwt"),
            ("MCP_AUTH_JWKS_URL", "https://id.example.com/jwks"),
            ("MCP_AUTH_ISSUER", "https://id.example.com"),
            ("MCP_AUTH_AUDIENCE", "https://mcp.example.com/mcp"),
        ];
        all.extend_from_slice(more);
        from_variables(&all)
    };
    let sentence = fleet(&[]).unwrap_err().to_string();
    assert!(sentence.contains("MCP_ADMIN_TOKEN is required"), "{sentence}");
    assert!(sentence.contains("MCP_AUTH_ADMIN_SCOPE"), "{sentence}");
    let open = fleet(&[("MCP_REQUIRE_ADMIN_TOKEN", "false")]).unwrap();
    assert!(!open.access_policy().admin_required);
    for more in [("MCP_AUTH_ADMIN_SCOPE", "mcp:admin"), ("MCP_ADMIN_TOKEN", "s3cret")] {
        assert!(fleet(&[more]).unwrap().access_policy().admin_required, "{more:?}");
    }
    let both = [("MCP_AUTH_ADMIN_SCOPE", "mcp:admin"), ("MCP_REQUIRE_ADMIN_TOKEN", "true")];
    assert!(fleet(&both).is_err(), "who asks for the token gets it");
    // Over stdio there are no scopes, so that none can be asked for.
    let mut config = fleet(&[("MCP_AUTH_ADMIN_SCOPE", "mcp:admin")]).unwrap();
    assert_eq!(config.admin_scope(), Some("mcp:admin"));
    config.server.transport = Transport::Stdio;
    assert_eq!(config.admin_scope(), None);
}

#[test]
fn secrets_are_in_no_debug_output_and_no_error() {
    let config = from_variables(&[("MCP_ADMIN_TOKEN", "s3cret-token")]).unwrap();
    assert!(!format!("{config:?}").contains("s3cret-token"));

    let directory = tempfile::tempdir().unwrap();
    let flags = [("MCP_ADMIN_TOKEN", "s3cret\0token"), ("MCP_DYNAMIC_PG_URL", "postgres://u:pw\0")];
    for flag in flags {
        let error = from_sources(&[flag], &[], directory.path()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(flag.0), "{shown}");
        assert!(!shown.contains("s3cret") && !shown.contains("pw"), "{shown}");
    }
}

#[test]
fn a_bad_value_of_a_part_that_is_not_used_is_refused_too() {
    let error = from_variables(&[("MCP_DYNAMIC_PG_INIT_BACKOFF_MS", "soon")]).unwrap_err();
    assert!(matches!(error, ConfigError::Invalid { .. }), "{error}");
}
