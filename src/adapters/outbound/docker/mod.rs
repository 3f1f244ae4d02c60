//! The way to a Docker daemon, or to Podman's socket: which one, over which transport, and whether it can
//! do what containers of ours need. What is done with it is the business of the engine and of sessions.
//!
//! bollard speaks the API; the rules of the `docker` command for finding the daemon (`DOCKER_HOST`,
//! contexts, rootless sockets) are here, because it knows only some of them.

mod connection;
mod container;
mod context;
mod dependencies;
mod endpoint;
mod error;
mod images;
pub mod labels;
mod pull_progress;
pub mod random;
mod sessions;
mod spec;
mod tls;
mod verify;

pub use connection::{Connection, Daemon, Dialect};
pub use container::{
    Container, Containers, Input, Output, Removal, STARTED_WITHIN, Upload, remove,
};
pub use dependencies::{Dependencies, DependencyOptions, InstallError, Installed};
pub use endpoint::{Certificates, ClientCertificate, DockerEnvironment, Endpoint, Found};
pub use error::DockerError;
pub use images::{ImageState, ImageUnavailable, Images};
pub use sessions::{DockerSandboxes, SessionOptions};
pub use spec::{DEPENDENCIES, Network, Resources, Spec, VolumeMount, WORKSPACE};
pub use verify::verify;
