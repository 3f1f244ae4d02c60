//! `doctor`: what works here, what does not, and what to do about it. Nothing is believed: the store is
//! read, and code is run in the sandbox.

use std::io::ErrorKind;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Screen, Verdict};
use crate::app::config::{Config, ConfigError, Engine, NameStyle, Transport};
use crate::app::host::NoSink;
use crate::app::{App, CallContext, EphemeralJob, Output};
use crate::domain::Caller;
use crate::domain::builtin::BUILTINS;
use crate::domain::tool::EngineKind;
use crate::domain::tool::name::client_safe;
use crate::ports::{EngineReport, Strength};

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Works,
    Attention,
    Broken,
}

struct Finding {
    what: &'static str,
    state: State,
    detail: String,
    /// What to do.
    advice: Option<String>,
}

fn finding(what: &'static str, state: State, detail: impl Into<String>) -> Finding {
    Finding { what, state, detail: detail.into(), advice: None }
}

impl Finding {
    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// How a thing is that another examined, in words.
#[derive(Debug)]
pub enum Look {
    /// It works.
    Works(String),
    /// It works, and somebody should see to it.
    Attention(String),
    /// It does not work.
    Broken(String),
}

impl Look {
    fn finding(self, what: &'static str, advice: &str) -> Finding {
        match self {
            Self::Works(detail) => finding(what, State::Works, detail),
            Self::Attention(detail) => finding(what, State::Attention, detail).advise(advice),
            Self::Broken(detail) => finding(what, State::Broken, detail).advise(advice),
        }
    }
}

/// What is needed over HTTP, where the settings ask for it.
#[derive(Debug, Default)]
pub struct Access {
    /// The keys of the tokens' issuer.
    pub keys: Option<Look>,
    /// The issuer itself, as clients find it.
    pub issuer: Option<Look>,
    /// The certificate.
    pub certificate: Option<Look>,
}

impl Access {
    fn findings(self) -> impl Iterator<Item = Finding> {
        let advice = [
            (self.keys, "token keys", "Nobody is let in without them: see to MCP_AUTH_JWKS_URL."),
            (
                self.issuer,
                "token issuer",
                "Clients find out there how to get a token: see to MCP_AUTH_ISSUER.",
            ),
            (
                self.certificate,
                "certificate",
                "Clients refuse it, or will: see to MCP_TLS_CERT and MCP_TLS_KEY.",
            ),
        ];
        advice.into_iter().filter_map(|(look, what, advice)| Some(look?.finding(what, advice)))
    }
}

/// Examines a server that was put together, or that could not be: `app` is then the reason.
pub async fn doctor(
    config: Result<&Config, &ConfigError>,
    app: Result<&App, String>,
    access: Access,
    screen: &mut Screen,
) -> Verdict {
    let mut findings = Vec::new();
    match config {
        Err(error) => findings.push(
            finding("configuration", State::Broken, error.to_string())
                .advise("Mend the setting; `dynamic-mcp --help` lists them all."),
        ),
        Ok(config) => {
            configuration(config, &mut findings);
            findings.extend(access.findings());
            match app {
                Err(reason) => findings.push(
                    finding("start", State::Broken, reason)
                        .advise("The server can't start until this is mended."),
                ),
                Ok(app) => {
                    if config.server.transport == Transport::Http {
                        findings.push(port(config).await);
                    }
                    findings.push(store(config, app).await);
                    // Engines get ready in the background; a call waits for that.
                    let trial = trial(app).await;
                    // The one that the call was not for may not be.
                    app.system.settled().await;
                    engines(config, app, &mut findings);
                    findings.push(trial);
                    findings.push(names(config, app));
                }
            }
        }
    }
    report(&findings, screen)
}

fn configuration(config: &Config, findings: &mut Vec<Finding>) {
    let profile = config.server.profile.as_str();
    let transport = match config.server.transport {
        Transport::Stdio => "stdio".to_owned(),
        Transport::Http => {
            let http = &config.http;
            format!("HTTP on {}:{}{}", http.host, http.port, http.path)
        }
    };
    findings.push(finding(
        "configuration",
        State::Works,
        format!("profile {profile}, over {transport}"),
    ));
    for warning in &config.warnings {
        findings.push(finding("configuration", State::Attention, warning.clone()));
    }
    let loopback = ["localhost", "127.0.0.1", "::1", "[::1]"].contains(&config.http.host.as_str());
    let open = config.auth.jwt.is_none() && config.auth.admin_token.is_none();
    if config.server.transport == Transport::Http && !loopback && open && !config.store.read_only {
        findings.push(
            finding(
                "access",
                State::Attention,
                "everybody who reaches the port may change the tools",
            )
            .advise("Set MCP_ADMIN_TOKEN or MCP_DYNAMIC_READ_ONLY, or listen on 127.0.0.1."),
        );
    }
}

/// Listens for a moment.
async fn port(config: &Config) -> Finding {
    let what = "port";
    let (host, port) = (config.http.host.as_str(), config.http.port);
    let advice = "Give another address with MCP_HOST and MCP_PORT.";
    match tokio::net::TcpListener::bind((host, port)).await {
        Ok(_) => finding(what, State::Works, format!("{host}:{port} can be listened on")),
        // It may well be this very server, at work.
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            finding(what, State::Attention, format!("something listens on {host}:{port} already"))
                .advise(format!("If it is not this server: {advice}"))
        }
        Err(error) => {
            finding(what, State::Broken, format!("{host}:{port}: {error}")).advise(advice)
        }
    }
}

