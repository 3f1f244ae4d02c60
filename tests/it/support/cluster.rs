//! A PostgreSQL server of a test's own, to be killed, starved and filled at will.
//!
//! `scripts/postgres` starts the one that the other tests share; this one is never theirs.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Only keeps a broken test from hanging.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server with data of its own; both go with this.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    settings: Vec<&'static str>,
    /// Size of the small disk in `folder/small`, if there is one.
    disk: Option<&'static str>,
    postmaster: Option<Child>,
}

impl Cluster {
    /// A server that runs. `settings`: such as `max_connections=20`.
    pub(crate) async fn start(settings: &[&'static str]) -> Self {
        Self::with_disk(settings, None).await
    }

    /// With a small disk as the default place of the tables, of a size such as `32m`.
    pub(crate) async fn with_disk(settings: &[&'static str], disk: Option<&'static str>) -> Self {
        let folder = tempfile::Builder::new().prefix("dynamic-mcp-cluster-").tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut cluster = Self {
            programs: programs(),
            folder,
            port,
            settings: settings.to_vec(),
            disk,
            postmaster: None,
        };
        cluster.make().await;
        cluster.up().await;
        if disk.is_some() {
            let small = cluster.small();
            cluster.execute(&format!("CREATE TABLESPACE small LOCATION '{small}'")).await;
            let default = "ALTER DATABASE postgres SET default_tablespace = small";
            cluster.execute(default).await;
        }
        cluster
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// One statement, or several, on a connection of their own.
    pub(crate) async fn execute(&self, sql: &str) {
        self.try_execute(sql).await.unwrap();
    }

    pub(crate) async fn try_execute(&self, sql: &str) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect(&self.url()).await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
        connection.close().await
    }

    /// Kills it as a power cut would, with whatever it was doing.
    pub(crate) async fn kill(&mut self) {
        let mut postmaster = self.postmaster.take().unwrap();
        postmaster.kill().await.unwrap();
    }

    /// Sends a signal such as `STOP` to all of its processes.
    pub(crate) async fn signal(&self, signal: &str) {
        let parent = self.postmaster.as_ref().unwrap().id().unwrap().to_string();
        let children = format!("/proc/{parent}/task/{parent}/children");
        let children = std::fs::read_to_string(children).unwrap();
        let all = children.split_whitespace().chain([parent.as_str()]);
        let mut kill = Command::new("kill");
        // A child may have ended since.
        kill.arg(format!("-{signal}")).args(all).output().await.unwrap();
    }

    /// Starts it (again), and waits until it answers.
    pub(crate) async fn up(&mut self) {
        let up = async {
            loop {
                if let Some(postmaster) = &mut self.postmaster
                    && postmaster.try_wait().unwrap().is_none()
                {
                    if self.try_execute("SELECT 1").await.is_ok() {
                        return;
                    }
                } else {
                    // After a kill, the next one can't start as long as a process of the former lives.
                    self.postmaster = Some(self.server().spawn().unwrap());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, up).await.is_err() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            panic!("PostgreSQL did not start: {log}");
        }
    }

    async fn make(&self) {
        std::fs::create_dir(self.folder.path().join("small")).unwrap();
        let root = self.folder.path();
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(root, open).unwrap();
        if let Some((user, group)) = owner() {
            chown(root, Some(user), Some(group)).unwrap();
            chown(root.join("small"), Some(user), Some(group)).unwrap();
        }
        let mut initdb = as_owner(&self.programs.join("initdb"));
        initdb.args(["-A", "trust", "-U", "postgres", "--no-sync", "-D"]).arg(root.join("data"));
        let made = initdb.current_dir(root).output().await.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn server(&self) -> Command {
        let root = self.folder.path();
        let log =
            std::fs::File::options().create(true).append(true).open(root.join("log")).unwrap();
        let mut command = as_owner(&self.programs.join("postgres"));
        if let Some(size) = self.disk {
            // A disk in a name space of its own goes with the server.
            let inner = command;
            command = Command::new("unshare");
            let mount = "mount -t tmpfs -o \"$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"";
            let options = if let Some((user, group)) = owner() {
                command.arg("--mount");
                format!("size={size},mode=0700,uid={user},gid={group}")
            } else {
                // Who isn't root may mount in a name space of users of its own.
                command.args(["--user", "--map-current-user", "--keep-caps", "--mount"]);
                format!("size={size},mode=0700")
            };
            command.args(["sh", "-c", mount, "sh", &options]).arg(root.join("small"));
            command.arg(inner.as_std().get_program()).args(inner.as_std().get_args());
        }
        command.arg("-D").arg(root.join("data")).args(["-p", &self.port.to_string()]).args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command.current_dir(root).kill_on_drop(true);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        command
    }

    fn small(&self) -> String {
        self.folder.path().join("small").display().to_string()
    }
}

/// Where the newest server's programs are.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .max();
    match newest {
        Some((_, folder)) => folder.join("bin"),
        None => panic!("PostgreSQL's server is missing; scripts/prepare installs it"),
    }
}

/// Whom the server runs as where the tests run as root, which it refuses.
fn owner() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let fields = users.lines().find_map(|line| line.strip_prefix("postgres:")).unwrap();
    let mut ids = fields.split(':').skip(1).map(|id| id.parse().unwrap());
    Some((ids.next().unwrap(), ids.next().unwrap()))
}

fn as_owner(program: &Path) -> Command {
    match owner() {
        None => Command::new(program),
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
            command.arg("--clear-groups").arg(program);
            command
        }
    }
}
