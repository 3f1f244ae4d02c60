//! The standard streams in the event loop, without a thread that blocks.
//!
//! The descriptors are shared with whoever started the process, so that their flags are left alone: a socket
//! is read and written with a flag on each operation, and a pipe or terminal is opened anew, which gives a
//! description of its own that may be non-blocking. What can be neither (a regular file, `/dev/null`, a
//! system without `/proc`) is left to a thread.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::net::{RecvFlags, SendFlags};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// Standard input.
pub(super) fn input() -> Box<dyn AsyncRead + Send + Unpin> {
    match adopt(io::stdin().as_fd(), Interest::READABLE) {
        Some(channel) => Box::new(channel),
        None => Box::new(tokio::io::stdin()),
    }
}

/// Standard output.
pub(super) fn output() -> Box<dyn AsyncWrite + Send + Unpin> {
    match adopt(io::stdout().as_fd(), Interest::WRITABLE) {
        Some(channel) => Box::new(channel),
        None => Box::new(tokio::io::stdout()),
    }
}

/// Takes a stream into the event loop, for reading or for writing, without changing the flags of `fd`;
/// `None` if it has to be left to a thread. Must be called within the runtime.
pub fn adopt(fd: BorrowedFd<'_>, interest: Interest) -> Option<Channel> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(fd).ok()?.st_mode);
    let (owned, is_socket) = match kind {
        FileType::Socket => (fd.try_clone_to_owned().ok()?, true),
        FileType::Fifo | FileType::CharacterDevice => (open_anew(fd, interest)?, false),
        _ => return None,
    };
    Some(Channel { fd: register(owned, interest).ok()?, is_socket })
}

/// Refused by the system for devices that are always ready, such as `/dev/null`.
#[expect(deprecated, reason = "unsound only for types that may close or change their descriptor")]
fn register(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, interest)
}

/// Opens what `fd` refers to once more, non-blocking.
fn open_anew(fd: BorrowedFd<'_>, interest: Interest) -> Option<OwnedFd> {
    use std::os::fd::AsRawFd as _;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let access = if interest.is_readable() { OFlags::RDONLY } else { OFlags::WRONLY };
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).ok()
}

/// A stream in the event loop.
#[derive(Debug)]
pub struct Channel {
    fd: AsyncFd<OwnedFd>,
    is_socket: bool,
}

impl AsyncRead for Channel {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.fd.poll_read_ready(context))?;
            let free = buffer.initialize_unfilled();
            let read = ready.try_io(|fd| {
                Ok(if self.is_socket {
                    rustix::net::recv(fd, free, RecvFlags::DONTWAIT)?.0
                } else {
                    rustix::io::read(fd, free)?
                })
            });
            match read {
                Ok(Ok(count)) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncWrite for Channel {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.fd.poll_write_ready(context))?;
            let written = ready.try_io(|fd| {
                Ok(if self.is_socket {
                    rustix::net::send(fd, bytes, SendFlags::DONTWAIT)?
                } else {
                    rustix::io::write(fd, bytes)?
                })
            });
            match written {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(result) => return Poll::Ready(result),
                Err(_would_block) => {}
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
