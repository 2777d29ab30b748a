//! A PID 1 of ours: it forwards signals to the program, reaps, and ends as the program ends.

use std::os::fd::{AsFd, OwnedFd};
use std::process::exit;

use rustix::io::read;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, geteuid, pidfd_send_signal, set_dumpable_behavior,
    wait,
};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use sys::Context;
use sys::fork::{Birth, Fork, fork};
use sys::signalfd::SignalFd;

use crate::plan::process::ProcessPlan;
use crate::privileges::Applied;
use crate::wire::Socket;
use crate::{Error, ErrorKind, Result};

/// Makes the program's process, and returns in it once this process has become the reaper, with no
/// more privileges than the program has; that does not return.
pub fn split(socket: &mut Socket, plan: &ProcessPlan, applied: Applied) -> Result<Applied> {
    let signals = SignalFd::block((1..=64).filter(|signal| !matches!(signal, 32 | 33)))?;
    sys::thread::set_name(c"libcontainer:r");
    let (ready, tell) = pipe_with(PipeFlags::CLOEXEC).sys("pipe2", || "to the reaper")?;
    let Fork::Parent { pid, pidfd } = fork(&Birth::default())? else {
        drop(tell);
        await_reaper(&ready)?;
        return Ok(applied);
    };
    drop(ready);
    // Only the program's process may hold the socket: its end says that the program runs.
    *socket = Socket::pair()?.0;
    // No filter and no rules: they were written for the program, and might forbid what a reaper does.
    let plan = ProcessPlan { filters: Vec::new(), landlock: None, ..plan.clone() };
    let sealed = applied
        .seal(&plan, &mut |_| Ok(()))
        .and_then(|_| as_after_execve(&plan))
        .and_then(|()| is_heard(tell));
    let status = match sealed {
        Ok(()) => reap(pid, pidfd.as_fd(), &signals),
        Err(_) => None,
    };
    exit(status.unwrap_or(127))
}

/// The last of what the program must not find undone, and word of it.
fn is_heard(tell: OwnedFd) -> Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).sys("prctl", || "PR_SET_DUMPABLE")?;
    // Who does not hear it has ended: then its end is all that is left to tell.
    let _ = rustix::io::write(tell, &[0]);
    Ok(())
}

/// Waits in the program's process until the reaper is all that it will be.
fn await_reaper(ready: &OwnedFd) -> Result<()> {
    let mut word = [0];
    match rustix::io::retry_on_intr(|| read(ready, &mut word)).sys("read", || "of the reaper")? {
        0 => Err(Error::new(ErrorKind::System, "the reaper ended before the program began")),
        _ => Ok(()),
    }
}

/// Keeps the capabilities that a user's program has: execve(2) leaves it the ambient ones.
fn as_after_execve(plan: &ProcessPlan) -> Result<()> {
    if geteuid().is_root() {
        return Ok(());
    }
    let ambient = CapabilitySet::from_bits_retain(plan.capabilities.ambient);
    let own = capabilities(None).sys("capget", || "")?;
    let permitted = own.permitted & ambient;
    let sets = CapabilitySets { effective: permitted, permitted, inheritable: own.inheritable };
    Ok(set_capabilities(None, sets).sys("capset", || "")?)
}

fn reap(program: Pid, pidfd: std::os::fd::BorrowedFd<'_>, signals: &SignalFd) -> Option<i32> {
    loop {
        let signal = signals.read().ok()?.signal;
        if signal != Signal::CHILD.as_raw() {
            if let Some(signal) = sys::signal::from_number(signal) {
                let _ = pidfd_send_signal(pidfd, signal);
            }
            continue;
        }
        // Any child: an orphan may belong to any process group.
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == program {
                let code = status.exit_status();
                return code.or_else(|| status.terminating_signal().map(|signal| 128 + signal));
            }
        }
    }
}
