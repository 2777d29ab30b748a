//! close_range(2)

use std::os::fd::RawFd;

use rustix::io::Errno;

use crate::{Result, SysError};

/// Marks every descriptor from `first` on close-on-exec (CLOSE_RANGE_CLOEXEC, Linux 5.11); on an
/// older kernel the caller gets EINVAL.
pub fn cloexec_from(first: RawFd) -> Result<()> {
    range(first, RawFd::MAX, libc::CLOSE_RANGE_CLOEXEC)
}

fn range(first: RawFd, last: RawFd, flags: u32) -> Result<()> {
    // SAFETY: close_range takes three integers; with CLOSE_RANGE_CLOEXEC no descriptor is closed,
    // so no owner in this process is left with a dead one.
    let result = unsafe {
        libc::syscall(libc::SYS_close_range, first as libc::c_uint, last as libc::c_uint, flags)
    };
    if result == 0 {
        Ok(())
    } else {
        Err(SysError::new("close_range", format!("{first}.."), last_errno()))
    }
}

/// The calling thread's errno, as libc's wrappers leave it.
pub(crate) fn last_errno() -> Errno {
    Errno::from_raw_os_error(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
}
