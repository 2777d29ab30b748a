//! close_range(2)

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::io::Errno;

use crate::{Context, Result, SysError};

/// Marks every descriptor from `first` on close-on-exec: by CLOSE_RANGE_CLOEXEC (Linux 5.11),
/// before that one by one, as /proc/self/fd lists them.
pub fn cloexec_from(first: RawFd) -> Result<()> {
    // SAFETY: close_range takes three integers; with CLOSE_RANGE_CLOEXEC no descriptor is closed,
    // so no owner in this process is left with a dead one.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first as libc::c_uint,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if result == 0 {
        return Ok(());
    }
    match last_errno() {
        Errno::NOSYS | Errno::INVAL => one_by_one(first),
        errno => Err(SysError::new("close_range", format!("{first}.."), errno)),
    }
}

fn one_by_one(first: RawFd) -> Result<()> {
    let path = "/proc/self/fd";
    for entry in std::fs::read_dir(path).sys("open", || path)? {
        let name = entry.sys("getdents", || path)?.file_name();
        let Some(fd) = name.to_str().and_then(|name| name.parse::<RawFd>().ok()) else { continue };
        if fd >= first {
            // SAFETY: F_SETFD only sets the flag; the listing's own descriptor may be among them.
            unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
    Ok(())
}

/// The calling thread's errno, as libc's wrappers leave it.
pub(crate) fn last_errno() -> Errno {
    Errno::from_raw_os_error(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
}

/// Takes over the descriptor `number`, which this process was started with.
///
/// EBADF where there is none. Each number can be taken once; a second call is EBUSY, so that no
/// descriptor gets two owners.
pub fn take(number: RawFd) -> Result<OwnedFd> {
    static TAKEN: AtomicI32 = AtomicI32::new(-1);
    let named = || format!("descriptor {number}");
    if TAKEN.compare_exchange(-1, number, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        return Err(SysError::new("fcntl", named(), Errno::BUSY));
    }
    // SAFETY: F_GETFD only looks.
    if number < 3 || unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(SysError::new("fcntl", named(), Errno::BADF));
    }
    // SAFETY: it is open, it is none of the standard streams, and it is only taken here, once in
    // a process's life, before the program opens anything of its own.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Duplicates `fd` to `number`, close-on-exec unless it is one of the standard streams 0 to 2;
/// what was open there is closed (dup3(2)).
///
/// The caller sees to it that no owner of this process holds that number.
pub fn duplicate_to(fd: BorrowedFd<'_>, number: RawFd) -> Result<OwnedFd> {
    let flags = if number < 3 { 0 } else { libc::O_CLOEXEC };
    // SAFETY: dup3 takes integers; the result is a new descriptor for which an owner is made.
    let result = unsafe { libc::dup3(fd.as_raw_fd(), number, flags) };
    if result < 0 {
        return Err(SysError::new("dup3", format!("to {number}"), last_errno()));
    }
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(result) })
}
