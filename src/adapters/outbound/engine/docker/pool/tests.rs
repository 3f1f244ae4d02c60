//! The pool with a maker whose containers are numbers, on a clock that stands still until everybody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio_util::task::TaskTracker;

use super::super::launch::{Kind, LaunchError};
use super::{Bounds, KINDS, Maker, OLDEST, Pool, UNUSED, Waits};
use crate::domain::image::ContainerImage;

const TICK: Duration = Duration::from_secs(1);
/// How long one takes to be made.
const MAKING: Duration = Duration::from_secs(3);

/// What the maker was asked for and has made.
#[derive(Default)]
struct Account {
    begun: AtomicUsize,
    at_work: AtomicUsize,
    most_at_work: AtomicUsize,
    alive: AtomicUsize,
    broken: AtomicBool,
    /// Those with lower numbers have died while they waited.
    dead_below: AtomicUsize,
    refused: AtomicUsize,
    hangs: AtomicBool,
}

#[derive(Clone, Default)]
struct Fake(Arc<Account>);

struct Made {
    number: usize,
    kind: String,
    account: Arc<Account>,
}

impl Drop for Made {
    fn drop(&mut self) {
        self.account.alive.fetch_sub(1, SeqCst);
    }
}

impl Waits for Made {
    fn waits(&mut self) -> bool {
        self.number >= self.account.dead_below.load(SeqCst)
    }
}

impl Maker for Fake {
    type Made = Made;

    async fn make(&self, kind: &Kind) -> Result<Made, LaunchError> {
        let account = Arc::clone(&self.0);
        let number = account.begun.fetch_add(1, SeqCst);
        let at_work = account.at_work.fetch_add(1, SeqCst) + 1;
        account.most_at_work.fetch_max(at_work, SeqCst);
        tokio::time::sleep(MAKING).await;
        if account.hangs.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        account.at_work.fetch_sub(1, SeqCst);
        if account.broken.load(SeqCst) {
            let image = kind.image.clone();
            return Err(LaunchError::NotReady { image, why: "it is broken".to_owned() });
        }
        account.alive.fetch_add(1, SeqCst);
        Ok(Made { number, kind: kind.id.to_string(), account })
    }

    fn learn(&self, outcome: Result<(), &LaunchError>) {
        if outcome.is_err() {
            self.0.refused.fetch_add(1, SeqCst);
        }
    }
}

fn kind(name: &str) -> Kind {
    let image = ContainerImage::parse("node:lts-slim").unwrap();
    Kind { image, id: name.into(), packages: None }
}

struct Bench {
    pool: Arc<Pool<Fake>>,
    account: Arc<Account>,
    tasks: TaskTracker,
}

impl Bench {
    /// With so many spares of a kind, kept by a task of its own.
    fn new(spares: usize) -> Self {
        let (fake, tasks) = (Fake::default(), TaskTracker::new());
        let account = Arc::clone(&fake.0);
        let pool = Pool::new(fake, tasks.clone(), Bounds { spares, at_once: 3 });
        let kept = Arc::clone(&pool);
        tasks.spawn(async move { kept.keep_filled(TICK).await });
        Self { pool, account, tasks }
    }

    async fn acquire(&self, name: &str) -> Result<Made, LaunchError> {
        self.pool.acquire(&kind(name)).await.unwrap()
    }

    fn alive(&self) -> usize {
        self.account.alive.load(SeqCst)
    }

    fn begun(&self) -> usize {
        self.account.begun.load(SeqCst)
    }
}

/// Lets everything happen that happens by itself.
async fn meanwhile() {
    tokio::time::sleep(Duration::from_mins(1)).await;
}

