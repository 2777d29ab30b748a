//! Which process a container's init is.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{fstat, fstatfs};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::Timespec;
use serde::{Deserialize, Serialize};
use sys::{Context, SysError};

use crate::container::child::wait_for_end;
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result};

/// Which process the container's init is, in a way that a reused pid is told from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InitRecord {
    pub pid: i32,
    /// The pidfd's inode number, unique for the machine's uptime (pidfs, Linux 6.9).
    pub inode: Option<u64>,
    /// The 22nd field of `/proc/PID/stat`, clock ticks since boot, where there is no pidfs.
    pub start_time: Option<u64>,
    /// It was made without a program, to be held for ever.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idle: bool,
    /// What its creator left behind when the container was complete. Nothing is said of one that
    /// is not yet, nor of one whose creator was killed: then the lock tells the one from the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
}

/// How a container was left by its creator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Made {
    /// With an init that waits at the start socket.
    Held,
    /// With its program, begun.
    Begun,
}

/// `PID_FS_MAGIC` of linux/magic.h.
const PIDFS: i64 = 0x5049_4446;

impl InitRecord {
    /// Of a process that lives, or has not been reaped.
    pub(crate) fn of(pid: Pid, pidfd: BorrowedFd<'_>) -> Result<Self> {
        let pid = pid.as_raw_nonzero().get();
        let known = Self { pid, inode: None, start_time: None, idle: false, made: None };
        let unique = match fstatfs(pidfd) {
            Ok(found) => found.f_type == PIDFS,
            // A policy of SELinux that does not know pidfs lets a confined engine not ask.
            Err(Errno::ACCESS | Errno::PERM) => false,
            Err(errno) => return Err(SysError::new("fstatfs", "of a pidfd", errno).into()),
        };
        if unique {
            let inode = fstat(pidfd).sys("fstat", || "of a pidfd")?.st_ino;
            return Ok(Self { inode: Some(inode), ..known });
        }
        Ok(Self { start_time: Some(start_time(pid)?), ..known })
    }

    /// The process, if it is still there; it may have ended, and not been reaped.
    pub(crate) fn open(&self) -> Result<Option<OwnedFd>> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(None) };
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            // Its number may still name a process group or session (EINVAL before Linux 6.15), or
            // by now a thread (EINVAL, or ENOENT).
            Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => return Ok(None),
            Err(errno) => {
                return Err(SysError::new("pidfd_open", self.pid.to_string(), errno).into());
            }
        };
        let same = match self.inode {
            Some(inode) => fstat(&pidfd).sys("fstat", || "of a pidfd")?.st_ino == inode,
            None => start_time(self.pid).ok() == self.start_time,
        };
        Ok(same.then_some(pidfd))
    }

    /// The process, if it is still there and has not ended.
    pub(crate) fn living(&self) -> Result<Option<OwnedFd>> {
        let Some(pidfd) = self.open()? else { return Ok(None) };
        let ended = wait_for_end(pidfd.as_fd(), Some(Timespec::default()))?;
        Ok((!ended).then_some(pidfd))
    }
}

/// When a process started, in clock ticks since boot (proc_pid_stat(5)).
pub(crate) fn start_time(pid: i32) -> Result<u64> {
    let text = Procfs::open()?.read(format!("{pid}/stat"))?;
    let text = String::from_utf8_lossy(&text);
    // The second field is the program's name in parentheses, with whatever it likes inside.
    let field = text.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(19));
    field
        .and_then(|field| field.parse().ok())
        .ok_or_else(|| Error::new(ErrorKind::System, format!("/proc/{pid}/stat has no start time")))
}
