//! The manifests, the chart and the compose file, judged by `tests/deploy/check.py`.

use std::process::Command;

use super::{file, text};

#[test]
fn manifests_chart_and_compose_file_are_what_they_should_be() {
    let checks = file("target/deploy-checks");
    let installed = std::fs::read_to_string(checks.join("installed")).unwrap_or_default();
    assert!(
        installed == text("tests/deploy/requirements.txt"),
        "what checks deploy/ is not installed: `./test` installs it and runs the tests, `scripts/prepare` \
         installs it alone"
    );
    let done = Command::new(checks.join("bin/python"))
        .arg(file("tests/deploy/check.py"))
        .arg(file(""))
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let looked_at: Vec<serde_json::Value> = serde_json::from_slice(&done.stdout).unwrap();
    assert!(looked_at.len() > 20, "only {} documents", looked_at.len());
}

/// The chart, the manifests and the program are of one version and one port.
#[test]
fn versions_agree() {
    let chart = text("deploy/helm/dynamic-mcp/Chart.yaml");
    let version = env!("CARGO_PKG_VERSION");
    assert!(chart.contains(&format!("\nappVersion: {version}\n")), "{chart}");
    let rust = env!("CARGO_PKG_RUST_VERSION");
    assert!(text("Dockerfile").contains(&format!("rust:{}", rust.trim_end_matches(".0"))));
}
