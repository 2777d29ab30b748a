//! A process that runs in a container.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, pidfd_send_signal};
use rustix::time::Timespec;
use sys::{Context, SysError};

use crate::container::unwaited::{self, Started};
use crate::{Error, ErrorKind, Result};

pub(crate) use crate::reap::collect;
pub use std::process::ExitStatus;

/// A process of a container, started by this program.
///
/// Its pidfd (`AsFd`) becomes readable when the process ends, so an event loop can wait for it.
/// Dropping a `Child` does not end the process, as with [`std::process::Child`]. A container's
/// init cannot end before all that was executed in it has been waited for (pid_namespaces(7)):
/// whatever waits for an init does that too, and keeps the exit statuses for their handles.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    started: Arc<Started>,
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
    /// A container's init.
    pub(crate) fn init(pid: Pid, pidfd: OwnedFd) -> Self {
        Self::new(pid, Started::init(pidfd), true)
    }

    /// A further process of a container.
    pub(crate) fn executed(pid: Pid, pidfd: OwnedFd) -> Self {
        Self::new(pid, Started::executed(pidfd), false)
    }

    fn new(pid: Pid, started: Arc<Started>, init: bool) -> Self {
        Self {
            pid,
            started,
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
