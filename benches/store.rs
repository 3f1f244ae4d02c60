//! How fast the file store takes and gives tools: durable creates a second while it grows, and opening and
//! listing a full one. Beside them the disk's own flush, which bounds the first.
//!
//! `cargo bench --bench store [-- FOLDER]`; the folder (default: the temporary one) chooses the disk.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark measures real time, prints, and fails by panicking"
)]

mod support;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dynamic_mcp::adapters::outbound::store::file::{FileOptions, FileStore};
use dynamic_mcp::ports::ToolStore as _;
use futures_util::StreamExt as _;
use support::{TOOLS, tool};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A store and the way to close it.
struct Opened {
    store: FileStore,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Opened {
    async fn new(path: &Path) -> Self {
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let store = FileStore::open(path, FileOptions::default(), &tracker, &stop).await.unwrap();
        Self { store, tracker, stop }
    }

    async fn close(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

fn median(samples: &mut [Duration]) -> Duration {
    samples.sort();
    samples[samples.len() / 2]
}

/// What appending a page and flushing it takes just now: disks differ from one second to the next.
fn flush(folder: &Path) -> Duration {
    let mut file = File::create(folder.join("flush")).unwrap();
    let samples = (0..50).map(|_| {
        let start = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        start.elapsed()
    });
    median(&mut samples.collect::<Vec<_>>())
}

async fn creates(folder: &Path, in_flight: usize, tools: usize, step: usize) {
    let path = folder.join(format!("creates-{in_flight}.redb"));
    let opened = Opened::new(&path).await;
    let records: Vec<_> = (0..tools).map(tool).collect();
    for (number, block) in records.chunks(step).enumerate() {
        let flush = flush(folder);
        let start = Instant::now();
        futures_util::stream::iter(block)
            .for_each_concurrent(in_flight, |record| async {
                opened.store.insert(Arc::clone(record), TOOLS).await.unwrap();
            })
            .await;
        let rate = block.len() as f64 / start.elapsed().as_secs_f64();
        println!(
            "create, {in_flight} in flight, {:>5} tools there: {rate:>6.0}/s, the disk flushes {:>5.0}/s: {:.1} x",
            number * step,
            1.0 / flush.as_secs_f64(),
            rate * flush.as_secs_f64(),
        );
    }
    opened.close().await;
}

async fn open_and_list(path: &Path) {
    let (mut opens, mut lists, mut gets) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..15 {
        let start = Instant::now();
        let opened = Opened::new(path).await;
        opens.push(start.elapsed());
        let start = Instant::now();
        let listing = opened.store.list().await.unwrap();
        lists.push(start.elapsed());
        assert_eq!((listing.tools.len(), listing.corrupt.len()), (TOOLS, 0));
        let start = Instant::now();
        opened.store.get(&listing.tools[TOOLS / 2].name).await.unwrap();
        gets.push(start.elapsed());
        opened.close().await;
    }
    let size = std::fs::metadata(path).unwrap().len();
    println!(
        "with {TOOLS} tools, a file of {} KiB: open {:?}, list {:?} (at best {:?}), get {:?}",
        size / 1024,
        median(&mut opens),
        median(&mut lists),
        lists[0],
        median(&mut gets)
    );
}

#[tokio::main]
async fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = match &folder {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    creates(folder.path(), 1, 1_000, 500).await;
    creates(folder.path(), 8, TOOLS, 500).await;
    open_and_list(&folder.path().join("creates-8.redb")).await;
    creates(folder.path(), 64, TOOLS, 2_500).await;
}
