//! Docker's contexts: named addresses, kept in files that the `docker` command writes.
//!
//! `config.json` names the current one; `contexts/meta/<SHA-256 of the name>/meta.json` has its address and
//! `contexts/tls/<SHA-256 of the name>/docker` its certificates.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::endpoint::{Certificates, Endpoint, Found};
use super::error::DockerError;

/// The context that means the usual socket.
const DEFAULT: &str = "default";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    current_context: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    #[serde(default)]
    endpoints: BTreeMap<String, MetaEndpoint>,
}

#[derive(Debug, Deserialize)]
struct MetaEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

/// The address of the context `named`, or else of the current one. `None`: the usual socket.
pub(super) fn current(folder: &Path, named: Option<&str>) -> Result<Option<Found>, DockerError> {
    let name = match named {
        Some(name) => Some(name.to_owned()),
        None => read::<Configuration>(&folder.join("config.json"), "Docker's config.json")?
            .and_then(|configuration| configuration.current_context),
    };
    match name {
        Some(name) if !name.is_empty() && name != DEFAULT => find(folder, &name).map(Some),
        _ => Ok(None),
    }
}

fn find(folder: &Path, name: &str) -> Result<Found, DockerError> {
    let from = format!("the Docker context '{name}'");
    let wrong = |why: &str| DockerError::Address { from: from.clone(), why: why.to_owned() };
    let contexts = folder.join("contexts");
    let id = identifier(name);
    let meta = read::<Meta>(&contexts.join("meta").join(&id).join("meta.json"), &from)?;
    let meta = meta.ok_or_else(|| {
        wrong("there is no such context: `docker context ls` shows those that there are")
    })?;
    let endpoint = meta.endpoints.get("docker").filter(|endpoint| !endpoint.host.is_empty());
    let endpoint = endpoint.ok_or_else(|| wrong("it has no Docker endpoint"))?;
    let certificates: PathBuf = contexts.join("tls").join(&id).join("docker");
    let tls = if certificates.is_dir() {
        if endpoint.skip_tls_verify {
            return Err(wrong(
                "it does not verify the daemon's certificate, which is refused here",
            ));
        }
        Some(Certificates::within(&certificates, &from)?)
    } else {
        None
    };
    let endpoint = Endpoint::parse(&endpoint.host, tls, &from)?;
    Ok(Found { from, endpoint })
}

/// The name of a context's folders.
fn identifier(name: &str) -> String {
    Sha256::digest(name).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a text can't fail.
        write!(hex, "{byte:02x}").ok();
        hex
    })
}

/// Reads a JSON file; `None` where there is none.
fn read<T: DeserializeOwned>(path: &Path, from: &str) -> Result<Option<T>, DockerError> {
    let wrong = |why: String| DockerError::Address { from: from.to_owned(), why };
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(wrong(format!("it can't be read: {}", error.kind()))),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| wrong(format!("it is not what Docker writes: {error}")))
}
