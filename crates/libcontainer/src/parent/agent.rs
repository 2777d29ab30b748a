//! Brings a filter's listener to the agent that answers for it (config-linux.md, "Seccomp" and "The
//! Container Process State").

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags, open, stat};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, connect, sendmsg, socket_with,
};
use serde::Serialize;
use sys::Context;

use crate::config::OCI_VERSION;
use crate::error::Step;
use crate::hooks::State;
use crate::plan::filters::Listener;
use crate::{Error, ErrorKind, Result};

/// How long an agent may take to accept and to receive.
const PATIENCE: Duration = Duration::from_secs(10);

/// The container process state.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProcessState<'a, S> {
    oci_version: &'a str,
    fds: [&'a str; 1],
    pid: i32,
    #[serde(skip_serializing_if = "str::is_empty")]
    metadata: &'a str,
    state: S,
}

/// Sends the listener of the process `pid` with the state of its container, by a connection of its
/// own; when this returns the agent has it, or will find it when it reads.
///
/// # Errors
/// Nobody listens there, or nobody takes it in time.
pub(crate) fn hand_over(
    agent: &Listener,
    listener: BorrowedFd<'_>,
    pid: i32,
    state: &State<'_>,
    status: &str,
) -> Result<()> {
    let state = ProcessState {
        oci_version: OCI_VERSION,
        fds: ["seccompFd"],
        pid,
        metadata: &agent.metadata,
        state: state.document(status),
    };
    let text = serde_json::to_vec(&state)
        .map_err(|error| Error::new(ErrorKind::System, format!("an agent's state: {error}")))?;
    let path = agent.path.display();
    let socket =
        connected(agent).step(|| format!("failed to connect with the seccomp agent at {path}"))?;
    send(&socket, &text, listener).step(|| format!("telling the seccomp agent at {path}"))
}

/// Whether somebody may be listening there: for a start that is held, and will have something to
/// hand over only when it goes on. (A connection would be one without a state.)
pub(crate) fn is_there(agent: &Listener) -> Result<()> {
    let path = agent.path.display();
    let found = stat(&agent.path).sys("stat", || path.to_string());
    let found = match found {
        Ok(found) if FileType::from_raw_mode(found.st_mode) != FileType::Socket => {
            Err(Error::new(ErrorKind::System, format!("{path} is no socket")))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    };
    found.step(|| format!("failed to connect with the seccomp agent at {path}"))
}

/// By way of a descriptor of the socket's file: an address holds no more than 107 bytes.
fn connected(agent: &Listener) -> Result<OwnedFd> {
    let path = || agent.path.display().to_string();
    let file =
        open(&agent.path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).sys("open", path)?;
    let short = format!("/proc/self/fd/{}", file.as_raw_fd());
    let address = SocketAddrUnix::new(short).sys("connect", path)?;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .sys("socket", || "")?;
    // For connect(2) too, where the queue is full.
    set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))
        .sys("setsockopt", || "SO_SNDTIMEO")?;
    rustix::io::retry_on_intr(|| connect(&socket, &address)).sys("connect", path)?;
    Ok(socket)
}

/// The descriptor goes with the first bytes.
fn send(socket: &OwnedFd, text: &[u8], listener: BorrowedFd<'_>) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [listener];
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    let mut rest = text;
    while !rest.is_empty() {
        let parts = [IoSlice::new(rest)];
        let sent = rustix::io::retry_on_intr(|| {
            sendmsg(socket.as_fd(), &parts, &mut control, SendFlags::NOSIGNAL)
        })
        .sys("sendmsg", || "")?;
        control.clear();
        rest = &rest[sent..];
    }
    Ok(())
}
