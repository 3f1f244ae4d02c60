//! What can go wrong on the way to a daemon, each with what to do about it.

use std::error::Error;
use std::io::{self, ErrorKind};

use super::endpoint::Endpoint;
use super::tls;
use crate::ports::BoxError;

/// Why Docker can't be used. The sentences hold no path: they are shown to clients.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// A setting, or a file of Docker's own, does not name a usable daemon.
    #[error("{from} can't be used: {why}")]
    Address {
        /// What named it.
        from: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// Nothing is set and no socket is there.
    #[error(
        "no Docker daemon was found: start Docker or Podman's socket, or set DOCKER_HOST to where it listens"
    )]
    NotFound,
    /// Nothing answers.
    #[error("no Docker daemon answers at {from}: is it running?")]
    Unreachable {
        /// What named the address.
        from: String,
        /// For the log.
        #[source]
        source: BoxError,
    },
    /// It is not who it should be, or does not know us; or only one side speaks TLS.
    #[error("no connection to the Docker daemon at {from}: {why}")]
    Tls {
        /// What named the address.
        from: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The socket is there and may not be opened.
    #[error(
        "the Docker socket at {from} may not be opened by this user: add the user to the group that owns it \
         (often 'docker'), or use rootless Docker"
    )]
    Forbidden {
        /// What named the address.
        from: String,
    },
    /// It speaks an older version of the API than containers of ours need.
    #[error(
        "the Docker daemon speaks version {found} of the API, and 1.41 is needed: update it to Docker 20.10, \
         Podman 3 or newer"
    )]
    TooOld {
        /// The newest version that it speaks.
        found: String,
    },
    /// It runs containers of another kind.
    #[error("the Docker daemon runs {os} containers, and Linux ones are needed")]
    NotLinux {
        /// Its operating system.
        os: String,
    },
    /// It did not keep to a container's description.
    #[error("the Docker daemon made a container without {what}, which is not used")]
    Unkept {
        /// What is missing.
        what: String,
    },
    /// It refused or failed a request.
    #[error("the Docker daemon answered {status}: {}", shown(message))]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its own words, which may name files of its machine.
        message: String,
    },
    /// It stopped answering, or said what can't be understood.
    #[error("the Docker daemon did not answer as it should")]
    Broken(#[source] BoxError),
}

impl DockerError {
    /// From the client's error. `from`: what named the daemon's address.
    pub fn of(error: bollard::errors::Error, from: &str) -> Self {
        use bollard::errors::Error;
        match error {
            Error::DockerResponseServerError { status_code: status, message } => {
                Self::Refused { status, message }
            }
            Error::DockerStreamError { error: message } => Self::Refused { status: 500, message },
            Error::RequestTimeoutError => Self::Broken(error.into()),
            error => {
                let from = from.to_owned();
                if let Some(wrong) = cause::<rustls::Error>(&error) {
                    return Self::Tls { from, why: tls::fault(wrong) };
                }
                match cause::<io::Error>(&error).map(io::Error::kind) {
                    Some(ErrorKind::PermissionDenied) => Self::Forbidden { from },
                    _ if is_transport(&error) => Self::Unreachable { from, source: error.into() },
                    _ => Self::Broken(error.into()),
                }
            }
        }
    }

    /// Of the first request to an address: there it also says that the two sides don't fit together.
    pub(super) fn of_first(error: bollard::errors::Error, from: &str, endpoint: &Endpoint) -> Self {
        let hung_up = cause::<io::Error>(&error).is_some_and(|error| {
            use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
        });
        let tls = |why: &str| Self::Tls { from: from.to_owned(), why: why.to_owned() };
        match (endpoint, Self::of(error, from)) {
            // What Go's servers say to those who don't speak TLS.
            (Endpoint::Plain(_), Self::Refused { status: 400, message })
                if message.contains("HTTPS server") =>
            {
                tls(tls::NEEDED)
            }
            // Its reason may be lost when it ends the connection.
            (Endpoint::Tls(..), Self::Unreachable { .. }) if hung_up => tls(tls::UNKNOWN),
            (_, error) => error,
        }
    }

    /// Whether the daemon said that there is no such thing.
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// A daemon's words as a client may see them: without a path of its machine, and where they hold one, what to do.
pub(super) fn shown(words: &str) -> &str {
    let path = |word: &str| {
        let below = word.strip_prefix('/');
        // Two begin the host of a URL, and three a file again.
        below.is_some_and(|rest| {
            !rest.is_empty() && (!rest.starts_with('/') || rest.starts_with("//"))
        })
    };
    let separates = |c: char| c.is_whitespace() || "\"'`()[]{}<>=,;:".contains(c);
    if !words.split(separates).any(path) {
        return words;
    }
    let holds = |sign| words.contains(sign);
    if holds("no space left") {
        "its disk is full; `docker system prune` makes room"
    } else if holds("/bin/sh") {
        "the image's /bin/sh can't be run, and tools need one"
    } else {
        "what it said is in the log of this server"
    }
}

fn is_transport(error: &bollard::errors::Error) -> bool {
    use bollard::errors::Error;
    matches!(
        error,
        Error::HyperLegacyError { .. }
            | Error::HyperResponseError { .. }
            | Error::IOError { .. }
            | Error::SocketNotFoundError(_)
    )
}

/// The error of a kind that is behind another one.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // What an I/O error holds is not its source.
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = held.map_or_else(|| error.source(), |held| Some(held));
    }
    None
}
