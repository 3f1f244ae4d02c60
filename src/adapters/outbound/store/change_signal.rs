//! Wakes everybody who follows something, without saying what has changed.

use futures_util::stream;
use tokio::sync::watch;

use crate::ports::BoxStream;

/// The sending end. Cheap to clone; every clone wakes the same followers.
#[derive(Debug, Clone, Default)]
pub(super) struct ChangeSignal(watch::Sender<()>);

impl ChangeSignal {
    /// Wakes them. Signals that come before a follower looks are one to it.
    pub(super) fn notify(&self) {
        self.0.send_replace(());
    }

    /// Signals from now on; ends with the last sender.
    pub(super) fn follow(&self) -> BoxStream<()> {
        Box::pin(stream::unfold(self.0.subscribe(), |mut signals| async {
            signals.changed().await.ok().map(|()| ((), signals))
        }))
    }
}
