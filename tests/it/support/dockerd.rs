//! A Docker daemon of a test's own, which may be ended as the test likes.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use dynamic_mcp::adapters::outbound::docker::{Connection, DockerEnvironment};
use tempfile::TempDir;

use super::docker;
use super::wait::until;

/// Its socket, state and images are in a folder that goes with it.
pub(crate) struct Daemon {
    folder: TempDir,
    /// Addresses of its containers, where they need any that no other daemon's have: all share a bridge.
    addresses: Option<String>,
}

/// As the only one who may run a daemon.
fn as_root(program: &str) -> Command {
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", program]);
    sudo
}

/// The addresses of a network such as `172.17.0.0/16` that a daemon comes to last.
fn upper_half(network: &str) -> String {
    let (address, bits) = network.split_once('/').unwrap();
    let (address, bits): (Ipv4Addr, u32) = (address.parse().unwrap(), bits.parse().unwrap());
    format!("{}/{}", Ipv4Addr::from_bits(address.to_bits() | 1 << (31 - bits)), bits + 1)
}

impl Daemon {
    /// One that answers, with the image of the tests.
    pub(crate) async fn start() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), addresses: None }.with_image().await
    }

    /// One whose disk has a gigabyte, for itself alone. Its containers have a network too.
    pub(crate) async fn on_small_disk() -> Self {
        let addresses = Some(upper_half(&docker::bridge().await.subnet.unwrap()));
        let daemon = Self { folder: tempfile::tempdir().unwrap(), addresses };
        let data = daemon.folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let mut mount = as_root("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1g", "none"]).arg(data);
        assert!(mount.status().unwrap().success());
        daemon.with_image().await
    }

    /// Fills its disk but for so many MiB; without a number it has the room back.
    pub(crate) fn fill_disk(&self, but_for: Option<u64>) {
        let data = self.folder.path().join("data");
        let filler = data.join("filler");
        let script = match but_for {
            Some(mib) => format!(
                "fallocate -l $(($(df --output=avail -B 1 {data} | tail -n 1) - ({mib} << 20))) {filler}",
                data = data.display(),
                filler = filler.display(),
            ),
            None => format!("rm {}", filler.display()),
        };
        assert!(as_root("sh").args(["-c", &script]).status().unwrap().success(), "{script}");
    }

    async fn with_image(self) -> Self {
        let daemon = self;
        daemon.begin().await;
        let host = daemon.host();
        let copied = tokio::task::spawn_blocking(move || {
            let copy = "docker save node:lts-slim | docker --host \"$0\" load";
            Command::new("sh").args(["-c", copy, &host]).output().unwrap()
        });
        let copied = copied.await.unwrap();
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        daemon
    }

    /// Starts it again, with what it had.
    pub(crate) async fn begin(&self) {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let name = self.folder.path().file_name().unwrap().to_string_lossy().replace('.', "");
        let log = File::options().create(true).append(true).open(at("log")).unwrap();
        let mut daemon = as_root("dockerd");
        // Beside others on the machine, with none of their containers. Not --bridge=none, which takes away their bridge.
        daemon.args(["--iptables=false", "--ip6tables=false", "--ip-masq=false"]);
        daemon.arg("--ip-forward=false");
        daemon.args([format!("--host={}", self.host()), format!("--pidfile={}", at("pid"))]);
        daemon.args([format!("--exec-root={}", at("exec")), format!("--data-root={}", at("data"))]);
        daemon.args([format!("--containerd-namespace={name}")]);
        daemon.args([format!("--containerd-plugins-namespace={name}-plugins")]);
        daemon.args(self.addresses.iter().map(|range| format!("--fixed-cidr={range}")));
        let mut daemon = daemon.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        // Whoever ends it finds it by its file.
        std::thread::spawn(move || daemon.wait());
        until(async || self.connection().probe().await.is_ok()).await;
    }

    /// Ends it in order, and its containers with it.
    pub(crate) async fn stop(&self) {
        self.signal("-TERM");
        until(async || !self.runs()).await;
    }

    /// Ends it at once.
    pub(crate) async fn kill(&self) {
        self.signal("-KILL");
        until(async || !self.runs()).await;
    }

    pub(crate) fn connection(&self) -> Connection {
        Connection::new(DockerEnvironment {
            host: Some(self.host()),
            ..DockerEnvironment::new(None)
        })
    }

    fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("socket").display())
    }

    /// The process of this file, if it runs and is of this daemon.
    fn process(&self, file: &str) -> Option<String> {
        let folder = self.folder.path().to_string_lossy().into_owned();
        let pid = as_root("cat").arg(self.folder.path().join(file)).output().ok()?.stdout;
        let pid = String::from_utf8_lossy(&pid).trim().to_owned();
        let line = std::fs::read(PathBuf::from("/proc").join(&pid).join("cmdline")).ok()?;
        // One that has ended and that nobody has waited for yet has no words any more, and still counts as a process.
        (line.is_empty() || String::from_utf8_lossy(&line).contains(&folder)).then_some(pid)
    }

    /// Whether it runs, or what it started to hold its containers: before that has gone, another can't start.
    fn runs(&self) -> bool {
        ["pid", "exec/containerd/containerd.pid"].iter().any(|file| self.process(file).is_some())
    }

    fn signal(&self, signal: &str) {
        if let Some(pid) = self.process("pid") {
            as_root("kill").args([signal, &pid]).status().ok();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.signal("-TERM");
        for _ in 0..300 {
            if !self.runs() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        // The mount of its own that a daemon which was killed left behind.
        let data = self.folder.path().join("data");
        as_root("umount").arg("--lazy").arg(data).stderr(Stdio::null()).status().ok();
        as_root("rm").arg("-rf").arg(self.folder.path()).status().ok();
    }
}
