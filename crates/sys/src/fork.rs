//! A child of a single-threaded process by clone3(2), born in namespaces and a control group.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::io::Errno;
use rustix::process::Pid;

use crate::clone_args::CloneArgs;
use crate::close::last_errno;
use crate::{Result, SysError};

/// Where [`fork`] returned.
#[derive(Debug)]
pub enum Fork {
    /// In the new process.
    Child,
    /// In the old one.
    Parent {
        /// The child's id, as this process's PID namespace sees it.
        pid: Pid,
        /// The child itself.
        pidfd: OwnedFd,
    },
}

/// How the child is born.
#[derive(Debug, Default)]
pub struct Birth<'a> {
    /// CLONE_NEW* flags of the namespaces that are made for it.
    pub namespaces: u64,
    /// The directory of the v2 control group it is born into (CLONE_INTO_CGROUP).
    pub cgroup: Option<BorrowedFd<'a>>,
    /// The caller's parent becomes its parent too (CLONE_PARENT), and can wait for it.
    pub sibling: bool,
}

/// Makes a child with a copy of this process, which must have one thread only (EDEADLK
/// otherwise: a lock that another thread holds would stay locked for ever in the child).
pub fn fork(birth: &Birth<'_>) -> Result<Fork> {
    // unshare(2) takes CLONE_SIGHAND only from a process with one thread, and then does nothing.
    // SAFETY: see above: nothing changes.
    if unsafe { libc::unshare(libc::CLONE_SIGHAND) } != 0 {
        return Err(SysError::new("clone3", "from a process with threads", Errno::DEADLK));
    }
    let mut pidfd: RawFd = -1;
    let mut flags = birth.namespaces | libc::CLONE_PIDFD as u64;
    if birth.sibling {
        flags |= libc::CLONE_PARENT as u64;
    }
    if birth.cgroup.is_some() {
        flags |= CLONE_INTO_CGROUP;
    }
    let args = CloneArgs {
        flags,
        pidfd: ptr::from_mut(&mut pidfd) as u64,
        exit_signal: if birth.sibling { 0 } else { libc::SIGCHLD as u64 },
        cgroup: birth.cgroup.map_or(0, |fd| fd.as_raw_fd() as u64),
        ..CloneArgs::default()
    };
    // SAFETY: the arguments are a valid clone_args of the size given; without CLONE_VM the child
    // has its own copy of the memory, and this is the process's only thread, so no lock is held
    // by a thread that the child lacks.
    let pid =
        unsafe { libc::syscall(libc::SYS_clone3, ptr::from_ref(&args), size_of::<CloneArgs>()) };
    let Ok(pid) = i32::try_from(pid).and_then(u32::try_from) else {
        return Err(SysError::new(
            "clone3",
            crate::namespace::names(birth.namespaces),
            last_errno(),
        ));
    };
    match Pid::from_raw(pid as i32) {
        None => Ok(Fork::Child),
        Some(pid) => {
            // SAFETY: the kernel stored a new descriptor there that nothing else owns.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Fork::Parent { pid, pidfd })
        }
    }
}

/// clone3(2), Linux 5.7.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
