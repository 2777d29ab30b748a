//! How a process has ended, by its pidfd.

use std::os::fd::BorrowedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, waitid};
use sys::SysError;

use crate::{Error, ErrorKind, Result};

/// The exit status of a process that has ended: by waiting for it where it is our child, else
/// from what the kernel remembers.
pub(crate) fn collect(pidfd: BorrowedFd<'_>) -> Result<ExitStatus> {
    let waited = rustix::io::retry_on_intr(|| waitid(WaitId::PidFd(pidfd), WaitIdOptions::EXITED));
    match waited {
        Ok(Some(status)) => return Ok(ExitStatus::from_raw(raw(&status))),
        Ok(None) | Err(Errno::CHILD) => {}
        Err(errno) => return Err(SysError::new("waitid", "of a pidfd", errno).into()),
    }
    // Whoever reaps it may be about to: the kernel has the status from then on. (ESRCH is a look
    // at the very moment.)
    for round in 0..1000 {
        match sys::pidfd::exit_status(pidfd) {
            Ok(Some(status)) => return Ok(ExitStatus::from_raw(status)),
            Err(error) if error.errno() != Errno::SRCH => break,
            Ok(None) | Err(_) if round < 10 => std::thread::yield_now(),
            Ok(None) | Err(_) => std::thread::sleep(std::time::Duration::from_millis(1)),
        }
    }
    Err(Error::new(
        ErrorKind::System,
        "the exit status is lost: the process was not this program's child, or other code of \
         this program has waited for it",
    )
    .with_hint("Linux 6.15 keeps it (PIDFD_GET_INFO); on older kernels nobody else may reap"))
}

/// A wait status as wait(2) encodes it.
fn raw(status: &WaitIdStatus) -> i32 {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => (code & 0xff) << 8,
        (_, Some(signal)) => signal | if status.dumped() { 0x80 } else { 0 },
        _ => 0,
    }
}