#[tokio::test(start_paused = true)]
async fn so_many_wait_and_no_more() {
    let bench = Bench::new(2);
    bench.pool.always(&kind("a"));
    meanwhile().await;
    assert_eq!((bench.pool.ready(), bench.begun()), (2, 2));
    let first = bench.acquire("a").await.unwrap();
    assert_eq!((first.number, first.kind.as_str()), (0, "a"), "the one that waited longest");
    meanwhile().await;
    assert_eq!((bench.pool.ready(), bench.begun()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_caller_never_waits_for_what_is_made_up_for() {
    let bench = Bench::new(1);
    bench.pool.always(&kind("a"));
    meanwhile().await;
    let taken = bench.acquire("a").now_or_never().expect("it was ready").unwrap();
    // The next one is being made in the background when somebody asks: one is made for him beside it.
    tokio::time::sleep(TICK).await;
    assert_eq!(bench.account.at_work.load(SeqCst), 1);
    let other = bench.acquire("a").await.unwrap();
    assert_eq!(taken.number, 0);
    assert!(other.number == 1 || other.number == 2, "whichever was ready first");
    meanwhile().await;
    assert_eq!(bench.pool.ready(), 1);
}

#[tokio::test(start_paused = true)]
async fn none_wait_where_none_are_wanted() {
    let bench = Bench::new(0);
    bench.pool.always(&kind("a"));
    meanwhile().await;
    assert_eq!(bench.begun(), 0);
    assert_eq!(bench.acquire("a").await.unwrap().number, 0);
    meanwhile().await;
    assert_eq!((bench.pool.ready(), bench.begun(), bench.alive()), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn only_the_kinds_used_last_are_kept_and_the_usual_one() {
    let bench = Bench::new(2);
    bench.pool.always(&kind("usual"));
    for name in ["a", "b", "c", "d", "e", "f"] {
        drop(bench.acquire(name).await.unwrap());
        meanwhile().await;
        assert!(bench.pool.ready() <= 2 * KINDS, "{name}");
    }
    assert_eq!((bench.pool.ready(), bench.alive()), (2 * KINDS, 2 * KINDS));
    let begun = bench.begun();
    for name in ["usual", "d", "e", "f"] {
        assert!(bench.acquire(name).now_or_never().is_some(), "{name} is kept");
    }
    assert_eq!(bench.begun(), begun);
    assert!(bench.acquire("a").now_or_never().is_none(), "it was let go");
}

#[tokio::test(start_paused = true)]
async fn what_waits_too_long_is_made_anew_and_what_nobody_uses_is_let_go() {
    let bench = Bench::new(1);
    bench.pool.always(&kind("usual"));
    drop(bench.acquire("other").await.unwrap());
    meanwhile().await;
    assert_eq!(bench.alive(), 2);
    tokio::time::sleep(OLDEST.max(UNUSED)).await;
    meanwhile().await;
    assert_eq!(bench.alive(), 1);
    let renewed = bench.acquire("usual").now_or_never().expect("it is kept").unwrap();
    assert!(renewed.number > 2, "{}", renewed.number);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_usual_kind_lets_the_old_one_go() {
    let bench = Bench::new(1);
    bench.pool.always(&kind("old image"));
    meanwhile().await;
    bench.pool.always(&kind("new image"));
    tokio::time::sleep(UNUSED).await;
    meanwhile().await;
    assert_eq!((bench.pool.ready(), bench.alive()), (1, 1));
    assert!(bench.acquire("new image").now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_dead_are_replaced_and_given_to_nobody() {
    let bench = Bench::new(2);
    bench.pool.always(&kind("a"));
    meanwhile().await;
    bench.account.dead_below.store(2, SeqCst);
    let alive = bench.acquire("a").await.unwrap();
    assert!(alive.number >= 2, "{}", alive.number);
    meanwhile().await;
    assert_eq!((bench.pool.ready(), bench.alive()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_made_at_once_however_many_wait() {
    let bench = Bench::new(2);
    let made = join_all((0..20).map(|_| bench.acquire("a"))).await;
    assert!(made.iter().all(Result::is_ok));
    assert_eq!(bench.account.most_at_work.load(SeqCst), 3);
    assert_eq!(bench.begun(), 20, "nothing is made up for while anybody waits");
}

#[tokio::test(start_paused = true)]
async fn what_is_made_for_a_call_that_gave_up_is_the_next_ones() {
    let bench = Bench::new(1);
    {
        let gives_up = bench.acquire("a");
        assert!(tokio::time::timeout(MAKING / 2, gives_up).await.is_err());
    }
    meanwhile().await;
    assert_eq!((bench.pool.ready(), bench.alive()), (1, 1));
    assert_eq!(bench.acquire("a").now_or_never().expect("it waits").unwrap().number, 0);
}

#[tokio::test(start_paused = true)]
async fn a_maker_that_fails_is_not_pestered_and_heals() {
    let bench = Bench::new(2);
    bench.account.broken.store(true, SeqCst);
    bench.pool.always(&kind("a"));
    let error = bench.acquire("a").await.err().unwrap();
    assert!(error.to_string().contains("it is broken"), "{error}");
    for _ in 0..60 {
        meanwhile().await;
    }
    let refused = bench.account.refused.load(SeqCst);
    assert!((60..200).contains(&refused), "an hour of trying: {refused}");
    bench.account.broken.store(false, SeqCst);
    bench.pool.hurry();
    meanwhile().await;
    assert_eq!(bench.pool.ready(), 2);
    assert_eq!(bench.account.refused.load(SeqCst), refused);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_at_the_end() {
    let bench = Bench::new(2);
    bench.pool.always(&kind("a"));
    meanwhile().await;
    // One in use, one that waits, one being made up for it, and calls that wait for theirs.
    let in_use = bench.acquire("a").await.unwrap();
    let other = kind("b");
    let waiting = join_all((0..5).map(|_| bench.pool.acquire(&other)));
    let closing = async {
        tokio::time::sleep(MAKING / 2).await;
        bench.pool.close();
    };
    let (waited, ()) = tokio::join!(waiting, closing);
    let (begun, refused): (Vec<_>, Vec<_>) = waited.into_iter().partition(Option::is_some);
    assert_eq!((begun.len(), refused.len()), (3, 2), "who had no turn yet gets none");
    drop(begun);
    assert!(bench.pool.acquire(&kind("a")).await.is_none());
    bench.tasks.close();
    bench.tasks.wait().await;
    assert_eq!((bench.pool.ready(), bench.alive()), (0, 1));
    drop(in_use);
    assert_eq!(bench.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_made_at_the_end_is_waited_for_but_not_for_ever() {
    for hangs in [false, true] {
        let bench = Bench::new(2);
        bench.account.hangs.store(hangs, SeqCst);
        bench.pool.always(&kind("a"));
        tokio::time::sleep(MAKING / 2).await;
        assert_eq!(bench.account.at_work.load(SeqCst), 1);
        bench.pool.close();
        bench.pool.rest(2 * MAKING).await;
        assert_eq!((bench.account.at_work.load(SeqCst), hangs), (usize::from(hangs), hangs));
        bench.tasks.close();
        bench.tasks.wait().await;
        assert_eq!((bench.alive(), bench.begun()), (0, 1));
    }
}
