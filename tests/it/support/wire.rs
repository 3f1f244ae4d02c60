//! A way to a server that can fall silent: what goes over it then is neither delivered nor refused, as when the
//! machine at its other end is gone.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Runs until it is dropped.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    cuts: watch::Sender<()>,
    accepting: JoinHandle<()>,
}

impl Wire {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = watch::Sender::new(());
        let cutting = cuts.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut server = TcpStream::connect(server).await.unwrap();
                let mut cut = cutting.subscribe();
                tokio::spawn(async move {
                    tokio::select! {
                        // Either end may close as it likes.
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        cut = cut.changed() => {
                            if cut.is_ok() {
                                std::future::pending::<()>().await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, cuts, accepting }
    }

    /// From now on nothing comes over the connections that there are; new ones are as good as ever.
    pub(crate) fn cut(&self) {
        self.cuts.send_replace(());
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
