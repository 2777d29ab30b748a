//! The agent's end of a seccomp filter (seccomp_unotify(2)): for `--record` and for agents of tests and examples.

use std::os::fd::{AsRawFd, BorrowedFd};

use crate::close::last_errno;
use crate::{Result, SysError};

/// A system call that waits for an answer: `struct seccomp_notif`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Notification {
    /// What its answer names it by.
    pub id: u64,
    /// Who makes it, in the agent's PID namespace.
    pub pid: u32,
    /// Always 0.
    pub flags: u32,
    /// The call's number.
    pub nr: i32,
    /// AUDIT_ARCH_*
    pub arch: u32,
    /// Where it was made.
    pub instruction_pointer: u64,
    /// Its arguments.
    pub args: [u64; 6],
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is made.
    Continue,
    /// It fails with this errno, positive.
    Errno(i32),
    /// It returns this without being made.
    Value(i64),
}

/// Waits for a call.
pub fn receive(listener: BorrowedFd<'_>) -> Result<Notification> {
    const SECCOMP_IOCTL_NOTIF_RECV: u64 = 0xc050_2100;
    let mut notification = Notification::default();
    // SAFETY: the structure has the size that the request's number says, and is all zeroes, as
    // the kernel wants it.
    let result = unsafe {
        libc::ioctl(listener.as_raw_fd(), SECCOMP_IOCTL_NOTIF_RECV as _, &raw mut notification)
    };
    if result < 0 {
        return Err(SysError::new("ioctl", "SECCOMP_IOCTL_NOTIF_RECV", last_errno()));
    }
    Ok(notification)
}

/// Answers the call of this id.
pub fn answer(listener: BorrowedFd<'_>, id: u64, answer: Answer) -> Result<()> {
    const SECCOMP_IOCTL_NOTIF_SEND: u64 = 0xc018_2101;
    #[repr(C)]
    struct Response {
        id: u64,
        val: i64,
        error: i32,
        flags: u32,
    }
    let response = match answer {
        Answer::Continue => Response { id, val: 0, error: 0, flags: 1 },
        Answer::Errno(errno) => Response { id, val: 0, error: -errno, flags: 0 },
        Answer::Value(val) => Response { id, val, error: 0, flags: 0 },
    };
    // SAFETY: the structure has the size that the request's number says, and is only read.
    let result = unsafe {
        libc::ioctl(listener.as_raw_fd(), SECCOMP_IOCTL_NOTIF_SEND as _, &raw const response)
    };
    if result < 0 {
        return Err(SysError::new("ioctl", "SECCOMP_IOCTL_NOTIF_SEND", last_errno()));
    }
    Ok(())
}

/// Whether the caller of this id still waits: if so, what was looked up by its pid was its own.
#[must_use]
pub fn is_waiting(listener: BorrowedFd<'_>, id: u64) -> bool {
    const SECCOMP_IOCTL_NOTIF_ID_VALID: u64 = 0x4008_2102;
    // SAFETY: the request reads the 8 bytes that it is pointed to.
    let result = unsafe {
        libc::ioctl(listener.as_raw_fd(), SECCOMP_IOCTL_NOTIF_ID_VALID as _, &raw const id)
    };
    result == 0
}
