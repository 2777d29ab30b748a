//! The socket that a held init waits at.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, unlinkat};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};
use sys::Context;

use crate::Result;
use crate::container::store::Entry;
use crate::wire::Socket;

/// Its name in the container's directory.
pub(super) const START_SOCKET: &str = "start.sock";

impl Entry {
    /// The listening socket that a held init waits at.
    pub(crate) fn make_start_socket(&self) -> Result<OwnedFd> {
        let socket = packet_socket()?;
        let _ = unlinkat(&self.directory, START_SOCKET, AtFlags::empty());
        bind(&socket, &self.start_address()?).sys("bind", || START_SOCKET)?;
        rustix::fs::chmodat(
            &self.directory,
            START_SOCKET,
            Mode::RUSR | Mode::WUSR,
            AtFlags::empty(),
        )
        .sys("chmod", || START_SOCKET)?;
        listen(&socket, 1).sys("listen", || START_SOCKET)?;
        Ok(socket)
    }

    /// Whether an init has been made to wait, and nobody has let it go.
    pub(crate) fn has_start_socket(&self) -> bool {
        self.has(START_SOCKET)
    }

    /// Lets the held init go: the connection over which it reports.
    pub(crate) fn connect_start_socket(&self) -> Result<Socket> {
        let socket = packet_socket()?;
        connect(&socket, &self.start_address()?).sys("connect", || START_SOCKET)?;
        unlinkat(&self.directory, START_SOCKET, AtFlags::empty()).sys("unlink", || START_SOCKET)?;
        Ok(Socket::from_fd(socket))
    }

    /// By way of the directory's descriptor: a socket's address holds no more than 107 bytes.
    fn start_address(&self) -> Result<SocketAddrUnix> {
        let path = format!("/proc/self/fd/{}/{START_SOCKET}", self.directory.as_raw_fd());
        Ok(SocketAddrUnix::new(path).sys("bind", || START_SOCKET)?)
    }
}

fn packet_socket() -> Result<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .sys("socket", || "")?)
}
