//! What rustix lacks of pidfds (pidfd_open(2)).

use std::os::fd::{AsRawFd, BorrowedFd};

use crate::close::last_errno;
use crate::{Result, SysError};

/// `struct pidfd_info` of linux/pidfd.h, its first version, 64 bytes.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroupid: u64,
    pid: u32,
    tgid: u32,
    ppid: u32,
    ruid: u32,
    rgid: u32,
    euid: u32,
    egid: u32,
    suid: u32,
    sgid: u32,
    fsuid: u32,
    fsgid: u32,
    exit_code: i32,
}

const PIDFD_INFO_EXIT: u64 = 1 << 3;
/// `_IOWR(0xFF, 11, struct pidfd_info)`
const PIDFD_GET_INFO: libc::c_ulong = 0xc040_ff0b;

/// The wait status (wait(2)) of a process that has ended and been reaped, whoever reaped it
/// (PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15). `None` while it has not been reaped yet;
/// ENOTTY or EINVAL where the kernel lacks it.
pub fn exit_status(pidfd: BorrowedFd<'_>) -> Result<Option<i32>> {
    let mut info = PidfdInfo { mask: PIDFD_INFO_EXIT, ..PidfdInfo::default() };
    // SAFETY: the structure has the size that the request encodes, and the kernel fills it.
    let result = unsafe { libc::ioctl(pidfd.as_raw_fd(), PIDFD_GET_INFO as _, &raw mut info) };
    if result != 0 {
        return Err(SysError::new("ioctl", "PIDFD_GET_INFO", last_errno()));
    }
    Ok((info.mask & PIDFD_INFO_EXIT != 0).then_some(info.exit_code))
}
