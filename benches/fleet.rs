//! How fast PostgreSQL takes tools, and how soon another replica knows of one: durable creates a second with
//! eight callers while the registry grows, and the time from asking to create at one store to the word of it
//! at another. Beside them what the database makes of single inserts that announce nothing: by as many callers, and
//! by one, whose commits nobody shares.
//!
//! `TEST_DATABASE_URL=postgres://... cargo bench --bench fleet`; uses a schema of its own and drops it.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark measures real time, prints, and fails by panicking"
)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dynamic_mcp::adapters::outbound::store::postgres::{PgOptions, PgToolStore, SchemaName};
use dynamic_mcp::domain::tool::EngineKind;
use dynamic_mcp::ports::{NoMetrics, StoreEvent, ToolStore as _};
use futures_util::StreamExt as _;
use sqlx::{AssertSqlSafe, PgPool};
use support::{TOOLS, tool};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const CALLERS: usize = 8;
const STEP: usize = 1_000;
const SAMPLES: usize = 500;

async fn open(
    url: &str,
    schema: &str,
    instance: &str,
    life: &(TaskTracker, CancellationToken),
) -> PgToolStore {
    let options = PgOptions {
        schema: SchemaName::parse(schema).unwrap(),
        history: 50,
        default_engine: EngineKind::Embedded,
        instance: instance.to_owned(),
        metrics: Arc::new(NoMetrics),
    };
    let store = PgToolStore::open(url, options, &life.0, &life.1).unwrap();
    while store.health().await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    store
}

/// Single inserts, without triggers and announcements: how many a second by as many callers, and how long each takes by
/// one. The database's own pace.
async fn floor(pool: &PgPool, schema: &str) -> (f64, Vec<Duration>) {
    let sql = format!("CREATE TABLE {schema}.floor (n BIGINT PRIMARY KEY, code TEXT)");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
    let code = tool(0).content.code.to_string();
    let insert = async |n: i64| {
        let sql = format!("INSERT INTO {schema}.floor VALUES ($1, $2)");
        sqlx::query(AssertSqlSafe(sql)).bind(n).bind(&code).execute(pool).await.unwrap();
    };
    let start = Instant::now();
    let many = futures_util::stream::iter(0..1_000);
    many.for_each_concurrent(CALLERS, &insert).await;
    let rate = 1_000.0 / start.elapsed().as_secs_f64();
    let mut alone = Vec::with_capacity(SAMPLES);
    for n in 1_000..1_000 + i64::try_from(SAMPLES).unwrap() {
        let start = Instant::now();
        insert(n).await;
        alone.push(start.elapsed());
    }
    (rate, alone)
}

/// The median, and what 99 in 100 don't exceed.
fn show(mut times: Vec<Duration>) -> String {
    times.sort();
    format!("p50 {:?}, p99 {:?}", times[SAMPLES / 2], times[SAMPLES * 99 / 100])
}

#[tokio::main]
async fn main() {
    let url = std::env::var("TEST_DATABASE_URL").unwrap();
    let schema = format!("bench_{}", std::process::id());
    let life = (TaskTracker::new(), CancellationToken::new());
    let (a, b) = (open(&url, &schema, "a", &life).await, open(&url, &schema, "b", &life).await);
    let pool = PgPool::connect(&url).await.unwrap();
    let (rate, alone) = floor(&pool, &schema).await;
    println!("single inserts, {CALLERS} callers: {rate:.0}/s; 1 caller: {}", show(alone));

    let records: Vec<_> = (0..TOOLS).map(tool).collect();
    for (block, records) in records.chunks(STEP).enumerate() {
        let start = Instant::now();
        futures_util::stream::iter(records)
            .for_each_concurrent(CALLERS, |record| async {
                a.insert(Arc::clone(record), 10_000).await.unwrap();
            })
            .await;
        let rate = records.len() as f64 / start.elapsed().as_secs_f64();
        println!("create, {CALLERS} callers, from {:>4} tools: {rate:.0}/s", block * STEP);
    }

    let mut events = b.watch();
    let (mut acknowledged, mut told) = (Vec::new(), Vec::new());
    for number in TOOLS..TOOLS + SAMPLES {
        let record = tool(number);
        let start = Instant::now();
        a.insert(Arc::clone(&record), 10_000).await.unwrap();
        acknowledged.push(start.elapsed());
        while let Some(event) = events.next().await {
            if matches!(event, StoreEvent::Put(put) if put.name == record.name) {
                break;
            }
        }
        told.push(start.elapsed());
    }
    for (what, times) in [("acknowledged", acknowledged), ("known at the other", told)] {
        println!("create asked at one, {what}, with {TOOLS} tools: {}", show(times));
    }

    life.1.cancel();
    life.0.close();
    life.0.wait().await;
    let sql = format!("DROP SCHEMA {schema} CASCADE");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
}
