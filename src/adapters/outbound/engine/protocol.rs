//! What the host and a worker in a sandbox say to each other, one frame each.
//!
//! The worker keeps to its limits by itself, for the sake of good messages; the host holds it to them, and a
//! worker that breaks one, or whose frame can't be read, is no longer running our code.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::frame::{self, Frame};
use super::sandbox::Ending;
use crate::domain::ErrorCode;
use crate::domain::execution::{Failure, HostRequestKind, Limits, Location, Returned, SyntaxError};
use crate::domain::log_level::LogLevel;
use crate::domain::text::millis;

/// Longest body that a host sends: code and arguments.
pub(super) const MAX_TO_WORKER: usize = 64 << 20;
/// Longest body of a request to the host, in bytes of JSON.
pub(super) const MAX_CALL_BODY: usize = 4 << 20;
/// Longest message of a failure, in bytes.
pub(super) const MAX_MESSAGE: usize = 16 << 10;
/// Room for the fields around a body.
const MARGIN: usize = 1 << 10;

/// Levels in the order of their numbers on the wire.
pub(super) const LEVELS: [LogLevel; 8] = LogLevel::ALL;

/// Kinds of requests in the order of their numbers on the wire.
pub(super) const REQUESTS: [HostRequestKind; 5] = [
    HostRequestKind::Fetch,
    HostRequestKind::Secret,
    HostRequestKind::ToolCall,
    HostRequestKind::ToolList,
    HostRequestKind::Input,
];

/// One run, as the worker needs it.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// What it may use.
    pub(super) limits: Limits,
    /// Fresh randomness from the host: forked workers share everything else.
    pub(super) entropy: [u8; 32],
    /// `{"tool": ..., "caller": ...}`, as `ctx` shows them.
    pub(super) about: String,
    /// The body of the function.
    pub(super) code: String,
    /// Whether it is known that `code` is the body of a function and nothing else.
    pub(super) parsed: bool,
    /// JSON.
    pub(super) args: String,
}

/// From the host.
#[derive(Debug, Clone)]
pub(super) enum ToWorker {
    /// Run this. The first frame, and the only one of its kind.
    Run(Box<Run>),
    /// Parse this code and run none of it. The first frame, and the only one of its kind.
    Check(String),
    /// The answer to a [`FromWorker::Call`]: JSON, or a refusal as `{"code", "message"}`.
    Reply {
        /// The call's number.
        id: u32,
        /// Whether it was granted.
        ok: bool,
        /// JSON.
        json: String,
    },
    /// The time asked for by [`FromWorker::Wait`] has passed.
    Tick,
    /// The call is cancelled: abort `ctx.signal`.
    Abort,
}

/// From the worker.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FromWorker {
    /// The walls stand as described, in JSON. The first frame of a worker that has no fork server to say so.
    Ready(String),
    /// A line of log.
    Log {
        /// How grave.
        level: LogLevel,
        /// Whether `text` is JSON rather than plain text.
        json: bool,
        /// The line.
        text: String,
    },
    /// Bytes of log were left out; more may follow.
    LogsCut(u64),
    /// `{"done", "total"?, "message"?}`.
    Progress(String),
    /// A request to the host.
    Call {
        /// Its number, counted from 1.
        id: u32,
        /// What kind.
        kind: HostRequestKind,
        /// JSON.
        body: String,
    },
    /// Nothing to do until an answer comes or this time has passed.
    Wait(Duration),
    /// The last frame: the value, or why there is none.
    Done(Result<Returned, Failure>),
    /// The last frame of a check.
    Checked(Result<(), SyntaxError>),
    /// The process that ran the code has ended, and so; from what started it.
    Gone(Ending),
}

/// A failure as it travels.
#[derive(Serialize, Deserialize)]
pub(super) struct FailureWire {
    pub(super) code: ErrorCode,
    pub(super) message: String,
    pub(super) location: Option<Location>,
    pub(super) details: Option<serde_json::Value>,
}

/// A verdict as it travels.
#[derive(Serialize, Deserialize)]
pub(super) struct VerdictWire {
    pub(super) message: String,
    pub(super) location: Location,
}

/// The longest body that a worker may send under these limits.
pub(super) fn max_from_worker(limits: &Limits) -> usize {
    limits.output_bytes.max(limits.log_bytes).max(MAX_CALL_BODY) + MAX_MESSAGE + MARGIN
}

