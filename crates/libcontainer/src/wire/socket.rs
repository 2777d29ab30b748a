//! The socket: one message a packet, large bodies in a sealed memfd beside it.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, memfd_create};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, sendmsg, socketpair,
};
use rustix::time::Timespec;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sys::{Context, SysError};

use crate::{Error, ErrorKind, Result};

/// A body above this travels as a memfd: a packet must fit the default SO_SNDBUF with ease.
const INLINE: usize = 32 * 1024;
/// No body is larger: the kernel's own limit on arguments and environment is 6 MiB.
const LARGEST: usize = 64 * 1024 * 1024;
/// SCM_MAX_FD of unix(7).
const DESCRIPTORS: usize = 253;

const INLINE_BODY: u8 = 0;
const MEMFD_BODY: u8 = 1;

const SEALS: SealFlags =
    SealFlags::SEAL.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::WRITE);

/// One end.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
}

/// What [`Socket::receive`] found.
#[derive(Debug)]
pub enum Received<T> {
    /// A message and its descriptors, close-on-exec.
    Message(T, Vec<OwnedFd>),
    /// Every copy of the other end is closed.
    End,
}

impl Socket {
    /// Two connected ends, close-on-exec.
    pub fn pair() -> Result<(Self, Self)> {
        let (a, b) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .sys("socketpair", || "")?;
        Ok((Self { fd: a }, Self { fd: b }))
    }

    /// Takes over a descriptor that is such a socket.
    pub fn from_fd(fd: OwnedFd) -> Self {
        Self { fd }
    }

    /// The descriptor alone.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// Whether every copy of the other end is closed.
    pub fn is_hung_up(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::empty())];
        let now = Timespec::default();
        let polled = rustix::io::retry_on_intr(|| poll(&mut fds, Some(&now)));
        polled.is_ok() && fds[0].revents().contains(PollFlags::HUP)
    }

    /// Sends a message with descriptors. A peer that is gone is EPIPE, never a SIGPIPE.
    pub fn send<T: Serialize>(&self, message: &T, descriptors: &[BorrowedFd<'_>]) -> Result<()> {
        let mut body = postcard::to_allocvec(message).map_err(|e| encoding("sending", &e))?;
        let memfd;
        let mut all = Vec::with_capacity(descriptors.len() + 1);
        let form = if body.len() > INLINE {
            memfd = sealed("libcontainer-message", &body)?;
            body = (body.len() as u64).to_le_bytes().to_vec();
            all.push(memfd.as_fd());
            MEMFD_BODY
        } else {
            INLINE_BODY
        };
        all.extend_from_slice(descriptors);
        if all.len() > DESCRIPTORS {
            let message = format!("{} descriptors are more than {DESCRIPTORS}", all.len());
            return Err(Error::new(ErrorKind::System, message));
        }
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !all.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&all));
        }
        let parts = [IoSlice::new(std::slice::from_ref(&form)), IoSlice::new(&body)];
        rustix::io::retry_on_intr(|| sendmsg(&self.fd, &parts, &mut control, SendFlags::NOSIGNAL))
            .sys("sendmsg", || "to the other end of the start protocol")?;
        Ok(())
    }

    /// A message to be sent later by [`Socket::send_prepared`]; it must be a short one.
    pub fn prepare<T: Serialize>(message: &T) -> Result<Vec<u8>> {
        let body = postcard::to_allocvec(message).map_err(|e| encoding("sending", &e))?;
        Ok([&[INLINE_BODY], body.as_slice()].concat())
    }

    /// Sends such a message with a descriptor, by sendmsg(2) alone: for who may not do more.
    pub fn send_prepared(&self, packet: &[u8], descriptor: BorrowedFd<'_>) -> Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [descriptor];
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        let parts = [IoSlice::new(packet)];
        rustix::io::retry_on_intr(|| sendmsg(&self.fd, &parts, &mut control, SendFlags::NOSIGNAL))
            .sys("sendmsg", || "to the other end of the start protocol")?;
        Ok(())
    }

    /// Waits for any message, by read(2) alone; whether one came before the end.
    pub fn await_any(&self) -> Result<bool> {
        let mut packet = [0; 16];
        let length = rustix::io::retry_on_intr(|| rustix::io::read(&self.fd, &mut packet))
            .sys("read", || "from the other end of the start protocol")?;
        Ok(length > 0)
    }

    /// Waits for the next message.
    pub fn receive<T: DeserializeOwned>(&self) -> Result<Received<T>> {
        // Its length first: a buffer for the largest would be eight pages, here and, copied, in
        // each child.
        let mut packet = match self.next_length()? {
            0 => return Ok(Received::End),
            length => vec![0u8; length],
        };
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let length = past_reset("recvmsg", || {
            let parts = &mut [IoSliceMut::new(&mut packet)];
            Ok(recvmsg(&self.fd, parts, &mut control, RecvFlags::CMSG_CLOEXEC)?.bytes)
        })?;
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                descriptors.extend(fds);
            }
        }
        let Some((form, body)) = packet[..length].split_first() else {
            return Ok(Received::End);
        };
        let message = match *form {
            INLINE_BODY => postcard::from_bytes(body),
            _ => {
                if descriptors.is_empty() {
                    return Err(malformed("a large message without its memfd"));
                }
                postcard::from_bytes(&large_body(body, &descriptors.remove(0))?)
            }
        };
        Ok(Received::Message(message.map_err(|e| encoding("receiving", &e))?, descriptors))
    }
}

