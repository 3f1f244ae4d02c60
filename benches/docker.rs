//! The Docker engine against `docker run` of the same image, turn by turn in one run: what a call costs where a
//! container waits, where none does, where more callers come than containers, and with npm packages; how soon
//! endless code is ended; what waiting containers hold.
//!
//! `cargo bench --bench docker`, with a daemon that has `node:lts-slim` and the `docker` command. On Linux, as
//! a user who may look at the containers' processes, the memory is told too.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measuring program"
)]

#[path = "../tests/compromise/caller.rs"]
mod caller;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dynamic_mcp::adapters::outbound::docker::labels::{INSTANCE, Instance};
use dynamic_mcp::adapters::outbound::docker::{
    Connection, Containers, Dependencies, DependencyOptions, DockerEnvironment, Images,
};
use dynamic_mcp::adapters::outbound::engine::docker::{DockerConfig, DockerEngine, DockerParts};
use dynamic_mcp::domain::execution::Limits;
use dynamic_mcp::domain::image::{AllowedImages, ContainerImage};
use dynamic_mcp::domain::tool::Dependency;
use dynamic_mcp::ports::Engine as _;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const IMAGE: &str = "node:lts-slim";
const CODE: &str = "return {upper: String(args.text).toUpperCase()}";
const IMPORTS: &str = "const {default: ms} = await import('ms'); return ms('2 days')";
const TURNS: usize = 30;
const CALLERS: usize = 4;
const CALLS_OF_ONE: usize = 6;

#[tokio::main]
async fn main() {
    println!("{:<44} {:>9} {:>9}", "", "p50 ms", "p99 ms");
    warm().await;
    cold().await;
    crowded().await;
    packages().await;
    endless().await;
    memory().await;
}

async fn start(name: &str, spares: usize) -> DockerEngine {
    let instance = Instance::new(&instance(name));
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    let connection =
        Arc::new(Connection::new(DockerEnvironment { host, ..DockerEnvironment::new(None) }));
    let containers = Containers::new(Arc::clone(&connection), &tasks);
    let images = Images::new(connection, AllowedImages::default(), &tasks, &stop);
    let authorities = Path::new("/etc/ssl/certs/ca-certificates.crt");
    let options = DependencyOptions {
        registry: None,
        extra_ca: authorities.is_file().then(|| authorities.to_owned()),
        cache_bytes: 256 << 20,
    };
    let dependencies = Dependencies::new(
        containers.clone(),
        images.clone(),
        instance.clone(),
        options,
        &tasks,
        &stop,
    );
    let parts = DockerParts { containers, images, dependencies };
    let image = ContainerImage::parse(IMAGE).unwrap();
    let config = DockerConfig { spares, ..DockerConfig::new(instance, image) };
    let engine = DockerEngine::start(config, parts, &tasks, &stop);
    engine.settled().await;
    call(&engine, CODE, &[]).await;
    filled(&engine, spares).await;
    engine
}

fn instance(name: &str) -> String {
    format!("bench-{name}-{}", std::process::id())
}

