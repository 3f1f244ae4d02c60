//! The connection to the daemon: made when it is first needed, and made anew after the daemon was away.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};

use super::endpoint::{DockerEnvironment, Endpoint, Found};
use super::error::DockerError;
use super::tls;

/// Longest wait for a daemon to begin its answer. What it does at length, such as pulling an image, it
/// answers as a stream.
const ANSWER: Duration = Duration::from_mins(1);
/// Longest wait for it to say who it is.
const HELLO: Duration = Duration::from_secs(5);
/// The oldest version of the API that has all that containers of ours need.
const OLDEST: (u32, u32) = (1, 41);

/// A daemon that may be there or not. Shared by everything that uses Docker.
#[derive(Debug)]
pub struct Connection {
    environment: DockerEnvironment,
    /// A client whose daemon was asked once whether it will do.
    client: Mutex<Option<Docker>>,
    /// What named the address that was found last.
    from: Mutex<String>,
    /// What the daemon that was asked last understands.
    dialect: Mutex<Dialect>,
}

/// Where daemons of the same API differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Docker's own.
    #[default]
    Docker,
    /// Podman's.
    Podman,
}

/// What a daemon says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// What named its address; holds no path.
    pub from: String,
    /// What it is: `Docker Engine` or `Podman Engine`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The newest version of the API that it speaks.
    pub api: String,
}

impl Daemon {
    fn dialect(&self) -> Dialect {
        if self.name.starts_with("Podman") { Dialect::Podman } else { Dialect::Docker }
    }
}

impl std::fmt::Display for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}, API {}", self.name, self.version, self.api)
    }
}

impl Connection {
    /// Connects to nothing yet.
    pub fn new(environment: DockerEnvironment) -> Self {
        Self {
            environment,
            client: Mutex::default(),
            from: Mutex::new("its address".to_owned()),
            dialect: Mutex::default(),
        }
    }

    /// A client for the daemon, which was asked at least once whether it will do. Goes on working when the
    /// daemon is started anew at the same address.
    pub async fn client(&self) -> Result<Docker, DockerError> {
        let known = lock(&self.client).clone();
        match known {
            Some(client) => Ok(client),
            None => self.introduce().await.map(|(client, _)| client),
        }
    }

    /// Looks for the daemon anew and asks it who it is; at most a few seconds.
    pub async fn probe(&self) -> Result<Daemon, DockerError> {
        self.introduce().await.map(|(_, daemon)| daemon)
    }

    /// What the daemon understands that [`client`](Self::client) is for.
    pub fn dialect(&self) -> Dialect {
        *lock(&self.dialect)
    }

    /// Puts the client's error in our words. Those of the daemon, of which clients may not see all, go to the log.
    pub fn explain(&self, error: bollard::errors::Error) -> DockerError {
        let error = DockerError::of(error, &lock(&self.from));
        if let DockerError::Refused { status, message } = &error
            && !error.is_not_found()
        {
            tracing::warn!(status, words = message, "the Docker daemon refused a request");
        }
        error
    }

    async fn introduce(&self) -> Result<(Docker, Daemon), DockerError> {
        let outcome = self.ask().await;
        if let Ok((_, daemon)) = &outcome {
            *lock(&self.dialect) = daemon.dialect();
        }
        *lock(&self.client) = outcome.as_ref().ok().map(|(client, _)| client.clone());
        outcome
    }

    async fn ask(&self) -> Result<(Docker, Daemon), DockerError> {
        let found = self.environment.find()?;
        lock(&self.from).clone_from(&found.from);
        let Found { from, endpoint } = found;
        let client = open(&endpoint, &from)?;
        let version = match tokio::time::timeout(HELLO, client.version()).await {
            Ok(version) => {
                version.map_err(|error| DockerError::of_first(error, &from, &endpoint))?
            }
            Err(late) => return Err(DockerError::Unreachable { from, source: late.into() }),
        };
        let daemon = Daemon {
            from,
            name: match version.components.iter().flatten().next() {
                // Docker calls its own so.
                Some(first) if first.name != "Engine" => first.name.clone(),
                _ => "Docker Engine".to_owned(),
            },
            version: version.version.unwrap_or_default(),
            api: version.api_version.unwrap_or_default(),
        };
        if parse(&daemon.api).is_none_or(|api| api < OLDEST) {
            return Err(DockerError::TooOld { found: daemon.api });
        }
        match version.os {
            Some(os) if os != "linux" => Err(DockerError::NotLinux { os }),
            _ => Ok((client.with_timeout(ANSWER), daemon)),
        }
    }
}

fn open(endpoint: &Endpoint, from: &str) -> Result<Docker, DockerError> {
    let (answer, version) = (ANSWER.as_secs(), API_DEFAULT_VERSION);
    let opened = match endpoint {
        Endpoint::Socket(path) => {
            Docker::connect_with_local(&path.to_string_lossy(), answer, version)
        }
        Endpoint::Plain(host) => Docker::connect_with_http(host, answer, version),
        Endpoint::Tls(host, files) => {
            return tls::client(host, files, answer)
                .map_err(|why| DockerError::Address { from: from.to_owned(), why });
        }
    };
    opened.map_err(|error| DockerError::of(error, from))
}

/// `1.41` as two numbers, so that 1.9 is older than 1.41.
fn parse(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
