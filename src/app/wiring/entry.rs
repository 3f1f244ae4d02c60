//! The program: from the command line to an exit code.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::run::run;
use super::{Assembled, WiringError, assemble, telemetry};
use crate::adapters::inbound::cli::{
    self, Command, CommandError, Invocation, Screen, Verdict, doctor, init, tools,
};
use crate::app::config::{
    Config, ConfigError, ProcessEnvironment, Setting, Sources, Strings as _, load,
};

/// `EX_USAGE` of sysexits.h: the command line or the configuration can't be used.
const USAGE: u8 = 64;

/// Why the program ends without having done what it was asked.
enum Failure {
    /// The command line or a setting: 64.
    Usage(String),
    /// Anything else: 1.
    Other(String),
}

impl From<WiringError> for Failure {
    fn from(error: WiringError) -> Self {
        match error {
            WiringError::Config(error) => Self::Usage(error.to_string()),
            WiringError::AddressInUse(sentence) | WiringError::Start(sentence) => {
                Self::Other(sentence)
            }
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        Self::Other(error.to_string())
    }
}

/// Where the program stands.
struct Place {
    /// The working directory.
    directory: PathBuf,
    /// This program's own file.
    program: PathBuf,
    /// What to run as a sandbox worker: this program, also where its file was replaced meanwhile.
    worker: PathBuf,
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let invocation = match cli::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(stop) if stop.asked_for => {
            screen(false).line(&stop.text);
            return ExitCode::SUCCESS;
        }
        Err(stop) => return fail(&stop.text, USAGE),
    };
    match start(invocation) {
        Ok(Verdict::Done) => ExitCode::SUCCESS,
        Ok(Verdict::Failed) => ExitCode::FAILURE,
        Err(Failure::Usage(sentence)) => fail(&format!("dynamic-mcp: {sentence}"), USAGE),
        Err(Failure::Other(sentence)) => fail(&format!("dynamic-mcp: {sentence}"), 1),
    }
}