impl Socket {
    /// Waits for a message, and leaves it there: its length, 0 at the end.
    fn next_length(&self) -> Result<usize> {
        past_reset("recv", || {
            recv(&self.fd, &mut [0u8; 1], RecvFlags::PEEK | RecvFlags::TRUNC)
                .map(|(_, length)| length)
        })
    }
}

/// A length that was received. A peer that closes with unread messages of ours resets the
/// connection: that is told once, and before the peer's own last messages, which are still to be
/// had.
fn past_reset(
    call: &'static str,
    mut receive: impl FnMut() -> rustix::io::Result<usize>,
) -> Result<usize> {
    let mut receive = || rustix::io::retry_on_intr(&mut receive);
    let received = match receive() {
        Err(Errno::CONNRESET) => receive(),
        received => received,
    };
    match received {
        Err(Errno::CONNRESET) => Ok(0),
        Err(errno) => {
            Err(SysError::new(call, "from the other end of the start protocol", errno).into())
        }
        Ok(length) => Ok(length),
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A memfd with this content that nobody can change.
fn sealed(name: &str, content: &[u8]) -> Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memfd = memfd_create(name, flags).sys("memfd_create", || name)?;
    let mut rest = content;
    while !rest.is_empty() {
        let written = rustix::io::write(&memfd, rest).sys("write", || name)?;
        rest = &rest[written..];
    }
    fcntl_add_seals(&memfd, SEALS).sys("fcntl", || "F_ADD_SEALS")?;
    Ok(memfd)
}

fn large_body(length: &[u8], memfd: &OwnedFd) -> Result<Vec<u8>> {
    let said = <[u8; 8]>::try_from(length).map(u64::from_le_bytes);
    let stat = fstat(memfd).sys("fstat", || "of a message's memfd")?;
    let sealed = fcntl_get_seals(memfd).is_ok_and(|seals| seals.contains(SEALS));
    if said.ok() != Some(stat.st_size as u64) || stat.st_size as usize > LARGEST || !sealed {
        return Err(malformed("a large message whose memfd has another length or no seal"));
    }
    let mut body = vec![0; stat.st_size as usize];
    let mut filled = 0;
    while filled < body.len() {
        let read = rustix::io::pread(memfd, &mut body[filled..], filled as u64)
            .sys("pread", || "of a message's memfd")?;
        if read == 0 {
            return Err(malformed("a large message that ends early"));
        }
        filled += read;
    }
    Ok(body)
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::System, format!("the start protocol met {what}"))
}

fn encoding(doing: &str, error: &postcard::Error) -> Error {
    Error::new(ErrorKind::System, format!("{doing} a message of the start protocol: {error}"))
}

#[cfg(test)]
mod tests;