/// Comes back when so many containers wait.
async fn filled(engine: &DockerEngine, spares: usize) {
    while engine.spare_sandboxes().unwrap_or(0) < spares {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn call(engine: &DockerEngine, code: &str, packages: &[Dependency]) -> Duration {
    let job = caller::job(code, "{\"text\":\"hello\"}", packages.into(), Limits::default());
    let began = Instant::now();
    caller::run(engine, job).await.unwrap();
    began.elapsed()
}

async fn docker_run() -> Duration {
    tokio::task::spawn_blocking(|| {
        let began = Instant::now();
        let script = "console.log(JSON.stringify({upper: 'hello'.toUpperCase()}))";
        let status = Command::new("docker")
            .args(["run", "--rm", "--network=none", IMAGE, "node", "-e", script])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        began.elapsed()
    })
    .await
    .unwrap()
}

async fn warm() {
    let engine = start("warm", 2).await;
    let (mut ours, mut theirs) = (vec![], vec![]);
    for _ in 0..TURNS {
        theirs.push(docker_run().await);
        filled(&engine, 2).await;
        ours.push(call(&engine, CODE, &[]).await);
    }
    compare("a container waits", ours, theirs);
    engine.shutdown().await;
}

async fn cold() {
    let engine = start("cold", 0).await;
    let (mut ours, mut theirs) = (vec![], vec![]);
    for _ in 0..TURNS {
        theirs.push(docker_run().await);
        ours.push(call(&engine, CODE, &[]).await);
    }
    compare("none waits", ours, theirs);
    engine.shutdown().await;
}

async fn crowded() {
    let engine = start("crowded", 2).await;
    let began = Instant::now();
    join_all((0..CALLERS).map(|_| async {
        for _ in 0..CALLS_OF_ONE {
            docker_run().await;
        }
    }))
    .await;
    let theirs = began.elapsed();
    let began = Instant::now();
    join_all((0..CALLERS).map(|_| async {
        for _ in 0..CALLS_OF_ONE {
            call(&engine, CODE, &[]).await;
        }
    }))
    .await;
    let ours = began.elapsed();
    let rate = |took: Duration| (CALLERS * CALLS_OF_ONE) as f64 / took.as_secs_f64();
    println!(
        "{CALLERS} callers without a pause: {:.1}/s, docker run {:.1}/s, ratio {:.2}",
        rate(ours),
        rate(theirs),
        rate(ours) / rate(theirs),
    );
    engine.shutdown().await;
}

async fn packages() {
    let engine = start("packages", 2).await;
    let packages = [Dependency { name: "ms".to_owned(), version: "2.1.3".to_owned() }];
    let first = call(&engine, IMPORTS, &packages).await;
    println!("npm packages, the first call: {:.0} ms", first.as_secs_f64() * 1e3);
    let mut later = vec![];
    for _ in 0..TURNS {
        // Both kinds: of tools without packages, and of this one.
        filled(&engine, 4).await;
        later.push(call(&engine, IMPORTS, &packages).await);
    }
    report("npm packages, later calls", later);
    engine.shutdown().await;
}

async fn endless() {
    let engine = start("endless", 2).await;
    let timeout = Duration::from_secs(1);
    let mut over = vec![];
    for _ in 0..5 {
        let limits = Limits { timeout, ..Limits::default() };
        let job = caller::job("for (;;) {}", "{}", Arc::new([]), limits);
        let began = Instant::now();
        caller::run(&engine, job).await.unwrap_err();
        over.push(began.elapsed().saturating_sub(timeout));
        filled(&engine, 2).await;
    }
    report("endless code, answered after its time", over);
    engine.shutdown().await;
}

async fn memory() {
    let mut held = vec![];
    for spares in [1, 3] {
        let name = format!("memory{spares}");
        let engine = start(&name, spares).await;
        held.push(pss_of(&instance(&name)));
        engine.shutdown().await;
    }
    let (first, more) = (held[0], (held[1] - held[0]) / 2.0);
    println!("a container that waits (PSS): the first {first:.0} MiB, each more {more:.0} MiB");
}

/// What the containers of a server hold, in MiB: pages that several share are counted once.
fn pss_of(instance: &str) -> f64 {
    let docker = |arguments: &[&str]| {
        let output = Command::new("docker").args(arguments).output().unwrap().stdout;
        String::from_utf8(output).unwrap()
    };
    let label = format!("label={INSTANCE}={instance}");
    let containers = docker(&["ps", "--quiet", "--filter", &label]);
    let mut sum = 0;
    for container in containers.split_whitespace() {
        for process in docker(&["top", container, "-eo", "pid"]).split_whitespace().skip(1) {
            let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"));
            let pss = rollup.unwrap_or_default().lines().find_map(|line| {
                line.strip_prefix("Pss:")?.split_whitespace().next()?.parse::<u64>().ok()
            });
            sum += pss.unwrap_or(0);
        }
    }
    sum as f64 / 1024.0
}

fn compare(what: &str, ours: Vec<Duration>, theirs: Vec<Duration>) {
    let (theirs50, theirs99) = report(&format!("{what}: docker run"), theirs);
    let (ours50, ours99) = report(what, ours);
    println!("    docker run / ours: p50 {:.2}, p99 {:.2}", theirs50 / ours50, theirs99 / ours99);
}

fn report(what: &str, mut times: Vec<Duration>) -> (f64, f64) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    // Of so few, the 99th percentile is the slowest but for one.
    println!("{what:<44} {:>9.2} {:>9.2}", at(50), at(99));
    (at(50), at(99))
}
