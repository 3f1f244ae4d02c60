//! What `deploy/` asks Prometheus for is what the server exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, VectorSelector, parse};
use serde_json::{Value, json};

use crate::e2e::server::Site;

const RULES: &str = "deploy/prometheus/alerts.yaml";
const DASHBOARD: &str = "deploy/grafana/dynamic-mcp.json";

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The expressions of the rules: on the line of their key, or folded below it.
fn alert_expressions() -> Vec<String> {
    let text = read(RULES);
    let mut lines = text.lines().peekable();
    let mut expressions = Vec::new();
    while let Some(line) = lines.next() {
        let Some(rest) = line.trim_start().strip_prefix("expr: ") else { continue };
        let indent = line.len() - line.trim_start().len();
        if rest != ">-" {
            expressions.push(rest.to_owned());
            continue;
        }
        let mut folded = Vec::new();
        while let Some(next) = lines.next_if(|next| next.len() - next.trim_start().len() > indent) {
            folded.push(next.trim());
        }
        expressions.push(folded.join(" "));
    }
    assert_eq!(expressions.len(), text.matches("- alert: ").count());
    expressions
}

fn dashboard_expressions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let mut expressions = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(panel["title"].is_string() && panel["gridPos"].is_object(), "{panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            expressions.push(expression.replace("$__rate_interval", "5m"));
        }
    }
    let variable = dashboard["templating"]["list"][1]["query"].as_str().unwrap();
    let metric = variable.trim_start_matches("label_values(").split(',').next().unwrap();
    expressions.push(metric.to_owned());
    expressions
}

/// Every metric that an expression looks at.
fn selectors(expression: &str) -> Vec<VectorSelector> {
    fn walk(expression: &Expr, found: &mut Vec<VectorSelector>) {
        match expression {
            Expr::Aggregate(aggregate) => walk(&aggregate.expr, found),
            Expr::Unary(unary) => walk(&unary.expr, found),
            Expr::Binary(binary) => {
                walk(&binary.lhs, found);
                walk(&binary.rhs, found);
            }
            Expr::Paren(paren) => walk(&paren.expr, found),
            Expr::Subquery(subquery) => walk(&subquery.expr, found),
            Expr::Call(call) => call.args.args.iter().for_each(|argument| walk(argument, found)),
            Expr::VectorSelector(selector) => found.push(selector.clone()),
            Expr::MatrixSelector(matrix) => found.push(matrix.vs.clone()),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }
    let parsed = parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let mut found = Vec::new();
    walk(&parsed, &mut found);
    found
}

/// What the built server shows after it has done a little of everything: each sample's name, with its labels.
async fn exported() -> BTreeMap<String, BTreeSet<String>> {
    let site = Site::new();
    let server = site.http_with(|_| vec!["--profile=enterprise".to_owned()]).await;
    let client = reqwest::Client::new();
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let tool = json!({ "tool": { "name": "text.one", "description": "d", "code": "return 1" } });
    for (name, arguments) in [("dynamic.tool.create", tool), ("text.one", json!({}))] {
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": name, "arguments": arguments, "_meta": meta },
        });
        let request = client
            .post(&server.url)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", name);
        let answer = request.json(&body).send().await.unwrap().text().await.unwrap();
        assert!(answer.contains("\"isError\":false"), "{answer}");
    }
    let url = server.url.replace("/mcp", "/metrics");
    let text = client.get(url).send().await.unwrap().text().await.unwrap();
    server.stop().await;
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels
            .trim_end_matches('}')
            .split("\",")
            .filter_map(|pair| pair.split_once('=').map(|(label, _)| label.to_owned()));
        names.entry(name.to_owned()).or_default().extend(labels);
    }
    names
}

#[tokio::test]
async fn every_metric_that_deploy_names_is_exported() {
    let exported = exported().await;
    let mut named = BTreeSet::new();
    for expression in alert_expressions().into_iter().chain(dashboard_expressions()) {
        for selector in selectors(&expression) {
            let name = selector.name.clone().unwrap();
            // What Prometheus itself adds to every target.
            if name == "up" {
                continue;
            }
            let labels = exported.get(&name);
            let labels = labels.unwrap_or_else(|| panic!("{expression}: there is no {name}"));
            for matcher in &selector.matchers.matchers {
                let known = labels.contains(&matcher.name) || matcher.name == "instance";
                assert!(known, "{expression}: {name} has no label {}", matcher.name);
                if matches!(matcher.op, MatchOp::Equal) && matcher.name == "outcome" {
                    let known = ["ok", "error", "written", "lost"].contains(&&*matcher.value)
                        || serde_json::from_value::<dynamic_mcp::domain::ErrorCode>(
                            matcher.value.clone().into(),
                        )
                        .is_ok();
                    assert!(known, "{expression}: there is no outcome {}", matcher.value);
                }
            }
            named.insert(name);
        }
    }
    // And nothing that is exported is left unseen.
    let family = |name: &str| {
        ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|part| name.strip_suffix(part))
            .unwrap_or(name)
            .to_owned()
    };
    let seen: BTreeSet<_> = named.iter().map(|name| family(name)).collect();
    let all: BTreeSet<_> = exported.keys().map(|name| family(name)).collect();
    assert_eq!(seen, all, "the dashboard shows every metric");
}
