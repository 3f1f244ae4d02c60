//! A second process in a test: the test's own binary, run again for the same test with a role to play.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const ROLE: &str = "TEST_PEER_ROLE";
const PATH: &str = "TEST_PEER_PATH";
/// Tells the peer's lines from the test harness's own.
const MARK: &str = "peer: ";
/// Longer than anything here takes.
const HANG: Duration = Duration::from_mins(1);

/// The role that this process is to play and the path it is to play it on; `None` in the test itself.
pub(crate) fn role() -> Option<(String, PathBuf)> {
    Some((std::env::var(ROLE).ok()?, std::env::var_os(PATH)?.into()))
}

/// Says a line to the test.
pub(crate) fn say(line: &str) {
    use std::io::Write as _;
    // Whole lines, whatever else writes. A test that went away is found when the peer reads.
    std::io::stdout().lock().write_all(format!("{MARK}{line}\n").as_bytes()).ok();
}

/// Waits for the test's next line; ends the process where the test went away.
pub(crate) fn listen() -> String {
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(1..) => line.trim_end().to_owned(),
        _ => std::process::exit(1),
    }
}

/// The process, killed when it is dropped.
pub(crate) struct Peer {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    /// Runs the named test of this binary in a role, through `wrapper`, a command that ends in running its
    /// arguments.
    pub(crate) fn start(wrapper: &[&str], test: &str, role: &str, path: &Path) -> Self {
        let binary = std::env::current_exe().unwrap();
        let mut words = wrapper.iter().map(AsRef::as_ref).chain([binary.as_os_str()]);
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(PATH, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, input, output }
    }

    /// The next line that it says; `None` after its end.
    pub(crate) async fn line(&mut self) -> Option<String> {
        loop {
            let line = tokio::time::timeout(HANG, self.output.next_line()).await.unwrap();
            let line = line.unwrap()?;
            // The harness begins a line with the test's name and doesn't end it.
            if let Some((_, said)) = line.split_once(MARK) {
                return Some(said.to_owned());
            }
        }
    }

    /// Tells it a line.
    pub(crate) async fn tell(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Sends a signal by its name, such as `STOP`.
    pub(crate) async fn signal(&self, name: &str) {
        run("sh", &["-c", &format!("kill -{name} {}", self.id())]).await;
    }

    /// Waits for its end.
    pub(crate) async fn end(&mut self) {
        tokio::time::timeout(HANG, self.child.wait()).await.unwrap().unwrap();
    }
}

/// Says that all went well on a small disk.
pub(crate) const DONE: &str = "done";

/// Runs the named test of this binary in a role, on a disk of a size such as `1m` that is mounted at the path and that
/// only it sees; as a user who may not mount, in a namespace where he may. It has to say [`DONE`].
pub(crate) async fn on_small_disk(size: &str, test: &str) {
    let mount =
        format!("mount -t tmpfs -o size={size},mode=755 none \"$TEST_PEER_PATH\"; exec \"$@\"");
    let wrapper = ["unshare", "--map-root-user", "--mount", "sh", "-ec", &mount, "sh"];
    let folder = tempfile::tempdir().unwrap();
    let mut peer = Peer::start(&wrapper, test, "fill", folder.path());
    assert_eq!(peer.line().await.as_deref(), Some(DONE));
    peer.end().await;
}

/// Runs a command that must succeed.
pub(crate) async fn run(command: &str, arguments: &[&str]) {
    let status = Command::new(command).args(arguments).status().await.unwrap();
    assert!(status.success(), "{command} {arguments:?}: {status}");
}
