//! Interactive sandboxes in real containers.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::outbound::clock::{RandomIds, SystemClock};
use dynamic_mcp::adapters::outbound::docker::labels::Instance;
use dynamic_mcp::adapters::outbound::docker::{
    Containers, DependencyOptions, DockerSandboxes, Images, Network, Resources, SessionOptions,
};
use dynamic_mcp::app::host::NoSink;
use dynamic_mcp::app::sandboxes::{CommandResult, Module};
use dynamic_mcp::app::{AppError, Lifecycle, SandboxLimits, SandboxParts, Sandboxes};
use dynamic_mcp::domain::image::AllowedImages;
use dynamic_mcp::domain::sandbox::TIMED_OUT;
use dynamic_mcp::domain::tool::{Dependency, ToolPolicy};
use dynamic_mcp::domain::{Caller, ErrorCode};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::docker;

struct Place {
    sandboxes: Arc<Sandboxes>,
    instance: Instance,
    lifecycle: Lifecycle,
    caller: Caller,
}

impl Place {
    fn new() -> Self {
        Self::with(20_000)
    }

    fn with(output_bytes: usize) -> Self {
        let lifecycle = Lifecycle::new(Duration::from_secs(1));
        let (tasks, stopped) = (&lifecycle.tasks, &lifecycle.stopped);
        let connection = Arc::new(docker::connection());
        let instance = Instance::new(&Uuid::new_v4().to_string());
        let packages = DependencyOptions {
            registry: None,
            extra_ca: docker::extra_ca(),
            cache_bytes: 1 << 30,
        };
        let host = DockerSandboxes::new(
            Containers::new(Arc::clone(&connection), tasks),
            Images::new(connection, AllowedImages::default(), tasks, stopped),
            docker::dependencies(docker::connection(), &instance, packages, tasks, stopped),
            instance.clone(),
            SessionOptions {
                network: Network::None,
                resources: Resources { memory_bytes: 256 << 20, millicpus: 1000 },
            },
            tasks,
        );
        let sandboxes = Arc::new(Sandboxes::new(SandboxParts {
            host: Arc::new(host),
            ids: Arc::new(RandomIds),
            clock: Arc::new(SystemClock),
            limits: SandboxLimits {
                max: 4,
                idle: Duration::from_mins(10),
                output_bytes,
                policy: ToolPolicy::default(),
            },
            lifecycle: lifecycle.clone(),
        }));
        lifecycle.tasks.spawn(Arc::clone(&sandboxes).tend());
        Self { sandboxes, instance, lifecycle, caller: Caller::local() }
    }

    async fn open(&self) -> String {
        self.sandboxes.initialize(&self.caller, None, None).await.unwrap().id.to_string()
    }

    async fn exec(&self, id: &str, commands: &[&str]) -> Vec<CommandResult> {
        let commands = commands.iter().map(|command| (*command).to_owned()).collect();
        let cancel = CancellationToken::new();
        self.sandboxes.exec(&self.caller, id, commands, None, &cancel).await.unwrap()
    }

    async fn one(&self, id: &str, command: &str) -> String {
        let [result] = &self.exec(id, &[command]).await[..] else { panic!("not one result") };
        assert_eq!(result.output.exit_code, 0, "{command}: {:?}", result.output);
        result.output.stdout.trim().to_owned()
    }

    async fn js(&self, id: &str, code: &str, packages: &[(&str, &str)]) -> (String, String, i64) {
        let packages = packages
            .iter()
            .map(|(name, version)| Dependency { name: (*name).into(), version: (*version).into() })
            .collect();
        let cancel = CancellationToken::new();
        let module = Module { code: code.to_owned(), dependencies: packages, timeout_ms: None };
        let ran = self.sandboxes.run_js(&self.caller, id, module, &NoSink, &cancel);
        let ran = ran.await.unwrap();
        (ran.stdout.trim().to_owned(), ran.stderr, ran.exit_code)
    }

