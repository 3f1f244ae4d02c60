//! A load balancer without stickiness: each connection goes to the next server that takes it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Runs until it is dropped.
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    /// How many connections each server has got.
    pub(crate) shares: Arc<Vec<AtomicUsize>>,
    accepting: JoinHandle<()>,
}

impl Balancer {
    pub(crate) async fn start(servers: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shares: Arc<Vec<_>> = Arc::new(servers.iter().map(|_| AtomicUsize::new(0)).collect());
        let counted = Arc::clone(&shares);
        let accepting = tokio::spawn(async move {
            let mut next = 0;
            while let Ok((mut client, _)) = listener.accept().await {
                for _ in 0..servers.len() {
                    let turn = next % servers.len();
                    next += 1;
                    if let Ok(mut server) = TcpStream::connect(servers[turn]).await {
                        counted[turn].fetch_add(1, Ordering::Relaxed);
                        tokio::spawn(async move {
                            // Either end may close as it likes.
                            let both = tokio::io::copy_bidirectional(&mut client, &mut server);
                            both.await.ok();
                        });
                        break;
                    }
                }
            }
        });
        Self { address, shares, accepting }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
