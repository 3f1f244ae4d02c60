//! The measurements, by their exact names.

use std::time::Duration;

use dynamic_mcp::adapters::outbound::telemetry::prometheus::PrometheusMetrics;
use dynamic_mcp::domain::tool::EngineKind;
use dynamic_mcp::domain::{ErrorCode, RejectionKind};
use dynamic_mcp::ports::{HttpMetrics as _, Metrics as _};

fn exposition(metrics: &PrometheusMetrics) -> String {
    metrics.exposition().unwrap()
}

/// The sample of a line, without its value.
fn has(text: &str, sample: &str, value: &str) -> bool {
    text.lines().any(|line| line == format!("{sample} {value}"))
}

#[test]
fn everything_is_there_from_the_start() {
    let text = exposition(&PrometheusMetrics::new().unwrap());
    for (name, kind) in [
        ("dynamic_mcp_process_uptime_seconds", "gauge"),
        ("dynamic_mcp_http_sessions_active", "gauge"),
        ("dynamic_mcp_http_sessions_created_total", "counter"),
        ("dynamic_mcp_http_sessions_expired_total", "counter"),
        ("dynamic_mcp_http_auth_success_total", "counter"),
        ("dynamic_mcp_http_auth_denied_total", "counter"),
        ("dynamic_mcp_list_changes_total", "counter"),
        ("dynamic_mcp_list_change_notifications_total", "counter"),
    ] {
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name} in {text}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} in {text}");
        assert!(text.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}: {text}");
    }
    for kind in ["rate", "concurrency"] {
        assert!(has(&text, &format!("dynamic_mcp_rejections_total{{kind=\"{kind}\"}}"), "0"));
    }
    assert!(!text.contains("otel_scope") && !text.contains("target_info"), "{text}");
}

#[test]
fn what_is_measured_is_shown() {
    let metrics = PrometheusMetrics::new().unwrap();
    metrics.session_opened();
    metrics.session_opened();
    metrics.session_opened();
    metrics.session_closed(true);
    metrics.session_closed(false);
    metrics.authenticated(true);
    metrics.authenticated(false);
    metrics.authenticated(false);
    metrics.rejected(RejectionKind::Rate);
    metrics.notified(3);
    metrics.notified(0);
    metrics.call("text.upper", EngineKind::Embedded, None, Duration::from_millis(3));
    let outcome = Some(ErrorCode::Timeout);
    metrics.call("text.upper", EngineKind::Embedded, outcome, Duration::from_secs(2));
    metrics.sandbox_started(EngineKind::Embedded, Duration::from_micros(300));
    metrics.watch_pools(|| vec![(EngineKind::Embedded, 4), (EngineKind::Docker, 0)]);
    metrics.store("insert", true, Duration::from_micros(300));
    metrics.store("insert", false, Duration::from_micros(300));
    let text = exposition(&metrics);
    let call = "tool=\"text.upper\"";
    for (sample, value) in [
        ("dynamic_mcp_http_sessions_active", "1"),
        ("dynamic_mcp_http_sessions_created_total", "3"),
        ("dynamic_mcp_http_sessions_expired_total", "1"),
        ("dynamic_mcp_http_auth_success_total", "1"),
        ("dynamic_mcp_http_auth_denied_total", "2"),
        ("dynamic_mcp_rejections_total{kind=\"rate\"}", "1"),
        ("dynamic_mcp_list_changes_total", "2"),
        ("dynamic_mcp_list_change_notifications_total", "3"),
        (
            &format!(
                "dynamic_mcp_call_duration_seconds_count{{engine=\"embedded\",outcome=\"ok\",{call}}}"
            ),
            "1",
        ),
        (
            &format!(
                "dynamic_mcp_call_duration_seconds_bucket{{engine=\"embedded\",outcome=\"timeout\",{call},le=\"1\"}}"
            ),
            "0",
        ),
        (
            &format!(
                "dynamic_mcp_call_duration_seconds_bucket{{engine=\"embedded\",outcome=\"timeout\",{call},le=\"5\"}}"
            ),
            "1",
        ),
        ("dynamic_mcp_sandbox_start_duration_seconds_count{engine=\"embedded\"}", "1"),
        (
            "dynamic_mcp_sandbox_start_duration_seconds_bucket{engine=\"embedded\",le=\"0.0001\"}",
            "0",
        ),
        (
            "dynamic_mcp_sandbox_start_duration_seconds_bucket{engine=\"embedded\",le=\"0.001\"}",
            "1",
        ),
        ("dynamic_mcp_sandbox_pool_ready{engine=\"embedded\"}", "4"),
        ("dynamic_mcp_sandbox_pool_ready{engine=\"docker\"}", "0"),
        ("dynamic_mcp_store_duration_seconds_count{operation=\"insert\",outcome=\"ok\"}", "1"),
        ("dynamic_mcp_store_duration_seconds_count{operation=\"insert\",outcome=\"error\"}", "1"),
    ] {
        assert!(has(&text, sample, value), "{sample} {value} in {text}");
    }
}

#[test]
fn tools_can_not_make_the_exposition_grow_without_end() {
    let metrics = PrometheusMetrics::new().unwrap();
    for tool in 0..5_000 {
        let name = format!("tool.{tool}");
        metrics.call(&name, EngineKind::Embedded, None, Duration::from_millis(1));
    }
    let text = exposition(&metrics);
    let count = "dynamic_mcp_call_duration_seconds_count";
    assert_eq!(text.lines().filter(|line| line.starts_with(count)).count(), 201);
    let other = format!("{count}{{engine=\"embedded\",outcome=\"ok\",tool=\"_other\"}}");
    assert!(has(&text, &other, "4800"), "{text}");
}
