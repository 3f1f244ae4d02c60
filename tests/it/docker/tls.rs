//! A daemon of this module's own that speaks TLS and knows its clients by their certificates.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::{fs, io};

use bollard::query_parameters::CreateImageOptionsBuilder;
use dynamic_mcp::adapters::outbound::docker::labels::{Instance, Role};
use dynamic_mcp::adapters::outbound::docker::{
    Connection, Containers, DockerEnvironment, DockerError, Spec,
};
use futures_util::StreamExt as _;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::support::authority::Authority;
use crate::support::docker;

/// The folder that `docker` keeps the context `work` in.
const WORK: &str = "00e13ed7af55b27622f1d6eab5bec0147e68efe28dc2b12461117afa1a5ed40e";

/// The daemon, with nothing in it and no network.
struct Daemon {
    process: Child,
    folder: TempDir,
    address: String,
    authority: Authority,
}

impl Daemon {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let own = folder.path().join("own");
        authority.certify("127.0.0.1", &own);
        authority.trusted_in(&own);
        let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let mut command = as_root("dockerd");
        command.args(["--host", "tcp://127.0.0.1:0", "--tlsverify"]);
        for (option, file) in [
            ("--tlscacert", "own/ca.pem"),
            ("--tlscert", "own/cert.pem"),
            ("--tlskey", "own/key.pem"),
            ("--data-root", "data"),
            ("--exec-root", "exec"),
            ("--pidfile", "pid"),
        ] {
            command.args([option, &place(file)]);
        }
        // Not --bridge=none, which takes away the bridge of a daemon that this machine has already.
        command.args(["--iptables=false", "--ip6tables=false", "--ip-masq=false"]);
        command.args(["--ip-forward=false", "--storage-driver=vfs"]);
        let process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut process = process.unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = loop {
            let line = log.next().unwrap_or_else(|| panic!("it ended: {}", said.join("\n")));
            let line = line.unwrap();
            if let Some((_, address)) = line.split_once("API listen on ") {
                break address.trim_matches('"').to_owned();
            }
            said.push(line);
        };
        // A pipe that nobody reads would hold it up.
        std::thread::spawn(move || log.for_each(drop));
        Self { process, folder, address, authority }
    }

    /// A folder as `DOCKER_CERT_PATH` names it: whom the daemon is signed by, and who we are.
    fn certificates(&self, trusted: &Authority, client: Option<&Authority>) -> PathBuf {
        let folder = self.folder.path().join(Uuid::new_v4().to_string());
        trusted.trusted_in(&folder);
        if let Some(authority) = client {
            authority.certify("somebody", &folder);
        }
        folder
    }

    /// As `DOCKER_HOST`, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` say it.
    fn environment(&self, certificates: Option<PathBuf>) -> DockerEnvironment {
        DockerEnvironment {
            host: Some(format!("tcp://{}", self.address)),
            tls_verify: certificates.is_some(),
            cert_path: certificates,
            ..DockerEnvironment::new(None)
        }
    }

    /// Why there is no connection.
    async fn refusal(&self, certificates: Option<PathBuf>) -> String {
        let error = Connection::new(self.environment(certificates)).probe().await.unwrap_err();
        assert!(matches!(error, DockerError::Tls { .. }), "{error:?}");
        let sentence = error.to_string();
        assert!(sentence.contains("the Docker daemon at DOCKER_HOST: "), "{sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
        sentence
    }
}

impl Drop for Daemon {
    /// In order, so that what it has started ends with it.
    fn drop(&mut self) {
        if let Ok(id) = fs::read_to_string(self.folder.path().join("pid")) {
            drop(as_root("kill").arg(id.trim()).status());
        }
        drop(self.process.wait());
        // What is in it is root's.
        drop(as_root("rm").arg("-rf").arg(self.folder.path()).status());
    }
}

/// A daemon and its files are root's.
fn as_root(program: &str) -> Command {
    let mut command = Command::new("sh");
    let script = r#"[ "$(id -u)" = 0 ] || set -- sudo -n "$@"; exec "$@""#;
    command.args(["-c", script, "sh", program]).stdin(Stdio::null());
    command
}

/// An image of nothing but busybox.
fn image() -> Vec<u8> {
    let paths = std::env::var_os("PATH").unwrap();
    let busybox = std::env::split_paths(&paths).map(|folder| folder.join("busybox"));
    let busybox = busybox.into_iter().find(|file| file.is_file());
    let busybox = fs::read(busybox.unwrap()).unwrap();
    let mut archive = tar::Builder::new(Vec::new());
    let user = b"node:x:1000:1000::/:/bin/sh\n";
    let nothing: &[u8] = &[];
    for (path, content) in [
        ("./", nothing),
        ("bin/", nothing),
        ("etc/", nothing),
        ("bin/busybox", &busybox),
        ("etc/passwd", user),
    ] {
        let mut header = tar::Header::new_gnu();
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        header.set_mode(0o755);
        header.set_size(content.len().try_into().unwrap());
        archive.append_data(&mut header, path, content).unwrap();
    }
    archive.into_inner().unwrap()
}

