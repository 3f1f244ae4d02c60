//! The worker's half of the protocol: what it reads, and what it writes.

use std::io;
use std::time::Duration;

use super::super::super::frame::{self, Frame};
use super::super::super::protocol::{
    FailureWire, FromWorker, LEVELS, REQUESTS, Reader, Run, ToWorker, VerdictWire, plain,
};
use crate::domain::execution::{Limits, Returned};

impl ToWorker {
    /// From a frame; `None` where it isn't one of ours.
    pub(super) fn decode(frame: &Frame) -> Option<Self> {
        let mut body = Reader(&frame.body);
        Some(match frame.kind {
            b'Q' | b'F' => Self::Run(Box::new(Run {
                limits: Limits {
                    timeout: Duration::from_millis(body.u64()?),
                    output_bytes: usize::try_from(body.u64()?).ok()?,
                    log_bytes: usize::try_from(body.u64()?).ok()?,
                    host_calls: body.u32()?,
                },
                entropy: *body.take(32)?.first_chunk()?,
                about: body.text()?,
                code: body.text()?,
                parsed: frame.kind == b'F',
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
            // A worker that has ended says nothing.
            Self::Gone(_) => return Err(io::ErrorKind::Unsupported.into()),
            Self::Checked(Err(error)) => plain(
                b'N',
                &serde_json::to_vec(&VerdictWire {
                    message: error.message.clone(),
                    location: error.location,
                })?,
            ),
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

#[cfg(test)]
mod tests {
    use super::super::super::super::protocol::MAX_TO_WORKER;
    use super::*;
    use crate::domain::ErrorCode;
    use crate::domain::execution::{Failure, HostRequestKind, Location, SyntaxError};
    use crate::domain::log_level::LogLevel;

    fn read(mut bytes: &[u8]) -> Frame {
        frame::read(&mut bytes, MAX_TO_WORKER).unwrap()
    }

    #[test]
    fn what_the_host_says_survives() {
        for parsed in [true, false] {
            let run = Run {
                limits: Limits::default(),
                entropy: [7; 32],
                about: "{}".to_owned(),
                code: "return 'é'".to_owned(),
                parsed,
                args: "[1]".to_owned(),
            };
            let frame = read(&ToWorker::Run(Box::new(run)).encode().unwrap());
            let Some(ToWorker::Run(back)) = ToWorker::decode(&frame) else { panic!("not a run") };
            assert_eq!(back.limits, Limits::default());
            assert_eq!((back.entropy, back.about.as_str()), ([7; 32], "{}"));
            assert_eq!((back.code.as_str(), back.args.as_str()), ("return 'é'", "[1]"));
            assert_eq!(back.parsed, parsed);
        }
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
}
