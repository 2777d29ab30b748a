//! A process that runs in a container.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, pidfd_send_signal};
use rustix::time::Timespec;
use sys::{Context, SysError};

use crate::container::abandoned;
use crate::container::unwaited::{self, Started};
use crate::{Error, ErrorKind, Result};

pub(crate) use crate::reap::collect;
pub use std::process::ExitStatus;

/// A process of a container, started by this program.
///
/// Its pidfd (`AsFd`) becomes readable when the process ends, so an event loop can wait for it.
/// Dropping a `Child` does not end the process, as with [`std::process::Child`].
///
/// A container's init cannot end before all that was executed in it has been waited for
/// (pid_namespaces(7)). Whatever waits for an init through this library does that too, and keeps
/// the exit statuses for their handles; an event loop that polls an init's pidfd should poll the
/// others' too, and call [`try_wait`](Child::try_wait) on those that have ended. One that was
/// dropped before its end is waited for by a thread of the library's, which is there for as long
/// as it is needed. (A program that ends anyway can `std::mem::forget` its handle.)
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    started: Holder,
    /// It is a container's init.
    init: bool,
    /// Writes to the process's standard input, where that is a [`Stdio::Pipe`](crate::Stdio).
    pub stdin: Option<File>,
    /// Reads the process's standard output, where that is a pipe.
    pub stdout: Option<File>,
    /// Reads the process's standard error, where that is a pipe.
    pub stderr: Option<File>,
    /// The master of its terminal, where it has one.
    pub terminal: Option<OwnedFd>,
    /// What was asked for and could not be granted, where that does not stop a start (config.md:
    /// capabilities); one line each.
    pub warnings: Vec<String>,
}

impl Child {
    /// A container's init; a `guest` is in a PID namespace whose PID 1 is another's.
    pub(crate) fn init(pid: Pid, pidfd: OwnedFd, guest: bool) -> Self {
        match guest {
            true => Self::new(pid, Started::executed(pidfd), true, false),
            false => Self::new(pid, Started::init(pidfd), true, true),
        }
    }

    /// A further process of a container.
    pub(crate) fn executed(pid: Pid, pidfd: OwnedFd) -> Self {
        Self::new(pid, Started::executed(pidfd), false, false)
    }

    fn new(pid: Pid, started: Arc<Started>, init: bool, free: bool) -> Self {
        Self {
            pid,
            started: Holder { started, free },
            init,
            stdin: None,
            stdout: None,
            stderr: None,
            terminal: None,
            warnings: Vec::new(),
        }
    }

    /// Its id in this program's PID namespace. It can be reused once the process has ended; the
    /// pidfd cannot.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Sends a signal (signal(7)) by number.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] when it has ended.
    pub fn signal(&self, signal: i32) -> Result<()> {
        send(self.started.as_fd(), signal)
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// [`ErrorKind::System`] where other code of this program has taken the exit status (a
    /// waitpid(-1)) and the kernel, before Linux 6.15, does not keep it.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.started.known() {
            return Ok(status);
        }
        if self.init {
            unwaited::wait_for_init(self.started.as_fd(), None)?;
        } else {
            wait_for_end(self.started.as_fd(), None)?;
        }
        self.started.collect()
    }

    /// Its exit status if it has ended.
    ///
    /// # Errors
    /// As [`Child::wait`].
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        if let Some(status) = self.started.known() {
            return Ok(Some(status));
        }
        unwaited::reap();
        match wait_for_end(self.started.as_fd(), Some(Timespec::default()))? {
            true => self.started.collect().map(Some),
            false => Ok(None),
        }
    }
}

/// What a dropped handle leaves.
#[derive(Debug)]
struct Holder {
    started: Arc<Started>,
    /// Nobody's end waits for this one's.
    free: bool,
}

impl std::ops::Deref for Holder {
    type Target = Arc<Started>;

    fn deref(&self) -> &Arc<Started> {
        &self.started
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if !self.free && self.started.known().is_none() && !self.started.reap() {
            // Without a thread, the next wait for an init does it.
            let _ = abandoned::look_after(Arc::clone(&self.started));
        }
    }
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.started.as_fd()
    }
}

/// The signal of a number.
pub(crate) fn signal_of(number: i32) -> Result<Signal> {
    sys::signal::from_number(number)
        .ok_or_else(|| Error::invalid("signal", format!("{number} is no signal's number")))
}

/// Sends a signal to the process of a pidfd.
pub(crate) fn send(pidfd: BorrowedFd<'_>, signal: i32) -> Result<()> {
    let signal = signal_of(signal)?;
    match pidfd_send_signal(pidfd, signal) {
        Ok(()) => Ok(()),
        Err(Errno::SRCH) => Err(Error::new(ErrorKind::NotRunning, "process already finished")),
        Err(errno) => Err(SysError::new("pidfd_send_signal", "", errno).into()),
    }
}

/// Waits until the process has ended, at most `limit`; whether it has.
pub(crate) fn wait_for_end(pidfd: BorrowedFd<'_>, limit: Option<Timespec>) -> Result<bool> {
    let mut fds = [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)];
    let ready = rustix::io::retry_on_intr(|| poll(&mut fds, limit.as_ref()))
        .sys("poll", || "of a pidfd")?;
    Ok(ready > 0)
}
