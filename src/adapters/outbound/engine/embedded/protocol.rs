//! What the host and an embedded worker say to each other, one frame each.
//!
//! The worker keeps to its limits by itself, for the sake of good messages; the host holds it to them, and a
//! worker that breaks one, or whose frame can't be read, is no longer running our code.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::frame::{self, Frame};
use crate::domain::ErrorCode;
use crate::domain::execution::{Failure, HostRequestKind, Limits, Location, Returned, SyntaxError};
use crate::domain::log_level::LogLevel;

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
}

/// A failure as it travels.
#[derive(Serialize, Deserialize)]
struct FailureWire {
    code: ErrorCode,
    message: String,
    location: Option<Location>,
    details: Option<serde_json::Value>,
}

/// A verdict as it travels.
#[derive(Serialize, Deserialize)]
struct VerdictWire {
    message: String,
    location: Location,
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
                let mut out =
                    frame::open(b'Q', MARGIN + run.code.len() + run.args.len() + run.about.len());
                let millis = u64::try_from(run.limits.timeout.as_millis()).unwrap_or(u64::MAX);
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

    /// From a frame; `None` where it isn't one of ours.
    pub(super) fn decode(frame: &Frame) -> Option<Self> {
        let mut body = Reader(&frame.body);
        Some(match frame.kind {
            b'Q' => Self::Run(Box::new(Run {
                limits: Limits {
                    timeout: Duration::from_millis(body.u64()?),
                    output_bytes: usize::try_from(body.u64()?).ok()?,
                    log_bytes: usize::try_from(body.u64()?).ok()?,
                    host_calls: body.u32()?,
                },
                entropy: *body.take(32)?.first_chunk()?,
                about: body.text()?,
                code: body.text()?,
                args: body.rest()?,
            })),
            b'S' => Self::Check(body.rest()?),
            b'R' => Self::Reply { id: body.u32()?, ok: body.u8()? == 1, json: body.rest()? },
            b'T' => Self::Tick,
            b'A' => Self::Abort,
            _ => return None,
        })
    }
}

impl FromWorker {
    /// As a frame.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        frame::seal(match self {
            Self::Log { level, json, text } => {
                let mut out = frame::open(b'L', text.len() + 2);
                out.push(number(&LEVELS, level));
                out.push(u8::from(*json));
                out.extend_from_slice(text.as_bytes());
                out
            }
            Self::Ready(walls) => plain(b'H', walls.as_bytes()),
            Self::LogsCut(bytes) => plain(b'O', &bytes.to_le_bytes()),
            Self::Progress(json) => plain(b'P', json.as_bytes()),
            Self::Call { id, kind, body } => {
                let mut out = frame::open(b'C', body.len() + 5);
                out.extend_from_slice(&id.to_le_bytes());
                out.push(number(&REQUESTS, kind));
                out.extend_from_slice(body.as_bytes());
                out
            }
            Self::Wait(time) => {
                let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
                plain(b'W', &micros.to_le_bytes())
            }
            Self::Done(Ok(Returned::Value(json))) => plain(b'D', json.as_bytes()),
            Self::Done(Ok(Returned::Rich(json))) => plain(b'K', json.as_bytes()),
            Self::Done(Err(failure)) => plain(
                b'E',
                &serde_json::to_vec(&FailureWire {
                    code: failure.code,
                    message: failure.message.clone(),
                    location: failure.location,
                    details: failure.details.clone(),
                })?,
            ),
            Self::Checked(Ok(())) => plain(b'Y', &[]),
            Self::Checked(Err(error)) => plain(
                b'N',
                &serde_json::to_vec(&VerdictWire {
                    message: error.message.clone(),
                    location: error.location,
                })?,
            ),
        })
    }

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
            _ => return None,
        })
    }
}

/// Where `wanted` stands in a table of at most 256.
fn number<T: PartialEq>(table: &[T], wanted: &T) -> u8 {
    table
        .iter()
        .position(|entry| entry == wanted)
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or(u8::MAX)
}

fn plain(kind: u8, body: &[u8]) -> Vec<u8> {
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
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(*self.take(8)?.first_chunk()?))
    }

    fn text(&mut self) -> Option<String> {
        let length = self.u32()? as usize;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        String::from_utf8(rest.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Frame {
        frame::read(&mut bytes, MAX_TO_WORKER).unwrap()
    }

    #[test]
    fn what_the_host_says_survives() {
        let run = Run {
            limits: Limits::default(),
            entropy: [7; 32],
            about: "{}".to_owned(),
            code: "return 'é'".to_owned(),
            args: "[1]".to_owned(),
        };
        let frame = read(&ToWorker::Run(Box::new(run)).encode().unwrap());
        let Some(ToWorker::Run(back)) = ToWorker::decode(&frame) else { panic!("not a run") };
        assert_eq!(back.limits, Limits::default());
        assert_eq!((back.entropy, back.about.as_str()), ([7; 32], "{}"));
        assert_eq!((back.code.as_str(), back.args.as_str()), ("return 'é'", "[1]"));
    }

    #[test]
    fn what_the_worker_says_survives() {
        let all = [
            FromWorker::Log { level: LogLevel::Alert, json: true, text: "{}".to_owned() },
            FromWorker::Ready("{}".to_owned()),
            FromWorker::LogsCut(9),
            FromWorker::Progress("{\"done\":1}".to_owned()),
            FromWorker::Call { id: 3, kind: HostRequestKind::Input, body: "null".to_owned() },
            FromWorker::Wait(Duration::from_millis(5)),
            FromWorker::Done(Ok(Returned::Value("1".to_owned()))),
            FromWorker::Done(Ok(Returned::Rich("{}".to_owned()))),
            FromWorker::Done(Err(Failure::new(ErrorCode::NeverSettled, "never"))),
            FromWorker::Checked(Ok(())),
            FromWorker::Checked(Err(SyntaxError {
                message: "no".to_owned(),
                location: Location { line: 1, column: 2 },
            })),
        ];
        for said in all {
            assert_eq!(FromWorker::decode(read(&said.encode().unwrap())), Some(said));
        }
    }

    #[test]
    fn garbage_is_nothing() {
        for (kind, body) in [(b'?', ""), (b'L', ""), (b'L', "\u{9}x"), (b'C', "12"), (b'E', "{}")] {
            let frame = Frame { kind, body: body.as_bytes().to_vec() };
            assert_eq!(FromWorker::decode(frame), None);
        }
    }
}
