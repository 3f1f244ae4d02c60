//! Where the daemon is, found as the `docker` command finds it.
//!
//! First `DOCKER_HOST`, then the context that `DOCKER_CONTEXT` or Docker's configuration names, then the
//! usual sockets: Docker's, rootless Docker's, rootless Podman's and Podman's.

use std::path::{Path, PathBuf};

use super::context;
use super::error::DockerError;

/// Where a daemon that runs as root listens.
#[cfg(not(windows))]
const USUAL_SOCKET: &str = "/var/run/docker.sock";
/// Where a daemon listens.
#[cfg(windows)]
const USUAL_SOCKET: &str = "//./pipe/docker_engine";

/// Where Podman listens that runs as root.
const PODMAN_SOCKET: &str = "/run/podman/podman.sock";

/// What decides where the daemon is.
#[derive(Debug, Clone)]
pub struct DockerEnvironment {
    /// `DOCKER_HOST`.
    pub host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub context: Option<String>,
    /// Whether `DOCKER_TLS_VERIFY` is set.
    pub tls_verify: bool,
    /// `DOCKER_CERT_PATH`: a folder with `ca.pem`, `cert.pem` and `key.pem`; else that of `config`.
    pub cert_path: Option<PathBuf>,
    /// `DOCKER_CONFIG`, or `.docker` in the home folder.
    pub config: Option<PathBuf>,
    /// Where this machine's daemons listen, in the order in which they are tried.
    pub sockets: Vec<PathBuf>,
}

impl DockerEnvironment {
    /// Nothing set. `runtime_dir`: `XDG_RUNTIME_DIR`, where rootless daemons have their sockets.
    pub fn new(runtime_dir: Option<&Path>) -> Self {
        let mut sockets = vec![PathBuf::from(USUAL_SOCKET)];
        if let Some(folder) = runtime_dir {
            sockets.extend([folder.join("docker.sock"), folder.join("podman/podman.sock")]);
        }
        sockets.push(PathBuf::from(PODMAN_SOCKET));
        Self {
            host: None,
            context: None,
            tls_verify: false,
            cert_path: None,
            config: None,
            sockets,
        }
    }

    /// Finds the daemon's address. Reads a few small files of Docker's configuration, and connects to nothing.
    pub fn find(&self) -> Result<Found, DockerError> {
        if let Some(host) = &self.host {
            let from = "DOCKER_HOST".to_owned();
            let tls = if self.tls_verify { Some(self.certificates(&from)?) } else { None };
            return Endpoint::parse(host, tls, &from).map(|endpoint| Found { from, endpoint });
        }
        if let Some(folder) = &self.config
            && let Some(found) = context::current(folder, self.context.as_deref())?
        {
            return Ok(found);
        }
        let there = |socket: &&PathBuf| socket.try_exists().unwrap_or(true);
        let socket = self.sockets.iter().find(there).ok_or(DockerError::NotFound)?;
        let endpoint = Endpoint::Socket(socket.clone());
        Ok(Found { from: "the usual socket".to_owned(), endpoint })
    }

    fn certificates(&self, from: &str) -> Result<Certificates, DockerError> {
        let folder = self.cert_path.as_deref().or(self.config.as_deref());
        let folder = folder.ok_or_else(|| DockerError::Address {
            from: from.to_owned(),
            why: "DOCKER_TLS_VERIFY is set, and DOCKER_CERT_PATH does not say where the certificates are"
                .to_owned(),
        })?;
        Certificates::within(folder, "the folder that DOCKER_CERT_PATH names")
    }
}

/// A daemon's address, and what it was found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// For sentences; holds no path.
    pub from: String,
    /// Where.
    pub endpoint: Endpoint,
}

/// A daemon's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket, or a named pipe, of this machine.
    Socket(PathBuf),
    /// TCP without encryption, to `host:port`.
    Plain(String),
    /// TCP with TLS, to `host:port`.
    Tls(String, Certificates),
}

impl Endpoint {
    /// Reads an address as Docker writes it: `unix:///path`, `tcp://host:port` and the like.
    pub(super) fn parse(
        address: &str,
        tls: Option<Certificates>,
        from: &str,
    ) -> Result<Self, DockerError> {
        let wrong = |why: &str| DockerError::Address { from: from.to_owned(), why: why.to_owned() };
        let (scheme, rest) = address.split_once("://").ok_or_else(|| {
            wrong("an address such as unix:///run/docker.sock or tcp://host:2376 is needed")
        })?;
        match (scheme, tls) {
            ("unix" | "npipe", _) if rest.is_empty() => Err(wrong("it names no socket")),
            ("unix", _) if cfg!(unix) => Ok(Self::Socket(rest.into())),
            ("npipe", _) if cfg!(windows) => Ok(Self::Socket(rest.into())),
            ("tcp" | "http", None) => host_and_port(rest, 2375).map(Self::Plain).map_err(wrong),
            ("tcp" | "https", Some(tls)) => {
                host_and_port(rest, 2376).map(|host| Self::Tls(host, tls)).map_err(wrong)
            }
            ("https", None) => Err(wrong("https needs DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH")),
            ("ssh", _) => Err(wrong(
                "ssh is not spoken here: forward the socket, as with `ssh -NL /tmp/docker.sock:/var/run/docker.sock \
                 HOST`, and set DOCKER_HOST=unix:///tmp/docker.sock",
            )),
            _ => Err(wrong("only unix://, tcp:// and, on Windows, npipe:// are understood")),
        }
    }
}

/// `host:port` of what follows the scheme.
fn host_and_port(rest: &str, default_port: u16) -> Result<String, &'static str> {
    let rest = rest.trim_end_matches('/');
    if rest.is_empty() || rest.contains(['/', '@', '?', '#']) {
        return Err("after the scheme only host:port may follow");
    }
    let behind_address = rest.rsplit(']').next().unwrap_or(rest);
    if behind_address.contains(':') {
        Ok(rest.to_owned())
    } else {
        Ok(format!("{rest}:{default_port}"))
    }
}

/// Where the certificates of a TLS connection are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// Who may have signed the daemon's certificate.
    pub ca: PathBuf,
    /// Ours; a daemon that asks nobody who he is needs none.
    pub client: Option<ClientCertificate>,
}

/// What says who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Certificates {
    /// The files as Docker names them. `place`: the folder in words.
    pub(super) fn within(folder: &Path, place: &str) -> Result<Self, DockerError> {
        let file = |name| Some(folder.join(name)).filter(|file| file.is_file());
        let missing = |name| DockerError::Address {
            from: place.to_owned(),
            why: format!("{name} is missing there or can't be read"),
        };
        let ca = file("ca.pem").ok_or_else(|| missing("ca.pem"))?;
        let client = match (file("cert.pem"), file("key.pem")) {
            (Some(cert), Some(key)) => Some(ClientCertificate { cert, key }),
            (None, None) => None,
            (Some(_), None) => return Err(missing("key.pem")),
            (None, Some(_)) => return Err(missing("cert.pem")),
        };
        Ok(Self { ca, client })
    }
}
