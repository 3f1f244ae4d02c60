//! Serves until the client goes away or a signal comes, and then ends in order.

use super::{Assembled, Transport, WiringError};

/// Serves on a transport. SIGTERM or SIGINT begins the end; a second one ends at once.
pub async fn run(assembled: Assembled, transport: Transport) -> Result<(), WiringError> {
    let mut signals = Signals::new().map_err(|error| WiringError::start(&error))?;
    let (draining, stopped) =
        (assembled.lifecycle.draining.clone(), assembled.lifecycle.stopped.clone());
    let lifecycle = assembled.lifecycle.clone();
    let served = transport.serve();
    tokio::pin!(served);
    let outcome = tokio::select! {
        outcome = &mut served => Some(outcome),
        () = signals.next() => {
            tracing::info!("ending: running calls may finish");
            None
        }
        () = draining.cancelled() => None,
    };
    let ending = async {
        let drain = assembled.shutdown();
        match outcome {
            Some(outcome) => {
                drain.await;
                outcome
            }
            None => tokio::join!(served, drain).0,
        }
    };
    tokio::select! {
        outcome = ending => match lifecycle.failure() {
            Some(reason) => Err(WiringError::Start(reason.to_owned())),
            None => outcome,
        },
        () = signals.next() => {
            stopped.cancel();
            tracing::warn!("ended at once");
            Ok(())
        }
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
