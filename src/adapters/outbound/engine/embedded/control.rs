//! What the host and the fork server say to each other, one datagram each.

use super::super::sandbox::Ending;
use super::walls::Walls;

/// Longest datagram.
pub(super) const MAX: usize = 4 << 10;

/// From the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToServer {
    /// Fork a worker with this number; the descriptor that comes along is its end of a stream.
    Fork(u64, Urgency),
    /// Kill that worker: for hosts that may not do it themselves.
    Kill(u64),
}

/// Whether somebody waits for a worker already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// No: it may warm up first.
    Spare,
    /// Yes.
    Awaited,
}

/// From the fork server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FromServer {
    /// The walls stand as described, and the server serves. Its first datagram.
    Ready(Walls),
    /// The walls that must stand don't, and the server ends. Its first and last datagram.
    Refused(Walls),
    /// That worker runs; the descriptor that comes along refers to its process.
    Forked(u64),
    /// That worker could not be made.
    Failed(u64),
    /// That worker has ended.
    Ended(u64, Ending),
}

impl ToServer {
    /// As a datagram.
    pub(super) fn encode(self) -> [u8; 9] {
        let (kind, id) = match self {
            Self::Fork(id, Urgency::Spare) => (b'F', id),
            Self::Fork(id, Urgency::Awaited) => (b'A', id),
            Self::Kill(id) => (b'K', id),
        };
        let mut out = [kind; 9];
        if let Some(slot) = out.last_chunk_mut() {
            *slot = id.to_le_bytes();
        }
        out
    }

    /// From a datagram.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, id) = bytes.split_first()?;
        let id = u64::from_le_bytes(id.try_into().ok()?);
        match kind {
            b'F' => Some(Self::Fork(id, Urgency::Spare)),
            b'A' => Some(Self::Fork(id, Urgency::Awaited)),
            b'K' => Some(Self::Kill(id)),
            _ => None,
        }
    }
}

impl FromServer {
    /// As a datagram.
    pub(super) fn encode(&self) -> Vec<u8> {
        let about = |kind: u8, id: &u64| [&[kind], id.to_le_bytes().as_slice()].concat();
        match self {
            Self::Ready(walls) => [b"!", json(walls).as_slice()].concat(),
            Self::Refused(walls) => [b"?", json(walls).as_slice()].concat(),
            Self::Forked(id) => about(b'P', id),
            Self::Failed(id) => about(b'N', id),
            Self::Ended(id, Ending::Exited(status)) => {
                [about(b'X', id).as_slice(), &status.to_le_bytes()].concat()
            }
            Self::Ended(id, Ending::Signaled(signal)) => {
                [about(b'S', id).as_slice(), &signal.to_le_bytes()].concat()
            }
            Self::Ended(id, Ending::OutOfMemory) => about(b'M', id),
        }
    }

    /// From a datagram.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, body) = bytes.split_first()?;
        if matches!(kind, b'!' | b'?') {
            let walls = serde_json::from_slice(body).ok()?;
            return Some(if *kind == b'!' { Self::Ready(walls) } else { Self::Refused(walls) });
        }
        let (id, rest) = body.split_first_chunk()?;
        let id = u64::from_le_bytes(*id);
        let status = || rest.first_chunk().map(|bytes| i32::from_le_bytes(*bytes));
        match kind {
            b'P' => Some(Self::Forked(id)),
            b'N' => Some(Self::Failed(id)),
            b'X' => Some(Self::Ended(id, Ending::Exited(status()?))),
            b'S' => Some(Self::Ended(id, Ending::Signaled(status()?))),
            b'M' => Some(Self::Ended(id, Ending::OutOfMemory)),
            _ => None,
        }
    }
}

fn json(walls: &Walls) -> Vec<u8> {
    serde_json::to_vec(walls).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_survive() {
        for said in [
            ToServer::Fork(7, Urgency::Spare),
            ToServer::Fork(8, Urgency::Awaited),
            ToServer::Kill(u64::MAX),
        ] {
            assert_eq!(ToServer::decode(&said.encode()), Some(said));
        }
        for said in [
            FromServer::Ready(Walls::default()),
            FromServer::Refused(Walls::default()),
            FromServer::Forked(1),
            FromServer::Failed(2),
            FromServer::Ended(3, Ending::Exited(70)),
            FromServer::Ended(4, Ending::Signaled(31)),
            FromServer::Ended(5, Ending::OutOfMemory),
        ] {
            assert_eq!(FromServer::decode(&said.encode()), Some(said));
        }
        assert_eq!(FromServer::decode(b"P123"), None);
    }
}
