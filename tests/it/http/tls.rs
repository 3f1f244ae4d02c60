//! TLS: served with the certificate, which may change; plain connections get nowhere; bad files end the start.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use dynamic_mcp::adapters::inbound::http::{HttpOptions, TlsFiles};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::server::{TestServer, bind, options, ready};
use crate::support::wait::until;

/// Only keeps a broken test from hanging.
const HANG: Duration = Duration::from_mins(1);

/// Makes a certificate for `localhost`, and writes it down with its key.
fn certify(folder: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("cert.pem"), &pem).unwrap();
    pem
}

fn with_tls(folder: &Path) -> HttpOptions {
    let files = TlsFiles {
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
        reload: Duration::from_millis(20),
    };
    HttpOptions { tls: Some(files), ..options() }
}

/// The whole answer to `GET /livez`, for a client that trusts this certificate alone.
async fn ask(server: &TestServer, trusted: &str) -> io::Result<String> {
    tokio::time::timeout(HANG, whole_answer(server, trusted)).await.unwrap()
}

async fn whole_answer(server: &TestServer, trusted: &str) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn the_certificate_is_served_and_a_new_one_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let first = certify(folder.path());
    let grace = Duration::from_secs(30);
    let mut server = TestServer::with(with_tls(folder.path()), grace, ready()).await;
    let answer = ask(&server, &first).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("nosniff"), "{answer}");

    // What is not TLS is not answered.
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    let _reset = tokio::time::timeout(HANG, plain.read_to_end(&mut said)).await.unwrap();
    assert!(!String::from_utf8_lossy(&said).contains("HTTP"), "{said:?}");

    // Files that can't be used change nothing; good ones are used from then on.
    fs::write(folder.path().join("cert.pem"), "nonsense").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    ask(&server, &first).await.unwrap();
    let second = certify(folder.path());
    until(async || ask(&server, &second).await.is_ok()).await;
    ask(&server, &first).await.unwrap_err();

    // A handshake that does not go on does not keep the server from ending.
    let _silent = TcpStream::connect(server.address).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn whoever_does_not_shake_hands_or_finds_no_place_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = certify(folder.path());
    let impatient = HttpOptions {
        header_timeout: Duration::from_millis(500),
        max_connections: 1,
        ..with_tls(folder.path())
    };
    let server = TestServer::with(impatient, Duration::from_secs(30), ready()).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    // A refusal in clear text would not be understood.
    let mut late = TcpStream::connect(server.address).await.unwrap();
    for cut_off in [&mut late, &mut silent] {
        let mut said = Vec::new();
        let _reset = tokio::time::timeout(HANG, cut_off.read_to_end(&mut said)).await.unwrap();
        assert_eq!(said, b"");
    }
    // The place is free again, perhaps a moment later.
    until(async || ask(&server, &trusted).await.is_ok()).await;
}

#[tokio::test]
async fn files_that_cant_be_used_end_the_start_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let refused = async || {
        let error = bind(with_tls(folder.path())).await.err().unwrap();
        error.to_string()
    };
    assert!(refused().await.contains("MCP_TLS_CERT"));
    certify(folder.path());
    fs::write(folder.path().join("cert.pem"), "nonsense").unwrap();
    let sentence = refused().await;
    assert!(sentence.contains("MCP_TLS_CERT") && sentence.contains("no certificate"), "{sentence}");
    certify(folder.path());
    fs::write(folder.path().join("key.pem"), "s3cret nonsense").unwrap();
    let sentence = refused().await;
    assert!(sentence.contains("MCP_TLS_KEY") && !sentence.contains("s3cret"), "{sentence}");
    // The key of another certificate.
    let other = tempfile::tempdir().unwrap();
    certify(other.path());
    fs::copy(other.path().join("key.pem"), folder.path().join("key.pem")).unwrap();
    let sentence = refused().await;
    assert!(sentence.contains("can't be used together"), "{sentence}");
}
