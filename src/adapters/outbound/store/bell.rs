//! Wakes everybody who follows something, without saying what has changed.

use futures_util::stream;
use tokio::sync::watch;

use crate::ports::BoxStream;

/// The sending end. Cheap to clone; every clone wakes the same followers.
#[derive(Debug, Clone, Default)]
pub(super) struct Bell(watch::Sender<()>);

impl Bell {
    /// Wakes them. Rings that come before a follower looks are one to it.
    pub(super) fn ring(&self) {
        self.0.send_replace(());
    }

    /// Rings from now on; ends with the last sender.
    pub(super) fn follow(&self) -> BoxStream<()> {
        Box::pin(stream::unfold(self.0.subscribe(), |mut rings| async {
            rings.changed().await.ok().map(|()| ((), rings))
        }))
    }
}