impl ToWorker {
    /// As a frame.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        frame::seal(match self {
            Self::Run(run) => {
                let kind = if run.parsed { b'F' } else { b'Q' };
                let mut out =
                    frame::open(kind, MARGIN + run.code.len() + run.args.len() + run.about.len());
                let millis = millis(run.limits.timeout);
                out.extend_from_slice(&millis.to_le_bytes());
                out.extend_from_slice(&(run.limits.output_bytes as u64).to_le_bytes());
                out.extend_from_slice(&(run.limits.log_bytes as u64).to_le_bytes());
                out.extend_from_slice(&run.limits.host_calls.to_le_bytes());
                out.extend_from_slice(&run.entropy);
                text(&mut out, &run.about)?;
                text(&mut out, &run.code)?;
                out.extend_from_slice(run.args.as_bytes());
                out
            }
            Self::Check(code) => plain(b'S', code.as_bytes()),
            Self::Reply { id, ok, json } => {
                let mut out = frame::open(b'R', json.len() + 8);
                out.extend_from_slice(&id.to_le_bytes());
                out.push(u8::from(*ok));
                out.extend_from_slice(json.as_bytes());
                out
            }
            Self::Tick => plain(b'T', &[]),
            Self::Abort => plain(b'A', &[]),
        })
    }
}

impl FromWorker {
    /// From a frame; `None` where no honest worker sends it.
    pub(super) fn decode(frame: Frame) -> Option<Self> {
        let mut body = Reader(&frame.body);
        Some(match frame.kind {
            b'L' => Self::Log {
                level: *LEVELS.get(usize::from(body.u8()?))?,
                json: body.u8()? == 1,
                text: body.rest()?,
            },
            b'H' => Self::Ready(body.rest()?),
            b'O' => Self::LogsCut(body.u64()?),
            b'P' => Self::Progress(body.rest()?),
            b'C' => Self::Call {
                id: body.u32()?,
                kind: *REQUESTS.get(usize::from(body.u8()?))?,
                body: body.rest()?,
            },
            b'W' => Self::Wait(Duration::from_micros(body.u64()?)),
            // The body is moved, not copied: a result can be large.
            b'D' => Self::Done(Ok(Returned::Value(String::from_utf8(frame.body).ok()?))),
            b'K' => Self::Done(Ok(Returned::Rich(String::from_utf8(frame.body).ok()?))),
            b'E' => {
                let wire: FailureWire = serde_json::from_slice(&frame.body).ok()?;
                Self::Done(Err(Failure {
                    code: wire.code,
                    message: wire.message,
                    location: wire.location,
                    details: wire.details,
                }))
            }
            b'Y' => Self::Checked(Ok(())),
            b'N' => {
                let wire: VerdictWire = serde_json::from_slice(&frame.body).ok()?;
                Self::Checked(Err(SyntaxError { message: wire.message, location: wire.location }))
            }
            b'X' => {
                let text = body.rest()?;
                let (status, kills) = text.split_once(' ')?;
                Self::Gone(ending(status.parse().ok()?, kills.trim_end().parse().ok()?))
            }
            _ => return None,
        })
    }
}

/// From a shell's status, which says signals as 128 and more, and the number of processes that were killed
/// for want of memory.
fn ending(status: i32, kills: u64) -> Ending {
    match status {
        _ if kills > 0 => Ending::OutOfMemory,
        129..=255 => Ending::Signaled(status - 128),
        _ => Ending::Exited(status),
    }
}

/// A frame of nothing but bytes.
pub(super) fn plain(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = frame::open(kind, body.len());
    out.extend_from_slice(body);
    out
}

fn text(out: &mut Vec<u8>, text: &str) -> io::Result<()> {
    let length = u32::try_from(text.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the text is too long"))?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Takes a body apart.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(*self.take(8)?.first_chunk()?))
    }

    pub(super) fn text(&mut self) -> Option<String> {
        let length = self.u32()? as usize;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    pub(super) fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        String::from_utf8(rest.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_nothing() {
        for (kind, body) in
            [(b'?', ""), (b'L', ""), (b'L', "\u{9}x"), (b'C', "12"), (b'E', "{}"), (b'X', "1")]
        {
            let frame = Frame { kind, body: body.as_bytes().to_vec() };
            assert_eq!(FromWorker::decode(frame), None);
        }
    }

    #[test]
    fn a_shell_says_how_a_process_ended() {
        let heard = |body: &str| {
            let frame = Frame { kind: b'X', body: body.as_bytes().to_vec() };
            FromWorker::decode(frame)
        };
        assert_eq!(heard("007 0"), Some(FromWorker::Gone(Ending::Exited(7))));
        assert_eq!(heard("137 0"), Some(FromWorker::Gone(Ending::Signaled(9))));
        assert_eq!(heard("137 2\n"), Some(FromWorker::Gone(Ending::OutOfMemory)));
    }
}
