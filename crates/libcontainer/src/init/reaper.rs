//! A PID 1 of ours: it forwards signals to the program, reaps, and ends as the program ends.

use std::os::fd::AsFd;
use std::process::exit;

use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, geteuid, pidfd_send_signal, set_dumpable_behavior,
    wait,
};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use sys::Context;
use sys::fork::{Birth, Fork, fork};
use sys::signalfd::SignalFd;

use crate::Result;
use crate::plan::process::ProcessPlan;
use crate::privileges::Applied;
use crate::wire::Socket;

/// Makes the program's process, and returns in it; this process becomes the reaper, with no more
/// privileges than the program has, and does not return.
pub fn split(socket: &mut Socket, plan: &ProcessPlan, applied: Applied) -> Result<Applied> {
    let signals = SignalFd::block((1..=64).filter(|signal| !matches!(signal, 32 | 33)))?;
    sys::thread::set_name(c"libcontainer:r");
    let Fork::Parent { pid, pidfd } = fork(&Birth::default())? else {
        return Ok(applied);
    };
    // Only the program's process may hold the socket: its end says that the program runs.
    *socket = Socket::pair()?.0;
    // No filter and no rules: they were written for the program, and might forbid what a reaper does.
    let plan = ProcessPlan { filters: Vec::new(), landlock: None, ..plan.clone() };
    let status = match applied.seal(&plan, &mut |_| Ok(())).and_then(|_| as_after_execve(&plan)) {
        Ok(()) => reap(pid, pidfd.as_fd(), &signals),
        Err(_) => None,
    };
    exit(status.unwrap_or(127))
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
    set_dumpable_behavior(DumpableBehavior::NotDumpable).sys("prctl", || "PR_SET_DUMPABLE").ok()?;
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