    async fn end(self) {
        self.lifecycle.drain().await;
        self.lifecycle.finish().await;
        docker::nothing_left_of(&self.instance).await;
    }
}

#[tokio::test]
async fn what_one_command_leaves_the_next_one_finds() {
    let place = Place::new();
    let id = place.open().await;
    let ran = place.exec(&id, &["echo one > file; pwd", "cat file; echo two >&2"]).await;
    let [first, second] = &ran[..] else { panic!("{ran:?}") };
    assert_eq!(first.output.stdout, "/workspace\n");
    assert_eq!((second.output.stdout.as_str(), second.output.stderr.as_str()), ("one\n", "two\n"));
    assert_eq!((second.output.exit_code, second.output.timed_out), (0, false));
    assert_eq!(place.one(&id, "cat file").await, "one");
    let other = place.open().await;
    assert_eq!(place.one(&other, "ls").await, "");
    place.end().await;
}

#[tokio::test]
async fn it_stops_behind_the_first_command_that_fails() {
    let place = Place::new();
    let id = place.open().await;
    let ran = place.exec(&id, &["true", "echo no >&2; exit 3", "touch reached"]).await;
    assert_eq!(ran.len(), 2);
    assert_eq!(ran[1].output.exit_code, 3);
    assert_eq!(ran[1].output.stderr, "no\n");
    assert_eq!(place.one(&id, "ls").await, "");
    place.end().await;
}

#[tokio::test]
async fn what_runs_over_its_time_is_dead_with_all_that_it_started() {
    let place = Place::new();
    let id = place.open().await;
    // It ignores what can be ignored, and what it starts has another session and nobody's environment.
    let stubborn = "trap '' TERM INT HUP; for n in 1 2 3; do setsid env -i sh -c 'while :; do sleep 0.1; done' & done; \
                    echo begun; while :; do :; done";
    let cancel = CancellationToken::new();
    let ran = place
        .sandboxes
        .exec(&place.caller, &id, vec![stubborn.to_owned()], Some(1000), &cancel)
        .await
        .unwrap();
    assert!(ran[0].output.timed_out);
    assert_eq!((ran[0].output.exit_code, ran[0].output.stdout.as_str()), (TIMED_OUT, "begun\n"));
    assert_eq!(docker::processes_of(&place.instance).await, ["sh"]);
    assert_eq!(place.one(&id, "echo on").await, "on");
    place.end().await;
}