async fn store(config: &Config, app: &App) -> Finding {
    let place = &config.store.backend;
    let count = app.catalog.snapshot().len();
    match app.catalog.health().await {
        Ok(()) => {
            let of = config.store.max_tools;
            finding("store", State::Works, format!("{count} of at most {of} tools in {place}"))
        }
        Err(error) => finding("store", State::Broken, format!("{place}: {error}"))
            .advise("Changes to tools fail until the store can be reached."),
    }
}

fn engines(config: &Config, app: &App, findings: &mut Vec<Finding>) {
    let reports = app.system.health().engines;
    for report in &reports {
        findings.push(engine(config, report));
    }
    if !reports.iter().any(|report| report.kind == EngineKind::Docker) {
        findings.push(
            finding("docker engine", State::Attention, "not in this build").advise(
                "Tools with npm dependencies are kept; their calls say engine_unavailable.",
            ),
        );
    }
}

fn engine(config: &Config, report: &EngineReport) -> Finding {
    let (what, wanted) = match report.kind {
        EngineKind::Embedded => ("embedded engine", Engine::Embedded),
        EngineKind::Docker => ("docker engine", Engine::Docker),
    };
    let detail = format!("strength {}: {}", report.strength.as_str(), report.detail);
    if !report.ready {
        let needed = config.sandbox.engine == wanted || report.kind == EngineKind::Embedded;
        let state = if needed { State::Broken } else { State::Attention };
        return finding(what, state, report.detail.clone());
    }
    let advice = match (report.strength, report.kind) {
        (Strength::Full, _) => return finding(what, State::Works, detail),
        // It has not made a container.
        (Strength::Unknown, _) => {
            "Calls that need this engine fail until then; the image is the first of MCP_SANDBOX_ALLOWED_IMAGES."
        }
        (_, EngineKind::Docker) => {
            "Tools run; a flaw in the kernel would meet fewer walls. Give the daemon its seccomp profile."
        }
        (_, EngineKind::Embedded) => {
            "Tools run; a flaw in the interpreter would meet fewer walls. Linux with user namespaces, seccomp and \
             Landlock has them all."
        }
    };
    finding(what, State::Attention, detail).advise(advice)
}

/// A real call.
async fn trial(app: &App) -> Finding {
    let context = CallContext {
        caller: Caller::local(),
        sink: Arc::new(NoSink),
        cancel: CancellationToken::new(),
    };
    let job = EphemeralJob {
        code: "return args.a + args.b;".to_owned(),
        args: json!({ "a": 2, "b": 3 }),
        image: None,
        dependencies: Vec::new(),
        timeout_ms: Some(5_000),
    };
    let broken = |detail: String| {
        finding("sandboxed call", State::Broken, detail).advise("No dynamic tool can be called.")
    };
    match app.runner.run_ephemeral(context, job).await {
        Ok(result) => match &result.output {
            Output::Value { value, .. } if *value == 5 => finding(
                "sandboxed call",
                State::Works,
                format!("2 + 3 came back as 5 in {} ms", result.receipt.duration_ms),
            ),
            Output::Value { value, .. } => broken(format!("2 + 3 came back as {value}")),
            Output::Rich(_) => broken("2 + 3 came back as content".to_owned()),
            Output::Failed(error) => broken(error.public_message()),
        },
        Err(error) => broken(error.public_message()),
    }
}

fn names(config: &Config, app: &App) -> Finding {
    let snapshot = app.catalog.snapshot();
    let tools = snapshot.tools().map(|tool| tool.record().name.to_string());
    let offered = BUILTINS.iter().filter(|tool| config.server.profile.includes(tool.profile));
    let all: Vec<String> = offered.map(|tool| tool.name.to_owned()).chain(tools).collect();
    let dotted = all.iter().filter(|name| client_safe(name) != **name).count();
    let what = "tool names";
    match config.server.name_style {
        NameStyle::Underscore => {
            finding(what, State::Works, "listed in their client-safe spelling")
        }
        NameStyle::Auto => finding(
            what,
            State::Works,
            format!("{dotted} names have dots; clients known to refuse them are shown underscores"),
        ),
        NameStyle::Dotted => finding(
            what,
            State::Attention,
            format!("{dotted} names have dots, and are listed so to every client"),
        )
        .advise("Claude Desktop, Codex and Copilot CLI refuse them; use MCP_TOOL_NAME_STYLE=auto."),
    }
}

fn report(findings: &[Finding], screen: &mut Screen) -> Verdict {
    let broken = findings.iter().filter(|finding| finding.state == State::Broken).count();
    if screen.json {
        let view = |finding: &Finding| {
            json!({
                "what": finding.what,
                "state": finding.state.word(),
                "detail": finding.detail,
                "advice": finding.advice,
            })
        };
        let checks: Vec<Value> = findings.iter().map(view).collect();
        screen.document(&json!({ "ok": broken == 0, "checks": checks }));
    } else {
        for Finding { what, state, detail, advice } in findings {
            let mark = format!("{:9}", state.word());
            let mark = match state {
                State::Works => screen.good(&mark),
                State::Attention => screen.odd(&mark),
                State::Broken => screen.bad(&mark),
            };
            screen.line(&format!("{mark}  {what:15}  {detail}"));
            if let Some(advice) = advice {
                screen.line(&format!("{:28}{}", "", screen.faint(advice)));
            }
        }
        screen.line("");
        screen.line(&match broken {
            0 => screen.good("Everything that is needed works."),
            1 => screen.bad("One thing that is needed is broken."),
            more => screen.bad(&format!("{more} things that are needed are broken.")),
        });
    }
    if broken == 0 { Verdict::Done } else { Verdict::Failed }
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Attention => "attention",
            Self::Broken => "broken",
        }
    }
}
