//! TLS: the certificate and its key, read at the start and again when their files have changed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore, ServerConfig};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// The files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that vouch for it, in this order, as PEM (`MCP_TLS_CERT`).
    pub certificate: PathBuf,
    /// Its private key, as PEM (`MCP_TLS_KEY`).
    pub key: PathBuf,
    /// How often they are looked at for a change. Default 30 s.
    pub reload: Duration,
}

/// Why a certificate can't be used. Holds nothing of the key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read as what it should be.
    #[error("{} is {}: {reason}", setting, path.display())]
    File {
        /// The variable.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The two don't go together, or are not fit for a server.
    #[error("MCP_TLS_CERT and MCP_TLS_KEY can't be used together: {0}")]
    Pair(rustls::Error),
}

/// Whether a certificate can be used so long after 1970; else why not.
pub fn examine(files: &TlsFiles, at: Duration) -> Result<(), String> {
    read(files).map_err(|error| error.to_string())?;
    let chain = chain(files).map_err(|error| error.to_string())?;
    let Some(own) = chain.first() else { return Ok(()) };
    // Only its time is of interest, which is looked at before anybody who may vouch for it.
    let mut roots = RootCertStore::empty();
    roots.add(own.clone()).map_err(|error| error.to_string())?;
    let parsed = ParsedCertificate::try_from(own).map_err(|error| error.to_string())?;
    let algorithms = default_provider().signature_verification_algorithms;
    let at = UnixTime::since_unix_epoch(at);
    match verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], at, algorithms.all) {
        Err(rustls::Error::InvalidCertificate(
            error @ (CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }),
        )) => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// Begins TLS on connections.
pub(super) struct Tls {
    files: TlsFiles,
    /// What the files held just before they were read the first time.
    first: Stamp,
    current: Mutex<Arc<ServerConfig>>,
}

impl Tls {
    pub(super) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let first = stamp(&files);
        let current = Mutex::new(Arc::new(read(&files)?));
        Ok(Self { files, first, current })
    }

    /// Shakes hands, with the certificate of now.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let current = Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(current).accept(stream).await
    }

    /// Takes new files in until the server stops. Files that can't be used are said, and the old ones stay.
    pub(super) async fn tend(self: Arc<Self>, stopped: CancellationToken) {
        let mut seen = self.first;
        while stopped.run_until_cancelled(tokio::time::sleep(self.files.reload)).await.is_some() {
            let files = self.files.clone();
            let look = move || {
                // Before they are read: what changes in between is seen the next time.
                let now = stamp(&files);
                (now, (now != seen).then(|| read(&files)))
            };
            match tokio::task::spawn_blocking(look).await {
                Ok((now, read)) => {
                    seen = now;
                    if let Some(read) = read {
                        self.take(read);
                    }
                }
                Err(error) => tracing::error!(%error, "the certificate could not be looked at"),
            }
        }
    }

    fn take(&self, read: Result<ServerConfig, TlsError>) {
        match read {
            Ok(config) => {
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                tracing::info!("a new certificate is used");
            }
            Err(error) => {
                tracing::error!(%error, "the new certificate can't be used; the old one stays");
            }
        }
    }
}

/// What tells whether the files have changed: the digest of each; `None`: it can't be read.
type Stamp = [Option<[u8; 32]>; 2];

fn stamp(files: &TlsFiles) -> Stamp {
    [&files.certificate, &files.key]
        .map(|path| std::fs::read(path).ok().map(|held| Sha256::digest(held).into()))
}

fn wrong(setting: &'static str, path: &Path, reason: String) -> TlsError {
    TlsError::File { setting, path: path.to_owned(), reason }
}

fn chain(files: &TlsFiles) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |reason| wrong("MCP_TLS_CERT", &files.certificate, reason);
    let chain: Vec<_> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(chain)
}

fn read(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let chain = chain(files)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| wrong("MCP_TLS_KEY", &files.key, error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(TlsError::Pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