#[tokio::test]
async fn a_daemon_and_its_client_know_each_other_by_their_certificates() {
    let daemon = Daemon::start();
    let (ours, stranger) = (&daemon.authority, &Authority::new());
    let good = daemon.certificates(ours, Some(ours));

    let connection = Connection::new(daemon.environment(Some(good.clone())));
    let found = connection.probe().await.unwrap();
    assert!(found.to_string().starts_with("Docker Engine "), "{found}");

    let sentence = daemon.refusal(Some(daemon.certificates(stranger, Some(ours)))).await;
    assert!(sentence.contains("signed by somebody whom ca.pem does not name"), "{sentence}");
    for unknown in [Some(stranger), None] {
        let sentence = daemon.refusal(Some(daemon.certificates(ours, unknown))).await;
        assert!(sentence.contains("cert.pem and key.pem have to be there"), "{sentence}");
    }
    let sentence = daemon.refusal(None).await;
    assert!(sentence.contains("set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH"), "{sentence}");

    context_works(&daemon, &good).await;
    input_and_output_pass(connection).await;
}

/// As `docker context create work --docker host=…,ca=…,cert=…,key=…` and `docker context use work` leave it.
async fn context_works(daemon: &Daemon, certificates: &Path) {
    let docker = daemon.folder.path().join("docker");
    let contexts = docker.join("contexts");
    let (meta, tls) = (contexts.join("meta").join(WORK), contexts.join("tls").join(WORK));
    fs::create_dir_all(&meta).unwrap();
    fs::create_dir_all(&tls).unwrap();
    fs::write(docker.join("config.json"), r#"{"currentContext":"work"}"#).unwrap();
    let address = &daemon.address;
    fs::write(
        meta.join("meta.json"),
        format!(
            r#"{{"Name":"work","Endpoints":{{"docker":{{"Host":"tcp://{address}","SkipTLSVerify":false}}}}}}"#
        ),
    )
    .unwrap();
    fs::rename(certificates, tls.join("docker")).unwrap();
    let connection =
        Connection::new(DockerEnvironment { config: Some(docker), ..DockerEnvironment::new(None) });
    let found = connection.probe().await.unwrap();
    assert_eq!(found.from, "the Docker context 'work'");
    fs::rename(tls.join("docker"), certificates).unwrap();
}

/// A container's input and output are what a connection becomes, rather than what is sent over it.
async fn input_and_output_pass(connection: Connection) {
    let client = connection.client().await.unwrap();
    let options = CreateImageOptionsBuilder::default().from_src("-").repo("tiny").build();
    let mut made =
        client.create_image(Some(options), Some(bollard::body_full(image().into())), None);
    while let Some(step) = made.next().await {
        step.unwrap();
    }
    let spec = Spec {
        image: "tiny".to_owned(),
        command: ["/bin/busybox", "cat"].map(ToOwned::to_owned).into(),
        ..docker::idle(Role::Call, &Instance::new("behind-tls"))
    };
    let tasks = TaskTracker::new();
    let containers = Containers::new(Arc::new(connection), &tasks);
    let mut container = containers.start(&spec, None).await.unwrap();
    container.input.write_all(b"there and back").await.unwrap();
    let said = container.output.next().await.unwrap().unwrap();
    assert_eq!(said.to_string(), "there and back");
    // The end of its input is its own.
    container.input.shutdown().await.unwrap();
    assert!(container.output.next().await.is_none());
    drop(container);
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn what_is_not_tls_is_told_from_what_is() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer: io::Result<()> =
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            answer.unwrap();
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.trusted_in(folder.path());
    authority.certify("somebody", folder.path());
    let environment = |host: String| DockerEnvironment {
        host: Some(host),
        tls_verify: true,
        cert_path: Some(folder.path().to_owned()),
        ..DockerEnvironment::new(None)
    };
    let connection = Connection::new(environment(format!("tcp://{address}")));
    let error = connection.probe().await.unwrap_err().to_string();
    assert!(error.contains("what answers there does not speak TLS"), "{error}");

    // Nobody listens there.
    let error = Connection::new(environment("tcp://127.0.0.1:1".to_owned())).probe().await;
    let error = error.unwrap_err();
    assert!(matches!(error, DockerError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("DOCKER_HOST"), "{error}");
}

type Damage<'a> = &'a dyn Fn(&Path);

#[tokio::test]
async fn files_that_hold_no_certificates_are_named() {
    let authority = Authority::new();
    let other = tempfile::tempdir().unwrap();
    authority.certify("another", other.path());
    let swap = |folder: &Path, name: &str| {
        fs::copy(other.path().join(name), folder.join(name)).unwrap();
    };
    let damages: [(&str, Damage<'_>); 6] = [
        ("ca.pem holds no certificate", &|folder| fs::write(folder.join("ca.pem"), "").unwrap()),
        ("cert.pem holds no certificate", &|folder| {
            fs::write(folder.join("cert.pem"), "").unwrap();
        }),
        ("key.pem holds no private key", &|folder| fs::write(folder.join("key.pem"), "x").unwrap()),
        ("key.pem is missing", &|folder| fs::remove_file(folder.join("key.pem")).unwrap()),
        ("cert.pem is missing", &|folder| fs::remove_file(folder.join("cert.pem")).unwrap()),
        ("cert.pem and key.pem don't go together", &|folder| swap(folder, "key.pem")),
    ];
    for (words, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        authority.trusted_in(folder.path());
        authority.certify("somebody", folder.path());
        damage(folder.path());
        let connection = Connection::new(DockerEnvironment {
            host: Some("tcp://127.0.0.1:1".to_owned()),
            tls_verify: true,
            cert_path: Some(folder.path().to_owned()),
            ..DockerEnvironment::new(None)
        });
        let sentence = connection.probe().await.unwrap_err().to_string();
        assert!(sentence.contains(words), "{words}: {sentence}");
        assert!(!sentence.contains(folder.path().to_str().unwrap()), "{sentence}");
    }
}
