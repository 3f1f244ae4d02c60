//! The file: complete, in order, rotated, for its owner alone, shared with others.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::Ordering;

use dynamic_mcp::ports::AuditLog as _;

use super::{Kept, numbered, numbers};
use crate::support::wait::until;

const LARGE: u64 = 1_000_000;

#[tokio::test]
async fn what_was_recorded_is_there_when_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let log = Kept::open(&folder.path().join("new/audit.log"), LARGE, 5);
    for number in 0..5_000 {
        log.log.record(numbered(number));
    }
    log.log.close().await;
    log.log.close().await;
    let lines = log.lines(0);
    assert_eq!(numbers(&lines), (0..5_000).collect::<Vec<_>>());
    assert_eq!(lines[0]["time"], "2026-01-01T00:00:00.000Z");
    assert_eq!(log.counts.written.load(Ordering::SeqCst), 5_000);
    // What comes after the end is lost, and that is counted.
    log.log.record(numbered(1));
    assert_eq!(log.counts.lost.load(Ordering::SeqCst), 1);

    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&log.path), 0o600);
    assert_eq!(mode(log.path.parent().unwrap()), 0o700);

    // The next server goes on behind it.
    let next = Kept::open(&log.path, LARGE, 5);
    next.log.record(numbered(9));
    next.log.close().await;
    assert_eq!(next.lines(0).len(), 5_001);
}

#[tokio::test]
async fn a_file_that_is_large_is_followed_by_the_next_and_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let log = Kept::open(&folder.path().join("audit.log"), 1_000, 3);
    for number in 0..100 {
        log.log.record(numbered(number));
    }
    log.log.close().await;
    let kept: Vec<u64> = [2, 1, 0].iter().flat_map(|n| numbers(&log.lines(*n))).collect();
    assert_eq!(kept.last(), Some(&99));
    assert!(kept.windows(2).all(|pair| pair[1] == pair[0] + 1), "{kept:?}");
    for number in 0..3 {
        let lines = log.lines(number);
        let size: usize = lines.iter().map(|line| line.to_string().len() + 1).sum();
        assert!(!lines.is_empty() && size <= 1_000, "{number}: {size}");
    }
    assert!(!folder.path().join("audit.log.3").exists());

    let one = Kept::open(&folder.path().join("one.log"), 300, 1);
    for number in 0..50 {
        one.log.record(numbered(number));
    }
    one.log.close().await;
    assert_eq!(numbers(&one.lines(0)).last(), Some(&49));
    assert!(!folder.path().join("one.log.1").exists());

    // An event that is larger than a file is in one of its own.
    let tiny = Kept::open(&folder.path().join("tiny.log"), 1, 4);
    for number in 0..3 {
        tiny.log.record(numbered(number));
    }
    tiny.log.close().await;
    assert_eq!([2, 1, 0].map(|n| numbers(&tiny.lines(n))), [vec![0], vec![1], vec![2]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_servers_share_a_file_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let logs: Vec<_> = (0..3).map(|_| Kept::open(&path, 20_000, 100)).collect();
    let writing = logs.iter().enumerate().map(|(server, log)| {
        let log = std::sync::Arc::clone(&log.log);
        tokio::spawn(async move {
            for number in 0..1_000 {
                log.record(numbered(server as u64 * 10_000 + number));
                if number % 50 == 0 {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            }
            log.close().await;
        })
    });
    for written in writing.collect::<Vec<_>>() {
        written.await.unwrap();
    }
    let mut all: Vec<u64> = (0..100).flat_map(|n| numbers(&logs[0].lines(n))).collect();
    all.sort_unstable();
    let wanted: Vec<u64> =
        (0..3).flat_map(|server| (0..1_000).map(move |n| server * 10_000 + n)).collect();
    assert_eq!(all, wanted);
    assert!(!logs[0].lines(1).is_empty(), "it was rotated meanwhile");
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let log = Kept::open(&folder.path().join("audit.log"), LARGE, 5);
    log.log.record(numbered(1));
    until(async || log.counts.written.load(Ordering::SeqCst) >= 1).await;
    let moved = folder.path().join("moved.log");
    fs::rename(&log.path, &moved).unwrap();
    log.log.record(numbered(2));
    log.log.close().await;
    assert_eq!(numbers(&log.lines(0)), [2]);
    assert!(fs::read_to_string(&moved).unwrap().contains("\"revision\":1"));
}

#[tokio::test]
async fn a_file_that_cant_be_opened_is_an_error_at_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("audit.log")).unwrap();
    assert!(Kept::try_open(&folder.path().join("audit.log"), LARGE, 5).is_err());
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(Kept::try_open(&folder.path().join("file/audit.log"), LARGE, 5).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_another_program_holds_is_waited_for_but_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let log = Kept::open(&path, LARGE, 5);
    let held = fs::File::open(&path).unwrap();
    held.lock().unwrap();
    log.log.record(numbered(1));
    let released = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        held.unlock().unwrap();
    };
    tokio::join!(log.log.close(), released);
    assert_eq!((numbers(&log.lines(0)), log.log.problem()), (vec![1], None));

    let log = Kept::open(&path, LARGE, 5);
    held.lock().unwrap();
    log.log.record(numbered(2));
    log.log.close().await;
    let problem = log.log.problem().unwrap();
    assert!(problem.contains("another program holds its file"), "{problem}");
}
