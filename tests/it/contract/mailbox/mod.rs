//! What every mailbox must do, stamped on each.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dynamic_mcp::adapters::outbound::store::MemoryMailbox;
use dynamic_mcp::ports::{BoxStream, Mailbox};
use futures_util::StreamExt as _;
use futures_util::future::join_all;

#[cfg(feature = "postgres")]
mod postgres;

/// A place for letters, empty at first.
#[async_trait]
trait MailboxHarness: Send + Sync {
    /// A handle on it; a second one, as another process has it, where it is called again.
    async fn open(&self) -> Arc<dyn Mailbox>;
}

/// One test for each case.
macro_rules! mailbox {
    ($harness:expr) => {
        super::mailbox!($harness, [
            what_one_leaves_another_takes,
            the_newest_of_a_name_counts,
            everybody_hears_of_it,
            one_of_many_takes_it,
        ]);
    };
    ($harness:expr, [$($case:ident),* $(,)?]) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(&$harness).await;
            }
        )*
    };
}
use mailbox;

/// In memory, where the second handle is the same one.
mod memory {
    use super::{Arc, Mailbox, MailboxHarness, MemoryMailbox, async_trait};

    #[derive(Default)]
    struct Memory(Arc<MemoryMailbox>);

    #[async_trait]
    impl MailboxHarness for Memory {
        async fn open(&self) -> Arc<dyn Mailbox> {
            self.0.clone()
        }
    }

    mailbox!(Memory::default());
}

/// Waits until this name is told.
async fn told(names: &mut BoxStream<String>, name: &str) {
    let heard = async { while names.next().await.unwrap() != name {} };
    tokio::time::timeout(Duration::from_mins(1), heard).await.unwrap();
}

async fn what_one_leaves_another_takes(harness: &dyn MailboxHarness) {
    let (one, other) = (harness.open().await, harness.open().await);
    assert_eq!(other.take("a/b").await.unwrap(), None);
    let text = "tést \u{1F980} \" \\ \n".repeat(50_000);
    one.post("a/b", &text).await.unwrap();
    assert_eq!(other.take("a/b").await.unwrap(), Some(text));
    assert_eq!(one.take("a/b").await.unwrap(), None);
}

async fn the_newest_of_a_name_counts(harness: &dyn MailboxHarness) {
    let mailbox = harness.open().await;
    for letter in ["1", "2"] {
        mailbox.post("a", letter).await.unwrap();
    }
    assert_eq!(mailbox.take("a").await.unwrap().as_deref(), Some("2"));
}

async fn everybody_hears_of_it(harness: &dyn MailboxHarness) {
    let (one, other) = (harness.open().await, harness.open().await);
    let mut names = [other.watch(), other.watch()];
    let long = "é".repeat(1_024);
    for name in ["a", &long] {
        one.post(name, "x").await.unwrap();
        for names in &mut names {
            told(names, name).await;
        }
    }
    assert_eq!(other.take(&long).await.unwrap().as_deref(), Some("x"));
}

async fn one_of_many_takes_it(harness: &dyn MailboxHarness) {
    let handles = [harness.open().await, harness.open().await];
    handles[0].post("a", "x").await.unwrap();
    let takes = (0..16).map(|number: usize| handles[number % 2].take("a"));
    let taken = join_all(takes).await.into_iter().filter(|taken| taken.as_ref().unwrap().is_some());
    assert_eq!(taken.count(), 1);
}