#[tokio::test]
async fn what_has_taken_every_process_that_there_may_be_is_dead_in_time_too() {
    let place = Place::new();
    let id = place.open().await;
    let greedy = "node -e 'const { spawn } = require(\"node:child_process\"); \
                  setInterval(() => spawn(\"sleep\", [\"1000\"]).on(\"error\", () => {}), 1)'";
    let cancel = CancellationToken::new();
    let commands = vec![greedy.to_owned()];
    let ran = place.sandboxes.exec(&place.caller, &id, commands, Some(5000), &cancel).await;
    assert!(ran.unwrap()[0].output.timed_out);
    // Where nothing can be started that would end it, the session ends with it.
    if place.sandboxes.list(&place.caller).is_empty() {
        docker::nothing_left_of(&place.instance).await;
    } else {
        assert_eq!(docker::processes_of(&place.instance).await, ["sh"]);
    }
    place.end().await;
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_dead() {
    let place = Place::new();
    let id = place.open().await;
    let cancel = CancellationToken::new();
    let commands = vec!["sleep 1000".to_owned()];
    let running = place.sandboxes.exec(&place.caller, &id, commands.clone(), None, &cancel);
    let cancelled = async {
        docker::process_comes(&place.instance, "sleep").await;
        cancel.cancel();
    };
    let (ran, ()) = tokio::join!(running, cancelled);
    assert_eq!(ran.unwrap_err().code(), ErrorCode::Cancelled);
    assert_eq!(docker::processes_of(&place.instance).await, ["sh"]);
    // The same where the request is just dropped.
    let never = CancellationToken::new();
    tokio::select! {
        ran = place.sandboxes.exec(&place.caller, &id, commands, None, &never) => panic!("{ran:?}"),
        () = docker::process_comes(&place.instance, "sleep") => {}
    }
    assert_eq!(place.one(&id, "echo on").await, "on");
    assert_eq!(docker::processes_of(&place.instance).await, ["sh"]);
    place.end().await;
}

#[tokio::test]
async fn a_command_may_leave_something_running() {
    let place = Place::new();
    let id = place.open().await;
    assert_eq!(place.one(&id, "sleep 1000 & echo begun").await, "begun");
    docker::process_comes(&place.instance, "sleep").await;
    assert_eq!(place.one(&id, "echo on").await, "on");
    // A list of processes is not taken for the end of a program.
    let list = place.one(&id, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; echo; echo whole").await;
    assert!(list.contains("sleep 1000") && list.ends_with("\nwhole"), "{list}");
    place.end().await;
}

#[tokio::test]
async fn output_is_cut_and_a_flood_is_ended() {
    let place = Place::with(1000);
    let id = place.open().await;
    let ran = place.exec(&id, &["head -c 5000 /dev/zero | tr '\\0' a"]).await;
    let cut = &ran[0].output.stdout;
    assert!(cut.starts_with(&"a".repeat(1000)) && cut.ends_with("[4000 more bytes were left out]"));
    let ran = place.exec(&id, &["yes"]).await;
    assert_eq!((ran[0].output.exit_code, ran[0].output.timed_out), (137, false));
    let said = &ran[0].output.stderr;
    assert!(said.ends_with("\n[killed: it printed more than 64 MiB]\n"), "{said}");
    assert_eq!(docker::processes_of(&place.instance).await, ["sh"]);
    place.end().await;
}

#[tokio::test]
async fn modules_run_with_packages_and_without() {
    let place = Place::new();
    let id = place.open().await;
    let (out, _, code) = place
        .js(
            &id,
            "import fs from 'node:fs'; fs.writeFileSync('x', '1'); console.log(process.cwd())",
            &[],
        )
        .await;
    assert_eq!((out.as_str(), code), ("/workspace", 0));
    let (out, error, code) = place
        .js(&id, "import odd from 'is-odd'; console.log(odd(3), await import('node:fs').then(fs => fs.readFileSync('x', 'utf8')))", &[("is-odd", "3.0.1")])
        .await;
    assert_eq!((out.as_str(), code), ("true 1", 0), "{error}");
    let (_, error, code) = place.js(&id, "throw new Error('so')", &[]).await;
    assert!(error.contains("Error: so") && code == 1, "{error}");
    let long = format!("console.log({:?}.length)", "ä".repeat(150_000));
    assert_eq!(place.js(&id, &long, &[]).await.0, "150000");
    let absent = Module {
        code: "1".to_owned(),
        dependencies: vec![Dependency { name: "is-odd".into(), version: "999.0.0".into() }],
        timeout_ms: None,
    };
    let never = CancellationToken::new();
    let absent = place.sandboxes.run_js(&place.caller, &id, absent, &NoSink, &never);
    assert_eq!(absent.await.unwrap_err().code(), ErrorCode::DependencyFailed);
    place.end().await;
}

#[tokio::test]
async fn a_session_has_the_walls_of_every_container() {
    let place = Place::new();
    let id = place.open().await;
    assert_eq!(
        place.one(&id, "id -u; grep -E '^(CapEff|NoNewPrivs)' /proc/self/status").await,
        "1000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1"
    );
    assert_eq!(place.one(&id, "touch /etc/x 2>/dev/null || echo refused").await, "refused");
    assert_eq!(place.one(&id, "ls /sys/class/net").await, "lo");
    // Substitution is the shell's, and the shell is the container's.
    assert_eq!(place.one(&id, "echo $(echo inside) `echo too`").await, "inside too");
    place.end().await;
}

#[tokio::test]
async fn no_program_reaches_the_process_that_waits_for_the_end_of_the_server() {
    let place = Place::new();
    let id = place.open().await;
    assert_eq!(place.one(&id, "stat -c %u /proc/1").await, "65534");
    // Whoever holds the other end of its input keeps it from ever ending.
    let grasp = "for file in /proc/1/fd/0 /proc/1/task/1/fd/0; do (exec 3<>$file) 2>/dev/null || echo refused; done; \
                 kill -9 1 2>/dev/null || echo refused";
    assert_eq!(place.one(&id, grasp).await, "refused\nrefused\nrefused");
    place.end().await;
}

#[tokio::test]
async fn orphans_that_ended_take_no_room() {
    let place = Place::new();
    let id = place.open().await;
    // Together more than the processes that there may be.
    for _ in 0..4 {
        let orphans = "n=0; while [ $n -lt 100 ]; do (true &); n=$((n + 1)); done; echo made";
        assert_eq!(place.one(&id, orphans).await, "made");
    }
    assert_eq!(place.one(&id, "echo $(echo on)").await, "on");
    place.end().await;
}

#[tokio::test]
async fn a_session_that_runs_out_of_memory_says_so() {
    let place = Place::new();
    let id = place.open().await;
    let ran =
        place.exec(&id, &["node -e 'const a = []; for (;;) a.push(Buffer.alloc(1e7, 1))'"]).await;
    assert_ne!(ran[0].output.exit_code, 0, "{ran:?}");
    place.end().await;
}

#[tokio::test]
async fn a_session_whose_container_is_gone_is_gone() {
    let place = Place::new();
    let id = place.open().await;
    docker::kill_containers_of(&place.instance).await;
    docker::nothing_left_of(&place.instance).await;
    let commands = vec!["true".to_owned()];
    let cancel = CancellationToken::new();
    let gone: AppError =
        place.sandboxes.exec(&place.caller, &id, commands, None, &cancel).await.unwrap_err();
    assert!(matches!(gone.code(), ErrorCode::SandboxCrashed | ErrorCode::NotFound), "{gone}");
    assert!(place.sandboxes.list(&place.caller).is_empty());
    place.end().await;
}

#[tokio::test]
async fn a_command_whose_container_is_killed_says_that_the_session_is_gone() {
    let place = Place::new();
    let id = place.open().await;
    let cancel = CancellationToken::new();
    let commands = vec!["sleep 1000".to_owned()];
    let running = place.sandboxes.exec(&place.caller, &id, commands, None, &cancel);
    let killed = async {
        docker::process_comes(&place.instance, "sleep").await;
        docker::kill_containers_of(&place.instance).await;
    };
    let (ran, ()) = tokio::join!(running, killed);
    let gone = ran.unwrap_err();
    assert_eq!(gone.code(), ErrorCode::SandboxCrashed, "{gone}");
    assert!(place.sandboxes.list(&place.caller).is_empty());
    place.end().await;
}

#[tokio::test]
async fn a_stopped_session_leaves_nothing() {
    let place = Place::new();
    let id = place.open().await;
    assert_eq!(place.sandboxes.stop(&place.caller, &id).unwrap().as_str(), id);
    docker::nothing_left_of(&place.instance).await;
    assert_eq!(place.sandboxes.stop(&place.caller, &id).unwrap_err().code(), ErrorCode::NotFound);
    place.end().await;
}

#[tokio::test]
async fn no_program_can_guess_what_ends_the_output_of_another() {
    let place = Place::new();
    let id = place.open().await;
    // The halves of the mark are among the arguments of the shell around a command.
    let look = "tr '\\0' '\\n' </proc/$PPID/cmdline | tail -n 4 | head -n 2";
    let (one, other) = (place.one(&id, look).await, place.one(&id, look).await);
    let halves = |lines: &str| lines.lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    let (one, other) = (halves(&one), halves(&other));
    assert_eq!((one.len(), other.len()), (2, 2), "{one:?} {other:?}");
    assert!(one.iter().all(|half| half.len() >= 8 && !other.contains(half)), "{one:?} {other:?}");
    place.end().await;
}
