//! unshare(2) and setns(2) of namespaces.

use std::os::fd::{AsRawFd, BorrowedFd};

use crate::close::last_errno;
use crate::{Result, SysError};

/// The CLONE_NEW* flags (clone(2), time_namespaces(7)).
pub mod flag {
    /// cgroup_namespaces(7)
    pub const CGROUP: u64 = 0x0200_0000;
    /// ipc_namespaces(7)
    pub const IPC: u64 = 0x0800_0000;
    /// mount_namespaces(7)
    pub const MOUNT: u64 = 0x0002_0000;
    /// network_namespaces(7)
    pub const NETWORK: u64 = 0x4000_0000;
    /// pid_namespaces(7)
    pub const PID: u64 = 0x2000_0000;
    /// time_namespaces(7); not for clone3 without a following exec
    pub const TIME: u64 = 0x80;
    /// user_namespaces(7)
    pub const USER: u64 = 0x1000_0000;
    /// uts_namespaces(7)
    pub const UTS: u64 = 0x0400_0000;
    /// All of them.
    pub const ALL: u64 = CGROUP | IPC | MOUNT | NETWORK | PID | TIME | USER | UTS;
}

/// Moves the calling thread (for PID and time: its children to come) into new namespaces;
/// other flags of unshare(2) are not passed on.
pub fn unshare(namespaces: u64) -> Result<()> {
    let flags = (namespaces & flag::ALL) as libc::c_int;
    // SAFETY: namespace flags change neither memory nor the descriptor table.
    if unsafe { libc::unshare(flags) } == 0 {
        Ok(())
    } else {
        Err(SysError::new("unshare", names(namespaces), last_errno()))
    }
}

/// Moves the calling thread into the namespace `fd` of the kind that `namespace` says, or, with
/// a pidfd, into all of the kinds in `namespace` of that process (Linux 5.8).
pub fn enter(fd: BorrowedFd<'_>, namespace: u64) -> Result<()> {
    // SAFETY: setns changes neither memory nor the descriptor table.
    if unsafe { libc::setns(fd.as_raw_fd(), namespace as libc::c_int) } == 0 {
        Ok(())
    } else {
        Err(SysError::new("setns", names(namespace), last_errno()))
    }
}

/// The flags' names, for an error.
pub fn names(flags: u64) -> String {
    let all = [
        (flag::CGROUP, "cgroup"),
        (flag::IPC, "ipc"),
        (flag::MOUNT, "mount"),
        (flag::NETWORK, "network"),
        (flag::PID, "pid"),
        (flag::TIME, "time"),
        (flag::USER, "user"),
        (flag::UTS, "uts"),
    ];
    let set: Vec<_> = all.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, n)| *n).collect();
    format!("{} namespace", set.join("+"))
}
