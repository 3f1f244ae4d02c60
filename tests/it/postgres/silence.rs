//! A database that is gone without a word, and one in its place.

use std::net::ToSocketAddrs as _;

use dynamic_mcp::domain::tool::ToolName;
use dynamic_mcp::ports::{StoreError, ToolStore as _};
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::support::postgres::{TestSchema, url};
use crate::support::wait::until;
use crate::support::wire::Wire;

/// As many as the store has connections, and more.
const READS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_have_fallen_silent_are_given_up() {
    let mut place = Url::parse(&url()).unwrap();
    let server = (place.host_str().unwrap(), place.port().unwrap_or(5432));
    let wire = Wire::to(server.to_socket_addrs().unwrap().next().unwrap()).await;
    place.set_host(Some("127.0.0.1")).unwrap();
    place.set_port(Some(wire.address.port())).unwrap();
    let schema = TestSchema::new();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let store = schema.open_at(place.as_str(), 50, &tasks, &stop).await;
    let name = ToolName::parse("any.tool").unwrap();

    // Every connection waits for an answer, and then none comes.
    let mut holder = PgConnection::connect(&url()).await.unwrap();
    let table = format!("{}.dynamic_tools", schema.name);
    let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut holder).await.unwrap();
    let reading = join_all((0..READS).map(|_| store.get(&name)));
    let cutting = async {
        let waiting = format!(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass"
        );
        until(async || {
            let waiting = sqlx::query_scalar(AssertSqlSafe(waiting.clone()));
            let waiting: i64 = waiting.fetch_one(&mut holder).await.unwrap();
            waiting >= 8
        })
        .await;
        wire.cut();
    };
    let (read, ()) = tokio::join!(reading, cutting);
    for answer in read {
        assert!(matches!(answer, Err(StoreError::Unavailable { .. })), "{answer:?}");
    }
    holder.close().await.unwrap();
    until(async || store.get(&name).await.is_ok()).await;
    stop.cancel();
}
