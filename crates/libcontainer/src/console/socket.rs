//! A descriptor for somebody who listens at a path.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, connect, sendmsg, socket_with,
};
use rustix::pty::ptsname;
use sys::Context;

use crate::Result;
use crate::error::Step;

/// A connection to a listening stream socket (unix(7)) that takes one descriptor, by SCM_RIGHTS
/// beside one message: a terminal's master (`--console-socket` of the OCI runtimes' command
/// line) or a pidfd (`--pidfd-socket`).
#[derive(Debug)]
pub struct DescriptorSocket {
    connection: OwnedFd,
    path: String,
}

impl DescriptorSocket {
    /// Connects to the socket at `path`, of any length.
    ///
    /// # Errors
    /// ENOENT, ECONNREFUSED where nobody listens, EPROTOTYPE where it is no stream socket.
    pub fn connect(path: &Path) -> Result<Self> {
        let connection =
            socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
                .sys("socket", || "")?;
        let name = || path.display().to_string();
        let connected = match SocketAddrUnix::new(path) {
            Ok(address) => connect_to(&connection, &address),
            // An address holds no more than 107 bytes; a descriptor's name is shorter.
            Err(Errno::NAMETOOLONG) => open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
                .and_then(|file| {
                    let short = format!("/proc/self/fd/{}", file.as_raw_fd());
                    connect_to(&connection, &SocketAddrUnix::new(short)?)
                }),
            Err(errno) => Err(errno),
        };
        connected.sys("connect", name)?;
        Ok(Self { connection, path: name() })
    }

    /// Sends the master of a pseudo-terminal; the message is the terminal's name in its devpts,
    /// `/dev/pts/0` for instance.
    pub fn send_terminal(&self, master: BorrowedFd<'_>) -> Result<()> {
        let name = ptsname(master, Vec::new()).sys("ioctl", || "TIOCGPTN")?;
        self.send(name.as_bytes(), master).step(|| "sending the terminal")
    }

    /// Sends a pidfd; the message is `pidfd`.
    pub fn send_pidfd(&self, pidfd: BorrowedFd<'_>) -> Result<()> {
        self.send(b"pidfd", pidfd).step(|| "sending the pidfd")
    }

    fn send(&self, message: &[u8], descriptor: BorrowedFd<'_>) -> Result<()> {
        let descriptors = [descriptor];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        let parts = [IoSlice::new(message)];
        rustix::io::retry_on_intr(|| {
            sendmsg(&self.connection, &parts, &mut control, SendFlags::NOSIGNAL)
        })
        .sys("sendmsg", || self.path.clone())?;
        Ok(())
    }
}

fn connect_to(socket: &OwnedFd, address: &SocketAddrUnix) -> rustix::io::Result<()> {
    rustix::io::retry_on_intr(|| connect(socket, address))
}

#[cfg(test)]
mod tests;
