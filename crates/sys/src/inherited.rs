//! Descriptors that this process was started with (close(2), proc_pid_fd(5)).

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::{Context, Result, SysError};

/// Takes over the descriptor `number`, from 3 up, and makes it close-on-exec.
///
/// EBADF where there is none that this process was started with: what is close-on-exec was opened
/// (or taken over) by this process itself, and has an owner.
pub fn take(number: RawFd) -> Result<OwnedFd> {
    // Two threads must not both find it without an owner.
    static TAKING: Mutex<()> = Mutex::new(());
    let _turn = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: F_GETFD only looks.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    if number < 3 || flags < 0 || flags & libc::FD_CLOEXEC != 0 {
        return Err(SysError::new("fcntl", format!("descriptor {number}"), Errno::BADF));
    }
    // SAFETY: F_SETFD only sets the flag, by which a second call knows that it has an owner.
    unsafe { libc::fcntl(number, libc::F_SETFD, flags | libc::FD_CLOEXEC) };
    // SAFETY: it is open, it is none of the standard streams, and no owner in this process has it:
    // all that Rust's library and this project open is close-on-exec.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Closes every descriptor from 3 up that is not close-on-exec.
///
/// All that Rust's library and this project open is close-on-exec: what is not was left open by
/// whoever started this process, and has no owner here. It is for a process that stays behind in
/// the background and must not keep a caller's locks and pipes open.
///
/// # Errors
/// As open(2) and getdents(2) of `/proc/self/fd`.
pub fn close() -> Result<()> {
    let path = "/proc/self/fd";
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let listing = openat(CWD, path, flags, Mode::empty()).sys("open", || path)?;
    let mut numbers: Vec<RawFd> = Vec::new();
    for entry in Dir::new(listing).sys("getdents", || path)? {
        let name = entry.sys("getdents", || path)?;
        numbers.extend(name.file_name().to_str().ok().and_then(|n| n.parse::<RawFd>().ok()));
    }
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // SAFETY: F_GETFD only looks; a number that is closed by now gives -1.
        let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
        if flags >= 0 && flags & libc::FD_CLOEXEC == 0 {
            // SAFETY: no owner in this process has it, see above.
            unsafe { libc::close(number) };
        }
    }
    Ok(())
}
