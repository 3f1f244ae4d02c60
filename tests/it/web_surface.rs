//! What code in the embedded sandbox finds of the web's APIs: every case of `tests/fixtures/web`, run by the
//! engine as a tool's code, and the table in `docs/dynamic-tools.md`, which lists what the cases are about.
//!
//! A case begins with `//# NAME: title`; lines that begin with `//> ` are what it logs, with `\n` for line ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::outbound::engine::embedded::{EmbeddedConfig, EmbeddedEngine};
use dynamic_mcp::domain::caller::Caller;
use dynamic_mcp::domain::execution::{Job, Limits};
use dynamic_mcp::domain::image::ContainerImage;
use dynamic_mcp::ports::Engine as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::host::RecordingHost;

/// What every case may use, on one line.
const HELPERS: &str = include_str!("../fixtures/web/helpers.js");

macro_rules! families {
    ($($family:ident),*) => {
        const FAMILIES: &[&str] =
            &[$(include_str!(concat!("../fixtures/web/", stringify!($family), ".js"))),*];
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $family() {
                all_hold(include_str!(concat!("../fixtures/web/", stringify!($family), ".js"))).await;
            }
        )*
    };
}
families!(
    absent, blob, buffer, clone, console, crypto, encoding, events, http, language, timers, url
);

struct Case<'a> {
    name: &'a str,
    title: &'a str,
    code: String,
    logs: Vec<String>,
}

fn cases(text: &str) -> impl Iterator<Item = Case<'_>> {
    text.split("//# ").skip(1).map(|case| {
        let (head, body) = case.split_once('\n').unwrap();
        let (name, title) = head.split_once(": ").unwrap();
        let logged = |line: &&str| line.starts_with("//> ");
        let code: Vec<&str> = body.lines().filter(|line| !logged(line)).collect();
        Case {
            name,
            title,
            code: format!("{}\n{}", HELPERS.trim_end(), code.join("\n")),
            logs: body.lines().filter(logged).map(|line| line[4..].replace("\\n", "\n")).collect(),
        }
    })
}

fn job(code: &str) -> Job {
    Job {
        tool: None,
        code: code.into(),
        args: "{}".to_owned(),
        caller: Caller { subject: None, scopes: Arc::new([]), client: None },
        dependencies: Arc::new([]),
        lock: None,
        image: ContainerImage::parse("node:lts-slim").unwrap(),
        limits: Limits { timeout: Duration::from_mins(1), ..Limits::default() },
    }
}

async fn all_hold(text: &str) {
    let config = EmbeddedConfig::new(env!("CARGO_BIN_EXE_dynamic-mcp"));
    let engine = EmbeddedEngine::start(config, &TaskTracker::new(), &CancellationToken::new());
    let mut broken = Vec::new();
    for case in cases(text) {
        let host = Arc::new(RecordingHost::default());
        let run = engine.run(job(&case.code), Arc::clone(&host) as _, CancellationToken::new());
        let completion = run.await.unwrap();
        if let Err(failure) = completion.outcome {
            broken.push(format!("{}: {}: {failure:?}", case.name, case.title));
        }
        let logs: Vec<String> = host
            .logs()
            .iter()
            .map(|entry| format!("{} {}", entry.level.as_str(), entry.data.as_str().unwrap()))
            .collect();
        if !case.logs.is_empty() && logs != case.logs {
            broken.push(format!("{}: {}: {logs:#?}", case.name, case.title));
        }
    }
    engine.shutdown().await;
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The names in the first column of a table of `docs/dynamic-tools.md`: of the rows between the two marks.
fn documented() -> BTreeSet<&'static str> {
    let page = include_str!("../../docs/dynamic-tools.md");
    let (_, from) = page.split_once("<!-- web surface: begin -->").unwrap();
    let (tables, _) = from.split_once("<!-- web surface: end -->").unwrap();
    let cells = tables.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    cells.flat_map(|cell| cell.trim_end_matches('`').split("`, `")).collect()
}

#[test]
fn the_documented_table_is_what_the_cases_are_about() {
    let tested: BTreeSet<&str> =
        FAMILIES.iter().flat_map(|family| cases(family)).map(|case| case.name).collect();
    assert_eq!(documented(), tested);
}
