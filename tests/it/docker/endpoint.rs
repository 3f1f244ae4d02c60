//! The daemon is found where the `docker` command finds it.

use std::fs;
use std::path::{Path, PathBuf};

use dynamic_mcp::adapters::outbound::docker::{DockerEnvironment, Endpoint};
use tempfile::TempDir;

/// The folder that `docker` keeps the context `work` in.
const WORK: &str = "00e13ed7af55b27622f1d6eab5bec0147e68efe28dc2b12461117afa1a5ed40e";

fn nowhere() -> DockerEnvironment {
    DockerEnvironment { sockets: Vec::new(), ..DockerEnvironment::new(None) }
}

fn found(environment: &DockerEnvironment) -> Endpoint {
    environment.find().unwrap().endpoint
}

fn refusal(environment: &DockerEnvironment) -> String {
    environment.find().unwrap_err().to_string()
}

fn at(host: &str) -> DockerEnvironment {
    DockerEnvironment { host: Some(host.to_owned()), ..nowhere() }
}

/// Docker's own folder, with one context as `docker context create work` writes it.
fn configuration(current: &str, host: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &Path, text: String| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let root = folder.path();
    write(&root.join("config.json"), format!(r#"{{"auths":{{}},"currentContext":"{current}"}}"#));
    write(
        &root.join("contexts/meta").join(WORK).join("meta.json"),
        format!(
            r#"{{"Name":"work","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#
        ),
    );
    folder
}

fn certificates(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for file in ["ca.pem", "cert.pem", "key.pem"] {
        fs::write(folder.join(file), "").unwrap();
    }
}

#[test]
fn a_host_is_taken_as_docker_writes_it() {
    assert_eq!(found(&at("unix:///run/x.sock")), Endpoint::Socket("/run/x.sock".into()));
    assert_eq!(found(&at("tcp://box:1234")), Endpoint::Plain("box:1234".into()));
    assert_eq!(found(&at("tcp://box")), Endpoint::Plain("box:2375".into()));
    assert_eq!(found(&at("tcp://[::1]:2375/")), Endpoint::Plain("[::1]:2375".into()));
    assert_eq!(found(&at("tcp://[::1]")), Endpoint::Plain("[::1]:2375".into()));
}

#[test]
fn a_host_with_tls_needs_its_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let with_tls = DockerEnvironment {
        tls_verify: true,
        cert_path: Some(folder.path().to_owned()),
        ..at("tcp://box")
    };
    assert!(refusal(&with_tls).contains("ca.pem is missing"), "{}", refusal(&with_tls));
    certificates(folder.path());
    match found(&with_tls) {
        Endpoint::Tls(host, files) => {
            assert_eq!(host, "box:2376");
            assert_eq!(files.client.unwrap().key, folder.path().join("key.pem"));
        }
        other => panic!("{other:?}"),
    }
    let nameless = DockerEnvironment { cert_path: None, ..with_tls };
    assert!(refusal(&nameless).contains("DOCKER_CERT_PATH"), "{}", refusal(&nameless));
}

#[test]
fn what_is_no_address_is_refused_with_what_to_do() {
    for (host, advice) in [
        ("/var/run/docker.sock", "unix:///run/docker.sock"),
        ("unix://", "names no socket"),
        ("ssh://me@box", "forward the socket"),
        ("https://box", "DOCKER_TLS_VERIFY=1"),
        ("tcp://box/x", "host:port"),
        ("fd://", "only unix://"),
    ] {
        let sentence = refusal(&at(host));
        assert!(sentence.starts_with("DOCKER_HOST can't be used"), "{sentence}");
        assert!(sentence.contains(advice), "{host}: {sentence}");
    }
}

#[test]
fn the_current_context_counts_and_a_named_one_more_and_a_host_most() {
    let folder = configuration("work", "unix:///run/work.sock");
    let current = DockerEnvironment { config: Some(folder.path().to_owned()), ..nowhere() };
    assert_eq!(found(&current), Endpoint::Socket("/run/work.sock".into()));
    assert_eq!(current.find().unwrap().from, "the Docker context 'work'");
    let named = DockerEnvironment { context: Some("other".to_owned()), ..current.clone() };
    let sentence = refusal(&named);
    assert!(sentence.contains("'other'") && sentence.contains("docker context ls"), "{sentence}");
    let host = DockerEnvironment { host: Some("unix:///run/host.sock".to_owned()), ..named };
    assert_eq!(found(&host), Endpoint::Socket("/run/host.sock".into()));
}

#[test]
fn a_context_may_have_certificates_of_its_own() {
    let folder = configuration("work", "tcp://box:2376");
    certificates(&folder.path().join("contexts/tls").join(WORK).join("docker"));
    let current = DockerEnvironment { config: Some(folder.path().to_owned()), ..nowhere() };
    assert!(matches!(found(&current), Endpoint::Tls(host, _) if host == "box:2376"));
    let meta = folder.path().join("contexts/meta").join(WORK).join("meta.json");
    let careless = fs::read_to_string(&meta).unwrap().replace("false", "true");
    fs::write(meta, careless).unwrap();
    assert!(refusal(&current).contains("does not verify"), "{}", refusal(&current));
}

#[test]
fn damaged_files_are_named_without_their_path() {
    let folder = configuration("work", "unix:///run/work.sock");
    let current = DockerEnvironment { config: Some(folder.path().to_owned()), ..nowhere() };
    fs::write(folder.path().join("config.json"), "{").unwrap();
    let sentence = refusal(&current);
    assert!(sentence.contains("config.json"), "{sentence}");
    assert!(!sentence.contains(folder.path().to_str().unwrap()), "{sentence}");
}

#[test]
fn without_anything_set_the_first_socket_that_is_there_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let sockets: Vec<PathBuf> = ["a.sock", "b.sock"].map(|name| folder.path().join(name)).into();
    let usual = DockerEnvironment { sockets: sockets.clone(), ..nowhere() };
    assert!(refusal(&usual).contains("set DOCKER_HOST"), "{}", refusal(&usual));
    fs::write(&sockets[1], "").unwrap();
    assert_eq!(found(&usual), Endpoint::Socket(sockets[1].clone()));
    fs::write(&sockets[0], "").unwrap();
    assert_eq!(found(&usual), Endpoint::Socket(sockets[0].clone()));
    let default = configuration("default", "unix:///run/work.sock");
    let default = DockerEnvironment { config: Some(default.path().to_owned()), ..usual };
    assert_eq!(found(&default), Endpoint::Socket(sockets[0].clone()));
}

#[test]
fn rootless_daemons_are_looked_for_in_the_users_own_folder() {
    let sockets = DockerEnvironment::new(Some(Path::new("/run/user/7"))).sockets;
    assert_eq!(sockets[1], Path::new("/run/user/7/docker.sock"));
    assert_eq!(sockets[2], Path::new("/run/user/7/podman/podman.sock"));
}
