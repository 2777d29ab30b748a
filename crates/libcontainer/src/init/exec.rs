//! The last steps: the wait at the start socket, and execve.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{SocketFlags, accept_with};
use rustix::process::Signal;
use sys::Context;
use sys::signalfd::SignalFd;

use crate::init::descriptors::Descriptors;
use crate::plan::process::ProcessPlan;
use crate::privileges::{self, Applied};
use crate::wire::{FromInit, Socket};
use crate::{Error, ErrorKind, Result};

/// Waits until somebody connects to the start socket; what follows is reported to him.
///
/// All signals are blocked. Those that ask a program to end, end this process: a PID 1 would
/// never see them otherwise. What else comes, the program gets.
pub fn wait_for_start(descriptors: &Descriptors) -> Result<Socket> {
    let missing = || Error::new(ErrorKind::System, "a held start came without its start socket");
    let listener = descriptors.start_socket.as_ref().ok_or_else(missing)?;
    let ending = SignalFd::block(
        [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM].map(Signal::as_raw),
    )?;
    let mut fds = [PollFd::new(listener, PollFlags::IN), PollFd::new(&ending, PollFlags::IN)];
    rustix::io::retry_on_intr(|| poll(&mut fds, None)).sys("poll", || "")?;
    if !fds[1].revents().is_empty() {
        let message = format!("signal {} came before the start", ending.read()?.signal);
        return Err(Error::new(ErrorKind::NotRunning, message));
    }
    let connection = rustix::io::retry_on_intr(|| accept_with(listener, SocketFlags::CLOEXEC))
        .sys("accept", || "at the start socket")?;
    Ok(Socket::from_fd(connection))
}

/// Executes the program; returns only when that failed.
pub fn execute(
    plan: &ProcessPlan,
    applied: Applied,
    program: &CStr,
    env: &[CString],
    descriptors: &Descriptors,
    socket: &Socket,
) -> Result<Infallible> {
    descriptors.release()?;
    sys::signal::reset()?;
    let packet = announcement(plan)?;
    // Nothing may come between this and execve: a filter forbids what it likes.
    applied.seal(plan, &mut |listener| hand_over(socket, &packet, listener))?;
    let error = sys::exec::exec_path(program, &plan.args, env);
    Err(privileges::not_executed(program, plan.selinux_label.as_deref(), error))
}

/// The message that brings the listener, where there will be one.
pub fn announcement(plan: &ProcessPlan) -> Result<Vec<u8>> {
    match &plan.listener {
        Some(_) => Socket::prepare(&FromInit::Listener),
        None => Ok(Vec::new()),
    }
}

/// Has the listener brought to the agent, and waits for it. The filter is in force already, and
/// asks an agent that has not got it yet: what comes before the wait may not be among its calls,
/// or would wait for ever (`plan::filters` has seen to that).
pub fn hand_over(socket: &Socket, packet: &[u8], listener: OwnedFd) -> Result<()> {
    socket.send_prepared(packet, listener.as_fd())?;
    // When the agent ends, calls fail with ENOSYS; as long as there is another listener, they wait.
    drop(listener);
    match socket.await_any()? {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::System, "the creator ended before the agent was told")),
    }
}
