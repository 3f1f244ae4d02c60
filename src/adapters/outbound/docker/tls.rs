//! TLS to a daemon, as the `docker` command does it: only what `ca.pem` names may have signed the daemon's certificate.
//!
//! bollard's own way believes everybody whom this machine trusts as well, and goes on without a certificate of ours
//! that it can't read.

use std::path::Path;
use std::sync::Arc;

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CertificateError, ClientConfig, Error, RootCertStore};

use super::endpoint::{Certificates, ClientCertificate};

/// What is wrong where the daemon ends the connection because of us.
pub(super) const UNKNOWN: &str = "it does not take us without a certificate that it knows: cert.pem and key.pem have to \
                                  be there, signed by whom the daemon trusts";
/// What is wrong where it was spoken to without TLS.
pub(super) const NEEDED: &str = "it has to be spoken to with TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use a context with certificates";

/// A client for `host:port`. Connects to nothing yet.
///
/// # Errors
/// What is wrong with the files.
pub(super) fn client(host: &str, files: &Certificates, answer: u64) -> Result<Docker, String> {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config(files)?)
        .https_only()
        .enable_http1()
        .build();
    // Each request on a connection of its own, as bollard has it elsewhere.
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
    let send = move |request: BollardRequest| {
        let answer = client.request(request);
        async move { answer.await.map_err(bollard::errors::Error::from) }
    };
    let address = format!("https://{host}");
    Docker::connect_with_custom_transport(send, Some(address), answer, API_DEFAULT_VERSION)
        .map_err(|error| error.to_string())
}

fn config(files: &Certificates) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let (trusted, _) = roots.add_parsable_certificates(certificates(&files.ca, "ca.pem")?);
    if trusted == 0 {
        return Err("ca.pem holds no certificate that can be understood".to_owned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let Some(ClientCertificate { cert, key }) = &files.client else {
        return Ok(config.with_no_client_auth());
    };
    let chain = certificates(cert, "cert.pem")?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|_| "key.pem holds no private key that can be understood".to_owned())?;
    config
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("cert.pem and key.pem don't go together: {error}"))
}

fn certificates(path: &Path, name: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let found: Vec<_> = read.map_err(|_| format!("{name} can't be read as certificates"))?;
    if found.is_empty() { Err(format!("{name} holds no certificate")) } else { Ok(found) }
}

/// What TLS found wrong, in words.
pub(super) fn fault(error: &Error) -> String {
    match error {
        Error::AlertReceived(_) => UNKNOWN.to_owned(),
        Error::InvalidMessage(_) => "what answers there does not speak TLS".to_owned(),
        Error::InvalidCertificate(wrong) => match wrong {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "its certificate was signed by somebody whom ca.pem does not name".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name than the address has".to_owned()
            }
            wrong => format!("its certificate is not valid: {wrong}"),
        },
        other => other.to_string(),
    }
}
