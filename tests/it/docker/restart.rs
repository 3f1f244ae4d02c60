//! A daemon that goes away and comes back, under a server that stays.

use std::collections::HashMap;
use std::sync::Arc;

use bollard::query_parameters::ListContainersOptionsBuilder;
use dynamic_mcp::adapters::outbound::docker::labels::{self, Instance};
use dynamic_mcp::domain::ErrorCode;
use dynamic_mcp::ports::EngineError;
use tokio_util::sync::CancellationToken;

use crate::contract::engine::{Bench, Docker, ample, job};
use crate::support::dockerd::Daemon;
use crate::support::host::RecordingHost;
use crate::support::wait::until;

/// Comes back when the daemon has no container but the one that waits.
async fn only_the_spare_is_there(daemon: &Daemon, instance: &Instance) {
    let client = daemon.connection().client().await.unwrap();
    let label = format!("{}={}", labels::INSTANCE, instance.as_str());
    let filters = HashMap::from([("label", vec![label])]);
    until(async || {
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        client.list_containers(Some(options)).await.unwrap().len() == 1
    })
    .await;
}

async fn is_back(bench: &Bench, daemon: &Daemon, instance: &Instance) {
    until(async || bench.engine.report().ready).await;
    assert_eq!(bench.value("return 1").await, 1);
    until(async || bench.engine.spare_sandboxes() == Some(1)).await;
    only_the_spare_is_there(daemon, instance).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_fail_while_the_daemon_is_away_and_go_on_when_it_is_back() {
    let daemon = Daemon::start().await;
    let (engine, instance) = Docker(1).on(daemon.connection());
    let bench = Bench { engine: Arc::new(engine), host: Arc::default() };
    assert_eq!(bench.value("return 1").await, 1);
    until(async || bench.engine.spare_sandboxes() == Some(1)).await;

    daemon.stop().await;
    for _ in 0..2 {
        let run = bench.engine.run(
            job("return 1", "{}", ample()),
            bench.host.clone(),
            CancellationToken::new(),
        );
        match run.await {
            Err(EngineError::Unavailable { reason, .. }) => {
                assert!(reason.contains("is it running?"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
    until(async || !bench.engine.report().ready).await;
    assert!(bench.engine.report().detail.contains("is it running?"));
    daemon.begin().await;
    is_back(&bench, &daemon, &instance).await;

    // Ended at once, during a call: what ran is not taken for done, and does not go on.
    let host = Arc::new(RecordingHost::default());
    let code = "ctx.log('info', 'on'); for (;;);";
    let call = bench.engine.run(job(code, "{}", ample()), host.clone(), CancellationToken::new());
    let death = async {
        until(async || !host.logs().is_empty()).await;
        daemon.kill().await;
    };
    let (completion, ()) = tokio::join!(call, death);
    let failure = completion.unwrap().outcome.unwrap_err();
    assert_eq!(failure.code, ErrorCode::SandboxCrashed, "{failure:?}");
    daemon.begin().await;
    is_back(&bench, &daemon, &instance).await;
    bench.engine.shutdown().await;
}