fn start(invocation: Invocation) -> Result<Verdict, Failure> {
    let place = place().map_err(|error| Failure::Other(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(error.to_string()))?;
    let verdict = runtime.block_on(command(invocation, &place));
    // A read of stdin that can't be taken back must not keep the program from ending.
    runtime.shutdown_background();
    verdict
}

fn place() -> std::io::Result<Place> {
    let program = std::env::current_exe()?;
    let own = Path::new("/proc/self/exe");
    let worker = if own.try_exists().unwrap_or(false) { own.to_owned() } else { program.clone() };
    Ok(Place { directory: std::env::current_dir()?, program, worker })
}

async fn command(invocation: Invocation, place: &Place) -> Result<Verdict, Failure> {
    let Invocation { command, flags } = invocation;
    let json = match &command {
        Command::Doctor { json } | Command::ToolsList { json } | Command::ToolsGet { json, .. } => {
            *json
        }
        Command::Call(args) => args.json,
        Command::Serve | Command::Demo | Command::Init(_) => false,
    };
    let mut screen = screen(json);
    match command {
        Command::Serve => serve(&settings(&flags, place)?, place).await,
        Command::Demo => demo(settings(&flags, place)?, place, &mut screen).await,
        Command::Init(args) => {
            let places = init::Places::new(&ProcessEnvironment, place.directory.clone());
            Ok(init::init(&args, &flags, &place.program, &places, &mut screen)?)
        }
        Command::Doctor { .. } => Ok(examine(settings(&flags, place), place, &mut screen).await),
        Command::Call(args) => {
            let server = open(&flags, place, &mut screen).await?;
            let verdict = cli::call(&server.app, &args, &mut screen).await;
            server.shutdown().await;
            Ok(verdict?)
        }
        Command::ToolsList { .. } => {
            let server = open(&flags, place, &mut screen).await?;
            let verdict = tools::list(&server.app, &mut screen);
            server.shutdown().await;
            Ok(verdict)
        }
        Command::ToolsGet { name, .. } => {
            let server = open(&flags, place, &mut screen).await?;
            let verdict = tools::get(&server.app, &name, &mut screen);
            server.shutdown().await;
            Ok(verdict?)
        }
    }
}

fn settings(flags: &[(&'static Setting, String)], place: &Place) -> Result<Config, ConfigError> {
    load(&Sources { flags, environment: &ProcessEnvironment, directory: &place.directory })
}

/// The server behind a command that only uses it. Without a log, warnings are said here.
async fn open(
    flags: &[(&'static Setting, String)],
    place: &Place,
    screen: &mut Screen,
) -> Result<Assembled, Failure> {
    let config = settings(flags, place)?;
    for warning in &config.warnings {
        screen.note(&format!("Warning: {warning}"));
    }
    Ok(assemble(&config, &place.worker).await?)
}

async fn serve(config: &Config, place: &Place) -> Result<Verdict, Failure> {
    telemetry::init(&config.telemetry)?;
    let server = assemble(config, &place.worker).await?;
    let transport = server.transport(config).await?;
    run(server, transport).await?;
    Ok(Verdict::Done)
}

async fn examine(
    config: Result<Config, ConfigError>,
    place: &Place,
    screen: &mut Screen,
) -> Verdict {
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            let access = doctor::Access::default();
            return doctor::doctor(Err(&error), Err(String::new()), access, screen).await;
        }
    };
    let access = access(&config).await;
    match assemble(&config, &place.worker).await {
        Ok(server) => {
            let verdict = doctor::doctor(Ok(&config), Ok(&server.app), access, screen).await;
            server.shutdown().await;
            verdict
        }
        Err(error) => doctor::doctor(Ok(&config), Err(error.to_string()), access, screen).await,
    }
}

#[cfg(feature = "http")]
async fn access(config: &Config) -> doctor::Access {
    super::auth::examine(config).await
}

#[cfg(not(feature = "http"))]
#[expect(clippy::unused_async, reason = "the other build's waits for the issuer")]
async fn access(_: &Config) -> doctor::Access {
    doctor::Access::default()
}

#[cfg(feature = "http")]
async fn demo(mut config: Config, place: &Place, screen: &mut Screen) -> Result<Verdict, Failure> {
    use crate::app::config::Transport;

    // What the demo shows is its own; only what is wrong goes beside it.
    if config.telemetry.log_level == "info" {
        config.telemetry.log_level = "warn";
    }
    telemetry::init(&config.telemetry)?;
    config.server.transport = Transport::Http;
    let server = assemble(&config, &place.worker).await?;
    let wanted = config.http.port;
    let mut transport = server.transport(&config).await;
    while matches!(transport, Err(WiringError::AddressInUse(_)))
        && config.http.port < wanted.saturating_add(16)
    {
        config.http.port += 1;
        transport = server.transport(&config).await;
    }
    let transport = transport?;
    if config.http.port != wanted {
        screen.note(&format!("Port {wanted} is taken; this is on {}.", config.http.port));
    }
    let address = transport.local_addr();
    let serving = run(server, transport);
    let showing = async {
        let Some(address) = address else { return Ok(()) };
        let token = config.auth.admin_token.as_ref();
        cli::demo::demo(address, &config.http.path, token, screen).await
    };
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => served?,
        shown = showing => {
            shown?;
            serving.await?;
        }
    }
    Ok(Verdict::Done)
}

#[cfg(not(feature = "http"))]
#[expect(clippy::unused_async, reason = "the other build's waits for its server")]
async fn demo(_: Config, _: &Place, _: &mut Screen) -> Result<Verdict, Failure> {
    let asked = "the demo".to_owned();
    Err(ConfigError::NotCompiled { asked, feature: "http" }.into())
}

fn screen(json: bool) -> Screen {
    let no_color = ProcessEnvironment.get("NO_COLOR").is_some_and(|value| !value.is_empty());
    Screen::stdout(json, no_color)
}

fn fail(sentence: &str, code: u8) -> ExitCode {
    screen(false).note(sentence);
    ExitCode::from(code)
}
