//! Flag > environment > `.env` > TOML file > default.

use std::fs;

use super::{from_sources, from_variables};

#[test]
fn the_first_source_that_has_a_setting_decides() {
    let directory = tempfile::tempdir().unwrap();
    let toml = directory.path().join("server.toml");
    fs::write(&toml, "port = 4\n").unwrap();
    fs::write(directory.path().join(".env"), "MCP_PORT=3\n").unwrap();
    let toml = ("MCP_CONFIG", toml.to_str().unwrap());
    let port = |flags: &[(&str, &str)], variables: &[(&str, &str)]| {
        from_sources(flags, variables, directory.path()).unwrap().http.port
    };
    assert_eq!(port(&[("MCP_PORT", "1")], &[("MCP_PORT", "2"), toml]), 1);
    assert_eq!(port(&[], &[("MCP_PORT", "2"), toml]), 2);
    assert_eq!(port(&[], &[("PORT", "2"), toml]), 2);
    assert_eq!(port(&[], &[toml]), 3);
    assert_eq!(port(&[toml], &[]), 3);
    fs::remove_file(directory.path().join(".env")).unwrap();
    assert_eq!(port(&[], &[toml]), 4);
    assert_eq!(port(&[], &[]), 8788);
}

#[test]
fn the_variable_counts_before_its_alias() {
    let config = from_variables(&[("PORT", "1"), ("MCP_PORT", "2")]).unwrap();
    assert_eq!(config.http.port, 2);
}

#[test]
fn a_toml_file_has_flat_keys_tables_lists_and_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let toml = directory.path().join("server.toml");
    fs::write(
        &toml,
        r#"
profile = "enterprise"
tool_max_concurrency = 16
[http]
max_sessions = 7
allowed_hosts = ["a.example", "b.example"]
[dynamic]
read_only = true
[sandbox]
cpu_limit = 2.5
memory_limit = "1g"
"#,
    )
    .unwrap();
    let config = from_sources(&[("MCP_CONFIG", toml.to_str().unwrap())], &[], directory.path());
    let config = config.unwrap();
    assert_eq!(config.guard.max_concurrency, 16);
    assert_eq!(config.http.max_sessions, 7);
    assert_eq!(config.http.allowed_hosts, ["a.example", "b.example"]);
    assert!(config.store.read_only);
    assert_eq!(config.sandbox.container_millicpus, 2500);
    assert_eq!(config.sandbox.container_memory.bytes(), 1 << 30);
}

#[test]
fn a_bad_toml_file_is_named_and_so_is_what_is_bad_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("server.toml");
    let refused = |text: &str| {
        fs::write(&path, text).unwrap();
        let config = [("MCP_CONFIG", path.to_str().unwrap())];
        let sentence = from_sources(&config, &[], directory.path()).unwrap_err().to_string();
        assert!(sentence.contains("server.toml"), "{sentence}");
        sentence
    };
    assert!(refused("port = ").contains("not TOML"));
    let unclosed = refused("port = 1\nadmin_token = \"hush-hush");
    assert!(unclosed.contains("line 2") && !unclosed.contains("hush"), "{unclosed}");
    assert!(refused("prot = 1").contains("did you mean 'port'?"));
    assert!(refused("[http]\nsesions = 1").contains("'http_sesions' is not a setting"));
    assert!(refused("http_max_sessions = 1\n[http]\nmax_sessions = 2").contains("twice"));
    assert!(refused("port = 3.7").contains("MCP_PORT must be an integer"));
    assert!(refused("port = 1979-05-27").contains("port"));
    assert!(refused("config = 'other.toml'").contains("'config' is not a setting"));
    let missing = [("MCP_CONFIG", "/nowhere/server.toml")];
    let sentence = from_sources(&missing, &[], directory.path()).unwrap_err().to_string();
    assert!(sentence.contains("/nowhere/server.toml"), "{sentence}");
}

#[test]
fn a_dotenv_file_may_be_another_programs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".env");
    fs::write(&path, "# comment\nOTHER LINE\nOTHER=a b c\nexport MCP_PROFILE='enterprise'\nX=1\n")
        .unwrap();
    let config = from_sources(&[], &[], directory.path()).unwrap();
    assert_eq!(config.server.profile, dynamic_mcp::domain::Profile::Enterprise);

    fs::write(&path, "MCP_ADMIN_TOKEN = to ken s3cret\n").unwrap();
    let sentence = from_sources(&[], &[], directory.path()).unwrap_err().to_string();
    assert!(sentence.contains("MCP_ADMIN_TOKEN") && sentence.contains(".env"), "{sentence}");
    assert!(!sentence.contains("s3cret"), "{sentence}");

    fs::write(&path, "MCP_PORT=64k\n").unwrap();
    let sentence = from_sources(&[], &[], directory.path()).unwrap_err().to_string();
    assert!(sentence.contains("MCP_PORT in "), "{sentence}");
    assert!(sentence.contains(".env"), "{sentence}");
}

#[test]
fn a_slip_in_a_variables_name_is_told() {
    let config =
        from_variables(&[("MCP_DYNAMIC_READONLY", "true"), ("MCP_OF_ANOTHER_PROGRAM", "1")]);
    let warnings = config.unwrap().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("did you mean 'MCP_DYNAMIC_READ_ONLY'?"), "{warnings:?}");
}
